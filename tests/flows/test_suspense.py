"""Coins in suspense: two officers give them a purpose, and then they can leave; one person's word does nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from datetime import date, timedelta

import pytest
from embit.script import Script
from embit.transaction import Transaction, TransactionInput, TransactionOutput

from custody_drill import INTAKE, PHRASE
from treasury_drill import PAYEE, SLOW, TreasuryDrill, officer, order, twin_chain_of, twin_treasury
from watch_drill import POOL, place, script_of
from zakhira.adapters.drill_keys import officer_key
from zakhira.controls.approval import APPROVAL_DOMAIN, SETTLEMENT_DOMAIN
from zakhira.custody.coin import Payment
from zakhira.custody.spend_refusals import NotEnoughCoins
from zakhira.flows.coin_appraisal import REUSE
from zakhira.flows.coin_papers import (
    ANNOUNCED,
    COIN_PAPER,
    LOST,
    SUSPENSE,
    SUSPENSE_ACCOUNT,
    UNEXPLAINED_ACCOUNT,
    CoinPaper,
    arrivals_account,
    paper_of,
    vault_account,
)
from zakhira.flows.following import follow_chain
from zakhira.flows.governing.acting import Chamber
from zakhira.flows.governing.motions import approve_motion, propose_thaw
from zakhira.flows.governing.officers import revoke
from zakhira.flows.governing.refusals import KeyRevoked
from zakhira.flows.governing.standing import standing_of
from zakhira.flows.ports.books import Receipt, Write
from zakhira.flows.ports.books_errors import DatabaseUnreachable
from zakhira.flows.settling_answer import SettlementNotAllowed
from zakhira.flows.suspense import (
    SETTLED,
    SETTLEMENT,
    BadSettlement,
    CoinNotThere,
    NotInSuspense,
    OneWordAlone,
    SettledOtherwise,
    Settlement,
    SettlementForged,
    SettlementSignature,
    draft_settlement,
    settle_suspense,
    sign_settlement,
    suspended_coins,
)
from zakhira.programme.model import Officer
from zakhira.programme.policy import Quorum, Rule
from zakhira.simulator.books import BooksFaults, SimulatedBooks
from zakhira.simulator.signer import SimulatedOfficer

PAID_SATS = 9_000_000
PLACE = place(INTAKE, 7).address
"""Nobody reserved it."""
HOLD = date(2025, 1, 5)
HELD, GRANTS = vault_account("intake"), arrivals_account("grant")


def stray(drill: TreasuryDrill, amount_sats: int = PAID_SATS) -> str:
    """Somebody pays an address that nobody reserved; the coin, judged."""
    txid = drill.chain.broadcast(drill.chain.sign_pool_payment(POOL, [Payment(PLACE, amount_sats)], 2))
    drill.mine(4)
    return f"{txid}:0"


def statement(drill: TreasuryDrill, outpoint: str, purpose: str = "grant") -> Settlement:
    """What the officers found out."""
    return draft_settlement(drill.treasury, outpoint, "The Province", purpose, "letter 12 of 2026-01-04, file 7", HOLD)


def word(drill: TreasuryDrill, settlement: Settlement, key: SimulatedOfficer) -> SettlementSignature:
    """An officer's signature now, under the policy in force."""
    return sign_settlement(settlement, key, drill.now.replace(microsecond=0), standing_of(drill.treasury).policy_hash)


def words(drill: TreasuryDrill, settlement: Settlement, *names: str) -> tuple[SettlementSignature, ...]:
    """These officers' signatures: dara proposes, amina and bilal are of the treasury, chand audits."""
    return tuple(word(drill, settlement, officer(name)) for name in names or ("dara", "amina"))


def thaw(drill: TreasuryDrill, *names: str) -> None:
    """Dara puts the end of a freeze forward, and these approve it."""
    motion = propose_thaw(
        Chamber(drill.parts.books, drill.parts.policy, drill.now), "all is well", officer("dara")
    ).motion
    drill.now += timedelta(minutes=1)
    for name in names:
        approve_motion(Chamber(drill.parts.books, drill.parts.policy, drill.now), motion.hash, officer(name))


