"""The walk of docs/walk.md: every command is carried out again and prints what the page says it prints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_walk_is_what_happens() -> None:
    """From the first key to the confirmed payment, with bitcoind's own wallet as the third signer."""
    done = subprocess.run(
        [sys.executable, "scripts/render_walk.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stdout + done.stderr
