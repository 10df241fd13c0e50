"""A whole batch against its campaign: who is paid, how much, for what, and what is left; every fault at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from zakhira.kernel.errors import Fault, InvalidInput
from zakhira.kernel.money import Amount
from zakhira.settlement.payouts.batch import Batch, PayoutRow, WrittenRow
from zakhira.settlement.payouts.campaign import Campaign, Way
from zakhira.settlement.payouts.faults import (
    AboveBudget,
    AbovePayeeLimit,
    AccountAsAmount,
    BadTaxLines,
    ImplausibleAmount,
    NotTheAsset,
    NowhereToPay,
    OneAccountForTwo,
    OtherAccountThanBefore,
    OtherReason,
    PaidTwice,
    UnknownPayee,
    fault,
)
from zakhira.settlement.payouts.plausible import implausible, usual_amount
from zakhira.settlement.payouts.reading import read_rows

FEWEST_ACCOUNT_DIGITS = 5
"""A number with fewer digits is an amount like any other [E]: account numbers have 8 to 24 digits."""


@dataclass(frozen=True)
class Known:
    """What the books know that a batch is held against, in least units of the campaign's asset.

    ``payees``: the payees of the batch that there are, each with the numbers that name them (an id, an account).
    ``promised``: what each payee has got from the campaign or is to get from other batches of it; ``total`` of all.
    ``history``: single amounts that the campaign has paid. ``accounts``: where it pays each payee, or has paid, as
    :func:`plain_account` gives it.
    """

    payees: Mapping[str, tuple[str, ...]]
    promised: Mapping[str, int] = field(default_factory=dict)
    total: int = 0
    history: Sequence[int] = ()
    accounts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Checked:
    """A batch that may be put forward, or everything that is wrong with it."""

    batch: Batch | None
    faults: tuple[Fault, ...]


def check_written(campaign: Campaign, known: Known, written: Sequence[WrittenRow], file: str) -> Checked:
    """Read the rows and hold them against the campaign; one bad row, and there is no batch."""
    understood = read_rows(written, file)
    faults = (*understood.faults, *batch_faults(campaign, known, understood.rows, file))
    return Checked(None if faults else Batch(understood.rows), tuple(sorted(set(faults))))


def plain_account(account: str) -> str:
    """A number of an account, or an address, in the one spelling that is compared."""
    return "".join(filter(str.isalnum, account)).upper()


def batch_faults(campaign: Campaign, known: Known, rows: Sequence[PayoutRow], file: str) -> Iterator[Fault]:
    """Everything that is wrong with rows whose form is right."""
    usual = usual_amount(campaign, known.history)
    first: dict[str, int] = {}
    for row in rows:
        if row.payee in first:
            what = f"{row.payee} stands in line {first[row.payee]} as well."
            yield fault(PaidTwice, file, row.line, "payee", what, "Pay each payee once in a batch.")
        first.setdefault(row.payee, row.line)
        for cause, key, message, remedy in _row_faults(campaign, known, usual, row):
            yield fault(cause, file, row.line, key, message, remedy)
    yield from _account_faults(campaign, known, rows, file)
    yield from _total_faults(campaign, known, rows, file)


def _account_faults(campaign: Campaign, known: Known, rows: Sequence[PayoutRow], file: str) -> Iterator[Fault]:
    """An account is one payee's, and a payee has one, over all batches: limits per payee are else limits per word."""
    paid = {account: f"{payee} in this campaign" for payee, account in known.accounts.items() if account}
    if campaign.way is Way.BANK:
        paid[plain_account(campaign.debtor[1])] = f"campaign {campaign.id} itself"
    owners = {account: payee for payee, account in known.accounts.items()}
    for row in rows:
        account = _account_of(campaign, known, row)
        if not account:
            continue
        if owners.get(account) != row.payee and account in paid:
            what = f"{account} of {row.payee} is the account of {paid[account]}."
            yield fault(OneAccountForTwo, file, row.line, "account", what, "Pay each payee to an account of their own.")
        before = known.accounts.get(row.payee, "")
        if before and before != account:
            what = f"{row.payee} is paid to {before} in this campaign, not to {account}."
            remedy = "Ask the payee in person. An account that has changed is paid by another campaign."
            yield fault(OtherAccountThanBefore, file, row.line, "account", what, remedy)
        paid.setdefault(account, f"{row.payee} in line {row.line}")
        owners.setdefault(account, row.payee)


