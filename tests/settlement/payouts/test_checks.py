"""Batches against their campaign: everything that is wrong is told at once, with line and column."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payout_drill import campaign, limited
from zakhira.kernel.money import Amount, Commodity, parse_amount
from zakhira.settlement.payouts.batch import WrittenRow, rows_json, rows_of
from zakhira.settlement.payouts.campaign import Way, campaign_json, campaign_of
from zakhira.settlement.payouts.checks import Checked, Known, check_written
from zakhira.settlement.payouts.plausible import implausible, usual_amount
from zakhira.settlement.payouts.reading import MOST_ROWS
from zakhira.settlement.payouts.release import parts_of

KNOWN = Known({f"p-{number}": () for number in range(1, 6)})


def written(*rows: str, head: str = "payee,amount,reason") -> tuple[WrittenRow, ...]:
    """Rows of texts between bars."""
    names = head.split(",")
    return tuple(WrittenRow(line, dict(zip(names, row.split("|"), strict=True))) for line, row in enumerate(rows, 2))


def codes(checked: Checked) -> list[tuple[int, str, str]]:
    """Line, column and the last digits of the code of each fault."""
    return [(fault.line, fault.key, fault.code[-3:]) for fault in checked.faults]


@pytest.mark.parametrize(
    ("row", "key", "code"),
    [
        ("p-1|1000|stipend", "amount", "021"),
        ("p-1|1000 EUR|stipend", "amount", "021"),
        ("p-1|1000.123 PKR|stipend", "amount", "021"),
        ("p-1|1e3 PKR|stipend", "amount", "021"),
        ("p-1|1,000 PKR|stipend", "amount", "021"),
        ("p-1|92233720368547758.08 PKR|stipend", "amount", "021"),
        ("p-1|21000001 BTC|stipend", "amount", "021"),
        ("p-1|\u0661\u0660\u0660\u0660 PKR|stipend", "amount", "021"),
        ("p-1|0 PKR|stipend", "amount", "022"),
        ("p-1|-1000 PKR|stipend", "amount", "022"),
        ("p-1|=1000 PKR|stipend", "amount", "028"),
        ("p-1|+1000 PKR|stipend", "amount", "028"),
        ("@p-1|1000 PKR|stipend", "payee", "028"),
        ("p-1|1000 PKR|-stipend", "reason", "028"),
        ("p-1|1000 PKR|\tstipend", "reason", "028"),
        ("p-1|1000 PKR|stipend\u202e", "reason", "020"),
        ("|1000 PKR|stipend", "payee", "020"),
        ("p-1||stipend", "amount", "020"),
        ("p-1|1000 USD|stipend", "amount", "023"),
        ("p-9|1000 PKR|stipend", "payee", "025"),
        ("p-1|1000 PKR|gift", "reason", "031"),
        ("p-1|999.99 PKR|stipend", "amount", "029"),
        ("p-1|50000.01 PKR|stipend", "amount", "029"),
        ("p-1|60000.01 PKR|stipend", "amount", "026"),
    ],
)
def test_each_bad_row_is_told_with_its_place(row: str, key: str, code: str) -> None:
    """A good row beside it changes nothing: there is no batch."""
    checked = check_written(campaign(), KNOWN, written("p-2|1000 PKR|stipend", row), "b.csv")
    assert checked.batch is None
    assert (3, key, code) in codes(checked)


def test_the_largest_amount_that_can_be_counted_is_read_and_refused_as_implausible() -> None:
    """2^63 - 1 paisa is an amount, 2^63 is none."""
    checked = check_written(campaign(), KNOWN, written("p-1|92233720368547758.07 PKR|stipend"), "b.csv")
    assert (2, "amount", "029") in codes(checked)
    assert (2, "amount", "021") not in codes(checked)


def test_a_payee_stands_in_a_batch_once() -> None:
    """Both lines are named."""
    checked = check_written(campaign(), KNOWN, written("p-1|1000 PKR|stipend", "p-1|2000 PKR|stipend"), "b.csv")
    assert codes(checked) == [(3, "payee", "024")]
    assert "line 2" in checked.faults[0].message


def test_the_budget_counts_what_other_batches_have_promised() -> None:
    """620,000 less 600,001 promised do not bear 20,000."""
    rows = written("p-1|20000 PKR|stipend")
    fits = check_written(campaign(), Known(KNOWN.payees, total=600_000_00), rows, "b.csv")
    assert fits.batch is not None
    too_much = check_written(campaign(), Known(KNOWN.payees, total=600_000_01), rows, "b.csv")
    assert codes(too_much) == [(0, "amount", "027")]


def test_no_rows_and_too_many() -> None:
    """A batch has a size."""
    assert codes(check_written(campaign(), KNOWN, (), "b.csv")) == [(0, "", "032")]
    rows = written(*["p-1|1000 PKR|stipend"]) * (MOST_ROWS + 1)
    assert (0, "", "032") in codes(check_written(campaign(), KNOWN, rows, "b.csv"))


HEAD = "payee,amount,reason,gross,tax"


def test_payroll_takes_gross_and_pays_net() -> None:
    """50,000 gross less 2,500 withheld is 47,500 to the payee, and 50,000 from the fund."""
    checked = check_written(campaign(), KNOWN, written("p-1|47500 PKR|salary|50000 PKR|2500 PKR", head=HEAD), "b.csv")
    assert checked.batch is not None
    assert (checked.batch.total, checked.batch.tax) == (parse_amount("50000 PKR"), parse_amount("2500 PKR"))
    assert rows_of(rows_json(checked.batch.rows)) == checked.batch.rows


@pytest.mark.parametrize(
    "row",
    [
        "p-1|47500 PKR|salary|50000 PKR|",
        "p-1|47500 PKR|salary||2500 PKR",
        "p-1|47500 PKR|salary|50000 PKR|2000 PKR",
        "p-1|47500 PKR|salary|50000 USD|2500 PKR",
    ],
)
def test_tax_lines_that_do_not_add_up(row: str) -> None:
    """Net is gross less tax, to the paisa, or the row is refused."""
    checked = check_written(campaign(), KNOWN, written(row, head=HEAD), "b.csv")
    assert (2, "tax", "030") in codes(checked)


def test_a_bank_needs_an_account_and_coin_bears_no_tax() -> None:
    """What belongs to another way to pay is refused."""
    bank = campaign(way=Way.BANK, debtor=("Ministry", "PK36SCBL0000001123456702", ""))
    assert (2, "account", "037") in codes(check_written(bank, KNOWN, written("p-1|1000 PKR|stipend"), "b.csv"))
    coin = limited(campaign(way=Way.COIN, vault="cold", purpose="x", clause="y"), "BTC", "0.001", "1", "1", "2")
    rows = written("p-1|0.9 BTC|royalty|1 BTC|0.1 BTC|PK36", head=f"{HEAD},account")
    assert {(2, "tax", "030"), (2, "account", "037")} <= set(codes(check_written(coin, KNOWN, rows, "b.csv")))


def test_the_usual_amount_is_the_median_once_there_is_history() -> None:
    """Five amounts say more than the range; fewer do not."""
    assert usual_amount(campaign(), [1, 1, 1, 1]).units == 707_106
    assert usual_amount(campaign(), [100, 200, 300, 400, 50_000]) == Amount(300, Commodity.PKR)


def test_a_far_amount_is_another_unit_even_within_the_range() -> None:
    """Paisa for rupees: a hundred times as much is told with what may have been meant."""
    told = limited(campaign(), "PKR", "1", "5000000", "5000000", "9000000")
    usual = usual_amount(told, [1_000_00] * 5)
    said = implausible(told, usual, parse_amount("2000000 PKR"), "2000000 PKR")
    assert said.startswith("2,000,000 PKR is 2,000 times the usual 1000.00 PKR: that is another unit.")
    assert "2,000,000 paisa (20,000 PKR)" in said
    assert implausible(told, usual, parse_amount("999000 PKR"), "999000 PKR") == ""
    assert "one part in 1,000 of the usual" in implausible(told, usual, parse_amount("1 PKR"), "1 PKR")


def test_a_campaign_is_the_same_after_the_books() -> None:
    """Terms as plain data and back."""
    told = campaign(way=Way.BANK, debtor=("Ministry", "PK36SCBL0000001123456702", "SCBLPKKX"))
    assert campaign_of(campaign_json(told)) == told


@given(st.integers(1, 20_000))
def test_parts_cover_every_row_once(rows: int) -> None:
    """They follow one another without a gap, and no part is empty."""
    parts = parts_of(rows)
    assert parts[0].start == 0
    assert parts[-1].end == rows
    assert all(one.end == other.start for one, other in pairwise(parts))
    assert all(part.end > part.start for part in parts)
