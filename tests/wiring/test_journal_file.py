"""Journals as files: read exactly, or refused with everything that is wrong."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from zakhira.kernel.errors import Faults
from zakhira.kernel.money import Amount, Commodity, sats
from zakhira.ledger.entry import Lot, Posting
from zakhira.wiring.journal_file import read_journal
from zakhira.wiring.signer_files import FileUnreadable

TOML = """
day = 2026-05-20
narration = "Coin bought"
evidence = "advice 9"
id = "coin-1"

[[line]]
account = "assets:vault:cold"
amount = "0.5 BTC"
lot = "LOT"
source = "exchange"
cost = "1400000 PKR"

[[line]]
account = "income:purchases"
amount = "-50000000 sat"
"""
OUTPOINT = "ab" * 32 + ":1"
JSON = (
    '{"day": "2026-05-20", "narration": "x", "evidence": "y", "line": [{"account": "a", "amount": "1 PKR"}, '
    '{"account": "b", "amount": "-1 PKR"}]}'
)


def written(folder: Path, text: str | bytes, name: str = "j.toml") -> Path:
    """A file."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_toml_with_a_lot_and_its_cost(tmp_path: Path) -> None:
    """Day, id, lot, source and cost are read; a unit is a unit."""
    told = read_journal(written(tmp_path, TOML.replace("LOT", OUTPOINT)))
    coin = Posting("assets:vault:cold", sats(50_000_000), Lot(OUTPOINT, "exchange"), Amount(140_000_000, Commodity.PKR))
    assert told.lines == (coin, Posting("income:purchases", sats(-50_000_000)))
    assert (told.day, told.id, told.narration) == (date(2026, 5, 20), "coin-1", "Coin bought")


def test_json_says_the_same(tmp_path: Path) -> None:
    """Also with a mark of UTF-8 in front."""
    for text in (JSON, "\ufeff" + JSON):
        told = read_journal(written(tmp_path, text, "j.json"))
        assert [line.amount.units for line in told.lines] == [100, -100]
        assert told.id == ""


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (JSON.replace('"evidence": "y", ', ""), ["evidence"]),
        (JSON.replace('"x"', '" "'), ["narration"]),
        (JSON.replace("2026-05-20", "20 May"), ["day"]),
        (JSON.replace('"1 PKR"', "1"), ["line 1, amount"]),
        (JSON.replace('"1 PKR"', '"1"'), ["line 1, amount"]),
        (JSON.replace('"1 PKR"', '"1.005 PKR"'), ["line 1, amount"]),
        (JSON.replace('"1 PKR"', '"92233720368547758.08 PKR"'), ["line 1, amount"]),
        (JSON.replace('"1 PKR"', '"1 EUR"'), ["line 1, amount"]),
        (JSON.replace('"1 PKR"', '"=1 PKR"'), ["line 1, amount"]),
        (JSON.replace('"account": "b", ', ""), ["line 2"]),
        (JSON.replace('"account": "b"', '"account": "b", "amout": 1'), ["line 2"]),
        (JSON.replace('"day"', '"days": 1, "day"'), ["days"]),
        ('{"day": "2026-05-20"}', ["evidence", "line", "narration"]),
        ('{"line": 5, "day": 5, "narration": 5, "evidence": []}', ["day", "evidence", "line", "narration"]),
        ("[]", [""]),
        ("{", [""]),
        ("[" * 100_000, [""]),
    ],
)
def test_everything_that_is_wrong_is_told(tmp_path: Path, text: str, keys: list[str]) -> None:
    """With its place, all at once."""
    with pytest.raises(Faults) as caught:
        read_journal(written(tmp_path, text, "j.json"))
    assert sorted(fault.key for fault in caught.value.faults) == keys


@pytest.mark.parametrize("data", [b"day = ", b"\xff\xfe\x00", "day = 2026-05-20".encode("utf-16")])
def test_no_text_that_can_be_read(tmp_path: Path, data: bytes) -> None:
    """No TOML, or another encoding."""
    with pytest.raises(Faults):
        read_journal(written(tmp_path, data))


def test_no_file(tmp_path: Path) -> None:
    """It is not there."""
    with pytest.raises(FileUnreadable):
        read_journal(tmp_path / "nothing.toml")
