"""``zakhira audit verify|export|show|seal|sign``: the audit chain checked, handed out and signed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, TypeVar

from zakhira.adapters.chain_file import check_chain_file
from zakhira.adapters.software_signer import OfficerKeyFile, utc_now
from zakhira.cli.answer import Answer, Progress, Table, Word
from zakhira.cli.audit_services import Ask, ChainEvidence
from zakhira.controls.chain.audit import Anchor, ChainHead
from zakhira.controls.chain.audit_evidence import Evidence, SignedHead, anchor_from, head_from
from zakhira.controls.chain.audit_file import FIRST_LINE, chain_line, last_line
from zakhira.flows.anchoring import anchors, as_evidence
from zakhira.flows.audit_heads import keep_head, sign_head, signed_heads
from zakhira.flows.governing.acts import authority_of
from zakhira.flows.ports.books import Books, SealedWrite
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import InvalidInput
from zakhira.kernel.interval import exact_utc_text, utc_text
from zakhira.wiring.amount_text import counted
from zakhira.wiring.given_files import MAX_TEXT_BYTES, require_free
from zakhira.wiring.passphrases import passphrase_for
from zakhira.wiring.reserve_desk import Archive, open_archive, open_reserve
from zakhira.wiring.settings import Settings
from zakhira.wiring.signer_files import FileUnreadable, OutputExists, OutputUnwritable, read_limited

_PAGE = 1000
"""Writes that are read at once for an export."""
_TOLD = 100
"""Breaks that a person is shown; --json has all."""

Value = TypeVar("Value")


class EvidenceUnreadable(InvalidInput):
    """A file of signed heads or anchors is no JSON of its kind."""

    code = "ZK-WIRING-050"


class AuditDesk:
    """Implements ``cli.audit_services.AuditServices``."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime] = utc_now) -> None:
        self._settings, self._clock = settings, clock

    def verify(self, folder: Path, evidence: ChainEvidence, progress: Progress, *, with_node: bool) -> Answer:
        """Compute the whole database anew, and hold its chain against heads and anchors."""
        given = _given(evidence)
        if with_node:
            with open_reserve(self._settings, folder, clock=self._clock) as desk:
                found = as_evidence(anchors(desk.treasury))
                return _verify(desk.archive, Evidence(given.heads, (*given.anchors, *found)), progress)
        with open_archive(self._settings, folder, clock=self._clock) as archive:
            return _verify(archive, given, progress)

    def verify_file(self, file: Path, evidence: ChainEvidence, progress: Progress) -> Answer:
        """Verify an exported chain, without a database."""
        given = _given(evidence)
        try:
            verdict = check_chain_file(
                file, given, progress=lambda done, total: progress("Verifying", done, total, f"of {file.name}")
            )
        except OSError as error:
            raise FileUnreadable(f"{file} cannot be read: {error.strerror}.", "Name the exported file.") from None
        return _verdict(
            str(file), verdict.head, [str(one) for one in verdict.breaks], given, "Each content was hashed."
        )

    def export(self, folder: Path, file: Path, progress: Progress, *, dry_run: bool) -> Answer:
        """Write the chain with all contents into a file."""
        if file.exists():
            raise OutputExists(f"{file} exists.", "Choose another name.")
        with open_archive(self._settings, folder, clock=self._clock) as archive:
            archive.books.seal()
            head = archive.books.chain_head()
            if not dry_run:
                with _new_file(file) as out:
                    _write_chain(archive.books, head, out, progress)
        verb = "Dry run: would export" if dry_run else "Exported"
        facts: dict[str, Json] = {"dry_run": dry_run, "file": str(file), **_head_facts(head)}
        sentence = f"{verb} {counted(head.position, 'write')} to {file}. Next: zakhira audit verify --file {file}"
        return Answer((), facts, sentence)

    def show(self, folder: Path, count: int) -> Answer:
        """Head, newest writes, signed heads, and what is not sealed yet."""
        with open_archive(self._settings, folder, clock=self._clock) as archive:
            books = archive.books
            waiting, head = books.unsealed(), books.chain_head()
            newest = books.sealed(max(0, head.position - count), count) if count else ()
            heads, faults = signed_heads(books, authority_of(books, archive.programme.policy, self._clock()))
        now = utc_now()
        age_s = 0.0 if waiting.oldest_at is None else max(0.0, (now - waiting.oldest_at).total_seconds())
        is_late = waiting.is_late(now)
        facts: dict[str, Json] = {
            **_head_facts(head),
            "unsealed": waiting.count,
            "oldest_unsealed_seconds": age_s,
            "is_late": is_late,
            "newest": [_write_facts(one) for one in newest],
            "signed_heads": [one.as_json() for one in heads],
            "faults": list(faults),
        }
        wait = f"{counted(waiting.count, 'write')} not sealed yet, the oldest for {age_s:.1f} s"
        sentence = f"{counted(head.position, 'write')} in the chain, up to {head.hash}; {wait}."
        tables = (*_newest_tables(newest), *_heads_tables(heads, faults))
        return Answer(tables, facts, sentence, Word.NO if is_late or faults else Word.YES)

    def seal(self, folder: Path, *, dry_run: bool) -> Answer:
        """Chain what is committed."""
        with open_archive(self._settings, folder, clock=self._clock) as archive:
            count = archive.books.unsealed().count if dry_run else archive.books.seal()
            head = archive.books.chain_head()
        verb = "Dry run: would seal" if dry_run else "Sealed"
        facts: dict[str, Json] = {"dry_run": dry_run, "sealed": count, **_head_facts(head)}
        return Answer((), facts, f"{verb} {counted(count, 'write')}; the chain has {head.position:,}.")

    def sign(self, folder: Path, key: Path, out: Path | None, ask: Ask, *, dry_run: bool) -> Answer:
        """Let an officer sign the head; keep it in the books, and in a file."""
        officer = OfficerKeyFile.open(key, passphrase_for(key, self._settings, ask))
        with open_archive(self._settings, folder, clock=self._clock) as archive:
            now = self._clock()
            head = sign_head(archive.books, authority_of(archive.books, archive.programme.policy, now), officer, now)
            data = (json.dumps(head.as_json(), indent=2) + "\n").encode()
            if out is not None:
                require_free(out, data)
            if not dry_run:
                keep_head(archive.books, head)
                if out is not None:
                    with _new_file(out) as file:
                        file.write(data)
        verb = "Dry run: would sign" if dry_run else "Signed"
        sentence = f"{verb} the head at position {head.position:,} as {head.officer}: {head.hash}"
        return Answer((), {"dry_run": dry_run, "head": head.as_json(), "file": str(out or "")}, sentence)