def _account_of(campaign: Campaign, known: Known, row: PayoutRow) -> str:
    """Where a row's amount arrives outside these books: a bank's account, or the one address on the policy's list."""
    if campaign.way is Way.COIN:
        return plain_account(next(iter(known.payees.get(row.payee, ())), ""))
    return plain_account(row.account) if campaign.way is Way.BANK else ""


_Found = Iterator[tuple[type[InvalidInput], str, str, str]]


def _row_faults(campaign: Campaign, known: Known, usual: Amount, row: PayoutRow) -> _Found:
    numbers = known.payees.get(row.payee)
    if numbers is None:
        where = "on the policy's list of payees" if campaign.way is Way.COIN else "a participant of these books"
        yield UnknownPayee, "payee", f"{row.payee!r} is not {where}.", "Correct the id, or enter the payee first."
    if row.reason not in campaign.reasons:
        allowed = ", ".join(campaign.reasons)
        yield OtherReason, "reason", f"campaign {campaign.id} does not pay for {row.reason!r}.", f"It pays: {allowed}."
    digits = "".join(filter(str.isdigit, row.written))
    for number in (*(numbers or ()), row.account):
        if len(digits) >= FEWEST_ACCOUNT_DIGITS and digits == "".join(filter(str.isdigit, number)):
            what = f"{row.written!r} is the number {number} of payee {row.payee}."
            yield AccountAsAmount, "amount", what, "Write the amount, not the account."
    why = implausible(campaign, usual, row.amount, row.written)
    if why:
        cause = NotTheAsset if row.amount.commodity is not campaign.asset else ImplausibleAmount
        yield cause, "amount", why, "Look into the source document."
    yield from _place_faults(campaign, row)
    if row.amount.commodity is campaign.asset:
        before = known.promised.get(row.payee, 0)
        if before + row.amount.units > campaign.most_per_payee.units:
            told = f" with the {Amount(before, campaign.asset)} before" if before else ""
            what = f"{row.amount} for {row.payee}{told} is above {campaign.most_per_payee} for one payee."
            yield AbovePayeeLimit, "amount", what, "Pay less, or open a campaign with another limit."


def _place_faults(campaign: Campaign, row: PayoutRow) -> _Found:
    if campaign.way is Way.BANK and not (row.account and row.name):
        yield NowhereToPay, "account", "a bank needs the payee's name and account.", "Fill in name and account."
    if campaign.way is not Way.BANK and (row.account or row.bank):
        what = f"campaign {campaign.id} pays by {campaign.way.value}, not to a bank."
        yield NowhereToPay, "account", what, "Leave account and bank out."
    if campaign.way is Way.COIN and row.tax is not None:
        yield BadTaxLines, "tax", "taxes are withheld in money, not in coin.", "Pay the gross amount."


def _total_faults(campaign: Campaign, known: Known, rows: Sequence[PayoutRow], file: str) -> Iterator[Fault]:
    total = sum(row.takes.units for row in rows if row.takes.commodity is campaign.asset)
    left = campaign.budget.units - known.total
    if total > left:
        shown = _shown(total, campaign)
        what = f"{shown} in all is above the {Amount(left, campaign.asset)} that is left of {campaign.budget}."
        yield fault(AboveBudget, file, 0, "amount", what, "Leave rows out, or open a campaign with another budget.")


def _shown(units: int, campaign: Campaign) -> str:
    """A sum that may be too large for an amount, in the written unit."""
    whole, part = divmod(units, 10**campaign.asset.decimals)
    return f"{whole:,}.{part:0{campaign.asset.decimals}d} {campaign.asset.unit}".replace(".0 Wh", " Wh")
