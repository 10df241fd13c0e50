"""Following and agreeing where it is our own decision: starts, windows, races, nodes that lie or change midway."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import replace

import pytest
from embit.script import Script
from embit.transaction import Transaction, TransactionInput, TransactionOutput

from custody_drill import COLD, INTAKE
from watch_drill import WatchDrill, all_signed, keep_vaults, place, script_of, twin_books, twin_chain, twin_drill
from zakhira.flows import following
from zakhira.flows.arrival_judging import judge_arrivals
from zakhira.flows.coin_appraisal import PAST
from zakhira.flows.coin_papers import SUSPENSE_ACCOUNT, coin_papers, vault_account
from zakhira.flows.following import (
    CoinsDiffer,
    NodesDiffer,
    NodesNotLevel,
    NotFollowed,
    follow_chain,
    following_state,
    require_agreement,
)
from zakhira.flows.ports.books import Write
from zakhira.flows.ports.chain_errors import NodeFailed, NodeUnreachable, WrongChain
from zakhira.flows.ports.follow import BlockNotKept, FetchedBlock, NodeCoin
from zakhira.flows.rescanning import rescan_vault
from zakhira.flows.watched_places import GAP
from zakhira.simulator.books import BooksFaults
from zakhira.simulator.chain import SimulatedChain
from zakhira.simulator.chain_faults import ChainFault
from zakhira.simulator.follow import SimulatedFollower


def held(drill: WatchDrill, vault: str = "intake") -> list[tuple[int, int]]:
    """Place and amount of a vault's unspent coins."""
    return sorted((coin.place, coin.amount_sats) for coin in drill.treasury.coins.page(vault))


def settle(drill: WatchDrill) -> None:
    """What the watcher shows is what its writes come to."""
    assert drill.treasury.books.breaks() == ()


class TestStart:
    """Where a chain begins to be followed."""

    def test_at_the_first_reservation(self) -> None:
        """Blocks below the first address that was given out are not read; a payment right after it is found."""
        drill = twin_drill()
        height, _ = drill.chain.tip()
        found = drill.reserve("first")
        drill.pay((found.address.address, 50_000))
        drill.mine(3)
        drill.reserve("second")
        follow_chain(drill.treasury)
        span = drill.treasury.coins.span()
        assert span is not None
        assert span.first_height == height
        assert held(drill) == [(0, 50_000)]

    def test_at_the_tip_or_where_it_is_told(self) -> None:
        """Without a reservation it is the tip; a height that is named is taken."""
        drill = twin_drill()
        tip, _ = drill.chain.tip()
        assert follow_chain(drill.treasury).connected == 1
        again = twin_drill()
        assert follow_chain(again.treasury, start_height=0).connected == tip + 1
        settle(again)

    def test_another_chain_is_refused(self) -> None:
        """A node of another chain is not followed, and gives out no address."""
        drill = twin_drill()
        drill.treasury = replace(drill.treasury, chain="signet")
        with pytest.raises(WrongChain):
            follow_chain(drill.treasury)
        with pytest.raises(WrongChain):
            drill.reserve("first")