def _verify(archive: Archive, given: Evidence, progress: Progress) -> Answer:
    books = archive.books
    heads, faults = signed_heads(books, authority_of(books, archive.programme.policy, archive.clock()))
    known = Evidence((*given.heads, *heads), given.anchors)
    breaks = [*books.breaks(known, progress), *faults]
    waiting = books.unsealed()
    note = f"Contents, balances, lots and coins were computed anew; {counted(waiting.count, 'write')} not sealed yet."
    return _verdict(str(archive.folder.root), books.chain_head(), breaks, known, note)


def _verdict(place: str, head: ChainHead, breaks: list[str], known: Evidence, note: str) -> Answer:
    facts: dict[str, Json] = {
        "holds": not breaks,
        **_head_facts(head),
        "breaks": list(breaks),
        "signed_heads": len(known.heads),
        "anchors": len(known.anchors),
    }
    against = f"{counted(len(known.heads), 'signed head')} and {counted(len(known.anchors), 'anchor')}"
    if not breaks:
        sentence = f"The audit chain of {place} holds: {counted(head.position, 'write')}, up to {head.hash}."
        rows: tuple[tuple[str, ...], ...] = (("held against", against), ("checked", note))
        if not known.heads and not known.anchors:
            rows += (("not known", "whether it was cut or rewritten as a whole: no signed head, no anchor"),)
        return Answer((Table("Audit chain", ("what", ""), rows),), facts, sentence)
    told = tuple((one,) for one in breaks[:_TOLD])
    more = (f"and {len(breaks) - _TOLD:,} more: see --json",) if len(breaks) > _TOLD else ()
    sentence = f"The audit chain of {place} does not hold: {counted(len(breaks), 'break')}, held against {against}."
    return Answer((Table("Breaks", ("what does not hold",), told, notes=more),), facts, sentence, Word.NO)


