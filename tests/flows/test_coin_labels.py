"""Labels out of the papers and into the books."""

from __future__ import annotations

import json
from datetime import date

import pytest

from custody_drill import INTAKE
from watch_drill import WatchDrill, place, twin_drill
from zakhira.custody.labels import Label, read_labels, write_labels
from zakhira.flows.arrival_judging import judge_arrivals
from zakhira.flows.coin_labels import brought_labels, export_labels, import_labels
from zakhira.flows.following import follow_chain
from zakhira.kernel.errors import Faults


def begin() -> tuple[WatchDrill, str]:
    """A held coin and one in suspense; the transaction."""
    drill = twin_drill()
    found = drill.reserve("order 17", hold_until=date(2046, 1, 1))
    free = drill.reserve("order 18")
    follow_chain(drill.treasury)
    txid = drill.pay((found.address.address, 50_000), (place(INTAKE, 5).address, 60_000), (free.address.address, 7000))
    drill.mine(4)
    follow_chain(drill.treasury)
    judge_arrivals(drill.treasury)
    return drill, txid


def test_what_is_told_of_addresses_coins_and_keys() -> None:
    """Addresses, the transaction, outputs with whether they may be spent, and every key of the vaults."""
    drill, txid = begin()
    labels = {(label.type, label.ref): label for label in read_labels(export_labels(drill.treasury))}
    assert labels["addr", place(INTAKE, 0).address].label == "pool-1: royalty; order 17"
    outputs = {ref: label.spendable for (kind, ref), label in labels.items() if kind == "output"}
    assert outputs == {f"{txid}:0": False, f"{txid}:1": False, f"{txid}:2": True}
    assert labels["output", f"{txid}:0"].label == "pool-1, royalty"
    assert labels["tx", txid].origin.startswith("wsh(sortedmulti(2,[")
    signers = {label.label.partition(";")[0] for (kind, _), label in labels.items() if kind == "xpub"}
    assert signers == {*(f"intake-{n}" for n in range(1, 4)), *(f"cold-{n}" for n in range(1, 6))}
    of_cold = read_labels(export_labels(drill.treasury, "cold"))
    assert {label.type for label in of_cold} == {"xpub"}


def test_labels_that_are_brought_in() -> None:
    """Somebody's words are kept and told instead of ours; what may be spent stays ours to say; all or nothing."""
    drill, txid = begin()
    mine = [Label("output", f"{txid}:0", "the good one", spendable=True), Label("tx", "ab" * 32, "elsewhere")]
    before = drill.treasury.books.balances()
    done = import_labels(drill.treasury, write_labels(mine), "dara")
    assert (done.written, done.known) == (2, 0)
    again = import_labels(drill.treasury, write_labels(mine), "dara")
    assert (again.written, again.known) == (0, 2)
    other = [Label("output", f"{txid}:0", "the bad one")]
    assert import_labels(drill.treasury, write_labels(other), "dara").written == 1
    assert import_labels(drill.treasury, write_labels(mine), "dara").written == 1
    assert brought_labels(drill.treasury.books) == tuple(mine)
    labels = {(label.type, label.ref): label for label in read_labels(export_labels(drill.treasury))}
    assert labels["output", f"{txid}:0"] == Label("output", f"{txid}:0", "the good one", spendable=False)
    assert labels["tx", "ab" * 32].label == "elsewhere"
    with pytest.raises(Faults):
        import_labels(drill.treasury, write_labels([Label("tx", "cd" * 32, "new")]) + b"x", "dara")
    assert len(brought_labels(drill.treasury.books)) == len(mine)
    assert drill.treasury.books.balances() == before
    assert drill.treasury.books.breaks() == ()


def test_a_label_is_one_line() -> None:
    """Line ends in a reservation's words do not break the file."""
    drill = twin_drill()
    drill.reserve("two\nlines")
    for line in export_labels(drill.treasury).decode().splitlines():
        json.loads(line)