class TestPlaces:
    """Which scripts are looked for."""

    def test_the_window_moves_with_what_is_paid(self) -> None:
        """Places behind the reserved ones are found up to the gap, and each one that is paid moves the window on."""
        drill = twin_drill()
        follow_chain(drill.treasury)
        last = place(INTAKE, 2 * GAP - 1)
        drill.pay((last.address, 11_000), (place(INTAKE, GAP - 1).address, 10_000))
        drill.pay((place(COLD, GAP, 1).address, 9_000))
        drill.mine()
        follow_chain(drill.treasury)
        assert held(drill) == [(GAP - 1, 10_000), (2 * GAP - 1, 11_000)]
        assert held(drill, "cold") == []
        again = follow_chain(drill.treasury)
        assert (again.connected, again.created) == (0, 0)
        assert drill.reserve("next").address.index == 2 * GAP
        settle(drill)

    def test_addresses_that_are_given_out_while_blocks_are_read(self) -> None:
        """More addresses than the window holds are given out after the watcher began: the last is found."""
        drill = twin_drill()
        follow_chain(drill.treasury)
        drill.mine()

        class Slow(SimulatedFollower):
            """Somebody reserves and is paid while the watcher asks for hashes."""

            def block_hashes(self, first: int, last: int) -> tuple[str, ...]:
                if len(drill.treasury.books.records("reservation")) < 2 * GAP:
                    addresses = [drill.reserve(f"more {number}").address for number in range(2 * GAP)]
                    drill.pay((addresses[-1].address, 12_345))
                    drill.mine()
                return super().block_hashes(first, last)

        follow_chain(replace(drill.treasury, node=Slow(twin_chain(drill))))
        assert held(drill) == [(2 * GAP - 1, 12_345)]

    def test_a_vault_that_is_created_later(self) -> None:
        """A new vault needs no look back: what it is paid comes after."""
        drill = twin_drill(INTAKE)
        follow_chain(drill.treasury)
        drill.mine(3)
        follow_chain(drill.treasury)
        keep_vaults(drill.treasury.books, all_signed(COLD))
        found = drill.reserve("cold", vault=COLD)
        drill.pay((found.address.address, 33_000))
        drill.mine()
        follow_chain(drill.treasury)
        assert held(drill, "cold") == [(0, 33_000)]

    def test_a_retired_vault_is_still_watched(self) -> None:
        """Late payments to a retired vault are caught."""
        drill = twin_drill()
        found = drill.reserve("first")
        follow_chain(drill.treasury)
        drill.retire(INTAKE, "cold")
        drill.pay((found.address.address, 50_000))
        drill.mine()
        assert follow_chain(drill.treasury).created == 1


