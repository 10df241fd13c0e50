"""How a scenario's network pays for our hashes in an epoch: revenue that is concave in them, and its marginal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zakhira.mining.epochs import HOUR_BLOCKS, Epochs
from zakhira.mining.network import HASHES_PER_EH, HOUR_SECONDS
from zakhira.mining.response import coin_share, marginal_share, work_at_marginal
from zakhira.planning.outlook import Outlook
from zakhira.programme.series import Floats


@dataclass(frozen=True)
class NetworkAnswer:
    """Scenarios by epoch [scenario, epoch]: others' hashes in the epoch, its coins, the price, and how others respond.

    ``elasticity`` is None for a price taker, 0 where the difficulty alone answers.
    """

    others_hashes: Floats
    epoch_btc: Floats
    btc_usd: Floats
    elasticity: float | None

    @property
    def first_usd_per_hash(self) -> Floats:
        """What the first hash is worth [scenario, epoch]."""
        return self.epoch_btc * self.btc_usd / self.others_hashes

    def part(self, scenarios: np.ndarray[tuple[int], np.dtype[np.intp]]) -> NetworkAnswer:
        """Some of the scenarios."""
        return NetworkAnswer(
            self.others_hashes[scenarios], self.epoch_btc[scenarios], self.btc_usd[scenarios], self.elasticity
        )

    def in_a_row(self) -> NetworkAnswer:
        """All scenarios one after the other in a single row."""
        return NetworkAnswer(
            self.others_hashes.reshape(1, -1),
            self.epoch_btc.reshape(1, -1),
            self.btc_usd.reshape(1, -1),
            self.elasticity,
        )

    def share(self, hashes: Floats) -> Floats:
        """Our share of the epoch's coins."""
        work = hashes / self.others_hashes
        return work if self.elasticity is None else coin_share(work, self.elasticity)

    def marginal_usd_per_hash(self, hashes: Floats) -> Floats:
        """What one more hash adds to our revenue."""
        if self.elasticity is None:
            return self.first_usd_per_hash + 0.0 * hashes
        return self.first_usd_per_hash * marginal_share(hashes / self.others_hashes, self.elasticity)

    def hashes_at_marginal(self, usd_per_hash: Floats) -> Floats:
        """The hashes at which one more is worth so much: none if the first is worth less."""
        ratio = usd_per_hash / self.first_usd_per_hash
        if self.elasticity is None:
            return np.where(ratio < 1.0, np.inf, 0.0)
        inside = np.clip(ratio, RATIO_FLOOR, 1.0)
        wanted = np.where(ratio <= RATIO_FLOOR, np.inf, work_at_marginal(inside, self.elasticity))
        return np.asarray(wanted * self.others_hashes, dtype=np.float64)


RATIO_FLOOR = 1e-9
"""A marginal revenue below this share of the first hash's would need a billion times the network's work."""


def network_answer(outlook: Outlook, phase: int, epochs: Epochs, response: str, elasticity: float) -> NetworkAnswer:
    """The scenarios of a phase over its epochs."""
    count = epochs.count
    hours = epochs.hours.astype(np.float64)
    others = outlook.others_eh_per_s[:, phase, :count] * HASHES_PER_EH * HOUR_SECONDS * hours
    coins = np.broadcast_to(epochs.btc_per_block * hours * HOUR_BLOCKS, others.shape)
    answer = {"none": None, "share": 0.0, "elastic": elasticity}[response]
    return NetworkAnswer(others, coins, outlook.btc_usd[:, phase, :count], answer)