def _write_chain(books: Books, head: ChainHead, out: BinaryIO, progress: Progress) -> None:
    out.write(FIRST_LINE)
    done = 0
    while done < head.position:
        page = books.sealed(done, min(_PAGE, head.position - done))
        assert page, "what was sealed stays"
        out.writelines(
            chain_line(one.seal.position, one.seal.hash, one.write.audit.header, one.write.content) for one in page
        )
        done += len(page)
        progress("Exporting", done, head.position, "writes")
    out.write(last_line(head))


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """A file that is there when it is whole, and not before."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise OutputUnwritable(f"{path} cannot be written: {error.strerror}.", "Choose another place.") from None
    finally:
        part.unlink(missing_ok=True)


def _given(evidence: ChainEvidence) -> Evidence:
    heads = tuple(_read(path, head_from) for path in evidence.heads)
    return Evidence(heads, _read(evidence.anchors, _anchors) if evidence.anchors else ())


def _anchors(value: Json) -> tuple[Anchor, ...]:
    """The list, or the facts that ``zakhira audit anchors --json`` tells."""
    listed = value.get("anchors") if isinstance(value, dict) else value
    if not isinstance(listed, list):
        raise EvidenceUnreadable("Anchors are a JSON list.", "Write them as in docs/audit-chain.md.")
    return tuple(anchor_from(_named(item)) for item in listed)


def _named(item: Json) -> Json:
    if isinstance(item, dict) and "head_hash" in item and "hash" not in item:
        return {**item, "hash": item["head_hash"]}
    return item


def _read(path: Path, read: Callable[[Json], Value]) -> Value:
    data = read_limited(path, MAX_TEXT_BYTES)
    try:
        value: Json = json.loads(data)
    except (ValueError, RecursionError):
        raise EvidenceUnreadable(f"{path} is no JSON.", "Fetch it again from its source.") from None
    return read(value)


def _head_facts(head: ChainHead) -> dict[str, Json]:
    return {"position": head.position, "hash": head.hash}


def _write_facts(one: SealedWrite) -> Json:
    audit = one.write.audit
    return {
        "position": one.seal.position,
        "hash": one.seal.hash,
        "key": audit.key,
        "actor": audit.actor,
        "action": audit.action,
        "at": exact_utc_text(audit.at),
        "content_hash": audit.content_hash,
    }


def _newest_tables(newest: tuple[SealedWrite, ...]) -> tuple[Table, ...]:
    rows = tuple(
        (
            f"{one.seal.position:,}",
            utc_text(one.write.audit.at.replace(microsecond=0)),
            one.write.audit.actor,
            one.write.audit.action,
            one.write.audit.key,
        )
        for one in reversed(newest)
    )
    return (Table("Newest writes", ("position", "made", "by", "what", "key"), rows, right=(0,)),) if rows else ()


def _heads_tables(heads: tuple[SignedHead, ...], faults: tuple[str, ...]) -> tuple[Table, ...]:
    rows = tuple((f"{one.position:,}", one.officer, utc_text(one.at), one.hash) for one in heads)
    table = Table("Signed heads", ("position", "officer", "signed", "hash"), rows, right=(0,), notes=faults)
    return (table,) if rows or faults else ()
