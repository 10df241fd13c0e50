"""Heads of the audit chain as data of a transaction: one OP_RETURN output of 0 sat with a fixed form."""

from __future__ import annotations

import re
from dataclasses import dataclass

from zakhira.kernel.errors import InvalidInput

ANCHOR_TAG = b"ZKA1"
"""The first four bytes of the data: whose anchor it is, and in which form."""
HASH_BYTES, POSITION_BYTES = 32, 8
ANCHOR_BYTES = len(ANCHOR_TAG) + HASH_BYTES + POSITION_BYTES
"""44 bytes: nodes of every version relay 80 and more (Bitcoin Core to 29, MAX_OP_RETURN_RELAY of 83 with opcodes)."""
OP_RETURN = 0x6A
ANCHOR_SCRIPT_BYTES = 2 + ANCHOR_BYTES
"""The opcode, one byte that says how much is pushed, and the data."""
MAX_POSITION = 2**53 - 1
"""The highest whole number that JSON carries exactly."""
_DATA = re.compile(rf"[0-9a-f]{{{2 * ANCHOR_BYTES}}}")
_HASH = re.compile(rf"[0-9a-f]{{{2 * HASH_BYTES}}}")


class BadAnchor(InvalidInput):
    """Data is no anchor of an audit chain: another tag, another length, or a position that no entry has."""

    code = "ZK-CUSTODY-190"


_REMEDY = "Take the anchor from: zakhira audit anchor, or: zakhira spend propose --anchor"


@dataclass(frozen=True)
class Anchor:
    """The head of an audit chain: ``head_hash`` (SHA-256, hex) is that of the entry at ``position``, from 1.

    Raises:
        BadAnchor: the hash is not 64 hex digits in lower case, or the position is not 1 to 2^53 - 1.
    """

    position: int
    head_hash: str

    def __post_init__(self) -> None:
        if not 1 <= self.position <= MAX_POSITION:
            raise BadAnchor(f"No entry of an audit chain has the position {self.position}.", _REMEDY)
        if _HASH.fullmatch(self.head_hash) is None:
            raise BadAnchor(f"{self.head_hash[:80]!r} is no hash of 64 hex digits in lower case.", _REMEDY)

    @property
    def data(self) -> str:
        """The data that is pushed, in hex: the tag, the hash, and the position in eight bytes, most significant first.

        It is what an instruction carries, so that officers sign it.
        """
        position = self.position.to_bytes(POSITION_BYTES, "big")
        return (ANCHOR_TAG + bytes.fromhex(self.head_hash) + position).hex()

    @property
    def words(self) -> tuple[str, str, str]:
        """What it does in plain words, a line each: which position, the hash in whole, and that nothing moves."""
        return f"anchors the audit chain at position {self.position:,}", self.head_hash, "moves nothing"

    def __str__(self) -> str:
        """The same in one phrase."""
        return f"{self.words[0]}, hash {self.head_hash}, and moves nothing"


def anchor_of(data: str) -> Anchor:
    """The anchor that this data (hex) is; written again it is the same data.

    Raises:
        BadAnchor: it is none.
    """
    if _DATA.fullmatch(data) is None or not data.startswith(ANCHOR_TAG.hex()):
        raise BadAnchor(
            f"{data[:100]!r} is no anchor: {ANCHOR_BYTES} bytes in hex that begin with {ANCHOR_TAG.decode()}.", _REMEDY
        )
    hash_end = 2 * (len(ANCHOR_TAG) + HASH_BYTES)
    return Anchor(int(data[hash_end:], 16), data[2 * len(ANCHOR_TAG) : hash_end])


def anchor_script(data: str) -> str:
    """The output script (hex) that pushes an anchor's data; raises BadAnchor."""
    return f"{OP_RETURN:02x}{ANCHOR_BYTES:02x}{anchor_of(data).data}"


def data_script_bytes(data: str) -> tuple[int, ...]:
    """Length of the output script that an instruction's anchor adds; none where it is empty."""
    return (ANCHOR_SCRIPT_BYTES,) if data else ()


def is_data_script(script_hex: str) -> bool:
    """Whether an output with this script holds data and can be spent by nobody (it begins with OP_RETURN)."""
    return script_hex.startswith(f"{OP_RETURN:02x}")


def anchor_in(script_hex: str) -> Anchor | None:
    """The anchor in an output script of exactly the form of :func:`anchor_script`; None where there is none."""
    head = f"{OP_RETURN:02x}{ANCHOR_BYTES:02x}"
    if not script_hex.startswith(head):
        return None
    try:
        return anchor_of(script_hex.removeprefix(head))
    except BadAnchor:
        return None
