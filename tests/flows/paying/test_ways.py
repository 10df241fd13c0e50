"""A payroll by a bank with taxes withheld, royalties in coin through custody, and royalties credited in coin."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from payout_drill import COINS, GOVERN, PayoutDrill, UncountedLedger, campaign, csv_of, limited, officer, twin_drill
from policy_drill import BOTH, SMALL
from treasury_drill import PAYEE, twin_treasury
from zakhira.adapters.drill_keys import officer_key
from zakhira.adapters.iso20022.files import Iso20022Files
from zakhira.flows.paying.banking import PAYOUT_ORDER, take_bank_status, write_orders
from zakhira.flows.paying.coin_paying import propose_spends
from zakhira.flows.paying.refusals import (
    AnswerNotTaken,
    BadPayoutOrder,
    NotThisWay,
    OrderChanged,
    PayoutHalted,
    PayoutsStopped,
    PayoutWordNotTaken,
    UnknownOrder,
)
from zakhira.flows.paying.stopping import require_going, stop
from zakhira.flows.ports.bank import (
    BankStatement,
    BankStatus,
    BankStatusReport,
    StatementEntry,
    StatementLine,
    TransferState,
)
from zakhira.flows.ports.books import Record, Write
from zakhira.flows.ports.ledger_books import Backing
from zakhira.flows.reconciling.bank_records import BANK_STATEMENT, PAYOUT_ANSWER, statement_json
from zakhira.flows.spending.fees import FeeWish
from zakhira.flows.spending.order import FeeCeilings
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import Faults
from zakhira.kernel.money import Amount, Commodity, parse_amount, sats
from zakhira.programme.policy import Payee
from zakhira.programme.reconciliation import BankAccountSpec
from zakhira.settlement.payouts.batch import WrittenRow
from zakhira.settlement.payouts.campaign import Way
from zakhira.settlement.payouts.checks import Known, check_written
from zakhira.settlement.payouts.state import PayoutState
from zakhira.simulator.books import SimulatedBooks
from zakhira.simulator.movements import SimulatedMovements
from zakhira.simulator.signer import SimulatedOfficer

PAYROLL = campaign(
    id="payroll-2026",
    title="Salaries",
    way=Way.BANK,
    debtor=("Reserve Programme", "PK36SCBL0000001123456702", "SCBLPKKX"),
    part_minutes=0,
)
HEAD = "payee,amount,reason,gross,tax,name,account,bank"
STAFF = csv_of(
    "p-000001,47500 PKR,salary,50000 PKR,2500 PKR,Staff One,PK70BANK0000123456789000,SCBLPKKX",
    "p-000002,28500 PKR,salary,30000 PKR,1500 PKR,Staff Two,PK43BANK0000123456789001,SCBLPKKX",
    head=HEAD,
)
DAY = date(2026, 1, 30)
DIGEST = "5a" * 32
"""of a bank's answer as a file"""


def paid_payroll() -> PayoutDrill:
    """A payroll whose parts are out and waits for the bank."""
    drill = twin_drill(3)
    drill.opened(PAYROLL)
    drill.paid(PAYROLL, STAFF, "80000 PKR", "pay-1")
    return drill


def report(order: str, *statuses: BankStatus, state: TransferState | None = None) -> BankStatusReport:
    """A bank's answer."""
    return BankStatusReport("R-1", datetime(2026, 1, 30, tzinfo=UTC), order, state, "RJCT", "", statuses)


def test_a_payroll_withholds_tax_and_orders_the_net() -> None:
    """The fund gives 80,000: 76,000 are ordered from the bank, 4,000 are owed to the tax office."""
    drill = paid_payroll()
    assert drill.held(PAYROLL.fund) == 540_000_00
    assert drill.held(PAYROLL.ordered) == 76_000_00
    assert drill.held(PAYROLL.tax) == 4_000_00
    orders = write_orders(drill.desk, Iso20022Files(), "pay-1", DAY, officer("dara"))
    assert sum(one.order.total.units for one in orders) == 76_000_00
    assert b"PK70BANK0000123456789000" in orders[0].content
    later = write_orders(drill.desk, Iso20022Files(), "pay-1", date(2026, 2, 2), officer("dara"))
    assert [one.content for one in later] == [one.content for one in orders]


