"""Acts on the ledger: never on one word, kept until the last is given, done once; a stop by anybody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from payout_drill import PayoutDrill, officer, twin_drill
from zakhira.controls.engine.decision import Decision
from zakhira.flows.governing.acting import Chamber
from zakhira.flows.governing.freezing import freeze
from zakhira.flows.keeping.act import DONE, LEDGER_ACT, WAITING, ActRecord, LedgerAct
from zakhira.flows.keeping.acts import Journal, ceiling_act, close_act, freeze_act, post_act, reverse_act
from zakhira.flows.keeping.carrying import LEAST_HASH_CHARACTERS, carry, waiting_act, waiting_acts
from zakhira.flows.keeping.closing import period_view
from zakhira.flows.keeping.opening import open_account
from zakhira.flows.keeping.refusals import (
    ActNotAllowed,
    ActOvertaken,
    DatedAhead,
    NoReason,
    NothingToChange,
    NotOpenedByHand,
    ReversedTooEarly,
    UnknownAct,
    UnknownEntry,
    UnknownLedgerAccount,
)
from zakhira.flows.keeping.statements import account_statements
from zakhira.flows.keeping.stopping import freeze_account
from zakhira.flows.paying.refusals import PayoutForged, PayoutNotAllowed, PayoutWordNotTaken
from zakhira.flows.ports.books import Record, Write
from zakhira.flows.ports.books_errors import EntryExists
from zakhira.flows.spending.dry import DryBooks
from zakhira.kernel.money import Amount, Commodity
from zakhira.ledger.entry import Posting
from zakhira.ledger.faults import (
    AboveCeiling,
    AccountFrozen,
    BadReversal,
    Overdrawn,
    PeriodClosed,
    PeriodNotOver,
    PeriodOutOfOrder,
    Unbalanced,
    UnknownAccount,
    VaultAccount,
)
from zakhira.ledger.periods import Period
from zakhira.programme.model import AccountSpec

BANK, CAPITAL, VAULT = "assets:bank", "equity:capital", "assets:vault:cold"
ACCOUNTS = (
    AccountSpec(BANK, "PKR", "asset"),
    AccountSpec(CAPITAL, "PKR", "equity"),
    AccountSpec(VAULT, "BTC", "asset"),
)
EVERYBODY = ("dara", "amina", "chand")


def pkr(paisa: int) -> Amount:
    """Paisa."""
    return Amount(paisa, Commodity.PKR)


@pytest.fixture
def drill() -> PayoutDrill:
    """A desk with a bank account."""
    made = twin_drill(0)
    made.books.open_accounts(ACCOUNTS)
    return made


def journal(drill: PayoutDrill, paisa: int = 500, **told: object) -> Journal:
    """Capital that is paid in, on the day before the drill's."""
    lines = (Posting(BANK, pkr(paisa)), Posting(CAPITAL, pkr(-paisa)))
    made = Journal(drill.now.date() - timedelta(days=1), "Capital paid in", "letter 12", lines)
    return replace(made, **told)  # type: ignore[arg-type]  # fields of a journal


def done(drill: PayoutDrill, act: LedgerAct, *names: str) -> tuple[ActRecord, Decision]:
    """These officers say yes to it, the first puts it forward."""
    return carry(drill.desk, act, [officer(name) for name in names or EVERYBODY])


def held(drill: PayoutDrill, code: str = BANK) -> int:
    """What an account shows as posted."""
    return drill.books.balances()[code].units


def test_nothing_is_posted_on_one_word(drill: PayoutDrill) -> None:
    """One puts it forward, one approves, and nothing is posted before the other; then it is posted once."""
    act = post_act(journal(drill))
    for names, state, units in (
        (("dara",), WAITING, 0),
        (("amina",), WAITING, 0),
        (("amina",), WAITING, 0),
        (("chand",), DONE, 500),
        (("chand",), DONE, 500),
        (EVERYBODY, DONE, 500),
    ):
        record, decision = done(drill, act, *names)
        assert (record.state, held(drill)) == (state, units)
        assert decision.allowed == (state == DONE)
    writes = [entry for entry in drill.books.audit_entries() if entry.action == act.title]
    assert [entry.actor for entry in writes] == ["chand"]
    assert drill.books.breaks() == ()