def paper(drill: TreasuryDrill, outpoint: str) -> CoinPaper:
    """The newest paper."""
    return paper_of(outpoint, drill.treasury.books.latest(COIN_PAPER, outpoint))


def sums(drill: TreasuryDrill) -> dict[str, int]:
    """The balances that are not zero, in satoshi; all that is stored holds."""
    assert drill.treasury.books.breaks() == ()
    return {code: amount.units for code, amount in drill.treasury.books.balances().items() if amount.units}


@pytest.fixture(scope="module")
def paid() -> TreasuryDrill:
    """A treasury with one coin in suspense; each test takes a copy."""
    drill = twin_treasury()
    stray(drill)
    return drill


@pytest.fixture
def drill(paid: TreasuryDrill) -> TreasuryDrill:
    """A copy."""
    return deepcopy(paid)


@pytest.fixture
def outpoint(drill: TreasuryDrill) -> str:
    """The coin."""
    (found,) = suspended_coins(drill.treasury)
    return found.outpoint


def test_suspended_coins_are_listed(drill: TreasuryDrill, outpoint: str) -> None:
    """Amount, vault, age and flags; the older before the younger."""
    second = stray(drill, 60_000)
    found = [(c.outpoint, c.amount_sats, c.vault, c.confirmations, c.flags) for c in suspended_coins(drill.treasury)]
    assert found == [(outpoint, PAID_SATS, "intake", 8, ()), (second, 60_000, "intake", 4, (REUSE,))]


def test_two_officers_settle_it_and_it_can_leave(drill: TreasuryDrill, outpoint: str) -> None:
    """Before, no spend can take the coin; after, its hold and lot are kept and it is paid out like any other."""
    with pytest.raises(NotEnoughCoins):
        drill.sent(order("before", 1_000_000), SLOW)
    assert sums(drill) == {HELD: PAID_SATS, SUSPENSE_ACCOUNT: -PAID_SATS}
    told = statement(drill, outpoint)
    after = settle_suspense(drill.treasury, told, words(drill, told))
    assert (after.state, after.purpose, after.hold_until, after.lots) == (ANNOUNCED, "grant", HOLD, (outpoint,))
    assert (after.reference, after.flags) == (told.hash, (SETTLED,))
    assert paper(drill, outpoint) == after
    assert sums(drill) == {HELD: PAID_SATS, GRANTS: -PAID_SATS}
    assert suspended_coins(drill.treasury) == ()
    drill.sent(order("after", 1_000_000), SLOW)
    drill.mine(3)
    assert drill.treasury.books.latest(SETTLEMENT, outpoint) is not None
    assert PAID_SATS - 1_100_000 < sums(drill)[HELD] < PAID_SATS - 1_000_000
    assert settle_suspense(drill.treasury, told, words(drill, told)) == after, "spent by now, and repeated"


def test_flags_are_kept(drill: TreasuryDrill) -> None:
    """What was noticed stays on the paper."""
    second = stray(drill, 60_000)
    told = statement(drill, second)
    assert settle_suspense(drill.treasury, told, words(drill, told, "chand", "dara")).flags == (REUSE, SETTLED)


@pytest.mark.parametrize(
    "names", [("dara",), ("dara", "dara"), ("amina",), ("amina", "chand"), ("amina", "bilal", "chand")]
)
def test_one_word_or_the_wrong_roles(drill: TreasuryDrill, outpoint: str, names: tuple[str, ...]) -> None:
    """One person, once or twice, and officers without the proposing role: refused, with nothing written."""
    told, count = statement(drill, outpoint), len(drill.treasury.books.audit_entries())
    with pytest.raises(OneWordAlone):
        settle_suspense(drill.treasury, told, words(drill, told, *names))
    with pytest.raises(OneWordAlone):
        settle_suspense(drill.treasury, told, ())
    assert len(drill.treasury.books.audit_entries()) == count


