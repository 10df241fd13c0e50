"""Every drill by its name, with the question that it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from zakhira.wiring.drills.chain import fee_spike, node_down, reorg
from zakhira.wiring.drills.insider import insider
from zakhira.wiring.drills.losses import lost_key, lost_site
from zakhira.wiring.drills.people import coerced_officer
from zakhira.wiring.drills.stage import Stage


@dataclass(frozen=True)
class Drill:
    """A drill. ``play`` carries it out on a stage and leaves its findings there."""

    title: str
    question: str
    play: Callable[[Stage], None]


DRILLS: Mapping[str, Drill] = {
    "lost-key": Drill("a key is lost", "Does the reserve notice a lost key, and can it leave the vault?", lost_key),
    "lost-site": Drill("a site is lost", "Do the coins come home when a site's loss ends the main quorum?", lost_site),
    "coerced-officer": Drill(
        "an officer is coerced", "Does any officer alone move a coin, and does one stop the others?", coerced_officer
    ),
    "fee-spike": Drill("fees spike", "Does a spend get through when fees rise, within what was signed?", fee_spike),
    "reorg": Drill("blocks are taken back", "Is anything counted twice or lost when blocks are taken back?", reorg),
    "node-down": Drill("the node is down", "Is anything believed or sent twice while the node is away?", node_down),
    "insider": Drill(
        "an insider writes to the database", "Is it found when somebody changes the books or steals a quorum?", insider
    ),
}
