"""A campaign: one asset, a fund of its own, limits per payee and in total, and what a single amount may be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import cast

from zakhira.kernel.canonical import Json, content_hash
from zakhira.kernel.errors import Fault, Faults
from zakhira.kernel.money import COINS, Amount, BadAmount, Commodity, parse_amount
from zakhira.settlement.payouts.faults import BadCampaign, fault

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MOST_ID_CHARACTERS = 20
"""With a payout's number it stands in a bank's reference of 35 characters (ISO 20022, Max35Text)."""
MOST_CHARACTERS = 140
"""Of a reason: what a bank carries to the payee (ISO 20022, Max140Text)."""
MOST_MINUTES = 7 * 24 * 60
MOST_PAYEES = 10_000_000
"""A budget for more payees than this, at the most for each, is a budget in another unit [E]: more people than are paid
by any one programme of the country (low 1 million, high 50 million)."""


class Way(Enum):
    """How payees get it."""

    ACCOUNTS = "accounts"
    """credited to the participants' accounts in these books"""
    COIN = "coin"
    """paid by a spend of a vault"""
    BANK = "bank"
    """ordered from a bank"""


@dataclass(frozen=True)
class Campaign:
    """What may be paid, to the least unit. Amounts are all of the campaign's asset; terms never change once it is open.

    ``lowest`` to ``highest`` is the stated range of a single amount. ``part_minutes`` pass at least between two parts
    of a release. ``debtor`` (holder, number, bank) is our account for :attr:`Way.BANK`; ``vault``, ``purpose`` and
    ``clause`` are those of the spend for :attr:`Way.COIN`.
    """

    id: str
    title: str
    budget: Amount
    most_per_payee: Amount
    lowest: Amount
    highest: Amount
    way: Way
    reasons: tuple[str, ...]
    part_minutes: int
    debtor: tuple[str, str, str] = ("", "", "")
    vault: str = ""
    purpose: str = ""
    clause: str = ""

    @property
    def asset(self) -> Commodity:
        """The one commodity that it pays."""
        return self.budget.commodity

    @property
    def fund(self) -> str:
        """Code of the account that it pays from: a liability, which the database lets nobody take below 0."""
        return f"liabilities:campaigns:{self.id}:{self.asset.value}"

    @property
    def cost(self) -> str:
        """Code of the expense account from which the fund is filled."""
        return f"expenses:campaigns:{self.id}:{self.asset.value}"

    @property
    def ordered(self) -> str:
        """Code of the account of what was ordered from a bank and is not proven paid."""
        return f"liabilities:ordered:{self.id}:{self.asset.value}"

    @property
    def tax(self) -> str:
        """Code of the account of taxes that were withheld."""
        return f"liabilities:withheld:{self.id}:{self.asset.value}"

    @property
    def hash(self) -> str:
        """SHA-256 over the canonical bytes of the terms, in hex: what officers approve."""
        return content_hash(campaign_json(self))


def campaign_json(campaign: Campaign) -> dict[str, Json]:
    """The terms as plain data."""
    return {
        "id": campaign.id,
        "title": campaign.title,
        "asset": campaign.asset.value,
        "budget": str(campaign.budget.units),
        "most_per_payee": str(campaign.most_per_payee.units),
        "lowest": str(campaign.lowest.units),
        "highest": str(campaign.highest.units),
        "way": campaign.way.value,
        "reasons": list(campaign.reasons),
        "part_minutes": campaign.part_minutes,
        "debtor": list(campaign.debtor),
        "vault": campaign.vault,
        "purpose": campaign.purpose,
        "clause": campaign.clause,
    }


def campaign_of(told: Mapping[str, Json]) -> Campaign:
    """The campaign that :func:`campaign_json` wrote."""
    asset = Commodity(told["asset"])
    holder, number, bank = cast("list[str]", told["debtor"])

    def amount(name: str) -> Amount:
        return Amount(int(str(told[name])), asset)

    return Campaign(
        id=str(told["id"]),
        title=str(told["title"]),
        budget=amount("budget"),
        most_per_payee=amount("most_per_payee"),
        lowest=amount("lowest"),
        highest=amount("highest"),
        way=Way(told["way"]),
        reasons=tuple(cast("list[str]", told["reasons"])),
        part_minutes=cast("int", told["part_minutes"]),
        debtor=(holder, number, bank),
        vault=str(told["vault"]),
        purpose=str(told["purpose"]),
        clause=str(told["clause"]),
    )


_TEXTS = ("id", "title", "way")
_AMOUNTS = ("budget", "most_per_payee", "lowest", "highest")
_OF_WAY = {
    Way.ACCOUNTS: (),
    Way.COIN: ("vault", "purpose", "clause"),
    Way.BANK: ("debtor_name", "debtor_account"),
}
_OPTIONAL = ("debtor_bank",)
_PAID_BY = {Way.ACCOUNTS: tuple(Commodity), Way.COIN: COINS, Way.BANK: (Commodity.PKR, Commodity.USD)}