def test_what_the_bank_does_not_pay_is_in_the_fund_again() -> None:
    """Net and tax come back; the same answer twice, and an answer to another order, change nothing."""
    drill = paid_payroll()
    write_orders(drill.desk, Iso20022Files(), "pay-1", DAY, officer("dara"))
    second = BankStatus("pay-1-2", TransferState.REJECTED, "AC04", "account closed")
    for _ in range(2):
        said = take_bank_status(drill.desk, "pay-1", report("pay-1-2", second), DIGEST, officer("bilal"))
        assert said.rejected == (("p-000002", "AC04 account closed"),)
        assert drill.held(PAYROLL.fund) == 570_000_00
        assert drill.held(PAYROLL.tax) == 2_500_00
    with pytest.raises(UnknownOrder):
        take_bank_status(drill.desk, "pay-1", report("other-1", state=TransferState.REJECTED), DIGEST, officer("bilal"))
    assert drill.books.breaks() == ()


def stranger() -> SimulatedOfficer:
    """Somebody with a key, and no officer."""
    return SimulatedOfficer("mallory", officer_key("another phrase", "mallory").private_bytes_raw())


def test_a_forged_answer_brings_nothing_back() -> None:
    """A rejection out of a text editor: not by nobody, not by the preparer, and not what a statement shows as paid."""
    drill = paid_payroll()
    orders = write_orders(drill.desk, Iso20022Files(), "pay-1", DAY, officer("dara"))
    all_of_it = report("pay-1-2", state=TransferState.REJECTED)
    for key, refusal in (
        (stranger(), PayoutWordNotTaken),
        (SimulatedOfficer("bilal", officer_key("another phrase", "bilal").private_bytes_raw()), PayoutWordNotTaken),
        (officer("dara"), AnswerNotTaken),
    ):
        with pytest.raises(refusal):
            take_bank_status(drill.desk, "pay-1", all_of_it, DIGEST, key)
    (paid,) = orders[1].order.transfers
    account = BankAccountSpec("office", "Office", PAYROLL.debtor[1], "SCBLPKKX", "assets:bank:office")

    def import_line(name: str, amount: Amount, start: int) -> None:
        line = StatementLine(amount, paid.end_to_end_id, "", paid.payee, paid.account, "")
        entry = StatementEntry(name, amount, amount.units > 0, DAY, DAY, (line,), "", "")
        opening = Amount(start, Commodity.PKR)
        held = BankStatement(name, account.number, None, drill.now, opening, DAY, opening + amount, DAY, (entry,), 0)
        import_(drill, account, held)

    import_line("S-1", -paid.amount, 10_000_000)
    with pytest.raises(AnswerNotTaken, match="bank paid p-000002"):
        take_bank_status(drill.desk, "pay-1", all_of_it, DIGEST, officer("bilal"))
    assert drill.held(PAYROLL.fund) == 540_000_00
    import_line("S-2", paid.amount, 10_000_000 - paid.amount.units)
    take_bank_status(drill.desk, "pay-1", all_of_it, DIGEST, officer("bilal"))
    assert drill.held(PAYROLL.fund) == 570_000_00
    (kept,) = drill.books.records(PAYOUT_ANSWER).values()
    assert isinstance(kept, dict)
    assert (kept["sha256"], kept["word"]["officer"]) == (DIGEST, "bilal")


def import_(drill: PayoutDrill, account: BankAccountSpec, statement: BankStatement) -> None:
    """Keep a statement, as importing does."""
    body: Json = {"statement": statement_json(statement)}
    record = Record(BANK_STATEMENT, f"{account.number} {statement.id}", body)
    drill.books.commit(Write(statement.id, "clerk", "imported", drill.now, records=(record,)))


def test_only_who_prepared_or_executed_orders_and_for_a_day_that_can_be_meant() -> None:
    """No stranger's key, no approver, no day of 2099 or of last week, nothing while payouts are stopped."""
    drill = paid_payroll()
    for key in (stranger(), officer("amina")):
        with pytest.raises(PayoutWordNotTaken):
            write_orders(drill.desk, Iso20022Files(), "pay-1", DAY, key)
    for day in (date(2099, 1, 1), date(2025, 12, 30)):
        with pytest.raises(BadPayoutOrder, match="is not within"):
            write_orders(drill.desk, Iso20022Files(), "pay-1", day, officer("dara"))
    assert drill.books.records(PAYOUT_ORDER) == {}
    stop(drill.desk, "pay-1", "payee 2 called", officer("amina"))
    with pytest.raises(PayoutsStopped):
        write_orders(drill.desk, Iso20022Files(), "pay-1", DAY, officer("bilal"))


