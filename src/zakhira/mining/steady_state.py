"""Coins by the settled formula against an hour-by-hour network with Bitcoin's own retarget rule.

The plan counts coins as if difficulty had settled on our work in each epoch. In truth new work earns the share that it
has at the old difficulty until the next retarget, and a fleet that comes back each season does so again each season.
The difference is reported beside the plan's gap.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from zakhira.kernel.money import SATS_PER_BTC
from zakhira.mining.epochs import HOUR_BLOCKS, Epochs, epochs_of
from zakhira.mining.network import (
    HASHES_PER_EH,
    HOUR_SECONDS,
    NetworkPath,
    advance,
    first_state,
    others_hashes_per_s,
)
from zakhira.mining.response import coin_share
from zakhira.programme.model import Network
from zakhira.programme.series import Floats


@dataclass(frozen=True)
class SettledAgainstSimulated:
    """Our coins by epoch in BTC [epoch], before any pool's fee: as settled, and as the retarget rule pays them."""

    settled_btc: Floats
    simulated_btc: Floats

    @property
    def difference_btc(self) -> float:
        """How many more coins the simulated network pays over all epochs."""
        return float(self.simulated_btc.sum() - self.settled_btc.sum())

    @property
    def difference_share(self) -> float:
        """The difference over the settled coins; 0 where there are none."""
        settled = float(self.settled_btc.sum())
        return self.difference_btc / settled if settled > 0.0 else 0.0


def compare_with_retarget(
    our_hashes: Floats, network: Network, response: str, elasticity: float
) -> SettledAgainstSimulated:
    """Both counts for our work [hour] in hashes, from the network's stated height on.

    ``response`` is the programme's word. ``none`` settles as if difficulty never answered us; ``share`` and ``elastic``
    as :mod:`zakhira.mining.response` says. The simulated network has others stay for ``none`` and ``share``.
    """
    epochs = epochs_of(network, len(our_hashes))
    path = elastic_path(our_hashes, network, elasticity if response == "elastic" else 0.0)
    hourly_btc = our_hashes * path.reward_sats_per_hash / SATS_PER_BTC
    return SettledAgainstSimulated(
        settled_btc=settled_coins_btc(our_hashes, network, epochs, response, elasticity),
        simulated_btc=np.add.reduceat(hourly_btc, epochs.first_hour[:-1]),
    )


def settled_coins_btc(our_hashes: Floats, network: Network, epochs: Epochs, response: str, elasticity: float) -> Floats:
    """Our coins in each epoch [epoch] if difficulty has settled on our mean work in it: all coins times our share."""
    hashes = np.add.reduceat(our_hashes, epochs.first_hour[:-1])
    work = hashes / (epochs.hours * HOUR_SECONDS * others_hashes_per_s(network))
    share = work if response == "none" else coin_share(work, elasticity if response == "elastic" else 0.0)
    return np.asarray(epochs.btc_per_block * HOUR_BLOCKS * epochs.hours * share, dtype=np.float64)


def elastic_path(our_hashes: Floats, network: Network, elasticity: float) -> NetworkPath:
    """The network over the hours of ``our_hashes``, with others who answer each retarget.

    Others' hashrate tends to the stated one times r^elasticity, r being the stated difficulty over the one in force:
    how hashprice stands to what it would be without us (a halving is no answer to us). After each retarget they go
    1 / (1 + elasticity) of the way, in logarithms [E]: difficulty follows an epoch later, so that whole steps would
    overshoot, and without end for an elasticity of 1 or more. Their step takes effect at the next full hour.
    """
    if elasticity == 0.0:
        return advance(first_state(network), our_hashes, network)
    state = first_state(network)
    stated, bits, others = state.difficulty, state.bits, network.hashrate_eh_per_s
    difficulty, height, reward = (np.empty(len(our_hashes)) for _ in range(3))
    for hour in range(len(our_hashes)):
        if state.bits != bits:
            wanted = network.hashrate_eh_per_s * (stated / state.difficulty) ** elasticity
            others *= (wanted / others) ** (1.0 / (1.0 + elasticity))
            bits = state.bits
        path = advance(state, our_hashes[hour : hour + 1], replace(network, hashrate_eh_per_s=others))
        difficulty[hour], height[hour], reward[hour] = path.difficulty[0], path.height[0], path.reward_sats_per_hash[0]
        state = path.end
    return NetworkPath(difficulty, height, reward, state)


def hashes_of_eh(eh_per_s: Floats) -> Floats:
    """Hashes in each hour [hour] of a hashrate in EH/s [hour]."""
    return np.asarray(eh_per_s * HASHES_PER_EH * HOUR_SECONDS, dtype=np.float64)