def read_campaign(told: Mapping[str, object], file: str) -> Campaign:
    """The campaign of a person's file: texts, ``reasons`` as a list, ``part_minutes`` as a whole number.

    Raises:
        Faults: everything that is wrong in it.
    """
    faults = [fault(BadCampaign, file, 0, key, message, remedy) for key, message, remedy in _form_faults(told)]
    amounts: dict[str, Amount] = {}
    for name in _AMOUNTS:
        try:
            amounts[name] = parse_amount(str(told.get(name, "")))
        except BadAmount as error:
            faults.append(fault(BadCampaign, file, 0, name, error.message, error.remedy))
    if not faults:
        campaign = _campaign(told, amounts)
        faults += [fault(BadCampaign, file, 0, key, message, remedy) for key, message, remedy in _sense(campaign)]
        if not faults:
            return campaign
    raise Faults(_distinct(faults))


def _distinct(faults: list[Fault]) -> list[Fault]:
    return list(dict.fromkeys(faults))


def _campaign(told: Mapping[str, object], amounts: Mapping[str, Amount]) -> Campaign:
    return Campaign(
        id=str(told["id"]),
        title=str(told["title"]),
        way=Way(str(told["way"])),
        reasons=tuple(str(item) for item in cast("list[object]", told["reasons"])),
        part_minutes=cast("int", told["part_minutes"]),
        debtor=(
            str(told.get("debtor_name", "")),
            str(told.get("debtor_account", "")),
            str(told.get("debtor_bank", "")),
        ),
        vault=str(told.get("vault", "")),
        purpose=str(told.get("purpose", "")),
        clause=str(told.get("clause", "")),
        **amounts,
    )


_Found = Iterator[tuple[str, str, str]]


def _form_faults(told: Mapping[str, object]) -> _Found:
    ways = {way.value: way for way in Way}
    way = ways.get(str(told.get("way")))
    if way is None:
        yield "way", f"{told.get('way')!r} is no way to pay.", f"Use one of {', '.join(ways)}."
    of_way = _OF_WAY[way] if way else ()
    known = {*_TEXTS, *_AMOUNTS, *of_way, "reasons", "part_minutes", *(_OPTIONAL if way is Way.BANK else ())}
    for name in sorted(set(told) - known):
        yield name, "it is not known here.", f"Use {', '.join(sorted(known))}."
    for name in (*_TEXTS, *of_way):
        value = told.get(name)
        if value is None:
            yield name, "it is missing.", "Write it down; docs/payouts.md tells what each key is."
        elif not isinstance(value, str) or not value.strip() or not value.isprintable() or len(value) > MOST_CHARACTERS:
            yield name, f"{value!r} is no text of 1 to {MOST_CHARACTERS} characters.", "Write it in quotes."
    reasons = told.get("reasons")
    if not isinstance(reasons, list) or not reasons or not all(_is_reason(item) for item in reasons):
        yield "reasons", f"{reasons!r} is no list of reasons.", 'Write it like ["stipend"].'
    minutes = told.get("part_minutes")
    if type(minutes) is not int or not 0 <= minutes <= MOST_MINUTES:
        yield "part_minutes", f"{minutes!r} are no minutes between two parts.", f"Give 0 to {MOST_MINUTES}."


def _is_reason(item: object) -> bool:
    return isinstance(item, str) and bool(item.strip()) and item.isprintable() and len(item) <= MOST_CHARACTERS


def _sense(campaign: Campaign) -> _Found:
    """What contradicts itself in terms whose form is right."""
    if _ID.fullmatch(campaign.id) is None or len(campaign.id) > MOST_ID_CHARACTERS:
        what = f"{campaign.id!r} is no id of up to {MOST_ID_CHARACTERS} small letters, digits and hyphens."
        yield "id", what, "Write it like 'stipend-2026'."
    named = {name: cast("Amount", getattr(campaign, name)) for name in _AMOUNTS}
    others = [name for name, amount in named.items() if amount.commodity is not campaign.asset]
    for name in others:
        yield name, f"{named[name]} is not of the budget's unit {campaign.asset.unit}.", "Use one unit."
    for name, amount in named.items():
        if amount.units <= 0:
            yield name, f"{amount} is not above 0.", "Give an amount above 0."
    if not others and not (campaign.lowest <= campaign.highest <= campaign.most_per_payee <= campaign.budget):
        what = f"lowest {campaign.lowest}, highest {campaign.highest}, most_per_payee {campaign.most_per_payee} and "
        yield "budget", f"{what}budget {campaign.budget} do not rise.", "Give each at least the one before it."
    if not others and campaign.budget.units > MOST_PAYEES * max(1, campaign.most_per_payee.units):
        what = f"{campaign.budget} is more than {campaign.most_per_payee} for each of {MOST_PAYEES:,} payees."
        yield "budget", what, "Look at the unit."
    if campaign.asset not in _PAID_BY[campaign.way]:
        what = f"{campaign.asset.unit} is not paid by {campaign.way.value}."
        yield "way", what, "Coins are paid in coin, money by a bank; accounts hold both."