class TestPast:
    """A vault that comes with a history."""

    def begin(self) -> tuple[WatchDrill, int]:
        """Four coins of cold on the chain that nobody watched, one of them spent; the height before them."""
        drill = twin_drill(INTAKE)
        start, _ = drill.chain.tip()
        spent = drill.pay((place(COLD, 0).address, 40_000))
        drill.pay((place(COLD, GAP).address, 41_000), (place(COLD, 1, 1).address, 42_000))
        drill.mine()
        drill.pay((place(COLD, 1).address, 43_000))
        chain = twin_chain(drill)
        waiting = deepcopy(next(iter(chain.state.mempool.values())))
        waiting.vin = waiting.vin[:1]
        waiting.vin[0].txid, waiting.vin[0].vout = bytes.fromhex(spent), 0
        waiting.vout = waiting.vout[-1:]
        waiting.vout[0].value = 30_000
        chain.state.mempool[waiting.txid().hex()] = waiting
        drill.mine(2)
        return drill, start

    def test_it_is_taken_in_at_once(self) -> None:
        """Down to the first followed block it is one write; places out of order are found; it is safe to repeat."""
        drill, start = self.begin()
        follow_chain(drill.treasury, start_height=start)
        keep_vaults(drill.treasury.books, all_signed(COLD))
        followed = rescan_vault(drill.treasury, "cold", start)
        assert (followed.created, followed.spent) == (4, 1)
        assert held(drill, "cold") == [(1, 42_000), (1, 43_000), (GAP, 41_000)]
        assert rescan_vault(drill.treasury, "cold", start).created == 0
        self.end(drill)

    @pytest.mark.parametrize("stop", range(1, 12))
    def test_below_the_first_followed_block(self, monkeypatch: pytest.MonkeyPatch, stop: int) -> None:
        """An older past means that all is read again from there; a stop at any write is made good by the next run."""
        monkeypatch.setattr(following, "BATCH_BLOCKS", 1)
        drill, start = self.begin()
        found = drill.reserve("ours")
        follow_chain(drill.treasury)
        drill.pay((found.address.address, 77_000))
        drill.mine(3)
        follow_chain(drill.treasury)
        judge_arrivals(drill.treasury)
        keep_vaults(drill.treasury.books, all_signed(COLD))
        twin = twin_books(drill)
        audits = len(twin.audit_entries())
        whole = deepcopy(drill)
        rescan_vault(whole.treasury, "cold", start)
        steps = len(twin_books(whole).audit_entries()) - audits
        assert steps >= 11  # each of them is stopped at
        self.stop_at(drill, stop, start)
        follow_chain(drill.treasury)
        assert held(drill, "cold") == [(1, 42_000), (1, 43_000), (GAP, 41_000)]
        assert following_state(drill.treasury.books).until == -1
        judge_arrivals(drill.treasury)
        assert drill.treasury.books.balances()[vault_account("intake")].units == 77_000
        self.end(drill)

    def stop_at(self, drill: WatchDrill, stop: int, start: int) -> None:
        """The database goes away at one of the writes; meanwhile nothing is judged."""
        twin, commits = twin_books(drill), 0
        real = twin.commit

        def commit(write: Write) -> object:
            nonlocal commits
            commits += 1
            if commits == stop:
                twin.faults = BooksFaults(unreachable_on={twin.calls + 1})
            return real(write)

        twin.commit = commit  # type: ignore[method-assign, assignment]
        with pytest.raises(Exception, match="Ask again"):
            rescan_vault(drill.treasury, "cold", start)
        twin.commit = real  # type: ignore[method-assign]
        if stop > 1:
            with pytest.raises(NotFollowed):
                judge_arrivals(drill.treasury)
        else:
            rescan_vault(drill.treasury, "cold", start)

    def end(self, drill: WatchDrill) -> None:
        """What came and went before the import is nobody's theft; the rest is in suspense."""
        drill.mine(3)
        follow_chain(drill.treasury)
        assert judge_arrivals(drill.treasury).unexplained == ()
        papers = coin_papers(drill.treasury.books)
        coins = [drill.treasury.coins.coin(outpoint) for outpoint in papers]
        flags = {coin.amount_sats: papers[coin.outpoint].flags for coin in coins if coin}
        assert PAST in flags[40_000]
        assert drill.treasury.books.balances()[vault_account("cold")].units == 126_000
        assert drill.treasury.books.balances()[SUSPENSE_ACCOUNT].units == -126_000
        settle(drill)


class Reorganising(SimulatedFollower):
    """A node that reorganises while its blocks are handed over."""

    def __init__(self, chain: SimulatedChain, depth: int, after: int) -> None:
        super().__init__(chain)
        self._chain_twin, self._depth, self._after = chain, depth, after

    def blocks(self, hashes: Sequence[str]) -> Iterator[FetchedBlock]:
        """Reorganise once, in the middle."""
        for number, block in enumerate(super().blocks(hashes)):
            if number == self._after and self._depth:
                depth, self._depth = self._depth, 0
                self._chain_twin.reorganise(depth)
            yield block


