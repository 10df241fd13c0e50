"""A run of ``small`` on simulated parts: the same flow as in production, without a process in sight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pytest

from zakhira.adapters.bip322 import Bip322Prover
from zakhira.adapters.drill_keys import licensee_address, officer_key, signer_seed
from zakhira.adapters.highs import HighsSolver
from zakhira.adapters.programme_folder import load_programme
from zakhira.flows.machinery import Machinery
from zakhira.flows.payments import recorded_payments
from zakhira.flows.ports.progress import silent
from zakhira.flows.run import RunRequest, RunResult, run_chain
from zakhira.flows.signing_rules import SigningRules
from zakhira.flows.world import simulate_world
from zakhira.kernel.canonical import Json, content_hash
from zakhira.planning.plan import plan_allocation
from zakhira.programme.model import Programme
from zakhira.programme.series import Series
from zakhira.simulator.books import SimulatedBooks
from zakhira.simulator.chain import SimulatedChain
from zakhira.simulator.coin_store import SimulatedCoins
from zakhira.simulator.follow import seen_block
from zakhira.simulator.movements import SimulatedMovements
from zakhira.simulator.signer import SimulatedOfficer, SimulatedSigner
from zakhira.wiring.drill import ProgrammeClock

SMALL = Path(__file__).resolve().parents[2] / "programmes" / "small"
DAYS = 3
SEED = 7


@lru_cache(maxsize=1)
def small() -> tuple[Programme, Series]:
    """The small programme and its series."""
    return load_programme(SMALL)


@lru_cache(maxsize=4)
def request_of(days: int, seed: int = SEED) -> RunRequest:
    """A run of the small programme."""
    programme, series = small()
    plan = plan_allocation(programme, series, HighsSolver())
    return RunRequest(programme, plan, simulate_world(programme, series, plan, days, seed, silent), seed)


@dataclass
class SimulatedRun:
    """Twins that outlive a crash of the program, as a real node and a real database do."""

    books: SimulatedBooks
    chain: SimulatedChain
    machinery: Machinery

    def start(self, days: int = DAYS) -> RunResult:
        """Start the program; it carries on from what the twins hold."""
        return run_chain(self.machinery, request_of(days))

    @property
    def totals(self) -> Mapping[str, Json]:
        """What must not depend on any disturbance."""
        payments: Json = [
            [p.id, [[o.address, o.amount_sats] for o in p.outputs]] for p in recorded_payments(self.books)
        ]
        entries = sorted(
            [e.at.isoformat(), *sorted(f"{p.account} {p.amount}" for p in e.postings)] for e in self.books.entries()
        )
        return {
            "payments": content_hash(payments),
            "balances": {account: amount.units for account, amount in sorted(self.books.balances().items())},
            "entries": content_hash(entries),
        }


def simulated_run() -> SimulatedRun:
    """Fresh twins with the drill's keys."""
    programme, _ = small()
    assert programme.drill is not None
    phrase, policy = programme.drill.phrase, programme.policy
    books, chain = SimulatedBooks(), SimulatedChain()
    clock = ProgrammeClock()
    signers = {
        vault.id: tuple(
            SimulatedSigner(
                SigningRules(
                    key.signer,
                    signer_seed(phrase, vault.id, key.signer),
                    programme.chain,
                    policy.vaults,
                    clock,
                    policy,
                )
            )
            for key in vault.keys
        )
        for vault in policy.vaults
    }
    officers = {o.id: SimulatedOfficer(o.id, officer_key(phrase, o.id).private_bytes_raw()) for o in policy.officers}
    machinery = Machinery(
        books=books,
        chain=chain,
        signers=signers,
        officers=officers,
        prover=Bip322Prover(programme.chain),
        payout_addresses={item.id: licensee_address(phrase, item.id) for item in programme.licensees},
        set_clock=clock.set,
        progress=silent,
        movements=SimulatedMovements(books),
        coins=SimulatedCoins(books),
        read_block=seen_block,
    )
    return SimulatedRun(books, chain, machinery)


@pytest.fixture
def fresh() -> SimulatedRun:
    """Twins on which nothing has happened."""
    return simulated_run()


@pytest.fixture(scope="session")
def undisturbed_run() -> SimulatedRun:
    """A finished run that nothing disturbed."""
    run = simulated_run()
    run.start()
    return run
