"""What docs/operations.md says of figures, alerts, parts and limits is what the program has."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from zakhira.adapters.log.log_file import KEPT, MAX_BYTES
from zakhira.adapters.metrics.reserve import RESERVE_METRICS
from zakhira.adapters.metrics.server import ALIVE, LOCALHOST, METRICS, READY
from zakhira.cli.reserve_commands import follow
from zakhira.controls.chain.audit import MAX_UNSEALED
from zakhira.controls.spend_state import SpendState
from zakhira.flows.attention import NEAR_BLOCKS, PROOF_OF_LIFE_DAYS
from zakhira.flows.reserve_health import MAX_BEHIND_BLOCKS
from zakhira.watch.alarm import Severity
from zakhira.wiring.journals import FOLLOW_LOG
from zakhira.wiring.lookout import ANSWER_S
from zakhira.wiring.watch_run import WATCH_METRICS

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
METRICS_BY_NAME = {metric.name: metric for metric in (*RESERVE_METRICS, *WATCH_METRICS)}
USED = re.compile(r"\b(zakhira_[a-z_]+)(?:\{([^}]*)\})?")
PARTS = {"database", "node", "followed chain", "second node", "audit chain", "our coins", "suspense", "keys"}
VALUES = {
    "part": PARTS,
    "node": {"followed", "second"},
    "state": {state.value for state in SpendState},
    "depth": {"settled", "pending", "immature"},
    "severity": {severity.value for severity in Severity},
}


def unknown_in(block: str) -> list[str]:
    """Figures, labels and labels' values of a file of Prometheus that the program does not have."""
    found = []
    for name, inside in USED.findall(block):
        metric = METRICS_BY_NAME.get(name)
        if metric is None:
            found.append(name)
            continue
        for label, value in re.findall(r'(\w+)="([^"]*)"', inside):
            if label not in metric.labels or value not in VALUES[label]:
                found.append(f'{name}{{{label}="{value}"}}')
    return found


def test_example_files_name_what_exists() -> None:
    """Every figure in a scrape's and an alert's file, with its labels and their values."""
    assert len(BLOCKS) == 2
    assert [unknown_in(block) for block in BLOCKS] == [[], []]
    assert len(set(re.findall(r"alert: (\w+)", BLOCKS[1]))) >= 10


@pytest.mark.parametrize("line", ["zakhira_node_hight > 2", 'zakhira_spends{state="lost"} > 0', 'zakhira_up{a="b"}'])
def test_a_wrong_name_would_be_found(line: str) -> None:
    """The check itself can fail."""
    assert unknown_in(line)


def test_every_figure_that_means_harm_has_an_alert() -> None:
    """What health calls failing wakes somebody."""
    named = {name for name, _ in USED.findall(BLOCKS[1])}
    assert {
        "zakhira_unexplained_spends",
        "zakhira_database_up",
        "zakhira_node_up",
        "zakhira_followed_height_blocks",
        "zakhira_unsealed_oldest_age_seconds",
        "zakhira_follower_last_turn_age_seconds",
    } <= named


def test_the_figures_are_those_of_the_program() -> None:
    """What scripts/render_operations.py would write is what is there."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "render_operations.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_limits_and_places_are_those_of_the_program() -> None:
    """Each number and path of the page beside the constant that it is."""
    said = {
        f"within {ANSWER_S:.0f} s",
        f"at most {MAX_BEHIND_BLOCKS} blocks behind",
        f"less than {MAX_UNSEALED.total_seconds():.0f} s ago",
        f"zakhira_unsealed_oldest_age_seconds > {MAX_UNSEALED.total_seconds():.0f}",
        f"within {PROOF_OF_LIFE_DAYS} days",
        f"zakhira_key_proof_of_life_age_seconds > {PROOF_OF_LIFE_DAYS} * 86400",
        f"zakhira_recovery_path_opens_blocks < {NEAR_BLOCKS}",
        f"`{METRICS}`",
        f"`{ALIVE}`",
        f"`{READY}`",
        f"on {LOCALHOST} unless",
        f"`{FOLLOW_LOG}`",
        f"{MAX_BYTES // 2**20} MiB",
        {4: "four"}[KEPT] + " of these are kept",
    }
    assert {text for text in said if text not in TEXT} == set()
    assert next(option.default for option in follow.params if option.name == "metrics_host") == LOCALHOST
    rows = set(re.findall(r"(?m)^\| ([a-z ]+) \| .* \| (?:failing|warning):", TEXT))
    assert rows == PARTS | {"recovery of a vault"}
