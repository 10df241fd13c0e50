"""Blocks of regtest as bytes that a real node takes: made, and read back."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

from embit import compact
from embit.base import EmbitError
from embit.script import Script, Witness
from embit.transaction import Transaction, TransactionInput, TransactionOutput

REGTEST_BITS = 0x207FFFFF
GENESIS_TIME_S = 1_296_688_602
GENESIS_HASH = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"
_GENESIS_COINBASE = (
    "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff4d04ffff001d0104455468652054696d6573"
    "2030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66207365636f6e64206261696c6f757420666f722062616e"
    "6b73ffffffff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4"
    "f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000"
)
_TARGET = 0x7FFFFF << (8 * (0x20 - 3))
_VERSION = 0x20000000
_HEADER_BYTES = 80
_SMALL_HEIGHT = 16
_COMMITMENT = bytes.fromhex("6a24aa21a9ed")
"""OP_RETURN with the witness commitment's header (BIP-141)."""


class BadBlock(Exception):
    """Bytes that are no block of this chain."""


@dataclass(frozen=True)
class SimulatedBlock:
    """A block with its place."""

    height: int
    hash: str
    previous: str
    time_s: int
    transactions: tuple[Transaction, ...]
    raw: bytes


def double_sha256(data: bytes) -> bytes:
    """SHA-256 twice: the hash of headers and transactions."""
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The Merkle root over hashes in their inner byte order; an odd last one is paired with itself."""
    level = list(leaves)
    while len(level) > 1:
        if len(level) % 2:
            level.append(level[-1])
        level = [double_sha256(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
    return level[0]


def txid_of(transaction: Transaction) -> str:
    """The transaction's id as it is written."""
    return str(transaction.txid().hex())


def _inner_id(transaction: Transaction) -> bytes:
    return bytes(transaction.txid())[::-1]


def genesis() -> SimulatedBlock:
    """Regtest's first block."""
    coinbase = Transaction.parse(bytes.fromhex(_GENESIS_COINBASE))
    header = _header(1, bytes(32), _inner_id(coinbase), GENESIS_TIME_S, nonce=2)
    block = SimulatedBlock(
        0, GENESIS_HASH, "00" * 32, GENESIS_TIME_S, (coinbase,), header + b"\x01" + coinbase.serialize()
    )
    assert double_sha256(header)[::-1].hex() == GENESIS_HASH, "regtest's genesis block is known"
    return block


def _header(version: int, previous: bytes, root: bytes, time_s: int, nonce: int) -> bytes:
    numbers = (time_s, REGTEST_BITS, nonce)
    return (
        version.to_bytes(4, "little") + previous + root + b"".join(number.to_bytes(4, "little") for number in numbers)
    )


def _body(transactions: Sequence[Transaction]) -> bytes:
    return bytes(compact.to_bytes(len(transactions))) + b"".join(t.serialize() for t in transactions)


def _height_script(height: int) -> bytes:
    """The height as BIP-34 wants it, and OP_0."""
    if height <= _SMALL_HEIGHT:
        return bytes([0x50 + height, 0])
    number = height.to_bytes((height.bit_length() // 8) + 1, "little")
    return bytes([len(number)]) + number + b"\x00"


def _witness_commitment(others: Sequence[Transaction], reserved: bytes) -> bytes:
    """What a coinbase commits to: all transactions but itself with their witnesses (BIP-141)."""
    hashes = [bytes(32), *(double_sha256(transaction.serialize()) for transaction in others)]
    return double_sha256(merkle_root(hashes) + reserved)


def _coinbase(height: int, payee: bytes, value_sats: int, transactions: Sequence[Transaction]) -> Transaction:
    commitment = _witness_commitment(transactions, bytes(32))
    spend = TransactionInput(bytes(32), 0xFFFFFFFF, Script(_height_script(height)), witness=Witness([bytes(32)]))
    outputs = [TransactionOutput(value_sats, Script(payee)), TransactionOutput(0, Script(_COMMITMENT + commitment))]
    return Transaction(version=2, vin=[spend], vout=outputs, locktime=0)


def make_block(
    previous: SimulatedBlock, payee: bytes, value_sats: int, transactions: Sequence[Transaction], time_s: int
) -> SimulatedBlock:
    """A valid block on top of ``previous`` that pays subsidy and fees to the script ``payee``."""
    height = previous.height + 1
    everything = (_coinbase(height, payee, value_sats, transactions), *transactions)
    root = merkle_root([_inner_id(transaction) for transaction in everything])
    nonce, header = 0, b""
    while not header or int.from_bytes(double_sha256(header), "little") > _TARGET:
        header = _header(_VERSION, bytes.fromhex(previous.hash)[::-1], root, time_s, nonce)
        nonce += 1
    return SimulatedBlock(
        height, double_sha256(header)[::-1].hex(), previous.hash, time_s, everything, header + _body(everything)
    )


def read_block(raw: bytes, height: int) -> SimulatedBlock:
    """Read a block back; its work, its Merkle root and its witness commitment are checked.

    Raises:
        BadBlock: it is none.
    """
    header, stream = raw[:_HEADER_BYTES], io.BytesIO(raw[_HEADER_BYTES:])
    try:
        transactions = tuple(Transaction.read_from(stream) for _ in range(compact.read_from(stream)))
    except (EmbitError, RuntimeError, ValueError, IndexError, OverflowError) as error:
        raise BadBlock(f"Block decode failed: {error}") from None
    if not transactions or header + _body(transactions) != raw:
        raise BadBlock("Block decode failed: not its own encoding")
    if merkle_root([_inner_id(t) for t in transactions]) != header[36:68]:
        raise BadBlock("bad-txnmrklroot")
    scripts = [bytes(output.script_pubkey.data) for output in transactions[0].vout]
    reserved = b"".join(transactions[0].vin[0].witness.items)
    if _COMMITMENT + _witness_commitment(transactions[1:], reserved) not in scripts:
        raise BadBlock("bad-witness-merkle-match")
    if int.from_bytes(double_sha256(header), "little") > _TARGET:
        raise BadBlock("high-hash")
    return SimulatedBlock(
        height=height,
        hash=double_sha256(header)[::-1].hex(),
        previous=header[4:36][::-1].hex(),
        time_s=int.from_bytes(header[68:72], "little"),
        transactions=transactions,
        raw=raw,
    )