def test_an_order_is_known_by_its_bytes() -> None:
    """The SHA-256 is recorded with the order; other bytes under the same id are never handed out."""
    drill = paid_payroll()
    first, _ = write_orders(drill.desk, Iso20022Files(), "pay-1", DAY, officer("bilal"))
    assert first.sha256 == hashlib.sha256(first.content).hexdigest()
    body = drill.books.latest(PAYOUT_ORDER, "pay-1-1")
    assert isinstance(body, dict)
    assert body["sha256"] == first.sha256
    other = {**body, "sha256": "00" * 32}
    drill.books.commit(Write("x", "x", "x", drill.now, records=(Record(PAYOUT_ORDER, "pay-1-1", other),)))
    with pytest.raises(OrderChanged, match=first.sha256):
        write_orders(drill.desk, Iso20022Files(), "pay-1", DAY, officer("bilal"))


def test_an_account_is_one_payees_and_a_payee_has_one() -> None:
    """Two payees with one IBAN, the campaign's own account, another payee's, another than the month before."""
    drill = twin_drill(3)
    drill.opened(PAYROLL)
    ours, one, two = "PK36 SCBL 0000 0011 2345 6702", "PK70BANK0000123456789000", "PK43BANK0000123456789001"

    def faults(name: str, *accounts: str) -> list[tuple[int, str, str]]:
        rows = [f"p-{n:06d},10000 PKR,salary,Staff {n},{account}" for n, account in enumerate(accounts, 1) if account]
        with pytest.raises(Faults) as told:
            drill.prepared(PAYROLL, csv_of(*rows, head="payee,amount,reason,name,account"), name)
        return [(fault.line, fault.key, fault.code[-3:]) for fault in told.value.faults]

    assert faults("pay-1", one, "pk70 bank 0000 1234 5678 9000", ours) == [(3, "account", "038"), (4, "account", "038")]
    drill.paid(PAYROLL, STAFF, "80000 PKR", "pay-1")
    assert faults("pay-2", two) == [(2, "account", "038"), (2, "account", "039")]
    assert faults("pay-2", "", "", one) == [(2, "account", "038")]
    again = csv_of("p-000001,10000 PKR,salary,Staff One," + one, head="payee,amount,reason,name,account")
    assert drill.prepared(PAYROLL, again, "pay-2").payout.state is PayoutState.PREPARED


def test_two_listed_payees_with_one_address_are_not_both_paid() -> None:
    """In coin a payee stands on the policy's list; one address under two names would get twice the limit."""
    told = limited(
        campaign(id="works-2026", way=Way.COIN, vault="intake", purpose="works", clause="4.2"),
        "BTC",
        "0.001",
        "0.01",
        "0.02",
        "0.5",
    )
    known = Known({"contractor": (PAYEE,), "builder": (PAYEE.upper(),)})
    rows = tuple(
        WrittenRow(n, {"payee": name, "amount": "0.005 BTC", "reason": "refund"})
        for n, name in ((2, "contractor"), (3, "builder"))
    )
    assert [(f.line, f.code) for f in check_written(told, known, rows, "b.csv").faults] == [(3, "ZK-SETTLEMENT-038")]
    known = replace(known, promised={"contractor": 1}, accounts={"contractor": PAYEE.upper()})
    assert [f.code for f in check_written(told, known, rows[1:], "b.csv").faults] == ["ZK-SETTLEMENT-038"]


def test_a_bank_that_understood_another_amount_stops_the_payout() -> None:
    """47,500,000 in place of 47,500: nobody waits for the statement."""
    drill = paid_payroll()
    write_orders(drill.desk, Iso20022Files(), "pay-1", DAY, officer("dara"))
    odd = BankStatus("pay-1-1", TransferState.ACCEPTED, "ACSC", "", parse_amount("47500000 PKR"))
    take_bank_status(drill.desk, "pay-1", report("pay-1-1", odd), DIGEST, officer("bilal"))
    with pytest.raises(PayoutsStopped, match="47500000"):
        require_going(drill.desk, "pay-1")


def test_a_bank_that_answers_what_nobody_ordered_stops_the_payout() -> None:
    """It may have paid it: somebody asks before more goes out. What it says of the others holds."""
    drill = paid_payroll()
    write_orders(drill.desk, Iso20022Files(), "pay-1", DAY, officer("dara"))
    ours = BankStatus("pay-1-1", TransferState.ACCEPTED, "ACSC", "", parse_amount("47500 PKR"))
    stray = [BankStatus(f"pay-9-{number}", TransferState.ACCEPTED, "ACSC") for number in (1, 2, 3)]
    answered = take_bank_status(drill.desk, "pay-1", report("pay-1-1", ours, *stray), DIGEST, officer("bilal"))
    assert (answered.accepted, len(answered.strange)) == (1, 1)
    with pytest.raises(PayoutsStopped, match="'pay-9-1' and 2 more, which order pay-1-1 does not name"):
        require_going(drill.desk, "pay-1")


