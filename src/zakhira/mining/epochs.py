"""A horizon cut where the network changes its terms: at each retarget and the halving, at ten minutes a block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zakhira.kernel.money import SATS_PER_BTC
from zakhira.mining.economics import HALVING_BLOCKS, subsidy_sats
from zakhira.mining.retarget import BLOCK_SECONDS, EPOCH_BLOCKS
from zakhira.programme.model import Network
from zakhira.programme.series import Floats

HOUR_BLOCKS = 3600 // BLOCK_SECONDS
"""Six blocks an hour when difficulty fits the work."""
YEAR_BLOCKS = 8760 * HOUR_BLOCKS


@dataclass(frozen=True)
class Epochs:
    """``first_hour`` [epoch] with the horizon's length at the end [epoch + 1]; ``btc_per_block`` [epoch] with fees.

    An epoch begins with the first whole hour after its first block: hours are not cut.
    """

    first_hour: npt.NDArray[np.intp]
    btc_per_block: Floats

    @property
    def count(self) -> int:
        """How many epochs."""
        return len(self.btc_per_block)

    @property
    def hours(self) -> npt.NDArray[np.intp]:
        """Hours of each epoch [epoch]."""
        return np.diff(self.first_hour)

    def of_hours(self) -> npt.NDArray[np.intp]:
        """The epoch of each hour [hour]."""
        return np.repeat(np.arange(self.count), self.hours)


def epochs_of(network: Network, hours: int, years_later: int = 0) -> Epochs:
    """The epochs of ``hours`` hours that begin at the network's stated height, or whole years after it."""
    height = network.height + years_later * YEAR_BLOCKS
    heights = height + 1 + HOUR_BLOCKS * np.arange(hours)
    change = np.flatnonzero(
        (np.diff(heights // EPOCH_BLOCKS) != 0) | (np.diff(heights // HALVING_BLOCKS) != 0),
    )
    first = np.concatenate(([0], change + 1))
    reward = [subsidy_sats(int(heights[hour])) * (1.0 + network.fee_share) / SATS_PER_BTC for hour in first]
    return Epochs(np.append(first, hours).astype(np.intp), np.array(reward))
