"""The pages on payouts: every command is carried out again and prints what the page says it prints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("page", ["how-620000-btc-dies.md", pytest.param("payouts.md", marks=pytest.mark.torture)])
def test_the_page_says_what_happens(page: str) -> None:
    """One layer after the other; and the way of a payout on a drill's reserve (long: forty starts of the program)."""
    done = subprocess.run(
        [sys.executable, "scripts/render_payouts.py", "--check", page],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stdout + done.stderr
