"""The content of writes as canonical JSON from columns: the same bytes as ``flows.ports.books.content_bytes``."""

from __future__ import annotations

import io
from collections.abc import Iterator
from hashlib import sha256

import numpy as np
import polars as pl

from zakhira.adapters.postgres.verifying.aligned import Aligned
from zakhira.adapters.postgres.verifying.chart import Chart
from zakhira.adapters.postgres.verifying.columns import Flags, Numbers, inner_json, pool_of
from zakhira.adapters.postgres.verifying.page import COMMODITIES, Detail, Entries, Page, WriteRow
from zakhira.flows.ports.coin_events import events_bytes
from zakhira.kernel.canonical import canonical_bytes

_BEFORE, _BETWEEN = b'{"entries":[', b'],"records":'
_END = b"\0"
"""Stands behind the entries of each write; no text holds it."""
_MORE = ",{"
_ROWS_AT_ONCE = 8192
"""For the writer of CSV: fewer cost more for each row, more gain nothing [E]."""
_IN_ENTRY, _LAST_IN_ENTRY, _LAST_IN_WRITE = range(3)


def account_pool(chart: Chart) -> pl.Series:
    """What a posting without lot and cost says before its units, by the account's row."""
    return pool_of(
        f'account":"{inner_json(code)}","commodity":"{spec[0]}","lot":null,"units":'
        for code, spec in zip(chart.codes, chart.specs, strict=True)
    )


def content_hashes(page: Page, aligned: Aligned, chart: Chart, accounts: pl.Series) -> Iterator[tuple[WriteRow, str]]:
    """Every write of the page with the hash of its content, in hex.

    Raises:
        NotCanonical: a record's body cannot be written so.
    """
    texts = _entries_by_write(page, aligned, chart, accounts)
    for place, write in enumerate(page.writes):
        entries = texts.get(place, b"")
        records, events = page.records.get(write.number), page.events.get(write.number)
        before = b'{"coin_events":' + events_bytes(events) + b"," + _BEFORE[1:] if events else _BEFORE
        hashed = sha256(before)
        hashed.update(entries)
        bodies = canonical_bytes([{"kind": one.kind, "id": one.id, "body": one.body} for one in records or ()])
        hashed.update(_BETWEEN + bodies + b"}")
        yield write, hashed.hexdigest()


def _entries_by_write(page: Page, aligned: Aligned, chart: Chart, accounts: pl.Series) -> dict[int, memoryview]:
    """The entries of each write that has any, by its place, as they stand in its content between the brackets.

    Each posting is a row of four columns. Between two columns stands a quotation mark: so the writer of CSV, which is
    fast, writes JSON.
    """
    if not len(aligned.entry):
        return {}
    starts = aligned.entry_starts
    is_last_in_write = np.append(aligned.write[1:] != aligned.write[:-1], [True])
    heads = _entry_heads(page.entries)
    head_places = np.full(len(aligned.entry), len(heads), dtype=np.int64)
    head_places[starts] = aligned.entry[starts]
    rows = pl.DataFrame(
        {
            "head": heads.extend(pool_of([_MORE])).gather(head_places),
            "account": _accounts(aligned, chart, accounts),
            "units": aligned.units,
            "tail": _tails(page.entries, aligned, starts, is_last_in_write),
        }
    )
    out = io.BytesIO()
    rows.write_csv(
        out, include_header=False, separator='"', quote_style="never", line_terminator="", batch_size=_ROWS_AT_ONCE
    )
    return dict(zip(aligned.write[is_last_in_write].tolist(), _pieces(out.getvalue()), strict=True))


def _pieces(data: bytes) -> Iterator[memoryview]:
    """What stands before each :data:`_END`, without a copy of it."""
    view, start = memoryview(data), 0
    while start < len(data):
        end = data.index(_END, start)
        yield view[start:end]
        start = end + 1


def _entry_heads(entries: Entries) -> pl.Series:
    """What stands before the first posting of each entry."""
    columns = pl.DataFrame(
        {
            "at": entries.instants(),
            "evidence": entries.evidences.quoted(),
            "id": entries.ids.quoted(),
            "narration": entries.narrations.quoted(),
        }
    )
    pieces: list[pl.Expr] = [pl.lit('{"at":"'), pl.col("at")]
    for name in ("evidence", "id", "narration"):
        pieces += [pl.lit(f'","{name}":"'), pl.col(name)]
    return columns.select(pl.concat_str(*pieces, pl.lit('","postings":[{')).alias("head"))["head"]


def _accounts(aligned: Aligned, chart: Chart, accounts: pl.Series) -> pl.Series:
    """What each posting says of account, commodity, cost and lot."""
    places = aligned.account
    unlike = set(np.flatnonzero(chart.commodity[places] != aligned.commodity).tolist()) | aligned.details.keys()
    if not unlike:
        return accounts.gather(places)
    places = places.copy()
    others = sorted(unlike)
    texts = [
        _posting(chart.codes[places[one]], int(aligned.commodity[one]), aligned.details.get(one)) for one in others
    ]
    places[np.array(others, dtype=np.int64)] = len(accounts) + np.arange(len(others))
    return pl.concat([accounts, pool_of(texts)]).gather(places)


def _posting(code: str, commodity: int, detail: Detail | None) -> str:
    lot, cost = "null", ""
    if detail is not None and detail.outpoint is not None and detail.source is not None:
        lot = f'{{"outpoint":"{inner_json(detail.outpoint)}","source":"{inner_json(detail.source)}"}}'
    if detail is not None and detail.cost_units is not None:
        cost = f'"cost":{{"commodity":"{detail.cost_commodity}","units":"{detail.cost_units}"}},'
    name = COMMODITIES[commodity - 1].value
    return f'account":"{inner_json(code)}","commodity":"{name}",{cost}"lot":{lot},"units":'


def _tails(entries: Entries, aligned: Aligned, starts: Numbers, is_last_in_write: Flags) -> pl.Series:
    """What stands behind the units of each posting."""
    end = _END.decode()
    tails = ["}", "}]},", f"}}]}}{end}"]
    places = np.full(len(aligned.entry), _IN_ENTRY, dtype=np.int64)
    last = np.append(starts[1:], len(aligned.entry)) - 1
    places[last] = _LAST_IN_ENTRY
    places[is_last_in_write] = _LAST_IN_WRITE
    if entries.reverses:
        chosen = aligned.entry[starts].tolist()
        for entry, place in zip(chosen, last.tolist(), strict=True):
            if entry in entries.reverses:
                closing = end if is_last_in_write[place] else ","
                places[place] = len(tails)
                tails.append(f'}}],"reverses":"{inner_json(entries.reverses[entry])}"}}{closing}')
    return pool_of(tails).gather(places)
