"""What a bitcoind said last is sorted into the troubles that have a remedy, and anything else is passed on."""

from __future__ import annotations

from pathlib import Path

import pytest

from zakhira.adapters.bitcoind.last_words import LastWords, Trouble


@pytest.mark.parametrize(
    ("said", "trouble"),
    [
        ("Error: Disk space is too low!", Trouble.DISK_FULL),
        ("Error: Unable to start HTTP server. See debug log for details.", Trouble.PORT_TAKEN),
        ("Error: The block database contains a block which appears to be from the future.", Trouble.FUTURE_BLOCKS),
        ("Error: Corrupted block database detected", Trouble.DAMAGED),
        ("Error: Cannot write to data directory; check permissions.", Trouble.UNKNOWN),
        ("", Trouble.UNKNOWN),
    ],
)
def test_troubles_are_told_apart(tmp_path: Path, said: str, trouble: Trouble) -> None:
    """By the phrases of bitcoind; words that nobody knows are shown and mean no known trouble."""
    output = tmp_path / "bitcoind.out"
    output.write_text(f"{said}\n", encoding="utf-8")
    words = LastWords.read(output, tmp_path / "there is no log")
    assert words.trouble is trouble
    assert words.text == (said or "(nothing)")
