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
