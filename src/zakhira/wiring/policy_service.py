"""``zakhira policy``: what can be said of a policy without changing anything."""

from __future__ import annotations

from pathlib import Path

from zakhira.cli.answer import Answer
from zakhira.wiring.policy_source import read_policy
from zakhira.wiring.settings import Settings


class PolicyDesk:
    """Implements ``cli.policy_services.PolicyServices``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def show(self, place: Path) -> Answer:
        """The rules, statutes, people and lists of a policy."""
        from zakhira.wiring.policy_show import show_answer

        return show_answer(read_policy(self._settings, place))

    def check(self, place: Path, *, is_strict: bool) -> Answer:
        """What is wrong with a policy; raises Faults where something is, with ``is_strict`` for warnings too."""
        from zakhira.wiring.policy_check import check_answer

        return check_answer(read_policy(self._settings, place), is_strict=is_strict)

    def diff(self, old: Path, new: Path) -> Answer:
        """What changed from one policy to another, and which questions are answered otherwise."""
        from zakhira.wiring.policy_diff import diff_answer

        return diff_answer(read_policy(self._settings, old), read_policy(self._settings, new))
