"""``zakhira reserve``: reserve folders made, looked at, followed and kept up."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

from zakhira.cli.answer import Answer, Progress, ServedReserve
from zakhira.cli.custody_services import (
    Ask,
    FollowOrder,
    MetricsText,
    MineOrder,
    ReserveOrder,
    ResumeOrder,
    SettleOrder,
)
from zakhira.wiring.reserve_desk import open_reserve
from zakhira.wiring.settings import Settings

_ENDINGS = {signal.SIGINT, signal.SIGTERM}


class ReserveDesk:
    """Implements ``cli.custody_services.ReserveServices``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def init(self, order: ReserveOrder, *, dry_run: bool) -> Answer:
        """Make a reserve folder."""
        from zakhira.wiring.reserve_init import init_reserve

        return init_reserve(self._settings, order, dry_run=dry_run)

    def status(self, folder: Path) -> Answer:
        """What the reserve holds, and what needs attention."""
        from zakhira.wiring.reserve_status import reserve_status

        with open_reserve(self._settings, folder) as desk:
            return reserve_status(desk)

    def follow(
        self, order: FollowOrder, say: Callable[[Answer], None], note: Callable[[str], None], progress: Progress
    ) -> None:
        """Follow the chain and say what arrived; until interrupted, unless once."""
        from zakhira.wiring.reserve_operations import follow_with_instruments

        follow_with_instruments(self._settings, order, say, note, progress)

    def metrics(self, folder: Path, out: Path | None, *, dry_run: bool) -> MetricsText:
        """The figures as Prometheus reads them."""
        from zakhira.wiring.reserve_operations import metrics_text

        return metrics_text(self._settings, folder, out, dry_run=dry_run)

    def health(self, folder: Path) -> Answer:
        """How each part stands."""
        from zakhira.wiring.reserve_operations import health_answer

        return health_answer(self._settings, folder)

    def serve(self, folder: Path, announce: Callable[[ServedReserve], None]) -> None:
        """Keep the reserve's database and private node up until interrupted."""
        with open_reserve(self._settings, folder) as desk:
            node = desk.node
            url = node.address.url
            where = url if node.address.cookie is not None else url.rpartition("@")[2]
            announce(ServedReserve(folder, where, node.address.cookie, node.is_private))
            signal.pthread_sigmask(signal.SIG_BLOCK, _ENDINGS)
            try:
                signal.sigwait(_ENDINGS)
            finally:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDINGS)

    def mine(self, order: MineOrder, progress: Progress, *, dry_run: bool) -> Answer:
        """Mine blocks of a drill's private chain, with payments to addresses."""
        from zakhira.wiring.reserve_mine import mine_blocks

        with open_reserve(self._settings, order.folder, follows=True) as desk:
            return mine_blocks(desk, order, progress, dry_run=dry_run)

    def suspense(self, folder: Path) -> Answer:
        """The coins in suspense."""
        from zakhira.wiring.suspense_service import list_suspense

        with open_reserve(self._settings, folder) as desk:
            return list_suspense(desk)

    def settle(self, order: SettleOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Give a coin in suspense its purpose, by the word of two officers."""
        from zakhira.wiring.suspense_service import settle_coin

        return settle_coin(self._settings, order, ask, dry_run=dry_run)

    def resume(self, order: ResumeOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Let credits in again after a deficit, by the word of two officers."""
        from zakhira.wiring.resume_service import resume

        return resume(self._settings, order, ask, dry_run=dry_run)
