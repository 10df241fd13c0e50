"""Any order of payments, honest spends, thefts, blocks, reorganisations and restarts, against a plain oracle."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from custody_drill import CHAIN, COLD
from tower_drill import PAYEE, POLICY, THIEF, MadeNode, Tower, make_terms, signed_spend
from zakhira.custody.coin import Coin
from zakhira.custody.decoders import decode_transaction
from zakhira.custody.descriptor import derive_address
from zakhira.custody.spend import HeldCoin
from zakhira.watch.alarm import AlarmKind

PLACE = derive_address(COLD, 0, 0, CHAIN)


def coins_of(node: MadeNode) -> dict[str, tuple[int, int, str]]:
    """Every output of the chain that pays the one watched address: amount, height, and who spends it in a block."""
    found: dict[str, tuple[int, int, str]] = {}
    for block in node.chain:
        for raw in node.inside[block.hash]:
            told = decode_transaction(raw)
            for outpoint, _ in told.inputs:
                if outpoint in found:
                    found[outpoint] = (*found[outpoint][:2], told.txid)
            for number, (script_hex, amount_sats) in enumerate(told.outputs):
                if script_hex == PLACE.script_hex:
                    found[f"{told.txid}:{number}"] = (amount_sats, block.height, "")
    return found


class WatchMachine(RuleBasedStateMachine):
    """The tower and a chain that anything happens to."""

    def __init__(self) -> None:
        super().__init__()
        self.tower = Tower(make_terms(COLD))
        self.stolen: set[str] = set()
        self.names = 0

    @initialize()
    def begin(self) -> None:
        """A coin to begin with."""
        self.tower.fund(COLD, 1_000_000)
        self.tower.look()

    def _free(self, pick: int) -> HeldCoin | None:
        """A coin that no block and no transaction of the mempool spends."""
        node = self.tower.node
        waiting = {outpoint for raw in node.pool.values() for outpoint, _ in decode_transaction(raw).inputs}
        free = [
            (outpoint, told) for outpoint, told in coins_of(node).items() if not told[2] and outpoint not in waiting
        ]
        if not free:
            return None
        outpoint, (amount_sats, height, _) = free[pick % len(free)]
        return HeldCoin(Coin(outpoint, amount_sats, PLACE.script_hex, height, node.chain[height].hash), PLACE)

    @rule(amounts=st.lists(st.sampled_from([500_000, 700_000]), min_size=1, max_size=2))
    def paid(self, amounts: list[int]) -> None:
        """Strangers pay the vault."""
        self.tower.fund(COLD, *amounts)

    @rule(pick=st.integers(0, 9), mined=st.booleans(), stolen=st.booleans())
    def spent(self, pick: int, mined: bool, stolen: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        """A coin is spent, honestly or not, seen in the mempool first or in a block at once."""
        coin = self._free(pick)
        if coin is None:
            return
        self.names += 1
        made = self.tower.instruction(f"pay-{self.names}", (coin,), to=THIEF if stolen else PAYEE)
        instruction = replace(made, inputs=(coin.coin.outpoint,))
        raw = signed_spend(instruction, (coin,), policy=replace(POLICY, vaults=(COLD,)))
        if stolen:
            self.stolen.add(decode_transaction(raw).txid)
        else:
            self.tower.say(instruction, "amina", "chand")
        if mined:
            self.tower.node.mine(self.tower.now, raw)
        else:
            self.tower.node.send(raw)

    @rule()
    def mined(self) -> None:
        """Everything that waits is confirmed."""
        self.tower.node.mine(self.tower.now, *self.tower.node.pool.values())

    @rule(depth=st.integers(1, 3))
    def reorganised(self, depth: int) -> None:
        """Blocks are replaced by empty ones; their transactions wait again, as far as their coins are there."""
        node = self.tower.node
        depth = min(depth, len(node.chain) - 2)
        if depth < 1:
            return
        lost = [raw for block in node.chain[-depth:] for raw in node.inside[block.hash]]
        node.take_back(depth)
        for _ in range(depth + 1):
            node.mine(self.tower.now)
        there = coins_of(node)
        for raw in [*lost, *node.pool.values()]:
            told = decode_transaction(raw)
            node.pool.pop(told.txid, None)
            if all(outpoint in there for outpoint, _ in told.inputs):
                node.send(raw)

    @rule()
    def restarted(self) -> None:
        """The process ends and begins again."""
        self.tower.restart()

    @rule(seconds=st.sampled_from([1, 30, 3_000]))
    def looked(self, seconds: int) -> None:
        """Time goes by, and there is a look."""
        self.tower.look(seconds)

    @invariant()
    def what_it_knows_is_what_is_so(self) -> None:
        """After a look the coins are the chain's, and told are exactly the thefts that are in a block or waiting."""
        tower = self.tower
        tower.look()
        known = {
            outpoint: (coin.amount_sats, coin.height, coin.spent_by) for outpoint, coin in tower.state.coins.items()
        }
        assert known == coins_of(tower.node)
        there = {spent_by for _, _, spent_by in known.values()} | set(tower.node.pool)
        raised = {
            str(one.alarm.facts["txid"])
            for one in tower.state.raised.values()
            if one.alarm.kind is AlarmKind.NO_INSTRUCTION
        }
        assert raised == self.stolen & there
        others = {one.alarm.kind for one in tower.state.raised.values()} - {AlarmKind.NO_INSTRUCTION}
        assert others <= {AlarmKind.CONFIRMATION_LOST}


WatchMachine.TestCase.settings = settings(max_examples=12, stateful_step_count=12)
TestWatchMachine = WatchMachine.TestCase
