"""The picture of a transaction as data: both sides sum, large spends are grouped, and words say what they do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zakhira.reports.spend_picture import (
    BAR_LETTERS,
    MOST_DRAWN,
    Kind,
    SpendPicture,
    Strand,
    fee_words,
    picture_rows,
    spend_picture,
)


def picture(coins: list[int], paid: list[int], change: list[int], strange: list[int] | None = None) -> SpendPicture:
    """A picture of these amounts."""
    outputs = [Strand(Kind.PAID, f"address-{n}", sats) for n, sats in enumerate(paid)]
    outputs += [Strand(Kind.CHANGE, f"cold, change {n}", sats) for n, sats in enumerate(change)]
    outputs += [Strand(Kind.STRANGE, f"stranger-{n}", sats) for n, sats in enumerate(strange or [])]
    given_coins = [Strand(Kind.COIN, f"cold, receive {n}", sats) for n, sats in enumerate(coins)]
    return spend_picture("Spend 12", "cold", given_coins, outputs, 200, "Source: a test")


AMOUNTS = st.lists(st.integers(1, 10**12), min_size=1, max_size=60)


@given(paid=AMOUNTS, change=st.lists(st.integers(1, 10**12), max_size=4), fee=st.integers(0, 10**9))
def test_both_sides_sum_and_no_side_is_long(paid: list[int], change: list[int], fee: int) -> None:
    """Whatever is grouped, no satoshi is lost, and nobody has to look at sixty strands."""
    total = sum(paid) + sum(change) + fee
    drawn = picture([total - total // 3, total // 3] if total > 2 else [total], paid, change)
    assert sum(item.amount_sats for item in drawn.coins) == drawn.total_sats == total
    assert sum(item.amount_sats for item in drawn.outputs) == total
    assert sum(item.count for item in drawn.outputs if item.kind is Kind.PAID) == len(paid)
    assert len(drawn.outputs) <= MOST_DRAWN + 1 + len(change) + 1
    assert abs(sum(map(drawn.share, drawn.outputs)) - 1) < 1e-9
    assert all(1 <= len(row[0]) <= BAR_LETTERS for row in picture_rows(drawn) if row[1])


def test_a_thousand_payments_are_nine_strands() -> None:
    """The largest alone, the rest as one that says how many it holds."""
    drawn = picture([10**9] * 200, [10**6 + n for n in range(1000)], [5 * 10**9])
    paid = [item for item in drawn.outputs if item.kind is Kind.PAID]
    assert [item.count for item in paid] == [1] * MOST_DRAWN + [992]
    assert paid[0].amount_sats == 10**6 + 999
    assert paid[-1].place == "992 further payments"
    assert drawn.coins[-1].place == "192 further coins"
    assert "to 1\u202f000 places" in drawn.title


def test_the_title_says_what_happens() -> None:
    """Paid, what comes back, the fee; and before all of it what nobody approved."""
    assert picture([5_000_000], [1_000_000], [3_990_000]).title.replace("\u202f", " ") == (
        "Vault cold pays 0.01 BTC to one place, 0.039 9 BTC comes back, the fee is 0.000 1 BTC"
    )
    assert "nothing comes back" in picture([5], [4], []).title
    warned = picture([500_000_000], [], [1_000_000], [498_000_000])
    assert warned.title.replace("\u202f", " ") == "4.98 BTC of vault cold would go where nobody approved it"
    assert "NOT APPROVED: 4.980" in warned.description


def test_a_spend_without_a_fee_has_no_strand_for_it() -> None:
    """Four go in and four come out."""
    assert [item.kind for item in picture([4], [4], []).outputs] == [Kind.PAID]


def test_the_rows_of_a_terminal_name_each_part_once() -> None:
    """Coins, paid, comes back, fee, in this order; addresses in whole."""
    rows = picture_rows(picture([3_000_000, 2_000_000], [1_000_000], [3_990_000]))
    assert [row[2] for row in rows if not row[1]] == [
        "coins that are spent:",
        "paid:",
        "comes back to us:",
        "fee to the miner:",
    ]
    assert rows[1][2].startswith("cold, receive 0")
    assert len(rows[1][0]) > len(rows[2][0])


def test_the_fee_in_words() -> None:
    """In sat, for each virtual byte, as a share; what is not known is left out."""
    assert fee_words(10_000, 376, 1_000_000).replace("\u202f", " ") == "10 000 sat, 26.6 sat/vB, 1.0% of what is paid"
    assert fee_words(7, 0, 0).replace("\u202f", " ") == "7 sat"


def test_data_moves_nothing_and_is_said_in_words() -> None:
    """An anchor is no strand: both sides sum without it; title, description and the last rows of a terminal say it."""
    words = ("anchors the audit chain at position 12,345", "ab" * 32, "moves nothing")
    coins, outputs = [Strand(Kind.COIN, "cold, receive 0", 5_000_000)], [Strand(Kind.PAID, "address-1", 4_990_000)]
    drawn = spend_picture("Spend 12", "cold", coins, outputs, 200, "Source: a test", words)
    assert sum(item.amount_sats for item in drawn.outputs) == drawn.total_sats
    assert drawn.title.endswith(", and it anchors the audit chain at position 12,345")
    assert drawn.description.endswith(f" Data: {', '.join(words)}.")
    assert picture_rows(drawn)[-4:] == (("", "", "data, 0 sat:"), *(("", "", line) for line in words))
    plain = spend_picture("Spend 12", "cold", coins, outputs, 200, "Source: a test")
    assert picture_rows(drawn)[:-4] == picture_rows(plain)