def test_royalties_are_credited_in_coin() -> None:
    """A campaign in bitcoin pays sat to accounts: 620,000 sat to one licensee."""
    told = limited(campaign(id="royalty-2026"), "BTC", "0.001", "0.01", "0.02", "0.5")
    drill = twin_drill(2)
    drill.opened(told)
    payout = drill.paid(told, csv_of("p-000001,620000 sat,royalty"), "0.0062 BTC")
    assert payout.state is PayoutState.RELEASED
    assert drill.held("liabilities:participants:p-000001:BTC") == 620_000
    with pytest.raises(NotThisWay):
        write_orders(drill.desk, Iso20022Files(), "batch-1", DAY, officer("dara"))


def test_coin_is_paid_through_custody_with_approvals_of_its_own() -> None:
    """The payout is out, its spend is proposed with the payee's listed address, and nobody has approved that."""
    told = limited(
        campaign(id="works-2026", way=Way.COIN, vault="intake", purpose="works", clause="Treasury rules, 4.2"),
        "BTC",
        "0.001",
        "0.01",
        "0.02",
        "0.5",
    )
    treasury = twin_treasury()
    contractor = Payee("contractor", "The contractor", PAYEE, datetime(2025, 12, 1, tzinfo=UTC))
    policy = replace(
        treasury.parts.policy,
        rules=(GOVERN, COINS, replace(SMALL, below_amount=sats(2_000_000), quorums=BOTH)),
        payees=(contractor,),
    )
    treasury.parts = replace(treasury.parts, policy=policy)
    treasury.receive(3_000_000)
    books = treasury.parts.books
    assert isinstance(books, SimulatedBooks)
    drill = PayoutDrill(books, UncountedLedger(books), SimulatedMovements(books), policy, treasury.now)
    drill.opened(told)
    drill.paid(told, csv_of("contractor,0.0062 BTC,refund"), "620000 sat")
    assert drill.held(told.fund) == told.budget.units - 620_000
    treasury.now = drill.now
    ceilings = FeeCeilings(sats(200_000), 200)
    for _ in range(2):
        (found,) = propose_spends(
            drill.desk, treasury.treasury, "batch-1", officer("dara"), ceilings, FeeWish(rate_sat_per_kvb=2_000)
        )
        (spend,) = found.spends
        (payment,) = spend.instruction.payments
        assert (spend.id, payment.address, payment.amount_sats) == ("batch-1-1-001", PAYEE, 620_000)
        assert spend.approvals == ()
    balance = drill.ledger.account(told.cost)
    assert balance is not None
    assert balance.balance == Amount(told.budget.units - 620_000, Commodity.BTC)


def test_a_deficit_or_halted_credits_let_no_coin_out() -> None:
    """Nothing is credited in coin while claims stand above coins, or until officers have let credits in again."""
    told = limited(campaign(id="royalty-2026"), "BTC", "0.001", "0.01", "0.02", "0.5")
    drill = twin_drill(2)
    assert isinstance(drill.ledger, UncountedLedger)
    drill.opened(told)
    drill.prepared(told, csv_of("p-000001,620000 sat,royalty"))
    drill.approved()
    whole = Backing(Commodity.BTC, 50_000_000, 0, 0, 0, 0, 0, 50_000_000, 0, is_halted=False)
    for backing in (replace(whole, proven=49_999_999), replace(whole, is_halted=True)):
        drill.ledger.backed_by = backing
        with pytest.raises(PayoutHalted, match="above what stands behind them"):
            drill.entered("620000 sat")
    drill.ledger.backed_by = whole
    drill.entered("620000 sat")


def test_an_account_that_no_bank_takes_is_told_when_the_batch_is_prepared() -> None:
    """Wrong check digits of an IBAN, with the line of the file, before anybody approves it."""
    drill = twin_drill(3)
    drill.opened(PAYROLL)
    with pytest.raises(Faults, match="check digits of the IBAN PK44BANK") as told:
        drill.prepared(PAYROLL, STAFF.replace(b"PK43BANK", b"PK44BANK"))
    assert [(fault.file, fault.line, fault.key) for fault in told.value.faults] == [("batch.csv", 3, "account")]
