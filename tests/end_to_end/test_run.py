"""The whole chain on a real node and a real database, from one command."""

from __future__ import annotations

import re
from pathlib import Path

from end_to_end.conftest import ROOT, SMALL, FinishedRun, processes_of, run_words, zakhira


def test_every_satoshi_is_accounted_for(undisturbed: FinishedRun) -> None:
    """Received - fees = intake + cold = ledger, and cold = proven, to the satoshi; the proof is verified."""
    facts = undisturbed.ended.facts["summary"]
    assert facts["received_sats"] > 0
    assert facts["fees_sats"] > 0
    assert facts["received_sats"] - facts["fees_sats"] == facts["intake_sats"] + facts["cold_sats"]
    assert facts["intake_sats"] + facts["cold_sats"] == facts["ledger_sats"]
    assert facts["cold_sats"] == facts["proven_sats"]
    assert facts["verdict"] == "VERIFIED"
    assert 0 < facts["allocated_mw"] <= facts["cap_mw"]


def test_the_report_stands_alone(undisturbed: FinishedRun) -> None:
    """One page with pictures and the verdict, and nothing fetched from elsewhere."""
    page = (undisturbed.out / "report.html").read_text(encoding="utf-8")
    assert "VERIFIED" in page
    assert page.count("<svg") >= 5
    assert not re.search(r"""(?:src|href)\s*=\s*["']https?://""", page)
    assert "<script" not in page


def test_nothing_is_left_running(undisturbed: FinishedRun) -> None:
    """A finished run stops its node and its database."""
    assert not processes_of(undisturbed.out)


def test_the_same_seed_gives_the_same_run(undisturbed: FinishedRun, runs_folder: Path) -> None:
    """Allocation, dispatch, payments and ledger are equal in another folder."""
    again = zakhira(*run_words(runs_folder / "again"))
    assert again.code == 0, again.err
    assert again.facts["fingerprints"] == undisturbed.ended.facts["fingerprints"]


def test_another_seed_gives_another_run(undisturbed: FinishedRun, runs_folder: Path) -> None:
    """The forecast differs, so dispatch does; the allocation does not depend on the seed."""
    other = zakhira(*run_words(runs_folder / "other", seed=8, days=2))
    assert other.code == 0, other.err
    assert other.facts["fingerprints"]["allocation"] == undisturbed.ended.facts["fingerprints"]["allocation"]
    assert other.facts["fingerprints"]["dispatch"] != undisturbed.ended.facts["fingerprints"]["dispatch"]


def test_running_a_finished_run_again_changes_nothing(undisturbed: FinishedRun) -> None:
    """The same command on the same folder gives the same facts from what is committed."""
    again = zakhira(*run_words(undisturbed.out))
    assert again.code == 0, again.err
    assert again.facts["fingerprints"] == undisturbed.ended.facts["fingerprints"]
    assert again.facts["summary"] == undisturbed.ended.facts["summary"]


def test_other_arguments_in_the_same_folder_are_refused(undisturbed: FinishedRun) -> None:
    """A folder belongs to one run."""
    refused = zakhira(*run_words(undisturbed.out, seed=9))
    assert refused.code == 2
    assert "ZK-FLOWS-004" in refused.err


def test_a_foreign_folder_is_refused(tmp_path: Path) -> None:
    """A folder with other things in it is left alone."""
    (tmp_path / "thesis.tex").write_text("important", encoding="utf-8")
    refused = zakhira(*run_words(tmp_path))
    assert refused.code == 2
    assert "ZK-WIRING-002" in refused.err
    assert [child.name for child in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_wrong_passphrase_is_refused(undisturbed: FinishedRun) -> None:
    """Key files that another passphrase sealed stay shut."""
    refused = zakhira(*run_words(undisturbed.out), environment={"ZAKHIRA_PASSPHRASE": "not this one"})
    assert refused.code == 1
    assert "ZK-KEYSTORE-004" in refused.err


def test_a_scaffold_runs_as_it_is(tmp_path: Path, runs_folder: Path) -> None:
    """``init`` writes what ``check`` and ``run`` accept."""
    folder = tmp_path / "mine"
    assert zakhira("init", str(folder)).code == 0
    assert zakhira("check", str(folder)).code == 0
    ended = zakhira(*run_words(runs_folder / "scaffold", programme=folder, days=1))
    assert ended.code == 0, ended.err
    assert ended.facts["summary"]["verdict"] in {"VERIFIED", "NOTHING TO PROVE"}


def test_plan_and_check_answer(tmp_path: Path) -> None:
    """The planner's commands on the shipped programmes, as text and as JSON."""
    for programme in (SMALL, ROOT / "programmes" / "pakistan-2000mw"):
        assert zakhira("check", str(programme)).code == 0
        plan = zakhira("plan", str(programme), "--json")
        assert plan.code == 0, plan.err
        assert 0 < plan.facts["power_mw"] <= plan.facts["cap_mw"]
        assert 0 <= plan.facts["certificate"]["gap_share"] <= 1e-6
    missing = zakhira("plan", str(tmp_path / "nowhere"))
    assert missing.code == 2
    assert "ZK-" in missing.err


def test_the_doctor_finds_everything() -> None:
    """On a machine that was set up, nothing is missing."""
    ended = zakhira("doctor", "--json")
    assert ended.code == 0, ended.out
    subjects = {finding["subject"] for finding in ended.facts["findings"]}
    assert {"bitcoind", "PostgreSQL", "Python"} <= subjects