def test_what_waits_is_listed(drill: PayoutDrill) -> None:
    """With who has signed, until its time is over or it is done."""
    act = post_act(journal(drill))
    done(drill, act, "dara", "amina")
    (one,) = waiting_acts(drill.desk)
    assert (one.hash, one.title, one.signed_by, one.statement) == (
        act.hash,
        act.title,
        ("dara", "amina"),
        act.statement,
    )
    drill.now = one.expires_at
    assert waiting_acts(drill.desk) == ()
    drill.now -= timedelta(minutes=1)
    done(drill, act, "chand")
    assert waiting_acts(drill.desk) == ()


def test_all_words_at_once(drill: PayoutDrill) -> None:
    """In one call; the entry tells what the journal says, dated on its day."""
    record, _ = done(drill, post_act(journal(drill)))
    assert record.state == DONE
    (entry,) = drill.books.entries()
    assert (entry.narration, entry.evidence, entry.at.date()) == ("Capital paid in", "letter 12", journal(drill).day)
    assert [given.officer for given in record.words.approvals] == ["amina", "chand"]


def test_who_may_not(drill: PayoutDrill) -> None:
    """Who may not propose, who does not approve this, who is no officer, and the proposer as an approver of it."""
    act = post_act(journal(drill))
    with pytest.raises(ActNotAllowed):
        done(drill, act, "amina")
    done(drill, act, "dara")
    with pytest.raises(PayoutWordNotTaken):
        done(drill, act, "nobody")
    record, _ = done(drill, act, "dara", "dara")
    assert record.words.approvals == ()
    assert held(drill) == 0


def test_a_freeze_stops_acts(drill: PayoutDrill) -> None:
    """Whoever freezes the reserve stops journals, too."""
    act = post_act(journal(drill))
    done(drill, act, "dara", "amina")
    freeze(Chamber(drill.books, drill.policy, drill.now), "something is off", officer("bilal"))
    with pytest.raises(PayoutNotAllowed):
        done(drill, act, "chand")
    with pytest.raises(ActNotAllowed):
        done(drill, post_act(journal(drill, 7)), "dara")
    assert held(drill) == 0


def test_words_do_not_wait_for_ever(drill: PayoutDrill) -> None:
    """When the time of a proposal is over it is put forward anew, and earlier words do not count."""
    act = post_act(journal(drill))
    done(drill, act, "dara", "amina")
    drill.wait(60 * drill.policy.approval_hours)
    record, _ = done(drill, act, "dara", "chand")
    assert (record.state, [given.officer for given in record.words.approvals]) == (WAITING, ["chand"])


def test_other_words_are_another_act(drill: PayoutDrill) -> None:
    """A paisa more is another act: the words for one do not carry the other."""
    done(drill, post_act(journal(drill)), "dara", "amina")
    record, _ = done(drill, post_act(journal(drill, 501)), "dara", "chand")
    assert record.state == WAITING
    assert held(drill) == 0


def test_a_record_that_nobody_signed(drill: PayoutDrill) -> None:
    """Whoever writes a record of an act with words into the books, without a key, is found out."""
    act = post_act(journal(drill))
    record, _ = done(drill, act, "dara")
    body = record.record.body
    assert isinstance(body, dict)
    forged = Record(LEDGER_ACT, act.hash, {**body, "proposer": "amina"})
    drill.books.commit(Write("forged", "app", "x", drill.now, records=(forged,)))
    with pytest.raises(PayoutForged):
        done(drill, act, "chand")


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        ((Posting(BANK, pkr(5)), Posting(CAPITAL, pkr(-4))), Unbalanced),
        ((Posting(BANK, pkr(5)), Posting("equity:nobody", pkr(-5))), UnknownAccount),
        ((Posting(BANK, pkr(-5)), Posting(CAPITAL, pkr(5))), Overdrawn),
    ],
)
def test_nobody_is_asked_to_sign_what_cannot_be(
    drill: PayoutDrill, lines: tuple[Posting, ...], cause: type[Exception]
) -> None:
    """What the books would refuse is refused before anybody's word is kept, dry as in earnest."""
    act = post_act(replace(journal(drill), lines=lines))
    for desk in (drill.desk, replace(drill.desk, books=DryBooks(drill.books))):
        with pytest.raises(cause):
            carry(desk, act, [officer("dara")])
    assert drill.books.records(LEDGER_ACT) == {}


