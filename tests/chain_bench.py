"""Private chains and what a test may do to them behind their back: the simulator's twin and a real bitcoind."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol
from urllib.request import Request

from bitcoin_core_rpc import BitcoinCoreRpcClient
from embit import bip32, script
from embit.descriptor import Descriptor
from embit.descriptor.checksum import add_checksum
from embit.networks import NETWORKS
from embit.transaction import Transaction, TransactionInput, TransactionOutput

from zakhira.adapters.bitcoind.node import BitcoindChain
from zakhira.adapters.bitcoind.process import BitcoindProcess
from zakhira.adapters.bitcoind.rpc import KeepAlive, Rpc
from zakhira.adapters.drill_keys import ACCOUNT_PATH, signer_seed, signer_xpub
from zakhira.custody.coin import Coin, Payment
from zakhira.flows.ports import chain_pool
from zakhira.flows.ports.chain import Block, PrivateChain
from zakhira.flows.ports.chain_timing import block_time_s
from zakhira.simulator.chain import SimulatedChain
from zakhira.simulator.chain_faults import ChainFault

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
BTC = 100_000_000
SIGNERS = ("amina", "bilal", "chand")
PHRASE = "contract"
REGTEST = NETWORKS["regtest"]
ELSEWHERE = chain_pool.pool_address("another miner")


def replace_blocks(chain: BitcoindChain, rpc: Rpc, depth: int) -> None:
    """Replace the last blocks of a real node by one more of another miner, without transactions."""
    height, _ = chain.tip()
    first = chain.block_hash(height - depth + 1)
    rpc.call("invalidateblock", [first])
    for _ in range(depth + 1):
        rpc.call("generateblock", [ELSEWHERE, []])
    rpc.call("reconsiderblock", [first])


class Bench(Protocol):
    """A chain and what a test may do to it behind its back."""

    @property
    def chain(self) -> PrivateChain:
        """The chain as flows see it; another object after a crash."""

    def reorganise(self, depth: int) -> None:
        """Replace the last blocks by one more of another miner, without transactions."""

    def mine_elsewhere(self, count: int) -> None:
        """Mine blocks that pay another miner."""

    def lose_everything(self) -> None:
        """Crash, and come back at height 0 with the wallets that there were."""

    def unreachable(self) -> AbstractContextManager[None]:
        """Nobody answers meanwhile."""

    def lose_next_answer(self) -> None:
        """The next call is done, and its answer lost."""


class TwinBench:
    """The simulator's chain."""

    def __init__(self) -> None:
        self.chain = SimulatedChain()

    def reorganise(self, depth: int) -> None:
        self.chain.reorganise(depth)

    def mine_elsewhere(self, count: int) -> None:
        payee = bytes(script.address_to_scriptpubkey(ELSEWHERE).data)
        for _ in range(count):
            self.chain.state.mine(payee, self.chain.state.clock_s)

    def lose_everything(self) -> None:
        self.chain.state.forget(self.chain.state.tip.height)

    @contextlib.contextmanager
    def unreachable(self) -> Iterator[None]:
        for after in range(50):
            self.chain.faults.fail_next(ChainFault.UNREACHABLE, after)
        yield
        self.chain.faults.calls += 50

    def lose_next_answer(self) -> None:
        self.chain.faults.fail_next(ChainFault.LOST_ANSWER)


class Lossy:
    """A transport that can lose an answer after the node has given it."""

    def __init__(self) -> None:
        self.inner = KeepAlive()
        self.lose_method: bytes | None = None
        self.timeout_s = 60.0

    def __call__(self, request: Request, timeout: float) -> tuple[int, bytes]:
        answer = self.inner(request, min(timeout, self.timeout_s))
        body = request.data if isinstance(request.data, bytes) else b""
        if self.lose_method is not None and self.lose_method in body:
            self.lose_method = None
            raise TimeoutError("the answer was lost")
        return answer


