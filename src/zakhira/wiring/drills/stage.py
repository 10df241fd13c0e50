"""The stage of a drill: a reserve on a private node with vaults, coins and people, and a clock that can be moved."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from zakhira.adapters import drill_keys
from zakhira.adapters.bitcoind.node import BitcoindChain
from zakhira.adapters.software_signer import OfficerKeyFile
from zakhira.cli.custody_services import ReserveOrder
from zakhira.controls.acts.authority import MotionRecord
from zakhira.custody.coin import MAIN, RECOVERY, Payment
from zakhira.custody.message import sign_message
from zakhira.custody.vault_creation import RecoveryRequest, VaultRequest
from zakhira.flows.arrival_judging import judge_arrivals
from zakhira.flows.following import follow_chain
from zakhira.flows.governing.acting import Chamber, authority_in
from zakhira.flows.governing.vaults import propose_vault
from zakhira.flows.ports.chain_pool import nobody_address
from zakhira.flows.registered_keys import register_keys
from zakhira.flows.reservations import reserve_address
from zakhira.flows.spending.watching import follow_spends
from zakhira.flows.treasury import Treasury, vault_records
from zakhira.flows.vaults import create_vault, issue_challenge, plan_challenge, record_test_signing
from zakhira.kernel.errors import Faults, ZakhiraError
from zakhira.kernel.money import SATS_PER_BTC
from zakhira.programme.model import Programme, Vault
from zakhira.reports.drill_report import Finding
from zakhira.wiring.drills.passing import Officers, pass_motion
from zakhira.wiring.reserve_desk import Desk, open_reserve
from zakhira.wiring.reserve_drill import HEIRS, SUCCESSOR, drill_register, require_drill
from zakhira.wiring.reserve_init import init_reserve
from zakhira.wiring.settings import Settings

Value = TypeVar("Value")

POOL = "drill"
POOL_SATS = 500 * SATS_PER_BTC
BY = "drill"
COLD, INTAKE = "cold", "intake"
HELD = "heirloom"
"""The vault with a recovery path that the drills of losses need, whatever vaults the programme has."""
RECOVERY_AFTER_BLOCKS = 144
_FEE_RATE_SAT_PER_VB = 2
_REASON = "drill: a vault of the drill"
_STOP_WAIT_S = 30.0
_POLL_S = 0.05
_REAL_TIME = 0
"""``setmocktime 0``: funding a pool sets the node's clock, from here on it goes by the machine's."""


class DrillClock:
    """The programme's time: it runs with the machine's, and can be moved forward."""

    def __init__(self) -> None:
        self.moved = timedelta(0)

    def __call__(self) -> datetime:
        """The time (UTC)."""
        return datetime.now(UTC) + self.moved

    def move_to(self, at: datetime) -> None:
        """Move forward to ``at``, if it lies ahead."""
        self.moved += max(at - self(), timedelta(0))


@dataclass
class Stage:
    """An opened reserve with everything that a drill needs, and what the drill has found so far."""

    desk: Desk
    clock: DrillClock
    phrase: str
    settings: Settings
    ending: contextlib.ExitStack
    """closes the reserve"""
    findings: list[Finding] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)
    telling: Callable[[int, str], None] = lambda _done, _note: None
    """called after each step, with the number of steps and what was tried"""
    owners: dict[str, str] = field(default_factory=dict)
    """what the keys of each vault's main path are derived for"""

    @property
    def treasury(self) -> Treasury:
        """The parts, at this moment of the drill's clock."""
        return self.desk.treasury

    @property
    def programme(self) -> Programme:
        """The programme whose policy is tried."""
        return self.desk.programme

    @property
    def chain(self) -> BitcoindChain:
        """The private node as the pool and the miner see it."""
        return BitcoindChain(self.desk.node.rpc)

    def officer(self, name: str) -> OfficerKeyFile:
        """The key of an officer."""
        return OfficerKeyFile(name, drill_keys.officer_key(self.phrase, name))

    def seed(self, owner: str, signer: str) -> bytes:
        """The seed of a signer's device; ``owner`` is what the drill derives its key for."""
        return drill_keys.signer_seed(self.phrase, owner, signer)

    # What is found -----------------------------------------------------------------------------------------------

    def note(self, name: str, value: object) -> None:
        """A fact for the report."""
        self.facts.append((name, str(value)))

    def does(
        self, step: str, expected: str, act: Callable[[], Value], tell: Callable[[Value], str] = str
    ) -> Value | None:
        """Something that must work; None if it did not."""
        began = time.perf_counter()
        try:
            value = act()
        except ZakhiraError as error:
            self._found(step, expected, _told(error), began, held=False)
            return None
        self._found(step, expected, tell(value), began, held=True)
        return value

    def refuses(self, step: str, expected: str, act: Callable[[], object], *codes: str) -> None:
        """Something that must be refused, with one of these codes if any are named."""
        began = time.perf_counter()
        try:
            act()
        except ZakhiraError as error:
            told = _told(error)
            self._found(step, expected, told, began, held=not codes or any(code in told for code in codes))
            return
        self._found(step, expected, "It was not refused.", began, held=False)

    def finds(self, step: str, expected: str, look: Callable[[], tuple[bool, str]]) -> None:
        """Something that must be so: whether it is, and what was seen."""
        began = time.perf_counter()
        try:
            held, seen = look()
        except ZakhiraError as error:
            held, seen = False, _told(error)
        self._found(step, expected, seen, began, held=held)

    def _found(self, step: str, expected: str, seen: str, began: float, *, held: bool) -> None:
        self.findings.append(Finding(step, expected, seen, held, time.perf_counter() - began))
        self.telling(len(self.findings), step)

    # The chain ---------------------------------------------------------------------------------------------------

    @property
    def nobody(self) -> str:
        """An address that nobody can spend from: where the miner's own coins go."""
        return nobody_address()

    def mine(self, blocks: int = 1) -> None:
        """Mine, and take the blocks into the books."""
        self.desk.node.rpc.call("generatetoaddress", [blocks, self.nobody])
        self.follow()

    def stop_node(self) -> None:
        """The node ends, as when its machine goes away."""
        self.desk.node.rpc.call("stop")
        deadline = time.monotonic() + _STOP_WAIT_S
        while time.monotonic() < deadline:
            try:
                self.desk.node.rpc.call("getblockcount")
            except ZakhiraError:
                return
            time.sleep(_POLL_S)

    def reopen(self) -> None:
        """As after the end of the program: everything is opened anew, and the private node started again."""
        self.ending.close()
        self.desk = self.ending.enter_context(
            open_reserve(self.settings, self.desk.folder.root, clock=self.clock, follows=True)
        )

    def follow(self) -> None:
        """Follow chain and spends, and judge what arrived."""
        treasury = self.treasury
        follow_chain(treasury)
        follow_spends(treasury)
        judge_arrivals(treasury)

    def bury(self) -> None:
        """Mine as many blocks as the largest coin needs."""
        self.mine(max(self.treasury.depth.confirmations))

    def receive(self, vault: str, *amounts_sats: int, purpose: str = "drill") -> str:
        """The pool pays announced amounts to a vault, and they are buried; the transaction in hex."""
        payments = []
        for number, amount_sats in enumerate(amounts_sats):
            key = f"drill arrival {vault} {self.clock().isoformat()} {number}"
            place = reserve_address(self.treasury, vault, POOL, purpose, key=key, by=BY)
            payments.append(Payment(place.address.address, amount_sats))
        chain = self.chain
        raw_hex = chain.sign_pool_payment(POOL, payments, _FEE_RATE_SAT_PER_VB)
        chain.broadcast(raw_hex)
        self.bury()
        return raw_hex

    # Vaults ------------------------------------------------------------------------------------------------------

    @property
    def chamber(self) -> Chamber:
        """Where officers act, at this moment of the drill's clock."""
        return Chamber(self.desk.archive.books, self.programme.policy, self.clock())

    @property
    def officers(self) -> Officers:
        """All officers with their keys."""
        return Officers(lambda: self.chamber, self.officer)

    def create(self, request: VaultRequest, owner: str, succeeds: str = "") -> Vault:
        """A vault whose every key has test-signed, accepted by officers.

        ``owner`` is what its signers' keys are derived for, ``succeeds`` the vault that is left for it.

        Raises:
            NobodyMay: the policy lets no officers accept it.
        """
        vault = create_vault(self.treasury, request, BY).vault
        self.owners[vault.id] = owner
        self.test_sign(vault, owner, MAIN)
        if vault.recovery is not None:
            self.test_sign(vault, "heirs", RECOVERY)
        if succeeds or not authority_in(self.chamber).accepts(vault):
            self._accept(vault.id, succeeds)
        return vault

    def _accept(self, name: str, succeeds: str) -> None:
        def put_forward(chamber: Chamber, officer: OfficerKeyFile) -> MotionRecord:
            return propose_vault(chamber, name, _REASON, officer, succeeds=succeeds)

        record = pass_motion(self.officers, f"vault {name}", put_forward)
        if record.check is not None and record.check.in_force_at is not None:
            self.clock.move_to(record.check.in_force_at)

    def test_sign(self, vault: Vault, owner: str, path: str, signers: Sequence[str] = ()) -> None:
        """All keys of a path, or those of ``signers`` alone, sign a fresh challenge."""
        treasury = self.treasury
        challenge, psbt = plan_challenge(treasury, vault.id, path)
        issue_challenge(treasury, challenge, BY)
        keys = vault.keys if path == MAIN else vault.recovery.keys if vault.recovery else ()
        for key in keys:
            if signers and key.signer not in signers:
                continue
            signed = sign_message(psbt, (vault,), treasury.chain, self.seed(owner, key.signer))
            record_test_signing(treasury, vault.id, signed, BY)

    @property
    def height(self) -> int:
        """The height of the node's tip."""
        return self.treasury.node.tip()[0]

    def books_hold(self) -> None:
        """Balances, lots, hashes and the followed chain are computed anew from what is stored."""

        def look() -> tuple[bool, str]:
            breaks = self.treasury.books.breaks()
            return not breaks, "; ".join(breaks[:3]) or "balances, lots, hashes and chain agree"

        self.finds("the books are computed anew", "nothing breaks", look)

    def vault(self, name: str) -> Vault:
        """A vault as the books have it."""
        return vault_records(self.treasury.books)[name].vault

    def held_sats(self, vault: str) -> int:
        """What lies in a vault, deep enough or not."""
        status = self.treasury.coins.status(vault, self.treasury.depth)
        return status.settled.sats + status.pending.sats + status.immature.sats