def test_nothing_is_dated_in_the_future(drill: PayoutDrill) -> None:
    """Neither a journal nor a reversal; today's are taken."""
    today = drill.now.date()
    done(drill, post_act(journal(drill, day=today)))
    (entry,) = drill.books.entries()
    acts = (
        post_act(journal(drill, 7, day=today + timedelta(days=1))),
        reverse_act(drill.ledger, entry.id, date(2199, 1, 1), "Wrong payer", "letter 13"),
    )
    for act in acts:
        with pytest.raises(DatedAhead, match="in the future"):
            done(drill, act)
    assert held(drill) == 500
    done(drill, reverse_act(drill.ledger, entry.id, today, "Wrong payer", "letter 13"))
    assert held(drill) == 0


def test_a_dry_run_writes_nothing(drill: PayoutDrill) -> None:
    """It says that it would be done, and it is not."""
    act = post_act(journal(drill))
    record, decision = carry(
        replace(drill.desk, books=DryBooks(drill.books)), act, [officer(name) for name in EVERYBODY]
    )
    assert (record.state, decision.allowed) == (DONE, True)
    assert drill.books.entries() == ()
    assert drill.books.records(LEDGER_ACT) == {}


def test_an_id_of_its_own_is_taken_once(drill: PayoutDrill) -> None:
    """Another journal of the same id is refused."""
    done(drill, post_act(journal(drill, id="opening")))
    with pytest.raises(EntryExists):
        done(drill, post_act(journal(drill, 7, id="opening")))


def test_an_entry_is_taken_back(drill: PayoutDrill) -> None:
    """Whole, by as many officers, dated on its day or later, once."""
    act = post_act(journal(drill))
    done(drill, act)
    entry_id = act.entries[0].id
    day = journal(drill).day
    with pytest.raises(UnknownEntry):
        reverse_act(drill.ledger, "nothing", None, "Wrong payer", "letter 13")
    with pytest.raises(ReversedTooEarly):
        reverse_act(drill.ledger, entry_id, day - timedelta(days=1), "Wrong payer", "letter 13")
    back = reverse_act(drill.ledger, entry_id, day + timedelta(days=1), "Wrong payer", "letter 13")
    record, _ = done(drill, back, "dara")
    assert (record.state, held(drill)) == (WAITING, 500)
    record, _ = done(drill, back, "amina", "chand")
    assert (record.state, held(drill)) == (DONE, 0)
    again = reverse_act(drill.ledger, entry_id, day + timedelta(days=1), "Wrong payer", "letter 14")
    with pytest.raises((BadReversal, EntryExists)):
        done(drill, again)
    posted = drill.ledger.entry(entry_id)
    assert posted is not None
    assert posted.reversed_by == back.entries[0].id


def test_anybody_stops_an_account_and_several_let_it_go_on(drill: PayoutDrill) -> None:
    """On one word it is frozen; on one word it is not unfrozen; and it can be frozen again for the same reason."""
    reason = "statement 14 does not agree"
    for _ in range(2):
        freeze_account(drill.desk, BANK, reason, officer("bilal"))
        with pytest.raises(NothingToChange):
            freeze_account(drill.desk, BANK, reason, officer("bilal"))
        with pytest.raises(AccountFrozen):
            done(drill, post_act(journal(drill)))
        thaw = freeze_act(drill.desk, BANK, "cleared, letter 15", freezes=False)
        assert done(drill, thaw, "dara", "amina")[0].state == WAITING
        assert done(drill, thaw, "chand")[0].state == DONE
    done(drill, post_act(journal(drill)))
    assert held(drill) == 500


