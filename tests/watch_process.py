"""The watchtower as a process of its own, and thieves with signers' keys, for tests on a drill's reserve."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from click.testing import CliRunner

from conftest import PROJECT
from zakhira.adapters.bitcoind.node import BitcoindChain
from zakhira.adapters.drill_keys import officer_key, signer_seed
from zakhira.adapters.software_signer import OfficerKeyFile, utc_now
from zakhira.adapters.watch_store import WatchStore
from zakhira.cli.commands import zakhira
from zakhira.cli.custody_services import ReserveOrder
from zakhira.custody.coin import Coin, Instruction, Payment
from zakhira.custody.descriptor import derive_address
from zakhira.custody.signing import check_and_sign, combine_signatures, finalise
from zakhira.custody.spend import HeldCoin, build_psbt
from zakhira.custody.vault_state import ProofOfLife, VaultRecord, record_json
from zakhira.flows.following import follow_chain
from zakhira.flows.ports.books import Record, Write
from zakhira.flows.ports.chain_pool import nobody_address
from zakhira.flows.reservations import reserve_address
from zakhira.flows.signing_rules import SigningRules
from zakhira.flows.spending.building import build, hand_out
from zakhira.flows.spending.deciding import approve, decide
from zakhira.flows.spending.fees import FeeWish
from zakhira.flows.spending.hastening import bump
from zakhira.flows.spending.order import FeeCeilings, PaymentOrder, SpendOrder
from zakhira.flows.spending.proposing import propose
from zakhira.flows.spending.returning import take_signatures
from zakhira.flows.spending.sending import broadcast
from zakhira.flows.spending.spend import TREASURY_SPEND, spend_of
from zakhira.flows.treasury import VAULT, policy_in_force, vault_records
from zakhira.kernel.money import sats
from zakhira.watch.state import WatchState
from zakhira.wiring.reserve_desk import Desk, open_reserve
from zakhira.wiring.reserve_follow import follow_reserve
from zakhira.wiring.reserve_init import init_reserve
from zakhira.wiring.services import ProgramServices
from zakhira.wiring.settings import Settings

RATE = FeeWish(rate_sat_per_kvb=2_000)
DEARER = FeeWish(rate_sat_per_kvb=20_000)
OFFICERS = ("comptroller-1", "director-1")
MADE = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Reserve:
    """A drill's reserve of the programme ``small`` that is opened, with its people at hand."""

    settings: Settings
    desk: Desk

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.desk.folder.root

    @property
    def phrase(self) -> str:
        """Everybody may read it."""
        assert self.desk.programme.drill is not None, "a drill has a phrase"
        return self.desk.programme.drill.phrase

    def type(self, *words: str, exit_code: int = 0) -> Any:  # noqa: ANN401 - JSON
        """The facts of a command as it is typed."""
        result = CliRunner().invoke(zakhira, (*words, "--json"), obj=ProgramServices(self.settings))
        assert result.exit_code == exit_code, result.output
        return json.loads(result.stdout)

    def officer(self, name: str) -> OfficerKeyFile:
        """An officer's key."""
        return OfficerKeyFile(name, officer_key(self.phrase, name))

    def fund(self, vault_id: str, *amounts_sats: int) -> None:
        """A vault of the programme as one that is in use, with announced coins of these amounts."""
        vault = next(vault for vault in self.desk.programme.policy.vaults if vault.id == vault_id)
        proofs = tuple(ProofOfLife(key.signer, self.desk.archive.clock().date(), "00" * 32) for key in vault.keys)
        record = VaultRecord(vault, "regtest", "dara", MADE, "tested", proofs)
        kept = Record(VAULT, vault.id, record_json(record))
        self.desk.archive.books.commit(Write(f"vault {vault.id}", "dara", "keep vault", MADE, records=(kept,)))
        follow_chain(self.desk.treasury)
        payments = []
        for number, amount in enumerate(amounts_sats):
            key = f"{vault.id} {number}"
            place = reserve_address(self.desk.treasury, vault.id, "Pool A", "royalty", key=key, by="dara")
            payments.append(Payment(place.address.address, amount))
        chain = BitcoindChain(self.desk.node.rpc)
        chain.fund_pools({"drill": 10_000_000_000}, self.desk.archive.clock())
        self.desk.node.rpc.call("setmocktime", [0])
        chain.broadcast(chain.sign_pool_payment("drill", payments, 2))
        self.mine(3)

    def mine(self, count: int = 1) -> None:
        """Blocks, followed by the coordinator as ``reserve follow`` does."""
        self.desk.node.rpc.call("generatetoaddress", [count, nobody_address()])
        follow_reserve(self.desk, lambda _answer: None, lambda *_: None, once=True)

    def propose(self, name: str, vault: str, payee: str, amount_sats: int) -> None:
        """A proposal of a payment."""
        order = SpendOrder(
            id=name,
            from_vault=vault,
            payments=(PaymentOrder(sats(amount_sats), payee),),
            purpose="works",
            clause="rule 1",
            ceilings=FeeCeilings(sats(50_000), 100),
        )
        propose(self.desk.treasury, order, self.officer("treasury-1"))

    def approve(self, name: str, *officers: str) -> None:
        """Approvals by these officers."""
        for officer in officers:
            approve(self.desk.treasury, name, self.officer(officer))

    def carry(self, name: str, *signers: str, dearer: bool = False) -> str:
        """Decided, built (or bumped), signed by these and sent; the id of the transaction."""
        treasury = self.desk.treasury
        if dearer:
            bump(treasury, name, DEARER)
        else:
            decide(treasury, name)
            build(treasury, name, RATE)
        spend, bytes_ = hand_out(self.desk.treasury, name)
        policy = policy_in_force(self.desk.treasury)
        vault = spend.instruction.from_vault
        for signer in signers:
            seed = signer_seed(self.phrase, vault, signer)
            rules = SigningRules(signer, seed, "regtest", policy.vaults, self.desk.archive.clock, policy)
            told = rules.sign_spend(bytes_.psbt, spend.instruction, spend.approvals, policy, spend.execution)
            take_signatures(self.desk.treasury, name, base64.b64decode(told))
        return broadcast(self.desk.treasury, name).last.txid