def test_the_rule_for_settling_decides(drill: TreasuryDrill, outpoint: str) -> None:
    """Another quorum in the policy's rules, a rule that refuses, and none: whoever signs, only the rule's own pass."""
    policy, told = drill.parts.policy, statement(drill, outpoint)
    two = Rule("settle", "Rule 5", ("settle",), propose_roles=("audit",), quorums=(Quorum(2, ("treasury",)),))
    drill.parts = replace(drill.parts, policy=replace(policy, rules=(replace(two, vaults=("elsewhere",)),)))
    with pytest.raises(OneWordAlone, match="dara"):
        settle_suspense(drill.treasury, told, words(drill, told, "dara", "amina"))
    drill.parts = replace(drill.parts, policy=replace(policy, rules=(replace(two, effect="refuse"), two)))
    with pytest.raises(OneWordAlone):
        settle_suspense(drill.treasury, told, words(drill, told, "chand", "amina", "bilal"))
    drill.parts = replace(drill.parts, policy=replace(policy, rules=(two,)))
    for names in (("dara", "amina"), ("chand", "amina"), ("chand", "amina", "amina")):
        with pytest.raises(OneWordAlone):
            settle_suspense(drill.treasury, told, words(drill, told, *names))
    assert settle_suspense(drill.treasury, told, words(drill, told, "chand", "amina", "bilal")).state == ANNOUNCED


def test_one_person_with_two_names(drill: TreasuryDrill, outpoint: str) -> None:
    """An officer whose key is another officer's is the same person, whatever the spelling of the key."""
    policy = drill.parts.policy
    dara = next(item for item in policy.officers if item.id == "dara")
    twin = Officer("edward", "Edward", "audit", dara.public_key.upper())
    drill.parts = replace(drill.parts, policy=replace(policy, officers=(*policy.officers, twin)))
    told = statement(drill, outpoint)
    edward = SimulatedOfficer("edward", officer_key(PHRASE, "dara").private_bytes_raw())
    with pytest.raises(OneWordAlone):
        settle_suspense(drill.treasury, told, (*words(drill, told, "dara"), word(drill, told, edward)))


def test_a_revoked_key_settles_nothing(drill: TreasuryDrill, outpoint: str) -> None:
    """Amina's key was revoked: bilal's settles it."""
    told = statement(drill, outpoint)
    chamber = Chamber(drill.parts.books, drill.parts.policy, drill.now)
    revoke(chamber, "amina", "stolen", officer("chand"))
    drill.now += timedelta(minutes=1)
    with pytest.raises(KeyRevoked):
        settle_suspense(drill.treasury, told, words(drill, told, "dara", "amina"))
    with pytest.raises(SettlementNotAllowed, match="frozen"):
        settle_suspense(drill.treasury, told, words(drill, told, "dara", "bilal", "chand"))
    thaw(drill, "bilal", "chand")
    assert settle_suspense(drill.treasury, told, words(drill, told, "dara", "bilal", "chand")).state == ANNOUNCED


def test_forged_words(drill: TreasuryDrill, outpoint: str) -> None:
    """Another's key, another statement, another domain, nonsense, a stranger: one is enough to refuse all."""
    told = statement(drill, outpoint)
    other = replace(told, purpose="royalty")
    dara, amina = words(drill, told)
    forged = (
        replace(dara, officer="amina"),
        words(drill, other, "amina")[0],
        SettlementSignature("amina", officer("amina").sign(APPROVAL_DOMAIN, told.hash)),
        SettlementSignature("amina", "zz"),
        SettlementSignature("nobody", officer("amina").sign(SETTLEMENT_DOMAIN, told.hash)),
    )
    for bad in forged:
        for signatures in ((dara, bad), (dara, amina, bad)):
            with pytest.raises(SettlementForged):
                settle_suspense(drill.treasury, told, signatures)
    assert paper(drill, outpoint).state == SUSPENSE


def test_what_is_not_in_suspense(drill: TreasuryDrill, outpoint: str) -> None:
    """An announced coin, one that is not judged, one that nobody knows."""
    drill.receive(400_000)
    announced = next(c.outpoint for c in drill.treasury.coins.page("intake") if c.outpoint != outpoint)
    told = statement(drill, announced)
    with pytest.raises(NotInSuspense, match="is announced"):
        settle_suspense(drill.treasury, told, words(drill, told))
    txid = drill.chain.broadcast(drill.chain.sign_pool_payment(POOL, [Payment(PLACE, 50_000)], 2))
    drill.mine(1)
    young = statement(drill, f"{txid}:0")
    with pytest.raises(NotInSuspense, match="no paper"):
        settle_suspense(drill.treasury, young, words(drill, young))
    with pytest.raises(CoinNotThere):
        statement(drill, "ab" * 32 + ":0")


