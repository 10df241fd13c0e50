"""The run on simulated parts: each call to node and database fails once, and nothing is lost or done twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flows.conftest import DAYS, SimulatedRun, request_of, simulated_run, small
from zakhira.controls.spend_state import SpendState
from zakhira.flows.ports.chain_errors import ChainDiverged, NodeUnreachable
from zakhira.flows.run import AnotherRun, ChainUnknown, RunRequest, run_chain
from zakhira.flows.spends import recorded_spends, spend_of
from zakhira.kernel.errors import OutsideFailure
from zakhira.ledger.reserve import reserve_identity
from zakhira.simulator.chain import SimulatedChain
from zakhira.simulator.chain_faults import ChainFault

PARTS, STRIDE = 3, 2
"""The calls of a run are shared out over three tests, and every second call of each share is made to fail."""
CHAIN_CALLS, BOOKS_CALLS = 130, 110
"""How many calls a run of three days makes, about; a test holds these counts against a run."""
PURPOSES = ("intake", "cold")


def vault_id(purpose: str) -> str:
    """The vault of the small programme with this purpose."""
    return small()[0].policy.vault(purpose).id


def test_the_books_tie_to_the_chain(undisturbed_run: SimulatedRun) -> None:
    """Received - fees = intake + cold in the ledger, and the vaults hold exactly that."""
    books, chain = undisturbed_run.books, undisturbed_run.chain
    identity = reserve_identity(books.balances())
    assert identity.holds
    held = {purpose: sum(coin.amount_sats for coin in chain.coins(vault_id(purpose))) for purpose in PURPOSES}
    assert held["intake"] == books.balances()["assets:vault:intake"].units
    assert held["cold"] == books.balances()["assets:vault:cold"].units
    assert held["cold"] > 0
    assert books.breaks() == ()


def test_every_lot_is_a_coin(undisturbed_run: SimulatedRun) -> None:
    """The ledger's open lots are the vaults' coins, one by one."""
    for purpose in PURPOSES:
        lots = {b.lot.outpoint: b.amount.units for b in undisturbed_run.books.lots(f"assets:vault:{purpose}")}
        coins = undisturbed_run.chain.coins(vault_id(purpose))
        assert lots == {coin.outpoint: coin.amount_sats for coin in coins}


def test_a_spend_reads_back_from_its_record(undisturbed_run: SimulatedRun) -> None:
    """Every field of a spend survives the books."""
    spends = recorded_spends(undisturbed_run.books)
    assert spends
    for spend in spends:
        assert spend.state is SpendState.CONFIRMED
        assert spend_of(spend.record.body) == spend
        assert len(spend.signers) == 3
        assert len({approval.officer for approval in spend.approvals}) == 2


def test_starting_again_changes_nothing(undisturbed_run: SimulatedRun) -> None:
    """A finished run that is started again asks for nothing new."""
    before = dict(undisturbed_run.totals)
    blocks = undisturbed_run.chain.tip()
    undisturbed_run.start()
    assert dict(undisturbed_run.totals) == before
    assert undisturbed_run.chain.tip() == blocks


def test_other_arguments_are_refused(undisturbed_run: SimulatedRun) -> None:
    """Books that hold one run are not used for another."""
    other = request_of(DAYS)
    with pytest.raises(AnotherRun, match="seed 7"):
        run_chain(undisturbed_run.machinery, RunRequest(other.programme, other.plan, other.world, seed=8))


def test_new_books_on_an_old_node_are_refused() -> None:
    """A run that is given another database than it was begun with stops before it builds on the chain."""
    run = simulated_run()
    run.start(days=2)
    machinery = replace(run.machinery, books=simulated_run().books)
    with pytest.raises(ChainUnknown, match="vault intake"):
        run_chain(machinery, request_of(2))


def until_done(run: SimulatedRun) -> int:
    """Start the program again after every failure, as an operator would; the number of starts."""
    for starts in range(1, 200):
        try:
            run.start()
        except OutsideFailure:
            continue
        return starts
    raise AssertionError("the run never ends")


@pytest.mark.parametrize("part", range(PARTS))
def test_a_node_that_fails_anywhere_loses_nothing(undisturbed_run: SimulatedRun, part: int) -> None:
    """A call to the node fails, before or after its work, wherever it stands in the run: all totals stay the same."""
    for number, call in enumerate(range(1 + part, CHAIN_CALLS, PARTS * STRIDE)):
        run = simulated_run()
        run.chain.faults.fail_next(list(ChainFault)[number % 2], call - 1)
        assert until_done(run) == 2
        assert dict(run.totals) == dict(undisturbed_run.totals), f"call {call}"


@pytest.mark.parametrize("part", range(PARTS))
def test_a_database_that_fails_anywhere_loses_nothing(undisturbed_run: SimulatedRun, part: int) -> None:
    """A call to the books fails before its work, after it, or a commit arrives twice: all totals stay the same."""
    for number, call in enumerate(range(1 + part, BOOKS_CALLS, PARTS * STRIDE)):
        run = simulated_run()
        faults = run.books.faults
        kinds = (faults.unreachable_on, faults.acknowledgement_lost_on, faults.delivered_twice_on)
        kinds[number % 3].add(call)
        until_done(run)
        assert dict(run.totals) == dict(undisturbed_run.totals), f"call {call}"
        assert run.books.breaks() == ()


def test_the_calls_were_counted(undisturbed_run: SimulatedRun) -> None:
    """The two counts above reach to the end of a run, and not far beyond."""
    fresh = simulated_run()
    fresh.start()
    assert 0 <= fresh.chain.faults.calls - CHAIN_CALLS < PARTS * STRIDE
    assert 0 <= fresh.books.calls - BOOKS_CALLS < PARTS * STRIDE


def test_another_branch_is_a_reorganisation(undisturbed_run: SimulatedRun) -> None:
    """A node that insists on another chain than the recorded one stops the run; the books stay as they were."""
    run = simulated_run()
    run.start()
    run.chain.reorganise(1)
    with pytest.raises(ChainDiverged, match="ZK-CHAIN-010"):
        run.start()
    assert dict(run.totals) == dict(undisturbed_run.totals)


@pytest.mark.parametrize("call", [20, 60, 100, 125])
def test_a_node_that_comes_back_at_height_0_is_given_its_blocks(undisturbed_run: SimulatedRun, call: int) -> None:
    """The node dies in the middle and has lost its whole chain: the books have it, and the run carries on."""
    run = simulated_run()
    run.chain.faults.fail_next(ChainFault.UNREACHABLE, call - 1)
    with pytest.raises(NodeUnreachable):
        run.start()
    empty = SimulatedChain()
    replaced = SimulatedRun(run.books, empty, replace(run.machinery, chain=empty))
    replaced.start()
    assert dict(replaced.totals) == dict(undisturbed_run.totals)
