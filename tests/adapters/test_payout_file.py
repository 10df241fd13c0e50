"""Files of payouts as people bring them: encodings, broken tables, numbers without units, and anything at all."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zakhira.adapters.payout_file import MOST_BYTES, read_campaign_file, read_payouts
from zakhira.kernel.errors import Faults
from zakhira.settlement.payouts.batch import WrittenRow
from zakhira.settlement.payouts.campaign import Way

TEXT = "payee,amount,reason\np-000001,1000 PKR,stipend — وظیفہ\n"
LATIN = "payee,amount,reason\np-000001,1000 PKR,prämie\n"
CAMPAIGN = """
id = "stipend-2026"
title = "Stipends"
way = "accounts"
budget = "620000 PKR"
most_per_payee = "60000 PKR"
lowest = "1000 PKR"
highest = "50000 PKR"
reasons = ["stipend"]
part_minutes = 10
"""


def refused(content: bytes, file: str = "b.csv", encoding: str = "") -> str:
    """What is told of a file that is not read."""
    with pytest.raises(Faults) as told:
        read_payouts(content, file, encoding)
    return told.value.remedy


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_that_are_sure_are_known_by_themselves(encoding: str) -> None:
    """UTF-8 with and without a mark, UTF-16 with one: the same rows."""
    (row,) = read_payouts(TEXT.encode(encoding), "b.csv")
    assert row == WrittenRow(2, {"payee": "p-000001", "amount": "1000 PKR", "reason": "stipend — وظیفہ"})


def test_latin_1_is_told_or_refused_with_its_line() -> None:
    """Nobody guesses: the byte and its line are named, and told, it is read."""
    said = refused(LATIN.encode("latin-1"))
    assert "ZK-SETTLEMENT-036 b.csv line 2" in said
    assert "0xe4" in said
    assert read_payouts(LATIN.encode("latin-1"), "b.csv", "latin-1")[0].texts["reason"] == "prämie"


def test_utf_16_without_a_mark_is_refused() -> None:
    """It would be read as text full of NUL characters."""
    assert "UTF-16 without a mark" in refused("payee,amount,reason\n".encode("utf-16-le"))
    assert read_payouts(TEXT.encode("utf-16"), "b.csv", "utf-16")[0].line == 2


@pytest.mark.parametrize("encoding", ["no-such", "utf-7", "unicode_escape", "cp037", "utf-16-le", "UTF-8"])
def test_no_other_encoding_is_told(encoding: str) -> None:
    """Python decodes many more, and some of them read other amounts than an editor shows."""
    assert "is no encoding that is taken" in refused(TEXT.encode(), encoding=encoding)


def test_amounts_with_commas_break_no_columns_silently() -> None:
    """``620,000 PKR`` unquoted is one cell too many: the line is told, not a payment of 620."""
    said = refused(b"payee,amount,reason\np-1,620,000 PKR,stipend\np-2,1000 PKR,stipend,more\n")
    assert "line 2" in said
    assert "line 3" in said
    assert "4 cells" in said


@pytest.mark.parametrize(
    ("content", "file", "says"),
    [
        (b"", "b.csv", "first line"),
        (b"payee;amount;reason\n", "b.csv", "commas"),
        (b"payee,amount,amount\n", "b.csv", "first line"),
        (b'payee,amount,reason\n"p-1,1 PKR,x\n', "b.csv", "no CSV"),
        (b"{}", "b.json", "no list"),
        (b"[1]", "b.json", "no list"),
        (b"[" * 100_000, "b.json", "no JSON"),
        (b'[{"payee": "p-1", "amount": 620000, "reason": "x"}]', "b.json", "620000 is no text"),
        (b'[{"payee": "p-1", "payee": "p-2"}]', "b.json", "twice"),
        (b"x" * (MOST_BYTES + 1), "b.csv", "bytes"),
    ],
)
def test_what_is_no_batch_is_refused_clearly(content: bytes, file: str, says: str) -> None:
    """Nothing of it is guessed."""
    assert says in refused(content, file)


def test_json_is_read_as_the_same_rows() -> None:
    """A list of objects of texts; a row counts from 1."""
    told = [{"payee": "p-1", "amount": "1000 PKR", "reason": "stipend"}]
    assert read_payouts(json.dumps(told).encode(), "b.json") == (WrittenRow(1, told[0]),)


def test_a_campaign_is_read_from_toml() -> None:
    """All of it, and every fault of another at once."""
    told = read_campaign_file(CAMPAIGN.encode(), "c.toml")
    assert (told.way, told.fund) == (Way.ACCOUNTS, "liabilities:campaigns:stipend-2026:PKR")
    wrong = (
        CAMPAIGN.replace('"620000 PKR"', '"620000"')
        .replace('"50000 PKR"', '"50000 BTC"')
        .replace('way = "accounts"', 'way = "cash"\nvault = "cold"')
    )
    with pytest.raises(Faults) as found:
        read_campaign_file(wrong.encode(), "c.toml")
    assert {fault.key for fault in found.value.faults} == {"budget", "way", "vault"}
    with pytest.raises(Faults) as missing:
        read_campaign_file(CAMPAIGN.replace('way = "accounts"', 'way = "bank"').encode(), "c.toml")
    told_of = {fault.key: fault.message for fault in missing.value.faults}
    assert set(told_of) == {"debtor_name", "debtor_account"}
    assert all("missing" in message for message in told_of.values())
    for change in (
        ('"50000 PKR"', '"70000 PKR"'),
        ('"620000 PKR"', '"620000000000000 PKR"'),
        ("part_minutes = 10", "part_minutes = -1"),
        ("stipend-2026", "Stipend 2026"),
        ('way = "accounts"', 'way = "coin"\nvault = "cold"\npurpose = "x"\nclause = "y"'),
    ):
        with pytest.raises(Faults):
            read_campaign_file(CAMPAIGN.replace(*change).encode(), "c.toml")


@given(st.binary(max_size=400), st.sampled_from(["b.csv", "b.json"]))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_rows_or_faults(content: bytes, file: str) -> None:
    """Never another error."""
    try:
        rows = read_payouts(content, file)
    except Faults:
        return
    assert all(isinstance(row, WrittenRow) for row in rows)
