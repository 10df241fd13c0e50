"""Who says yes to a motion is shown all of it: every signed line, and every difference, uncut."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from custody_drill import make_vault
from governing_drill import GoverningDrill, begin, key_of, with_fee_limit
from watch_drill import all_signed, keep_vaults
from zakhira.cli.answer import Answer, Table
from zakhira.controls.acts.authority import MotionRecord
from zakhira.controls.acts.motion import motion_of
from zakhira.flows.governing.freezing import freeze
from zakhira.flows.governing.motions import propose_thaw
from zakhira.flows.governing.vaults import propose_vault
from zakhira.programme.policy import Payee, Rule
from zakhira.wiring.governing_answers import motion_answer, status_answer
from zakhira.wiring.motion_show import visible

CEDAR = "\n".join(
    f'forbid(principal == Officer::"bilal", action == Action::"propose", resource) when {{ resource.vault == "v{n}" }};'
    for n in range(30)
)
FOLDER = Path("out/reserve")


def approve_answer(drill: GoverningDrill, record: MotionRecord) -> Answer:
    """What an approver is told."""
    return motion_answer(drill.state, record, "approved", "amina", FOLDER, dry_run=True)


def cells(tables: tuple[Table, ...]) -> str:
    """Everything that the tables say."""
    return "\n".join(cell for table in tables for row in table.rows for cell in row)


def test_an_approver_and_the_status_show_the_whole_difference_uncut() -> None:
    """A change of thirty lines of Cedar and of an address: to the last sign, beside the hash computed from it."""
    drill = begin()
    payee = Payee("mason", "A mason, " + "x" * 200, "bcrt1q" + "z" * 56, drill.now + timedelta(hours=9))
    record = drill.change(lambda policy: replace(policy, payees=(payee,), authorization=CEDAR))
    told = (
        approve_answer(drill, record).tables,
        status_answer(drill.state, drill.policy, (), FOLDER).tables,
    )
    for tables in map(cells, told):
        assert CEDAR in tables
        assert payee.address in tables
        assert payee.name in tables
        for signed in map(str, record.motion.statement.values()):
            assert signed in tables or signed == "[]"
        assert record.motion.hash in tables
    facts = approve_answer(drill, record).facts
    assert motion_of({**facts["signed"], "policy": record.motion.body["policy"]}).hash == facts["motion"]  # type: ignore[dict-item,index,call-overload]


def test_the_difference_is_to_the_motions_own_version() -> None:
    """With no lock the last yes brings it into force: what is told is still from the version before."""
    drill = begin(policy=replace(begin().policy, change_lock_hours=0))
    record = drill.approve(drill.change(with_fee_limit(60_000)), "amina", "chand")
    assert drill.state.version.number == 2
    assert approve_answer(drill, record).facts["changes"] == [
        {"place": "fee_limit_sats", "before": "50000", "after": "60000"}
    ]


def test_a_thaw_shows_the_freezes_that_it_ends() -> None:
    """By whom, since when and why each was said."""
    drill = begin()
    stopped = freeze(drill.chamber, "the payee called, order 17 is false", key_of("chand")).freeze
    drill.wait(minutes=1)
    record = propose_thaw(drill.chamber, "order 17 was rejected", key_of("dara"))
    tables = cells(approve_answer(drill, record).tables)
    assert stopped.statement_hash in tables
    assert "the payee called, order 17 is false" in tables


def test_the_place_of_a_new_rule_is_shown() -> None:
    """The first rule that fits decides: one put before the others is told with its place."""
    drill = begin()
    drill.changed(lambda policy: replace(policy, rules=(Rule("pay", "1", ("spend", "policy-change")),)))
    record = drill.change(lambda policy: replace(policy, rules=(Rule("all", "2", ("spend",)), *policy.rules)))
    assert ("order of rules", "pay", "all, pay") in [
        row for table in approve_answer(drill, record).tables for row in table.rows
    ]


def test_nothing_that_a_terminal_obeys_hides_what_is_shown() -> None:
    """Codes that erase a line and marks that turn letters around are written out."""
    assert visible("pay\x1b[2Kmason\u202e") == "pay\\u001b[2Kmason\\u202e"
    assert visible("") == "-"


def test_a_vault_is_shown_with_every_key() -> None:
    """Who accepts a vault as ours sees its whole definition, to the last sign of each key."""
    drill = begin()
    vault = make_vault("successor", "cold", 3, 5)
    keep_vaults(drill.books, all_signed(vault))
    record = propose_vault(drill.chamber, vault.id, "letter 40", key_of("dara"))
    tables = cells(approve_answer(drill, record).tables)
    assert all(key.xpub in tables for key in vault.keys)
    assert str(record.motion.statement["vault_hash"]) in tables