class RealBench:
    """A real node in a folder of its own."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._program, self._folder = program, folder
        self._start()

    def _start(self) -> None:
        self.process = BitcoindProcess.start(self._program, self._folder, START)
        self.lossy = Lossy()
        url = f"http://127.0.0.1:{self.process.port}"
        client = BitcoinCoreRpcClient(url, cookie_path=self.process.cookie, timeout=60, transport=self.lossy)
        self.rpc = self.process.rpc
        self.chain = BitcoindChain(Rpc(client, self.process.explain_end), self.process.remember_time)

    def reorganise(self, depth: int) -> None:
        replace_blocks(self.chain, self.rpc, depth)

    def mine_elsewhere(self, count: int) -> None:
        self.rpc.call("generatetoaddress", [count, ELSEWHERE])

    def lose_everything(self) -> None:
        self.process.kill()
        for name in ("blocks", "chainstate", "indexes"):
            (self._folder / "regtest" / name).rename(self._folder / f"lost {name} of {self.process.pid}")
        self._start()
        assert self.chain.tip()[0] == 0

    @contextlib.contextmanager
    def unreachable(self) -> Iterator[None]:
        os.kill(self.process.pid, signal.SIGSTOP)
        self.lossy.timeout_s = 0.3
        yield
        self.lossy.timeout_s = 60.0
        os.kill(self.process.pid, signal.SIGCONT)

    def lose_next_answer(self) -> None:
        self.lossy.lose_method = b"sendrawtransaction"


def descriptor(vault: str = "intake") -> str:
    """A 2-of-3 vault of the drill's keys."""
    keys = ",".join(f"{signer_xpub(PHRASE, vault, signer)}/<0;1>/*" for signer in SIGNERS)
    return str(add_checksum(f"wsh(sortedmulti(2,{keys}))"))


def funded(bench: Bench, need_sats: int = 200 * BTC) -> PrivateChain:
    """The chain with one rich pool, ``alpha``, and the intake vault watched."""
    bench.chain.fund_pools({"alpha": need_sats}, START)
    bench.chain.watch_vault("intake", descriptor(), START)
    return bench.chain


def pay(chain: PrivateChain, amount_sats: int, index: int = 0) -> str:
    """Pay the vault and return the txid."""
    address = chain.reserve_check("intake", 0, index)
    return chain.broadcast(chain.sign_pool_payment("alpha", [Payment(address, amount_sats)], 5))


def mine(chain: PrivateChain, count: int = 1) -> tuple[Block, ...]:
    """A few blocks, ten minutes apart."""
    height, block_hash = chain.tip()
    time_s = block_time_s(chain.blocks(height, height)[0])
    assert block_hash == chain.block_hash(height)
    return chain.mine_to(height + count, datetime.fromtimestamp(time_s + 600 * count, tz=UTC))


def vault_spend(coin: Coin, index: int, to: str, fee_sats: int, signers: Sequence[str] = SIGNERS[:2]) -> str:
    """A spend of one vault coin, signed by these signers with keys derived here."""
    place = Descriptor.from_string(descriptor()).derive(index, branch_index=0)
    witness_script = place.witness_script()
    txid, _, vout = coin.outpoint.partition(":")
    spend = TransactionInput(bytes.fromhex(txid), int(vout), sequence=0xFFFFFFFD)
    output = TransactionOutput(coin.amount_sats - fee_sats, script.address_to_scriptpubkey(to))
    transaction = Transaction(version=2, vin=[spend], vout=[output], locktime=0)
    digest = transaction.sighash_segwit(0, witness_script, coin.amount_sats)
    by_key = {}
    for signer in signers:
        account = bip32.HDKey.from_seed(signer_seed(PHRASE, "intake", signer), version=REGTEST["xprv"])
        key = account.derive(ACCOUNT_PATH).derive([0, index]).key
        by_key[key.get_public_key().sec()] = key.sign(digest).serialize() + b"\x01"
    signatures = [by_key[key] for key in sorted(by_key)]
    spend.witness = script.Witness([b"", *signatures, witness_script.data])
    return str(transaction.serialize().hex())