class TestMidway:
    """The world changes while the watcher works."""

    @pytest.mark.parametrize("depth", [1, 3, 7])
    @pytest.mark.parametrize("after", [0, 2, 4])
    def test_a_reorganisation_in_the_middle(self, depth: int, after: int) -> None:
        """The node reorganises while blocks are read: in the end the books show its chain."""
        drill = twin_drill()
        found = drill.reserve("first")
        follow_chain(drill.treasury)
        for _ in range(3):
            drill.pay((found.address.address, 50_000))
            drill.mine(2)
        node = Reorganising(twin_chain(drill), depth, after)
        followed = follow_chain(replace(drill.treasury, node=node))
        assert (followed.height, followed.hash) == drill.chain.tip()
        confirmed = [o for o in twin_chain(drill).state.unspent.values() if o.script.hex() == found.address.script_hex]
        assert [amount for _, amount in held(drill)] == [output.amount_sats for output in confirmed]
        settle(drill)

    def test_a_spend_that_moves_to_another_block(self) -> None:
        """Spent in a block that goes and again in the one that replaces it, seen in one run: spent, by the latter."""
        drill = twin_drill()
        found = drill.reserve("first")
        follow_chain(drill.treasury)
        txid = drill.pay((found.address.address, 50_000))
        drill.mine()
        chain = twin_chain(drill)
        spends = []
        for fee_sats in (500, 700):
            spend = TransactionInput(bytes.fromhex(txid), 0)
            output = TransactionOutput(50_000 - fee_sats, Script(script_of(place(COLD, 0).address)))
            theft = Transaction(vin=[spend], vout=[output])
            chain.state.mempool[theft.txid().hex()] = theft
            drill.mine(2)
            follow_chain(drill.treasury)
            coin = drill.treasury.coins.coin(f"{txid}:0")
            assert coin is not None
            spends.append(coin.spent_by)
            if fee_sats == 500:
                chain.state.cut(2)
        assert spends[1] == theft.txid().hex() != spends[0]
        settle(drill)

    def test_blocks_that_the_node_lost(self) -> None:
        """A node that does not hold a block of its own chain is an error, with what was taken in kept."""
        drill = twin_drill()
        follow_chain(drill.treasury)
        drill.mine(4)
        chain = twin_chain(drill)
        del chain.state.seen[chain.state.best[-2].hash]
        with pytest.raises(BlockNotKept):
            follow_chain(drill.treasury)
        settle(drill)

    def test_a_tip_that_is_nowhere(self) -> None:
        """A node whose tip is not on the chain that it tells does not keep the watcher for ever."""
        drill = twin_drill()
        follow_chain(drill.treasury)

        class Liar(SimulatedFollower):
            """Says another tip than it has."""

            def tip(self) -> tuple[int, str]:
                return super().tip()[0], "ab" * 32

        with pytest.raises(NodeFailed):
            follow_chain(replace(drill.treasury, node=Liar(twin_chain(drill))))

    @pytest.mark.parametrize("fault", list(ChainFault))
    def test_the_node_goes_away_at_every_call(self, fault: ChainFault) -> None:
        """Whichever call fails, the next run makes it good."""
        drill = twin_drill()
        found = drill.reserve("first")
        follow_chain(drill.treasury)
        drill.pay((found.address.address, 50_000))
        drill.mine(2)
        start = deepcopy(drill)
        chain = twin_chain(drill)
        before = chain.faults.calls
        follow_chain(drill.treasury)
        for after in range(chain.faults.calls - before):
            again = deepcopy(start)
            twin_chain(again).faults.fail_next(fault, after)
            with pytest.raises(NodeUnreachable):
                follow_chain(again.treasury)
            follow_chain(again.treasury)
            assert held(again) == [(0, 50_000)]

    def test_two_watchers_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A second watcher overtakes the first in the middle: each block is there once."""
        monkeypatch.setattr(following, "BATCH_BLOCKS", 2)
        drill = twin_drill()
        found = drill.reserve("first")
        follow_chain(drill.treasury)
        drill.pay((found.address.address, 50_000))
        drill.mine(9)

        class Crowded(SimulatedFollower):
            """While its blocks are read, another watcher takes all of them in."""

            def blocks(self, hashes: Sequence[str]) -> Iterator[FetchedBlock]:
                for number, block in enumerate(super().blocks(hashes)):
                    if number == 5:
                        follow_chain(drill.treasury)
                    yield block

        followed = follow_chain(replace(drill.treasury, node=Crowded(twin_chain(drill))))
        assert (followed.height, followed.hash) == drill.chain.tip()
        assert held(drill) == [(0, 50_000)]
        settle(drill)


class Lying(SimulatedFollower):
    """A second node with an opinion of its own about coins."""

    def __init__(self, chain: SimulatedChain, change: dict[str, object] | None) -> None:
        super().__init__(chain)
        self._change = change

    def node_coin(self, outpoint: str) -> NodeCoin | None:
        """Tell it otherwise."""
        told = super().node_coin(outpoint)
        return None if told is None or self._change is None else replace(told, **self._change)  # type: ignore[arg-type]


class TestAgreement:
    """Nothing moves unless books, node and second node tell the same."""

    def begin(self) -> tuple[WatchDrill, str]:
        """A coin that all agree on."""
        drill = twin_drill(second=True)
        found = drill.reserve("first")
        follow_chain(drill.treasury)
        txid = drill.pay((found.address.address, 50_000))
        drill.mine(2)
        follow_chain(drill.treasury)
        return drill, f"{txid}:0"

    def test_all_agree(self) -> None:
        """Also without a second node."""
        drill, outpoint = self.begin()
        require_agreement(drill.treasury, [outpoint])
        require_agreement(replace(drill.treasury, second=None), [outpoint])

    def test_the_books_are_behind(self) -> None:
        """A block came that the books do not have, or nothing was ever followed."""
        drill, outpoint = self.begin()
        drill.mine()
        with pytest.raises(NotFollowed):
            require_agreement(drill.treasury, [outpoint])
        with pytest.raises(NotFollowed):
            require_agreement(twin_drill().treasury, [])

    @pytest.mark.parametrize(
        "change",
        [None, {"amount_sats": 50_001}, {"script_hex": "0014" + "00" * 20}, {"height": 1}, {"is_coinbase": True}],
    )
    @pytest.mark.parametrize("who", ["node", "second"])
    def test_a_node_that_lies_about_a_coin(self, who: str, change: dict[str, object] | None) -> None:
        """Another amount, script, height or kind, or no coin at all: refused, whichever node says so."""
        drill, outpoint = self.begin()
        liar = Lying(twin_chain(drill), change)
        with pytest.raises(CoinsDiffer) as caught:
            require_agreement(replace(drill.treasury, **{who: liar}), [outpoint])  # type: ignore[arg-type]
        assert ("second node" in caught.value.message) == (who == "second")

    def test_coins_that_the_books_do_not_hold(self) -> None:
        """A coin that nobody knows, or that was spent."""
        drill, _ = self.begin()
        with pytest.raises(CoinsDiffer):
            require_agreement(drill.treasury, ["ab" * 32 + ":0"])

    def test_a_second_node_that_is_a_block_behind_or_ahead(self) -> None:
        """One block apart is told as not level, more as different; neither is accepted."""
        drill, outpoint = self.begin()
        behind = deepcopy(twin_chain(drill))
        behind.state.cut(1)
        lagging = replace(drill.treasury, second=SimulatedFollower(behind))
        with pytest.raises(NodesNotLevel):
            require_agreement(lagging, [outpoint])
        behind.state.cut(1)
        with pytest.raises(NodesDiffer):
            require_agreement(lagging, [outpoint])
        ahead = deepcopy(twin_chain(drill))
        ahead.state.mine(b"\x51", ahead.state.clock_s)
        with pytest.raises(NodesNotLevel):
            require_agreement(replace(drill.treasury, second=SimulatedFollower(ahead)), [outpoint])

    def test_a_second_node_on_another_chain(self) -> None:
        """The same height or one more, but another block: different, not a matter of waiting."""
        drill, outpoint = self.begin()
        other = deepcopy(twin_chain(drill))
        other.reorganise(1)
        with pytest.raises(NodesDiffer):
            require_agreement(replace(drill.treasury, second=SimulatedFollower(other)), [outpoint])
        other.state.cut(1)
        with pytest.raises(NodesDiffer):
            require_agreement(replace(drill.treasury, second=SimulatedFollower(other)), [outpoint])

    def test_the_tip_moves_meanwhile(self) -> None:
        """A block comes while coins are compared: ask again."""
        drill, outpoint = self.begin()

        class Moving(SimulatedFollower):
            """A block is found while a coin is asked for."""

            def node_coin(self, outpoint: str) -> NodeCoin | None:
                told = super().node_coin(outpoint)
                drill.mine()
                return told

        with pytest.raises(NotFollowed):
            require_agreement(replace(drill.treasury, node=Moving(twin_chain(drill)), second=None), [outpoint])
