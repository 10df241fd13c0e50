"""Payouts that went wrong elsewhere, against form, policy and ledger, each with the other layers off.

A layer that is off is not called: rows are made past the form, questions past the flows, entries past the policy, and
the twin of the books holds no coins against claims. What was meant passes every layer, so that each test can fail. The
fourth layer, the database, is in tests/adapters/postgres/test_replays.py.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from custody_drill import NOW
from payout_drill import GOVERN, RUPEES, SOURCE, PayoutDrill, csv_of, limited, officer, payee, payout_policy, twin_drill
from payout_replays import BITHUMB, CRYPTO_COM, PAXOS, REPLAYS, Replay
from zakhira.adapters.payout_file import read_payouts
from zakhira.controls.engine.decide import decide
from zakhira.controls.engine.decision import Decision, Verdict, Why
from zakhira.controls.engine.question import Destination, Question
from zakhira.controls.engine.standing import Standing
from zakhira.flows.officer_words import sign_approval, sign_execution
from zakhira.flows.ports.books import Write
from zakhira.kernel.errors import ZakhiraError
from zakhira.kernel.ids import derive_id
from zakhira.ledger.entry import Entry, Posting
from zakhira.ledger.faults import AboveCeiling, Overdrawn, WrongCommodity
from zakhira.programme.model import Policy
from zakhira.programme.policy_text import policy_hash
from zakhira.settlement.payouts.checks import Known, check_written
from zakhira.settlement.payouts.entries import campaign_accounts, funding_entry, row_entries
from zakhira.simulator.movements import SimulatedMovements

MATTER = derive_id("payout", "replay") * 2
every = pytest.mark.parametrize("replay", REPLAYS, ids=lambda replay: replay.name)


# Form


@every
def test_the_form_refuses_what_was_entered_and_says_what_was_meant(replay: Replay) -> None:
    """No policy, no ledger, no database: the file and the campaign's terms are enough."""
    numbers = dict(replay.accounts)
    known = Known({who: (who, numbers.get(who, "")) for who, _, _ in replay.rows})
    meant = check_written(replay.campaign, known, read_payouts(replay.file(entered=False), "b.csv"), "b.csv")
    entered = check_written(replay.campaign, known, read_payouts(replay.file(), "b.csv"), "b.csv")
    assert meant.batch is not None
    assert meant.faults == ()
    assert entered.batch is None
    assert any(replay.says in fault.message for fault in entered.faults)


def test_a_million_times_too_much_is_called_another_unit() -> None:
    """Paxos: the same unit, six digits more; against what the campaign paid before, it is told how many times."""
    known = Known({payee(1): ()}, history=[300_000_000_00] * 5)
    checked = check_written(PAXOS.campaign, known, read_payouts(PAXOS.file(), "b.csv"), "b.csv")
    assert any("1,000,000 times the usual 300000000.00 USD: that is another unit" in f.message for f in checked.faults)


def test_satoshi_entered_as_bitcoin_are_named() -> None:
    """A campaign in coin that usually pays 620,000 sat: 620,000 BTC are told to be another unit, and which."""
    told = limited(replace(BITHUMB.campaign, id="coins-2026"), "BTC", "0.001", "0.01", "0.01", "1")
    known = Known({payee(1): ()}, history=[620_000] * 5)
    rows = read_payouts(csv_of("p-000001,620000 BTC,promotion"), "b.csv")
    said = [fault.message for fault in check_written(told, known, rows, "b.csv").faults]
    wanted = (
        "620,000 BTC is 100,000,000 times the usual 0.00620000 BTC: that is another unit. Did you mean 620,000 sat?"
    )
    assert wanted in said


# Policy


