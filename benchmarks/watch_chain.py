"""The chain that benchmarks/custody_watch.py watches: a fund that pays our addresses block by block, and strangers."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from embit.networks import NETWORKS
from embit.script import Script, Witness
from embit.transaction import Transaction, TransactionInput, TransactionOutput

from zakhira.adapters.bitcoind.rpc import Rpc
from zakhira.flows.ports.chain_pool import nobody_address

MATURITY = 100
FEE_SATS = 10_000
FULL_BLOCK_WEIGHT = 4_000_000
_COINBASE_ROOM = 2_000
"""Weight left for header and coinbase."""
_BATCH = 50
_FAN = 2_000

_WITNESS_SCRIPT = bytes.fromhex("757551")
"""OP_DROP OP_DROP OP_TRUE: anybody may spend it, with a signature's and a key's worth of bytes."""
_ANYBODY = Script(b"\x00\x20" + hashlib.sha256(_WITNESS_SCRIPT).digest())


def anybody_address() -> str:
    """An address whose coins need no key, so that the chain is made without signing."""
    return str(_ANYBODY.address(NETWORKS["regtest"]))


def _spend(outpoint: tuple[str, int], outputs: Sequence[TransactionOutput]) -> Transaction:
    spend = TransactionInput(bytes.fromhex(outpoint[0]), outpoint[1])
    spend.witness = Witness([bytes([0x30]) * 72, bytes([0x02]) * 33, _WITNESS_SCRIPT])
    return Transaction(version=2, vin=[spend], vout=list(outputs), locktime=0)


class Fund:
    """Coins that anybody may spend, as a chain of transactions."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        first = rpc.call("generatetoaddress", [1, anybody_address()])[0]
        rpc.call("generatetoaddress", [MATURITY, nobody_address()])
        coinbase = rpc.call("getblock", [first, 2])["tx"][0]
        self._rest = (str(coinbase["txid"]), 0)
        self._rest_sats = round(coinbase["vout"][0]["value"] * 100_000_000)

    def pay(self, scripts: Sequence[bytes], amount_sats: int) -> Transaction:
        """A transaction that pays each script, and what is left to the fund again, last."""
        self._rest_sats -= len(scripts) * amount_sats + FEE_SATS
        outputs = [TransactionOutput(amount_sats, Script(script)) for script in scripts]
        made = _spend(self._rest, [*outputs, TransactionOutput(self._rest_sats, _ANYBODY)])
        self._rest = (made.txid().hex(), len(scripts))
        return made

    def mine_payments(self, blocks: int, scripts: Sequence[bytes], per_block: int, amount_sats: int) -> None:
        """Blocks with one payment each, to ``per_block`` of the scripts in turn."""
        at = 0
        for start in range(0, blocks, _BATCH):
            calls = []
            for _ in range(min(_BATCH, blocks - start)):
                chosen = [scripts[(at + step) % len(scripts)] for step in range(per_block)]
                at += per_block
                paid = self.pay(chosen, amount_sats).serialize().hex()
                calls.append(("generateblock", [nobody_address(), [paid]]))
            self._rpc.batch(calls)

    def mine_strangers(self) -> str:
        """A full block of payments between strangers, one input and two outputs each; its hash."""
        amounts = 1_000
        seen = _spend(("00" * 32, 0), _stranger_outputs(0, amounts))
        count = (FULL_BLOCK_WEIGHT - _COINBASE_ROOM) // _weight(seen)
        sources = []
        for start in range(0, count, 2000):
            number = min(2000, count - start)
            fan = self.pay([bytes(_ANYBODY.data)] * number, 2 * amounts + 500)
            self._rpc.call("generateblock", [nobody_address(), [fan.serialize().hex()]])
            fan_id = fan.txid().hex()
            sources += [(fan_id, index) for index in range(number)]
        strangers = [_spend(s, _stranger_outputs(n, amounts)).serialize().hex() for n, s in enumerate(sources)]
        return str(self._rpc.call("generateblock", [nobody_address(), strangers], timeout_s=120)["hash"])

    def fill_mempool(self, count: int, file: Path) -> None:
        """Payments between strangers that wait in the mempool, one input and two outputs each.

        They are handed over as a file (``importmempool``): one by one over RPC they take half an hour.
        """
        amounts = 1_000
        sources = []
        for start in range(0, count, _FAN):
            number = min(_FAN, count - start)
            fan = self.pay([bytes(_ANYBODY.data)] * number, 2 * amounts + 500)
            self._rpc.call("generateblock", [nobody_address(), [fan.serialize().hex()]])
            fan_id = fan.txid().hex()
            sources += [(fan_id, index) for index in range(number)]
        now = int(self._rpc.call("getblockheader", [self._rpc.call("getbestblockhash")])["time"])
        # Bitcoin Core, node/mempool_persist.cpp: version 1, count, each with time and fee delta, then two empty maps.
        parts = [struct.pack("<QQ", 1, len(sources))]
        for number, source in enumerate(sources):
            parts.append(_spend(source, _stranger_outputs(number, amounts)).serialize() + struct.pack("<qq", now, 0))
        file.write_bytes(b"".join([*parts, b"\0\0"]))
        self._rpc.call("importmempool", [str(file), {"use_current_time": True}], timeout_s=300)


def _stranger_outputs(number: int, amount_sats: int) -> list[TransactionOutput]:
    return [TransactionOutput(amount_sats, Script(script)) for script in _stranger_scripts(number)]


def _stranger_scripts(number: int) -> Iterator[bytes]:
    seed = hashlib.sha256(number.to_bytes(4, "big")).digest()
    yield b"\x00\x14" + seed[:20]
    yield b"\x00\x20" + seed


def _weight(transaction: Transaction) -> int:
    whole = len(transaction.serialize())
    witness = 2 + sum(len(spend.witness.serialize()) for spend in transaction.vin)
    return 4 * (whole - witness) + witness