@contextmanager
def open_drill(folder: Path) -> Iterator[Reserve]:
    """A fresh reserve, its node and database up until the end of the block."""
    settings = Settings(tools=PROJECT / ".tools")
    order = ReserveOrder(folder, PROJECT / "programmes" / "small", is_drill=True)
    init_reserve(settings, order, dry_run=False)
    with open_reserve(settings, folder, follows=True) as desk:
        yield Reserve(settings, desk)


def stolen(reserve: Reserve, vault_id: str, signers: Iterable[str], payee: str) -> tuple[str, int]:
    """Signers' keys sign on their own: the largest coin of a vault goes to somebody. The transaction, what it pays."""
    held = _held(reserve, vault_id)[-1:]
    amount_sats = held[0].coin.amount_sats - 2_000
    now = utc_now().replace(microsecond=0)
    theirs = Instruction(
        id="nobody's", chain="regtest", from_vault=vault_id, to_vault="", payments=(Payment(payee, amount_sats),),
        inputs=(), fee_limit_sats=2_000, fee_rate_limit_sat_per_vb=100, purpose="none", clause="none",
        proposed_by="nobody", proposed_at=now, expires_at=now + timedelta(hours=1),
    )  # fmt: skip
    return sign_outside(reserve, theirs, held, signers), amount_sats


def largest(reserve: Reserve, vault_id: str) -> int:
    """What the largest coin of a vault holds, in sats."""
    return _held(reserve, vault_id)[-1].coin.amount_sats


def by_instruction(reserve: Reserve, spend_id: str, signers: Iterable[str]) -> str:
    """Signers' keys sign what the books say of a spend, whether or not it was approved, with the largest coin."""
    body = reserve.desk.archive.books.latest(TREASURY_SPEND, spend_id)
    instruction = spend_of(body).instruction
    return sign_outside(reserve, instruction, _held(reserve, instruction.from_vault)[-1:], signers)