def answer(policy: Policy, replay: Replay, *, entered: bool, rekeyed: str = "") -> Decision:
    """What the engine says once everybody has approved."""
    total = replay.total(entered=entered)
    standing = Standing(policy_hash=policy_hash(policy))
    at = NOW + timedelta(minutes=5)
    execution = sign_execution(officer("bilal"), MATTER, rekeyed or str(total), SOURCE, at)
    question = Question(
        action="payout",
        id="payout batch-1",
        hash=MATTER,
        proposer="dara",
        proposed_at=NOW,
        expires_at=NOW + timedelta(hours=2),
        amount=total,
        destinations=tuple(Destination(row.payee, row.takes) for row in replay.payout_rows(entered=entered)),
        purpose=replay.campaign.id,
        approvals=tuple(
            sign_approval(officer(name), MATTER, NOW + timedelta(minutes=1), standing.policy_hash)
            for name in ("amina", "chand")
        ),
        execution=execution,
    )
    return decide(policy, standing, SimulatedMovements(twin_drill(1).books), question, NOW + timedelta(minutes=6))


@every
def test_the_policy_refuses_it_whoever_approved(replay: Replay) -> None:
    """No form, no ledger, no database: all have approved and the second person has entered the same wrong total."""
    assert answer(payout_policy(), replay, entered=False).verdict is Verdict.ALLOWED
    refused = answer(payout_policy(), replay, entered=True)
    assert refused.verdict is Verdict.REFUSED
    assert Why.NO_RULE.code in {reason.code for reason in refused.reasons}


@every
def test_the_second_person_reads_something_else_in_the_source(replay: Replay) -> None:
    """Even under a rule for any amount: whoever reads the source document enters what was meant."""
    anything = payout_policy(GOVERN, replace(RUPEES, below_amount=None))
    meant = str(replay.total(entered=False))
    assert answer(anything, replay, entered=True).verdict is Verdict.ALLOWED
    refused = answer(anything, replay, entered=True, rekeyed=meant)
    assert {reason.code for reason in refused.reasons} == {Why.REKEYED_OTHERWISE.code}


def test_one_key_alone_pays_nothing() -> None:
    """Paxos: without the approvals of others the engine asks for them, whatever the amount."""
    policy = payout_policy(GOVERN, replace(RUPEES, below_amount=None))
    total = PAXOS.total()
    question = Question("payout", "x", MATTER, "dara", NOW, NOW + timedelta(hours=2), amount=total)
    found = decide(
        policy, Standing(policy_hash=policy_hash(policy)), SimulatedMovements(twin_drill(1).books), question, NOW
    )
    assert found.verdict is Verdict.NEEDS


# Ledger


def funded(replay: Replay) -> PayoutDrill:
    """Participants with accounts in everything, and the campaign's fund filled, past every flow."""
    drill = twin_drill(len(replay.rows), "PKR", "BTC", "USD")
    drill.books.open_accounts(campaign_accounts(replay.campaign))
    entry = funding_entry(replay.campaign, NOW)
    drill.books.commit(Write("fund", "x", "x", NOW, entries=(entry,)))
    return drill


def credited(replay: Replay, drill: PayoutDrill, *, entered: bool) -> None:
    """The entries of all rows, as the flow makes them."""
    entries = row_entries(replay.campaign, "batch-1", replay.payout_rows(entered=entered), NOW)
    drill.books.commit(Write("credit", "x", "x", NOW, entries=entries))


@every
def test_the_ledger_refuses_it_without_any_coin_being_counted(replay: Replay) -> None:
    """No form, no policy, no database, and nothing held against coins: the fund counts one commodity, and ends at 0."""
    wanted: type[ZakhiraError] = Overdrawn if replay in {CRYPTO_COM, PAXOS} else WrongCommodity
    drill = funded(replay)
    with pytest.raises(wanted):
        credited(replay, drill, entered=True)
    assert drill.held(replay.campaign.fund) == replay.campaign.budget.units
    credited(replay, drill, entered=False)


def test_nobody_mints_into_a_fund() -> None:
    """Paxos: the fund itself is filled with a million times its budget."""
    drill = funded(PAXOS)
    more = PAXOS.total()
    entry = Entry(
        "mint", NOW, "mint", "one key", (Posting(PAXOS.campaign.cost, more), Posting(PAXOS.campaign.fund, -more))
    )
    with pytest.raises(AboveCeiling):
        drill.books.commit(Write("mint", "x", "x", NOW, entries=(entry,)))
