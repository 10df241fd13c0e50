"""Parts of a benchmark: scripts beside this one, each in a process of its own, whose last line is their figures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def run_part(name: str, *arguments: str) -> dict[str, float]:
    """The figures of one script: its last line. What it says before goes on to the reader."""
    command = [sys.executable, str(HERE / f"{name}.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    print(f"== {name}\n{done.stdout}", flush=True)
    if not done.stdout.strip():
        print(done.stderr, file=sys.stderr)
        raise SystemExit(3)
    figures: dict[str, float | str] = json.loads(done.stdout.strip().splitlines()[-1])
    return {key: float(value) for key, value in figures.items() if isinstance(value, int | float)}
