"""The commands against their targets: thirty days of pakistan-2000mw, plan, check and help, each in a new process.

Targets: run at most 120 s and 1 GB (without node and database), plan 2 s, check 1 s, help 0.3 s, on 2 cores. The last
line is one JSON object of figures; the exit code is 1 if a target is missed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAMME = ROOT / "programmes" / "pakistan-2000mw"
ZAKHIRA = Path(sys.executable).with_name("zakhira")
REPEATS = 5
TARGETS = {"run_s": 120.0, "run_peak_gb": 1.0, "plan_s": 2.0, "check_s": 1.0, "help_s": 0.3}


def measure(*words: str) -> tuple[float, float]:
    """Wall time in seconds and peak resident memory in GB of one command, its children not counted."""
    started = time.perf_counter()
    with subprocess.Popen([ZAKHIRA, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode:
        sys.exit(f"{' '.join(words)} ended with {process.returncode}: {said.decode()}")
    return seconds, usage.ru_maxrss / 1e6


def median(*words: str) -> float:
    """The median wall time of several runs of a command."""
    return sorted(measure(*words)[0] for _ in range(REPEATS))[REPEATS // 2]


def main() -> int:
    """Measure everything and print it."""
    with tempfile.TemporaryDirectory(prefix="zakhira-bench-") as folder:
        Path(folder).chmod(0o755)
        out = str(Path(folder) / "run")
        run_s, peak_gb = measure("run", str(PROGRAMME), "--days", "30", "--seed", "7", "--out", out)
    figures = {
        "run_s": round(run_s, 1),
        "run_peak_gb": round(peak_gb, 3),
        "plan_s": round(median("plan", str(PROGRAMME)), 2),
        "check_s": round(median("check", str(PROGRAMME)), 2),
        "help_s": round(median("--help"), 2),
    }
    for name, target in TARGETS.items():
        print(f"{name:<12} {figures[name]:>8}   at most {target}")
    print(json.dumps(figures))
    return int(any(figures[name] > target for name, target in TARGETS.items()))


if __name__ == "__main__":
    sys.exit(main())