@contextlib.contextmanager
def open_stage(settings: Settings, programme: Path, folder: Path) -> Iterator[Stage]:
    """Make a drill's reserve of ``programme`` in ``folder``, with its vaults in use and coins in them, and open it.

    Raises:
        NoDrill: the programme is not on regtest or has no drill phrase.
        what making and opening a reserve raises.
    """
    order = ReserveOrder(folder, programme, "", None, "", None, is_drill=True)
    init_reserve(settings, order, dry_run=False)
    clock = DrillClock()
    with contextlib.ExitStack() as ending:
        desk = ending.enter_context(open_reserve(settings, folder, clock=clock, follows=True))
        stage = Stage(desk, clock, require_drill(desk.programme), settings, ending)
        _set_up(stage)
        yield stage


def _set_up(stage: Stage) -> None:
    treasury = stage.treasury
    stage.chain.fund_pools({POOL: POOL_SATS}, stage.clock())
    stage.desk.node.rpc.call("setmocktime", [_REAL_TIME])
    follow_chain(treasury)
    register_keys(treasury.books, drill_register(stage.programme, stage.desk.folder), treasury.chain, BY, treasury.now)
    for vault in stage.programme.policy.vaults:
        signers = tuple(key.signer for key in vault.keys)
        stage.create(VaultRequest(vault.id, vault.purpose, vault.threshold, signers, is_drill=True), vault.id)


def _told(error: ZakhiraError) -> str:
    """The error, or all faults that it stands for, each with its code."""
    if isinstance(error, Faults):
        return "; ".join(f"{fault.code} {fault.message}" for fault in error.faults)
    return f"{error.code} {error.message}"


def successor_request(vault: Vault) -> VaultRequest:
    """A vault like another, of its second set of keys."""
    names = tuple(f"{vault.id}-{SUCCESSOR}-{number}" for number in range(1, len(vault.keys) + 1))
    return VaultRequest(f"{vault.id}-{SUCCESSOR}", vault.purpose, vault.threshold, names, is_drill=True)


def decaying_request(vault: Vault) -> VaultRequest:
    """A vault of the second set of keys that heirs can spend from once its coins are old."""
    base = successor_request(vault)
    recovery = RecoveryRequest(2, HEIRS, RECOVERY_AFTER_BLOCKS)
    return VaultRequest(HELD, base.purpose, base.threshold, base.signers, "decaying", recovery, is_drill=True)
