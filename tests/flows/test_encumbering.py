"""Coins that are pledged: what is free alone, under one name once, let go by an act of its own."""

from __future__ import annotations

from typing import cast

import pytest

from payout_drill import PayoutDrill, UncountedLedger, officer, twin_drill
from zakhira.flows.keeping.act import DONE, WAITING, LedgerAct
from zakhira.flows.keeping.carrying import carry
from zakhira.flows.keeping.encumbering import MOST_NAME_CHARACTERS, encumber_act, release_act, standing
from zakhira.flows.keeping.refusals import ActOvertaken, BadEncumbrance, EncumbranceStands, NotFree, UnknownEncumbrance
from zakhira.flows.ports.ledger_books import Backing
from zakhira.kernel.money import Amount, Commodity, sats


@pytest.fixture
def drill() -> PayoutDrill:
    """A desk in front of 100 sat, 10 of them under a hold, upon which 30 on demand and 20 at a term are owed."""
    made = twin_drill(0)
    backed = Backing(Commodity.BTC, 100, 0, 0, 0, 10, 0, 30, 20, is_halted=False)
    cast("UncountedLedger", made.ledger).backed_by = backed
    return made


def done(drill: PayoutDrill, act: LedgerAct, *names: str) -> str:
    """The state of the act after these officers said yes."""
    return carry(drill.desk, act, [officer(name) for name in names])[0].state


def test_a_pledge_stands_until_it_is_released(drill: PayoutDrill) -> None:
    """On several words alone; again under the same name only when the first is let go, as an act of its own."""
    act = encumber_act(drill.desk, "loan-1", sats(50), "deed 4")
    assert done(drill, act, "dara") == WAITING
    assert standing(drill.books) == ()
    assert done(drill, act, "amina", "chand") == DONE
    (one,) = standing(drill.books)
    assert (one.id, one.amount, one.because) == ("loan-1", sats(50), "deed 4")
    with pytest.raises(EncumbranceStands):
        encumber_act(drill.desk, "loan-1", sats(1), "deed 5")
    back = release_act(drill.desk, "loan-1", "letter 31")
    assert done(drill, back, "dara", "amina", "chand") == DONE
    assert standing(drill.books) == ()
    with pytest.raises(UnknownEncumbrance):
        release_act(drill.desk, "loan-1", "letter 31")
    again = encumber_act(drill.desk, "loan-1", sats(50), "deed 4")
    assert again.hash != act.hash
    assert done(drill, again, "dara", "amina", "chand") == DONE
    assert drill.books.breaks() == ()


def test_of_two_pledges_of_one_name_the_second_is_put_anew(drill: PayoutDrill) -> None:
    """Both wait; the one that is carried out first stands."""
    first, second = (encumber_act(drill.desk, "loan-1", sats(units), "deed 4") for units in (10, 50))
    for act in (first, second):
        assert done(drill, act, "dara") == WAITING
    assert done(drill, first, "amina", "chand") == DONE
    with pytest.raises(ActOvertaken):
        done(drill, second, "amina", "chand")
    assert [one.amount for one in standing(drill.books)] == [sats(10)]


def test_only_what_is_free_is_pledged(drill: PayoutDrill) -> None:
    """Neither what any claim needs, nor what claims on demand need of the coins without a hold."""
    encumber_act(drill.desk, "all", sats(50), "x")
    with pytest.raises(NotFree, match=r"0\.00000050 BTC that stand behind no claim"):
        encumber_act(drill.desk, "more", sats(51), "x")
    ledger = cast("UncountedLedger", drill.ledger)
    ledger.backed_by = Backing(Commodity.BTC, 100, 0, 0, 0, 65, 0, 30, 20, is_halted=False)
    encumber_act(drill.desk, "all", sats(5), "x")
    with pytest.raises(NotFree):
        encumber_act(drill.desk, "more", sats(6), "x")
    ledger.backed_by = Backing(Commodity.BTC, 10, 0, 0, 0, 0, 0, 30, 0, is_halted=True)
    with pytest.raises(NotFree, match=r"the 0\.00000000 BTC"):
        encumber_act(drill.desk, "more", sats(1), "x")
    ledger.backed_by = None
    with pytest.raises(NotFree):
        encumber_act(drill.desk, "more", sats(1), "x")


@pytest.mark.parametrize("name", ["", "Loan", "a b", "-a", "a-", "x" * (MOST_NAME_CHARACTERS + 1), "loan\n"])
def test_names_without_form(drill: PayoutDrill, name: str) -> None:
    """They stand in the audit chain for ever."""
    with pytest.raises(BadEncumbrance):
        encumber_act(drill.desk, name, sats(1), "x")


@pytest.mark.parametrize("amount", [sats(0), sats(-1), Amount(1, Commodity.PKR)])
def test_amounts_that_nobody_pledges(drill: PayoutDrill, amount: Amount) -> None:
    """Coins, and more than none of them."""
    with pytest.raises(BadEncumbrance):
        encumber_act(drill.desk, "loan-1", amount, "x")


def test_what_was_never_pledged(drill: PayoutDrill) -> None:
    """There is nothing to release."""
    with pytest.raises(UnknownEncumbrance):
        release_act(drill.desk, "loan-1", "x")
