"""The reference pages say what the code says: every code is there, and each stands for one cause."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = re.compile(r"ZK-[A-Z0-9]+-[0-9]{3}")


def documented() -> list[str]:
    """The codes of docs/reference/errors.md, one for each row."""
    page = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    return re.findall(r"(?m)^\| `(ZK-[A-Z0-9]+-[0-9]{3})` \|", page)


def test_every_code_of_the_source_is_documented() -> None:
    """A code that a user can meet has its row, and so has every cause of a fault in a programme folder."""
    files = [path for ending in ("py", "sql") for path in (ROOT / "src").rglob(f"*.{ending}")]
    found = {code for path in files for code in CODE.findall(path.read_text(encoding="utf-8"))}
    assert len(found) > 100
    assert found <= set(documented())
    assert "ZK-PROGRAMME-064" in documented()


def test_a_code_stands_for_one_cause() -> None:
    """No two errors, faults or constants share a code."""
    assert [code for code, count in Counter(documented()).items() if count > 1] == []


def test_every_documented_code_tells_its_meaning() -> None:
    """No cell of the error page is empty."""
    page = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `ZK-")]
    assert [row for row in rows if any(not cell.strip() for cell in row.strip("|").split("|"))] == []


def test_the_pages_are_up_to_date() -> None:
    """What scripts/render_docs.py would write is what is there."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "render_docs.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