@pytest.mark.parametrize(
    "changed",
    [
        {"payer": " "},
        {"reason": ""},
        {"reason": "x" * 501},
        {"purpose": "Grant!"},
        {"vault": "cold"},
        {"amount_sats": 1},
    ],
)
def test_statements_that_are_none(drill: TreasuryDrill, outpoint: str, changed: dict[str, str]) -> None:
    """Blank or endless words, a purpose that is none, and facts that are not the coin's."""
    told = replace(statement(drill, outpoint), **changed)  # type: ignore[arg-type]  # fields of the statement
    with pytest.raises(BadSettlement):
        settle_suspense(drill.treasury, told, words(drill, told))


def test_repeated_and_settled_otherwise(drill: TreasuryDrill, outpoint: str) -> None:
    """The same statement again writes nothing, also with other officers' words; another statement is refused."""
    told = statement(drill, outpoint)
    first = settle_suspense(drill.treasury, told, words(drill, told))
    count = len(drill.treasury.books.audit_entries())
    assert settle_suspense(drill.treasury, told, words(drill, told)) == first
    assert settle_suspense(drill.treasury, told, words(drill, told, "dara", "chand")) == first
    other = statement(drill, outpoint, "royalty")
    with pytest.raises(SettledOtherwise):
        settle_suspense(drill.treasury, other, words(drill, other))
    assert len(drill.treasury.books.audit_entries()) == count
    assert sums(drill) == {HELD: PAID_SATS, GRANTS: -PAID_SATS}


def test_a_reorganisation_takes_it_away_and_back(drill: TreasuryDrill, outpoint: str) -> None:
    """Lost, the income is reversed and nothing can be settled; back, the officers' word still stands. Twice over."""
    told = statement(drill, outpoint)
    after = settle_suspense(drill.treasury, told, words(drill, told))
    for _ in range(2):
        twin_chain_of(drill).reorganise(6)
        drill.follow()
        assert (paper(drill, outpoint).state, sums(drill)) == (LOST, {})
        with pytest.raises(NotInSuspense, match="is lost"):
            settle_suspense(drill.treasury, told, words(drill, told))
        drill.mine(4)
        assert paper(drill, outpoint) == after
        assert sums(drill) == {HELD: PAID_SATS, GRANTS: -PAID_SATS}
        drill.mine(2)


def test_lost_before_it_was_settled(drill: TreasuryDrill, outpoint: str) -> None:
    """Statement and words are given, then the coin goes: refused; when it is back, they serve."""
    told = statement(drill, outpoint)
    twin_chain_of(drill).reorganise(6)
    follow_chain(drill.treasury)
    with pytest.raises(CoinNotThere):
        settle_suspense(drill.treasury, told, words(drill, told))
    drill.follow()
    drill.mine(1)
    with pytest.raises(NotInSuspense):
        settle_suspense(drill.treasury, told, words(drill, told))
    drill.mine(3)
    settle_suspense(drill.treasury, told, words(drill, told))
    assert sums(drill) == {HELD: PAID_SATS, GRANTS: -PAID_SATS}


def test_back_and_not_deep_enough(drill: TreasuryDrill, outpoint: str) -> None:
    """Mined again in one go, the paper stays and the coin is young: wait."""
    told = statement(drill, outpoint)
    twin_chain_of(drill).reorganise(6)
    drill.mine(1)
    assert paper(drill, outpoint).state == SUSPENSE
    with pytest.raises(CoinNotThere, match="1 of 2"):
        settle_suspense(drill.treasury, told, words(drill, told))


def test_an_officer_who_left_bears_nothing_any_more(drill: TreasuryDrill, outpoint: str) -> None:
    """The coin comes back when one of the two has left: suspense again, until two of today's officers sign."""
    told = statement(drill, outpoint)
    settle_suspense(drill.treasury, told, words(drill, told))
    twin_chain_of(drill).reorganise(6)
    drill.follow()
    policy = drill.parts.policy
    left = tuple(item for item in policy.officers if item.id != "amina")
    drill.parts = replace(drill.parts, policy=replace(policy, officers=left))
    drill.mine(4)
    assert paper(drill, outpoint).state == SUSPENSE
    assert sums(drill) == {HELD: PAID_SATS, SUSPENSE_ACCOUNT: -PAID_SATS}
    settle_suspense(drill.treasury, told, words(drill, told, "dara", "bilal"))
    assert sums(drill) == {HELD: PAID_SATS, GRANTS: -PAID_SATS}


