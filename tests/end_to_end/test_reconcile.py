"""The meters of a finished run, held against its ledger by the command."""

from __future__ import annotations

from end_to_end.conftest import SMALL, FinishedRun, zakhira


def test_a_run_reconciles_to_the_watt_hour(undisturbed: FinishedRun) -> None:
    """Every licensee's and zone's energy, in a database that only the run wrote; and not without its programme."""
    done = zakhira("reconcile", str(undisturbed.out), "--programme", str(SMALL), "--json")
    assert done.code == 0, done.err
    (part,) = done.facts["parts"]
    assert part["differences"] == []
    used = {line["subject"]: line["world"] for line in part["lines"]}
    assert used == {line["subject"]: line["books"] for line in part["lines"]}
    assert sum(int(amount.partition(" ")[0]) for amount in used.values()) > 10**9
    nameless = zakhira("reconcile", str(undisturbed.out))
    assert nameless.code == 2
    assert "ZK-WIRING-130" in nameless.err
