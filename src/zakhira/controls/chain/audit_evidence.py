"""What was known of the chain at some time: heads that somebody signed, and heads that stand in blocks of Bitcoin."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from zakhira.controls.chain.audit import FIRST_PREVIOUS, Anchor, ChainBreak
from zakhira.kernel.canonical import Json, content_hash
from zakhira.kernel.errors import InvalidInput
from zakhira.kernel.interval import NotUtc, exact_utc_text
from zakhira.kernel.signatures import signature_is_valid

HEAD_DOMAIN = "audit-head"
"""Signatures over heads serve nothing else."""
BLOCK_CLOCK = timedelta(hours=2)
"""A block's time may lie this far ahead of the clock (Bitcoin's consensus rule on timestamps)."""
MAX_BACKDATED = timedelta(hours=24)
"""A write is dated when it is made and sealed within a second; a day leaves room for clocks and late papers."""
_FIELDS = ("position", "hash", "at", "officer", "public_key", "signature")


class HeadFaulty(InvalidInput):
    """A signed head is not one: fields are missing, or the signature is not of its key."""

    code = "ZK-CONTROLS-010"


class AnchorFaulty(InvalidInput):
    """An anchor that was written down lacks something."""

    code = "ZK-CONTROLS-011"


@dataclass(frozen=True)
class SignedHead:
    """An officer's word of what the chain was: whoever cuts or forks it later contradicts the signature."""

    position: int
    hash: str
    at: datetime
    officer: str
    public_key: str
    """Ed25519, 64 hex digits"""
    signature: str = ""

    @property
    def statement_hash(self) -> str:
        """What is signed, in the domain :data:`HEAD_DOMAIN`: position, hash, instant and the officer's name."""
        return content_hash(
            {"position": self.position, "hash": self.hash, "at": exact_utc_text(self.at), "officer": self.officer}
        )

    @property
    def is_authentic(self) -> bool:
        """Whether the signature is of this key over this statement. Whose key it is, the reader must know."""
        return signature_is_valid(self.public_key, HEAD_DOMAIN, self.statement_hash, self.signature)

    def as_json(self) -> dict[str, Json]:
        """As it is kept and handed out."""
        return {
            "position": self.position,
            "hash": self.hash,
            "at": exact_utc_text(self.at),
            "officer": self.officer,
            "public_key": self.public_key,
            "signature": self.signature,
        }


def head_from(value: Json) -> SignedHead:
    """Read what :meth:`SignedHead.as_json` wrote, and check its signature.

    Raises:
        HeadFaulty: a field is missing or of another kind, or the signature does not fit.
        NotUtc: its instant is none.
    """
    if not isinstance(value, Mapping) or set(value) != set(_FIELDS):
        raise HeadFaulty(f"A signed head has the fields {', '.join(_FIELDS)}.", "Fetch it again from its source.")
    position, texts = value["position"], [value[name] for name in _FIELDS[1:]]
    if type(position) is not int or position < 0 or not all(type(text) is str for text in texts):
        raise HeadFaulty("A signed head has a whole number and five texts.", "Fetch it again from its source.")
    hash_, at, officer, public_key, signature = map(str, texts)
    head = SignedHead(position, hash_, read_instant(at), officer, public_key, signature)
    if not head.is_authentic:
        raise HeadFaulty(
            f"The signature of {officer} does not fit the head at position {position}.",
            "Ask the officer for the head as it was signed; if it was this, somebody altered it.",
        )
    return head


def anchor_from(value: Json) -> Anchor:
    """Read an anchor that somebody wrote down: position, hash, height, block_time.

    Raises:
        AnchorFaulty: a field is missing or of another kind.
        NotUtc: its instant is none.
    """
    names = ("position", "hash", "height", "block_time")
    if not isinstance(value, Mapping) or not set(names) <= set(value):
        raise AnchorFaulty(f"An anchor has the fields {', '.join(names)}.", "Write them as in docs/audit-chain.md.")
    position, hash_, height, block_time = (value[name] for name in names)
    if type(position) is not int or type(height) is not int or type(hash_) is not str or type(block_time) is not str:
        raise AnchorFaulty(
            "An anchor has whole numbers for position and height, and text for hash and block_time.",
            "Write them as in docs/audit-chain.md.",
        )
    return Anchor(position, hash_, height, read_instant(block_time))


def read_instant(text: str) -> datetime:
    """Read what ``exact_utc_text`` writes; raises NotUtc."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo != UTC or exact_utc_text(instant) != text:
        raise NotUtc(f"{text!r} is not an instant like 2026-01-01T00:00:00Z.", "Write it so.")
    return instant


@dataclass(frozen=True)
class Evidence:
    """All that is known of what a chain was."""

    heads: tuple[SignedHead, ...] = ()
    anchors: tuple[Anchor, ...] = ()
    max_backdated: timedelta = MAX_BACKDATED


NO_EVIDENCE = Evidence()


class EvidenceCheck:
    """Holds a chain against what was known of it: heads, signed or anchored, and the times of blocks.

    A chain that ends before a head was cut; one that has another hash there was forked or rewritten at or before that
    place. What was sealed before a block cannot be dated two hours after it, and what was sealed after it should not be
    dated ``max_backdated`` before it.
    """

    def __init__(self, evidence: Evidence) -> None:
        self.breaks: list[ChainBreak] = []
        self._known: dict[int, list[tuple[str, str]]] = {}
        for head in evidence.heads:
            words = f"the head that {head.officer} signed on {exact_utc_text(head.at)}"
            self._known.setdefault(head.position, []).append((head.hash, words))
        placed = sorted(evidence.anchors, key=lambda one: one.position)
        for anchor in placed:
            words = f"the head anchored in block {anchor.height}"
            self._known.setdefault(anchor.position, []).append((anchor.hash, words))
        self._places = [anchor.position for anchor in placed]
        # Of the anchors at or behind a place the earliest block binds, of those before it the latest one.
        times = [anchor.block_time for anchor in placed]
        self._not_after = [time + BLOCK_CLOCK for time in list(accumulate(reversed(times), min))[::-1]]
        self._not_before = [time - evidence.max_backdated for time in accumulate(times, max)]

    def __bool__(self) -> bool:
        return bool(self._known)

    def add(self, position: int, link: str, key: str, at: datetime) -> None:
        """The link at this position, with the instant at which its write says that it was made."""
        for hash_, words in self._known.get(position, ()):
            if hash_ != link:
                self._tell(position, key, f"its hash is not {words}: the chain was forked or rewritten here or before")
        place = bisect_left(self._places, position)
        if place < len(self._places) and at > self._not_after[place]:
            self._tell(position, key, f"it is dated {exact_utc_text(at)}, after the block that holds it")
        if place and at < self._not_before[place - 1]:
            self._tell(position, key, f"it is dated {exact_utc_text(at)}, long before a block that does not hold it")

    def finish(self, last: int) -> list[ChainBreak]:
        """All breaks by position, for a chain that ends at position ``last``."""
        for position, known in self._known.items():
            if position == 0 and any(hash_ != FIRST_PREVIOUS for hash_, _ in known):
                self._tell(0, "", "an empty chain has no hash")
            if position > last:
                for _, words in known:
                    self._tell(last, "", f"the chain ends here, {words} stands at position {position}: it was cut")
        return sorted(self.breaks, key=lambda one: one.position)

    def _tell(self, position: int, key: str, what: str) -> None:
        self.breaks.append(ChainBreak(position, key, what))
