"""A transaction as a picture: coins on the left, who is paid, what comes back and the fee on the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from zakhira.reports.numbers import THIN_SPACE, btc, btc_prose, percent, prose, whole, with_unit

MOST_DRAWN = 8
"""So many coins or payments have a strand of their own; the rest is one strand that says how many it holds."""
BAR_LETTERS = 16
_EIGHTHS = " ▏▎▍▌▋▊▉"
_FULL = {"coin": "█", "paid": "▓", "comes back": "█", "fee": "▒", "NOT APPROVED": "X"}


class Kind(Enum):
    """What a strand is."""

    COIN = "coin"
    PAID = "paid"
    STRANGE = "NOT APPROVED"
    CHANGE = "comes back"
    FEE = "fee"


@dataclass(frozen=True)
class Strand:
    """Sats that come from a place or go to one. ``place`` is an address, or words where it is one of our own vaults."""

    kind: Kind
    place: str
    amount_sats: int
    count: int = 1
    """how many coins or outputs it stands for"""


@dataclass(frozen=True)
class SpendPicture:
    """The data of the picture. Both sides sum to ``total_sats``; widths are shares of it."""

    id: str
    title: str
    description: str
    coins: tuple[Strand, ...]
    outputs: tuple[Strand, ...]
    total_sats: int
    source: str
    data: tuple[str, ...] = ()
    """what an output of 0 sat says, in lines of words, the first of them a phrase; empty where there is none"""

    def share(self, strand: Strand) -> float:
        """How much of all that moves this strand is."""
        return strand.amount_sats / self.total_sats


def _grouped(strands: Sequence[Strand], words: str) -> tuple[Strand, ...]:
    """The largest, each alone, and the rest as one."""
    ordered = sorted(strands, key=lambda item: (-item.amount_sats, item.place))
    if len(ordered) <= MOST_DRAWN + 1:
        return tuple(ordered)
    rest = ordered[MOST_DRAWN:]
    held = sum(item.count for item in rest)
    place = f"{whole(held)} further {words}"
    return (*ordered[:MOST_DRAWN], Strand(rest[0].kind, place, sum(item.amount_sats for item in rest), held))


def _sum(strands: Sequence[Strand], kind: Kind) -> int:
    return sum(item.amount_sats for item in strands if item.kind is kind)


def _coins(amount_sats: int) -> str:
    return with_unit(btc(amount_sats), "BTC")


def _title(vault: str, outputs: Sequence[Strand], fee_sats: int, data: Sequence[str]) -> str:
    """The message in prose; exact amounts stand beside the strands."""
    strange = _sum(outputs, Kind.STRANGE)
    if strange:
        return f"{btc_prose(strange)} of vault {vault} would go where nobody approved it"
    paid = [item for item in outputs if item.kind is Kind.PAID]
    back = _sum(outputs, Kind.CHANGE)
    to = f"to {whole(len(paid))} places" if len(paid) > 1 else "to one place"
    rest = f"{btc_prose(back)} comes back" if back else "nothing comes back"
    said = f", and it {data[0]}" if data else ""
    paid_btc = btc_prose(_sum(outputs, Kind.PAID))
    return f"Vault {vault} pays {paid_btc} {to}, {rest}, the fee is {btc_prose(fee_sats)}{said}"


def fee_words(fee_sats: int, vsize: int, paid_sats: int) -> str:
    """The fee in sat, for each virtual byte, and as a share of what is paid."""
    parts = [with_unit(whole(fee_sats), "sat")]
    if vsize:
        parts.append(with_unit(prose(fee_sats / vsize), "sat/vB"))
    if paid_sats:
        parts.append(f"{percent(fee_sats / paid_sats)} of what is paid")
    return ", ".join(parts)


def spend_picture(
    subject: str,
    vault: str,
    coins: Sequence[Strand],
    outputs: Sequence[Strand],
    vsize: int,
    source: str,
    data: tuple[str, ...] = (),
) -> SpendPicture:
    """The picture of a spend of these coins to these outputs; what is left of the coins is the fee.

    ``subject`` names the spend and becomes the id of the drawing; ``outputs`` are of the kinds paid, comes back and
    not approved, without the fee. ``vsize`` (virtual bytes) is 0 where it is not known. The coins hold at least what
    the outputs do: the caller has checked that. ``data`` is what an output of 0 sat says, in words: it is no strand,
    since nothing flows there.
    """
    total_sats = sum(item.amount_sats for item in coins)
    fee_sats = total_sats - sum(item.amount_sats for item in outputs)
    assert fee_sats >= 0, "outputs hold no more than the coins"
    assert total_sats > 0, "a spend moves something"
    paid = [item for item in outputs if item.kind is Kind.PAID]
    grouped = (
        *_grouped(paid, "payments"),
        *_grouped([item for item in outputs if item.kind is Kind.STRANGE], "outputs that nobody approved"),
        *_grouped([item for item in outputs if item.kind is Kind.CHANGE], "outputs that come back"),
    )
    words = fee_words(fee_sats, vsize, _sum(outputs, Kind.PAID))
    right = (*grouped, Strand(Kind.FEE, words, fee_sats)) if fee_sats else grouped
    left = _grouped([replace(item, kind=Kind.COIN) for item in coins], "coins")
    name = "".join(letter if letter.isalnum() else "-" for letter in subject.lower())
    return SpendPicture(
        f"spend-{name}",
        _title(vault, outputs, fee_sats, data),
        _description(left, right, data),
        left,
        right,
        total_sats,
        source,
        data,
    )


def _description(coins: Sequence[Strand], outputs: Sequence[Strand], data: Sequence[str]) -> str:
    """What the picture shows, for those who do not see it."""
    left = "; ".join(f"{_coins(item.amount_sats)} from {item.place}" for item in coins)
    right = "; ".join(f"{item.kind.value}: {_coins(item.amount_sats)}, {item.place}" for item in outputs)
    said = f" Data: {', '.join(data)}." if data else ""
    return f"Strands as wide as their amounts. In: {left}. Out: {right}.{said}"


def _bar(share: float, kind: Kind) -> str:
    """A bar of at most BAR_LETTERS, never empty."""
    eighths = max(1, round(share * BAR_LETTERS * 8))
    full, part = divmod(eighths, 8)
    return _FULL[kind.value] * full + (_EIGHTHS[part] if part else "")


def picture_rows(picture: SpendPicture) -> tuple[tuple[str, str, str], ...]:
    """The picture for a terminal: bar, BTC to 8 decimals, and words; a row of words alone begins each part."""
    rows: list[tuple[str, str, str]] = []
    last: Kind | None = None
    for strand in (*picture.coins, *picture.outputs):
        if strand.kind is not last:
            rows.append(("", "", f"{_HEADS[strand.kind]}:"))
            last = strand.kind
        share = percent(picture.share(strand))
        place = strand.place if strand.kind is not Kind.COIN else f"{strand.place}{THIN_SPACE}({share})"
        rows.append((_bar(picture.share(strand), strand.kind), btc(strand.amount_sats), place))
    if picture.data:
        rows += [("", "", "data, 0 sat:"), *(("", "", line) for line in picture.data)]
    return tuple(rows)


_HEADS = {
    Kind.COIN: "coins that are spent",
    Kind.PAID: "paid",
    Kind.STRANGE: "NOT APPROVED",
    Kind.CHANGE: "comes back to us",
    Kind.FEE: "fee to the miner",
}
