"""The audit chain followed by position over every write's header, and what stands outside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.rows import audit_from
from zakhira.controls.chain.audit import EMPTY_CHAIN, AuditEntry, ChainBreak, ChainCheck, ChainHead, ShownLink
from zakhira.controls.chain.audit_evidence import Evidence, EvidenceCheck

LEAF = "its leaf hash is not the hash of its header."
_AT_ONCE = 20_000
_SEALS: LiteralString = """
SELECT seal.position, seal.sequence, seal.previous_hash, seal.hash, audit.sequence, audit.key, audit.actor,
       audit.action, audit.at, audit.content_hash, audit.leaf_hash
FROM (SELECT * FROM zakhira.seal WHERE position > %s ORDER BY position LIMIT %s) AS seal
LEFT JOIN zakhira.audit ON audit.sequence = seal.sequence ORDER BY seal.position
"""
_OUTSIDE: LiteralString = """
SELECT sequence, key, actor, action, at, content_hash, leaf_hash FROM zakhira.audit
WHERE sequence > %s AND NOT EXISTS (SELECT FROM zakhira.seal WHERE seal.sequence = audit.sequence)
ORDER BY sequence LIMIT %s
"""
_REUSED: LiteralString = """
SELECT position, key FROM (
    SELECT seal.position, audit.key, row_number() OVER (PARTITION BY audit.key ORDER BY seal.position) AS turn
    FROM zakhira.seal JOIN zakhira.audit ON audit.sequence = seal.sequence
    WHERE audit.key IN (SELECT key FROM zakhira.audit GROUP BY key HAVING count(*) > 1)) AS used
WHERE turn > 1 ORDER BY position
"""


class Chain:
    """What following the chain comes to. ``contents`` are the hashes of contents that are not what was said."""

    def __init__(self, contents: Mapping[int, str], evidence: Evidence) -> None:
        self.head = EMPTY_CHAIN
        self.leaves: list[tuple[int, str]] = []
        """number of a write, and that its leaf hash is none"""
        self._contents = contents
        self._places: list[ChainBreak] = []
        self._links: list[ChainBreak] = []
        self._known = EvidenceCheck(evidence)
        self._previous = bytes.fromhex(EMPTY_CHAIN.hash)

    def follow(self, rows: list[TupleRow]) -> None:
        """Follow links in their order: columns of the seal, then of its write, which may not be there."""
        links: list[ShownLink] = []
        for position, sequence, previous, hash_, *of_write in rows:
            if previous != self._previous:
                self._places.append(ChainBreak(position, "", "it does not carry the hash of the link before it"))
            self._previous = hash_
            if of_write[0] is None:
                self._places.append(ChainBreak(position, "", f"write {sequence}, which it seals, is not there"))
                self._check(links)
                links, self.head = [], ChainHead(position, hash_.hex())
                continue
            entry = audit_from(tuple(of_write))
            self._look_at(entry)
            content = self._contents.get(sequence, entry.content_hash).encode()
            links.append((b"%d" % position, hash_.hex().encode(), entry.header, content))
            self._known.add(position, hash_.hex(), entry.key, entry.at)
        self._check(links)

    def look_outside(self, rows: list[TupleRow], settled_through: int) -> Iterator[str]:
        """Look at writes without a seal; those that were sealed once, in sentences."""
        for entry in map(audit_from, rows):
            self._look_at(entry)
            if entry.sequence <= settled_through:
                yield f"write {entry.sequence} ({entry.key}): it was sealed once and its seal is gone."

    def finish(self, reused: list[ChainBreak], shown: ChainHead | None) -> Iterator[str]:
        """All that does not hold of the chain, in sentences; ``shown`` is where the store says that it ends."""
        yield from map(str, (*self._places, *self._links, *reused, *self._known.finish(self.head.position)))
        if shown is None:
            yield f"the head of the chain is gone, its last link is {tuple(self.head)}."
        elif shown != self.head:
            yield f"the head of the chain is {tuple(shown)}, its last link {tuple(self.head)}."

    def _check(self, links: list[ShownLink]) -> None:
        check = ChainCheck(self.head)
        check.follow(links)
        self._links += check.breaks
        self.head = check.head

    def _look_at(self, entry: AuditEntry) -> None:
        if sha256(entry.header).hexdigest() != entry.leaf_hash:
            self.leaves.append((entry.sequence, f"write {entry.sequence} ({entry.key}): {LEAF}"))


def follow_chain(
    connection: Connection[TupleRow], chain: Chain, shown: ChainHead | None, settled_through: int
) -> list[str]:
    """Follow the whole chain; everything that does not hold of it, in sentences."""
    after = 0
    while rows := connection.execute(_SEALS, (after, _AT_ONCE)).fetchall():
        chain.follow(rows)
        after = rows[-1][0]
    lost: list[str] = []
    after = 0
    while rows := connection.execute(_OUTSIDE, (after, _AT_ONCE)).fetchall():
        lost += chain.look_outside(rows, settled_through)
        after = rows[-1][0]
    reused = [
        ChainBreak(position, json.dumps(key, ensure_ascii=False)[1:-1], "its key was used before")
        for position, key in connection.execute(_REUSED)
    ]
    return [*chain.finish(reused, shown), *lost]