def play_between(drill: TreasuryDrill, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Just before a settlement is written, something else happens."""
    commit = SimulatedBooks.commit
    waiting = [act]

    def slow_commit(books: SimulatedBooks, write: Write) -> Receipt:
        if write.action == "settle suspense" and waiting:
            waiting.pop()()
        return commit(books, write)

    monkeypatch.setattr(SimulatedBooks, "commit", slow_commit)


def test_lost_between_reading_and_writing(drill: TreasuryDrill, outpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A watcher takes the coin away and reverses it while the settlement is on its way: nothing of it is written."""
    told = statement(drill, outpoint)

    def lose() -> None:
        twin_chain_of(drill).reorganise(6)
        drill.follow()

    play_between(drill, monkeypatch, lose)
    with pytest.raises(NotInSuspense):
        settle_suspense(drill.treasury, told, words(drill, told))
    assert (paper(drill, outpoint).state, sums(drill)) == (LOST, {})


def test_stolen_between_reading_and_writing(
    drill: TreasuryDrill, outpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger's spend of the coin is followed first: refused, before and after."""
    told = statement(drill, outpoint)

    def steal() -> None:
        txid, _, index = outpoint.partition(":")
        spend = TransactionInput(bytes.fromhex(txid), int(index))
        theft = Transaction(vin=[spend], vout=[TransactionOutput(PAID_SATS - 1000, Script(script_of(PAYEE)))])
        twin_chain_of(drill).state.mempool[theft.txid().hex()] = theft
        drill.mine(1)

    play_between(drill, monkeypatch, steal)
    for _ in range(2):
        with pytest.raises(CoinNotThere, match="spent by"):
            settle_suspense(drill.treasury, told, words(drill, told))
    assert sums(drill) == {UNEXPLAINED_ACCOUNT: PAID_SATS, SUSPENSE_ACCOUNT: -PAID_SATS}
    assert suspended_coins(drill.treasury) == ()


@pytest.mark.parametrize("purpose", ["grant", "royalty"])
def test_two_settle_at_once(drill: TreasuryDrill, outpoint: str, purpose: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The slower of two finds it done, or is refused where it says something else; one entry either way."""
    told, faster = statement(drill, outpoint), statement(drill, outpoint, purpose)
    play_between(drill, monkeypatch, lambda: settle_suspense(drill.treasury, faster, words(drill, faster)))
    if purpose == "grant":
        assert settle_suspense(drill.treasury, told, words(drill, told)).purpose == purpose
    else:
        with pytest.raises(SettledOtherwise):
            settle_suspense(drill.treasury, told, words(drill, told))
    assert sums(drill) == {HELD: PAID_SATS, arrivals_account(purpose): -PAID_SATS}


def test_the_acknowledgement_is_lost(drill: TreasuryDrill, outpoint: str) -> None:
    """The database goes away at each call in turn, before or after its work: repeated, it is settled once."""
    told, start = statement(drill, outpoint), drill
    given = words(drill, told)
    whole = deepcopy(start)
    before = books_of(whole).calls
    settle_suspense(whole.treasury, told, given)
    calls = books_of(whole).calls - before
    assert calls >= 5
    for number in range(1, calls + 1):
        for name in ("unreachable_on", "acknowledgement_lost_on"):
            again = deepcopy(start)
            twin = books_of(again)
            twin.faults = BooksFaults(**{name: {twin.calls + number}})
            with suppress(DatabaseUnreachable):
                settle_suspense(again.treasury, told, given)
            settle_suspense(again.treasury, told, given)
            assert sums(again) == {HELD: PAID_SATS, GRANTS: -PAID_SATS}


def books_of(drill: TreasuryDrill) -> SimulatedBooks:
    """The twin behind a drill."""
    assert isinstance(drill.parts.books, SimulatedBooks)
    return drill.parts.books
