"""UR's fountain code: which fragments a part mixes, and how parts make the message again (BCR-2020-005).

The choice must be the one that every device makes, so it follows the paper to the last rounding: Xoshiro256** seeded
by SHA-256, a degree drawn by Walker and Vose's alias method from weights 1, 1/2, 1/3 ..., and a Fisher-Yates shuffle.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from functools import lru_cache

from zakhira.adapters.qr.refusals import DamagedMessage

_MASK = 2**64 - 1
MAX_FRAGMENTS = 4096
"""More fragments than any device shows; it bounds what a hostile header can make a reader do."""


def _rotated(value: int, by: int) -> int:
    return ((value << by) | (value >> (64 - by))) & _MASK


class Xoshiro256:
    """Xoshiro256** (Blackman and Vigna, 2018), seeded with the SHA-256 of some bytes."""

    def __init__(self, seed: bytes) -> None:
        digest = hashlib.sha256(seed).digest()
        self._state = [int.from_bytes(digest[place : place + 8], "big") for place in range(0, 32, 8)]

    def next(self) -> int:
        """64 bits."""
        s0, s1, s2, s3 = self._state
        result = (_rotated((s1 * 5) & _MASK, 7) * 9) & _MASK
        mixed = (s1 << 17) & _MASK
        s2 ^= s0
        s3 ^= s1
        s1 ^= s2
        s0 ^= s3
        s2 ^= mixed
        self._state = [s0, s1, s2, _rotated(s3, 45)]
        return result

    def next_double(self) -> float:
        """A number from 0 to 1."""
        return self.next() / 2**64

    def next_int(self, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, both included."""
        return int(self.next_double() * (high - low + 1)) + low


@dataclass(frozen=True)
class AliasTable:
    """Draws an index by its weight in constant time (Vose, 1991)."""

    shares: tuple[float, ...]
    aliases: tuple[int, ...]

    @classmethod
    def of(cls, weights: tuple[float, ...]) -> AliasTable:
        """The table of these weights; the order of the two work lists is part of UR's definition."""
        count, total = len(weights), sum(weights)
        left = [weight * count / total for weight in weights]
        small = [index for index in reversed(range(count)) if left[index] < 1]
        large = [index for index in reversed(range(count)) if left[index] >= 1]
        shares, aliases = [1.0] * count, [0] * count
        while small and large:
            less, more = small.pop(), large.pop()
            shares[less], aliases[less] = left[less], more
            left[more] += left[less] - 1
            (small if left[more] < 1 else large).append(more)
        return cls(tuple(shares), tuple(aliases))

    def draw(self, rng: Xoshiro256) -> int:
        """An index."""
        column, side = rng.next_double(), rng.next_double()
        index = int(len(self.shares) * column)
        return index if side < self.shares[index] else self.aliases[index]


@lru_cache(maxsize=8)
def _degrees(fragments: int) -> AliasTable:
    return AliasTable.of(tuple(1 / degree for degree in range(1, fragments + 1)))


def choose_degree(fragments: int, rng: Xoshiro256) -> int:
    """How many fragments a part mixes."""
    return _degrees(fragments).draw(rng) + 1


def choose_fragments(number: int, fragments: int, checksum: int) -> frozenset[int]:
    """The fragments (from 0) that part ``number`` (from 1) mixes; the first ``fragments`` parts mix nothing."""
    if number <= fragments:
        return frozenset({number - 1})
    rng = Xoshiro256(number.to_bytes(4, "big") + checksum.to_bytes(4, "big"))
    degree = choose_degree(fragments, rng)
    left = list(range(fragments))
    return frozenset(left.pop(rng.next_int(0, len(left) - 1)) for _ in range(degree))


def fragment_length(message_bytes: int, most_bytes: int, least_bytes: int = 10) -> int:
    """The length of equal fragments of at most ``most_bytes``, in as few of them as may be (BCR-2020-005)."""
    for count in range(1, max(1, message_bytes // least_bytes) + 1):
        length = -(-message_bytes // count)
        if length <= most_bytes:
            break
    return length


@dataclass(frozen=True)
class Part:
    """One part of a multi-part UR: its number from 1, and the frame that all parts of one message share."""

    number: int
    fragments: int
    message_bytes: int
    checksum: int
    data: bytes

    @property
    def frame(self) -> tuple[int, int, int, int]:
        """What must be the same in every part of one message."""
        return self.fragments, self.message_bytes, self.checksum, len(self.data)


def make_part(message: bytes, length: int, number: int) -> Part:
    """Part ``number`` (from 1, without end) of a message cut into fragments of ``length`` bytes."""
    fragments = -(-len(message) // length)
    checksum = zlib.crc32(message)
    mixed = 0
    for index in choose_fragments(number, fragments, checksum):
        fragment = message[index * length : (index + 1) * length].ljust(length, b"\0")
        mixed ^= int.from_bytes(fragment, "big")
    return Part(number, fragments, len(message), checksum, mixed.to_bytes(length, "big"))


class FountainReader:
    """Solves for the fragments by elimination over GF(2): any set of parts that determines them is enough."""

    def __init__(self, first: Part) -> None:
        self.frame = first.frame
        self._rows: dict[int, tuple[int, int]] = {}
        """highest fragment of a row to its set of fragments (as bits) and their sum (as one number)"""
        self.add(first)

    @property
    def known(self) -> int:
        """Independent parts so far; the message is there when they are as many as its fragments."""
        return len(self._rows)

    def add(self, part: Part) -> bool:
        """Take a part of the same frame; whether it told anything new.

        Raises:
            DamagedMessage: it contradicts the parts before.
        """
        bits = sum(1 << index for index in choose_fragments(part.number, part.fragments, part.checksum))
        value = int.from_bytes(part.data, "big")
        while bits:
            top = bits.bit_length() - 1
            if top not in self._rows:
                self._rows[top] = (bits, value)
                return True
            bits ^= self._rows[top][0]
            value ^= self._rows[top][1]
        if value:
            raise DamagedMessage("A part contradicts the parts before.", "Start again and show one message.")
        return False

    def message(self) -> bytes:
        """The message, when ``known`` is the number of fragments; raises DamagedMessage if its checksum is wrong."""
        fragments, message_bytes, checksum, length = self.frame
        solved: list[int] = []
        for top in range(fragments):
            bits, value = self._rows[top]
            bits ^= 1 << top
            while bits:
                lower = bits.bit_length() - 1
                value ^= solved[lower]
                bits ^= 1 << lower
            solved.append(value)
        whole = b"".join(value.to_bytes(length, "big") for value in solved)
        message, padding = whole[:message_bytes], whole[message_bytes:]
        if zlib.crc32(message) != checksum or any(padding):
            raise DamagedMessage("The message's checksum is wrong.", "Start again and show the codes once more.")
        return message
