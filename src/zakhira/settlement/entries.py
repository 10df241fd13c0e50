"""What a day, a royalty and a sweep come to in the ledger: balanced entries, each coin with its lot."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from zakhira.kernel.errors import InvalidInput
from zakhira.kernel.ids import derive_id
from zakhira.kernel.money import Amount, Commodity, sats, split_units
from zakhira.ledger.entry import Entry, Lot, Posting
from zakhira.programme.energy_accounts import energy_use_account, surplus_account
from zakhira.settlement.day import LicenseeDay, SettledDay
from zakhira.settlement.measure import share_of

INTAKE = "assets:vault:intake"
COLD = "assets:vault:cold"
ROYALTY = "income:royalty"
COMMUNITY_OWED = "liabilities:community"
COMMUNITY_SHARE = "expenses:community"
NETWORK_FEES = "expenses:network-fees"
ENERGY_DUE = "assets:receivable:energy"
ENERGY_SOLD = "income:energy"
RENT_DUE = "assets:receivable:rent"
RENT_EARNED = "income:rent"


class NotAnAmount(InvalidInput):
    """A royalty or an input of a sweep is not above zero, or a fee is below."""

    code = "ZK-SETTLEMENT-003"


class SweepUnbalanced(InvalidInput):
    """The inputs of a sweep are not what arrives and the fee together."""

    code = "ZK-SETTLEMENT-004"


def entries_for_day(settled: SettledDay, at: datetime) -> tuple[Entry, ...]:
    """Each licensee's energy in watt-hours, its invoice in rupees and rent in US dollars; nothing for nothing."""
    entries = []
    for item in settled.licensees:
        who, day = item.licensee, settled.day
        if item.zones:
            entries.append(_energy(item, day, at))
        if item.energy_paisa:
            amount = Amount(item.energy_paisa, Commodity.PKR)
            words = f"Surplus energy of {who}, day {day}: {item.energy_mwh:.3f} MWh"
            entries.append(_claim("energy", who, day, at, words, ENERGY_DUE, ENERGY_SOLD, amount))
        if item.rent_cents:
            amount = Amount(item.rent_cents, Commodity.USD)
            words = f"Share of the AI revenue of {who}, day {day}: {item.gpu_hours:.1f} GPU-hours"
            entries.append(_claim("rent", who, day, at, words, RENT_DUE, RENT_EARNED, amount))
    return tuple(entries)


def meter_day(day: int, licensee: str) -> str:
    """What an entry of energy rests on: the readings of a licensee's meters on a day."""
    return f"meter-day:{day:04d}:{licensee}"


def _energy(item: LicenseeDay, day: int, at: datetime) -> Entry:
    """From the surplus of each zone to the licensee's use."""
    used = Amount(sum(zone.energy_wh for zone in item.zones), Commodity.WH)
    postings = [Posting(energy_use_account(item.licensee), used)]
    postings += [Posting(surplus_account(zone.zone), Amount(-zone.energy_wh, Commodity.WH)) for zone in item.zones]
    words = f"Surplus energy used by {item.licensee}, day {day}: {used}"
    evidence = meter_day(day, item.licensee)
    return Entry(derive_id("entry", "meter", item.licensee, day), at, words, evidence, tuple(postings))


def _claim(  # an entry is made of its parts
    kind: str, who: str, day: int, at: datetime, words: str, due: str, earned: str, amount: Amount
) -> Entry:
    postings = (Posting(due, amount), Posting(earned, -amount))
    return Entry(derive_id("entry", kind, who, day), at, words, f"settlement:{day}:{who}", postings)


def royalty_entry(  # an entry is made of its parts
    licensee: str, day: int, lot: Lot, amount_sats: int, community_share: float, at: datetime
) -> Entry:
    """Coins of a royalty that arrived in the intake vault, and the community's share of them as a claim.

    ``lot`` names the outpoint that holds ``amount_sats``; the community's share is rounded down to whole satoshi.

    Raises:
        NotAnAmount: nothing arrived.
    """
    if amount_sats <= 0:
        raise NotAnAmount(f"A royalty of {amount_sats} sat is none.", "Book what the chain shows.")
    owed = share_of(amount_sats, community_share)
    postings = [Posting(INTAKE, sats(amount_sats), lot), Posting(ROYALTY, sats(-amount_sats), lot)]
    if owed:
        postings += [Posting(COMMUNITY_SHARE, sats(owed), lot), Posting(COMMUNITY_OWED, sats(-owed), lot)]
    txid = lot.outpoint.partition(":")[0]
    words = f"Royalty of {licensee}, day {day}"
    return Entry(derive_id("entry", "royalty", lot.outpoint), at, words, txid, tuple(postings))


def sweep_entry(sweep: str, inputs: Sequence[tuple[Lot, int]], destination: Lot, fee_sats: int, at: datetime) -> Entry:
    """Coins that moved from the intake to the cold vault.

    ``inputs`` are the lots that were spent with their satoshi; each of them is closed. The network's fee is split over
    them by their size (largest remainder) and keeps their lots; the rest is the new lot ``destination`` in cold.

    Raises:
        NotAnAmount: no input, an input that is not above zero, or a negative fee.
        SweepUnbalanced: the fee is not below what was spent.
    """
    amounts = [amount for _, amount in inputs]
    if not amounts or min(amounts) <= 0 or fee_sats < 0:
        raise NotAnAmount(
            f"Inputs of {amounts} sat and a fee of {fee_sats} are no sweep.", "Book what the chain shows."
        )
    moved = sum(amounts) - fee_sats
    if moved <= 0:
        raise SweepUnbalanced(f"A fee of {fee_sats} sat eats inputs of {sum(amounts)}.", "Check the transaction.")
    fees = split_units(fee_sats, amounts)
    postings = [Posting(INTAKE, sats(-amount), lot) for lot, amount in inputs]
    postings += [Posting(NETWORK_FEES, sats(fee), lot) for (lot, _), fee in zip(inputs, fees, strict=True) if fee]
    postings.append(Posting(COLD, sats(moved), destination))
    txid = destination.outpoint.partition(":")[0]
    words = f"Sweep {sweep} of {len(amounts)} coins to the cold vault"
    return Entry(derive_id("entry", "sweep", destination.outpoint), at, words, txid, tuple(postings))