def _held(reserve: Reserve, vault_id: str) -> list[HeldCoin]:
    """The coins of a vault, the largest last."""
    treasury = reserve.desk.treasury
    vault = vault_records(treasury.books)[vault_id].vault
    found = [
        HeldCoin(
            Coin(coin.outpoint, coin.amount_sats, coin.script_hex, coin.height, coin.block_hash),
            derive_address(vault, coin.branch, coin.place, "regtest"),
        )
        for coin in treasury.coins.page(vault_id)
    ]
    return sorted(found, key=lambda item: item.coin.amount_sats)


def sign_outside(reserve: Reserve, instruction: Instruction, held: Sequence[HeldCoin], signers: Iterable[str]) -> str:
    """Keys of the drill used without any coordinator."""
    vault = vault_records(reserve.desk.treasury.books)[instruction.from_vault].vault
    policy = replace(reserve.desk.treasury.policy, vaults=(vault,))
    psbt = build_psbt(instruction, held, policy)
    returned = [
        check_and_sign(psbt, instruction, policy, "regtest", signer_seed(reserve.phrase, vault.id, signer))
        for signer in signers
    ]
    return finalise(combine_signatures(psbt, returned, "regtest"), "regtest")


def look_ahead_less(folder: Path) -> None:
    """Ten addresses behind the last used one in place of two hundred: each takes two milliseconds at every start."""
    settings = folder / "watch.toml"
    text = settings.read_text(encoding="utf-8")
    assert "look_ahead = 200" in text
    settings.write_text(text.replace("look_ahead = 200", "look_ahead = 10"), encoding="utf-8")


def kept(folder: Path) -> WatchState:
    """What a watch has kept so far, read beside it."""
    store = WatchStore(folder / "state.sqlite")
    try:
        return store.load()
    finally:
        store.close()


class WatchProcess:
    """``zakhira watch run WDIR --json`` as a subprocess; what it tells is read as it comes."""

    def __init__(self, folder: Path, *more: str) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
        command = [str(Path(sys.executable).with_name("zakhira")), "watch", "run", str(folder), "--json", *more]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        self._news = threading.Condition()
        self._told: list[dict[str, Any]] = []
        self.said: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._hear, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._news:
                self._told.append({**json.loads(line), "heard": time.monotonic()})
                self._news.notify_all()

    def _hear(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.said.append(line)

    @property
    def told(self) -> list[dict[str, Any]]:
        """Everything told so far."""
        with self._news:
            return list(self._told)

    def codes(self) -> list[tuple[str, str]]:
        """News and code of everything told so far."""
        return [(notice["news"], notice["code"]) for notice in self.told]

    def wait_for(self, code: str, news: str = "raised", timeout_s: float = 30.0, after: int = 0) -> dict[str, Any]:
        """The first telling of this code beyond the first ``after``."""

        def found() -> dict[str, Any] | None:
            return next((one for one in self._told[after:] if (one["code"], one["news"]) == (code, news)), None)

        return self._wait(found, f"{news} {code}", timeout_s)

    def _wait(self, found: Callable[[], dict[str, Any] | None], what: str, timeout_s: float) -> dict[str, Any]:
        deadline = time.monotonic() + timeout_s
        with self._news:
            while (notice := found()) is None:
                left = deadline - time.monotonic()
                assert left > 0, f"{what} was not told; told was {self._told}, said {self.said}"
                self._news.wait(left)
        return notice

    def await_first_look(self) -> None:
        """Until it has looked once."""
        self._until(lambda: any("Watching" in line for line in self.said), "the first look")

    def await_spend(self, folder: Path, txid: str) -> None:
        """Until it has seen this transaction and kept it."""
        self._until(lambda: txid in kept(folder).spends, f"a look at {txid}")

    def await_height(self, folder: Path, height: int) -> None:
        """Until it has looked through this block."""
        self._until(lambda: kept(folder).height >= height, f"a look at block {height}")

    def _until(self, done: Callable[[], bool], what: str, timeout_s: float = 30.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not done():
            assert time.monotonic() < deadline, f"{what} did not come; said was {self.said}"
            assert self._process.poll() is None, f"the watch ended: {self.said}"
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        return self._process.wait(30)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self.stop()