def test_an_act_is_approved_by_its_hash(drill: PayoutDrill) -> None:
    """Whoever has neither the file nor the words of it reads back what waits, and it is the same act."""
    acts = (post_act(journal(drill)), post_act(journal(drill, 7)), ceiling_act(drill.desk, BANK, pkr(900), "rules, 7"))
    for act in acts:
        done(drill, act, "dara")
        assert waiting_act(drill.desk, act.hash[:LEAST_HASH_CHARACTERS]) == act
    for hash_ in ("", acts[0].hash[: LEAST_HASH_CHARACTERS - 1], "f" * 64):
        with pytest.raises(UnknownAct):
            waiting_act(drill.desk, hash_)
    for act in acts:
        assert done(drill, waiting_act(drill.desk, act.hash), "amina", "chand")[0].state == DONE
        with pytest.raises(UnknownAct):
            waiting_act(drill.desk, act.hash)
    assert held(drill) == 507


def test_an_act_that_was_overtaken_undoes_nothing(drill: PayoutDrill) -> None:
    """The account is frozen while its ceiling waits for words: the ceiling, which says that it is not, is put anew."""
    act = ceiling_act(drill.desk, BANK, pkr(900), "rules, 7")
    done(drill, act, "dara")
    freeze_account(drill.desk, BANK, "statement 14", officer("bilal"))
    with pytest.raises(ActOvertaken):
        done(drill, waiting_act(drill.desk, act.hash), "amina", "chand")
    account = drill.ledger.account(BANK)
    assert account is not None
    assert (account.is_frozen, account.spec.ceiling) == (True, None)
    assert done(drill, ceiling_act(drill.desk, BANK, pkr(900), "rules, 7"))[0].state == DONE
    account = drill.ledger.account(BANK)
    assert account is not None
    assert (account.is_frozen, account.spec.ceiling) == (True, pkr(900))


def test_an_act_that_was_altered_is_not_shown_as_another(drill: PayoutDrill) -> None:
    """What is kept under a hash is what the hash is of, or nothing is approved."""
    act = post_act(journal(drill))
    record, _ = done(drill, act, "dara")
    other = replace(record, act=replace(act, because="something else"))
    body = other.record.body
    drill.books.commit(Write("forged", "mallory", "act", drill.now, records=(Record(LEDGER_ACT, act.hash, body),)))
    with pytest.raises(PayoutForged):
        waiting_act(drill.desk, act.hash)


def test_who_does_not_stop_an_account(drill: PayoutDrill) -> None:
    """Nobody without an office, nobody without a reason, and nobody a vault or what is not there."""
    for name, code, reason, cause in (
        ("nobody", BANK, "x", ActNotAllowed),
        ("bilal", BANK, " ", NoReason),
        ("bilal", VAULT, "x", VaultAccount),
        ("bilal", "assets:nowhere", "x", UnknownLedgerAccount),
    ):
        with pytest.raises(cause):
            freeze_account(drill.desk, code, reason, officer(name))
    with pytest.raises(NoReason):
        done(drill, replace(post_act(journal(drill)), because=""))


def test_a_ceiling(drill: PayoutDrill) -> None:
    """It fits what is there, holds from then on, and goes away again."""
    done(drill, post_act(journal(drill)))
    with pytest.raises(AboveCeiling):
        done(drill, ceiling_act(drill.desk, BANK, pkr(499), "rules, 7"))
    assert done(drill, ceiling_act(drill.desk, BANK, pkr(500), "rules, 7"))[0].state == DONE
    with pytest.raises(NothingToChange):
        ceiling_act(drill.desk, BANK, pkr(500), "rules, 7")
    with pytest.raises(AboveCeiling):
        done(drill, post_act(journal(drill, 1)))
    done(drill, ceiling_act(drill.desk, BANK, None, "rules, 8"))
    done(drill, post_act(journal(drill, 1)))
    assert held(drill) == 501


