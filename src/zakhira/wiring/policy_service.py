"""``zakhira policy``: what can be said of a policy without changing anything."""

from __future__ import annotations

from pathlib import Path

from zakhira.cli.answer import Answer, Progress
from zakhira.cli.policy_services import SimulationOrder
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

    def explain(self, place: Path, spend: str, case: Path | None) -> Answer:
        """Which rule decides a spend of a reserve, or each case of a file, and why."""
        from zakhira.wiring.policy_explain import NothingToExplain, explain_cases, explain_spend

        if (case is None) == (not spend):
            raise NothingToExplain("Name either a spend or a file of cases.", "Give SPEND, or --case FILE.")
        return (
            explain_spend(self._settings, place, spend) if case is None else explain_cases(self._settings, place, case)
        )

    def simulate(self, order: SimulationOrder, progress: Progress) -> Answer:
        """What the answers would have been under a changed policy."""
        from zakhira.wiring.policy_simulate import simulate

        return simulate(self._settings, order, progress)
