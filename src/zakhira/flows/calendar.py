"""Which block height belongs to which moment of a run: heights are a function of programme time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from zakhira.kernel.interval import DAY_HOURS, HOUR

HOUR_MINUTES = 60


@dataclass(frozen=True)
class Calendar:
    """A run of ``days`` days from ``start`` (UTC), a block every ``block_minutes``, above ``funding_height``."""

    start: datetime
    days: int
    block_minutes: int
    funding_height: int

    @property
    def blocks_per_hour(self) -> int:
        """Blocks in an hour of programme time: 1 to 6."""
        return HOUR_MINUTES // self.block_minutes

    def day_start(self, day: int) -> datetime:
        """The first moment of a day, counted from 0."""
        return self.start + day * DAY_HOURS * HOUR

    def hour_end(self, day: int, hour: int) -> datetime:
        """The moment after an hour of a day, both counted from 0."""
        return self.day_start(day) + (hour + 1) * HOUR

    def height_after(self, day: int, hour: int) -> int:
        """The height of the chain at the end of an hour of a day."""
        return self.funding_height + (day * DAY_HOURS + hour + 1) * self.blocks_per_hour

    @property
    def end(self) -> datetime:
        """The moment after the last day."""
        return self.day_start(self.days)

    @property
    def end_height(self) -> int:
        """The height at :attr:`end`."""
        return self.height_after(self.days - 1, DAY_HOURS - 1)

    def closing(self, blocks: int) -> tuple[int, datetime]:
        """Height and time when ``blocks`` more blocks have come after the end."""
        return self.end_height + blocks, self.end + blocks * timedelta(minutes=self.block_minutes)

    def time_of(self, height: int) -> datetime:
        """The moment by which the chain has reached ``height``."""
        return self.start + max(0, height - self.funding_height) * timedelta(minutes=self.block_minutes)