def test_a_period_is_looked_at_and_closed(drill: PayoutDrill) -> None:
    """The view tells sums before and after and what is not reconciled; then nothing is dated into it any more."""
    day = journal(drill).day
    done(drill, post_act(journal(drill, day=day - timedelta(days=40))))
    done(drill, post_act(journal(drill, 70)))
    period = Period(day, day)
    drill.found = ("Case 1 is open.",)
    view = period_view(drill.desk, period)
    told = {(one.kind, one.commodity): (one.accounts, one.opening, one.closing) for one in view.sums}
    assert told["asset", "PKR"] == (1, pkr(500), pkr(570))
    assert told["equity", "PKR"] == (1, pkr(500), pkr(570))
    assert view.unreconciled == ("Case 1 is open.",)
    with pytest.raises(PeriodNotOver):
        close_act(drill.ledger, Period(day, day + timedelta(days=1)), "done", drill.now)
    act = close_act(drill.ledger, period, "done", drill.now)
    assert done(drill, act, "dara", "amina")[0].state == WAITING
    done(drill, post_act(journal(drill, 1)))
    assert done(drill, act, "chand")[0].state == DONE
    with pytest.raises(PeriodClosed):
        done(drill, post_act(journal(drill, 2)))
    with pytest.raises(PeriodOutOfOrder):
        close_act(drill.ledger, period, "again", drill.now)
    assert drill.ledger.closed_through() == day


def test_a_statement_of_many_accounts_is_few_questions(drill: PayoutDrill, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many accounts: one question for their states, one for their lines, none for each."""
    done(drill, post_act(journal(drill)))
    asked: list[str] = []
    for name in ("account", "states", "lines"):
        answer = getattr(drill.ledger, name)

        def counted(*given: object, name: str = name, answer: Callable[..., object] = answer) -> object:
            asked.append(name)
            return answer(*given)

        monkeypatch.setattr(drill.ledger, name, counted)
    day = journal(drill).day
    codes = [*(spec.code for spec in ACCOUNTS), "assets:nowhere"]
    told = account_statements(drill.ledger, codes, Period(day, day))
    assert [one.closing.units for one in told] == [500, 500, 0]
    assert sorted(asked) == ["lines", "states"]


def test_an_account_is_opened_by_whoever_may_propose(drill: PayoutDrill) -> None:
    """Empty, by one officer; once; and as an account can be."""
    spec = AccountSpec("assets:till", "PKR", "asset")
    with pytest.raises(ActNotAllowed):
        open_account(drill.desk, spec, "a till, letter 3", officer("amina"))
    with pytest.raises(NoReason):
        open_account(drill.desk, spec, " ", officer("dara"))
    open_account(drill.desk, spec, "a till, letter 3", officer("dara"))
    with pytest.raises(NothingToChange):
        open_account(drill.desk, spec, "a till, letter 3", officer("dara"))
    assert held(drill, "assets:till") == 0


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("liabilities:campaigns:stipend-2026:PKR", "liability"),
        ("liabilities:withheld:stipend-2026:PKR", "liability"),
        ("liabilities:ordered:stipend-2026:PKR", "liability"),
        ("expenses:campaigns:stipend-2026:PKR", "expense"),
        ("liabilities:participants:p-000001:PKR", "liability"),
        ("assets:vault:till", "asset"),
    ],
)
def test_nobody_opens_by_hand_what_belongs_to_a_campaign_a_participant_or_a_vault(
    drill: PayoutDrill, code: str, kind: str
) -> None:
    """A fund without bounds, or the number of the next participant, would be there before its owner."""
    for overdraft in ("none", "allowed") if kind == "liability" else ("none",):
        spec = AccountSpec(code, "PKR", kind, overdraft=overdraft)
        with pytest.raises(NotOpenedByHand, match="opens accounts"):
            open_account(drill.desk, spec, "letter 3", officer("dara"))
    assert drill.ledger.account(code) is None
    beside = AccountSpec("liabilities:campaignsfund", "PKR", "liability")
    assert open_account(drill.desk, beside, "letter 3", officer("dara")).spec == beside


def test_a_statement_reads_as_its_owner_reads_it(drill: PayoutDrill) -> None:
    """Of an asset and of equity alike what is there is a positive number; opening, movements and closing tie."""
    done(drill, post_act(journal(drill, day=date(2025, 11, 30))))
    done(drill, post_act(journal(drill, 70, day=date(2025, 12, 1))))
    for one in account_statements(drill.ledger, [BANK, CAPITAL], Period(date(2025, 12, 1), date(2025, 12, 31))):
        assert (one.opening, one.closing) == (pkr(500), pkr(570))
        assert [(item.amount, item.balance) for item in one.movements] == [(pkr(70), pkr(570))]
    assert account_statements(drill.ledger, ["assets:nowhere"], Period(date(2025, 12, 1), date(2025, 12, 1))) == ()
