"""``zakhira reserve init``: a folder with its terms, its database and, for a drill, its keys."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import cast

from zakhira.adapters.bitcoind.node_view import open_rpc
from zakhira.adapters.bitcoind.program import find_bitcoind
from zakhira.adapters.programme_folder import load_programme, load_programme_file
from zakhira.cli.answer import Answer, Table
from zakhira.cli.custody_services import ReserveOrder
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import InvalidInput
from zakhira.programme.model import Programme
from zakhira.wiring.reserve_desk import own_books
from zakhira.wiring.reserve_drill import drill_signers, make_drill, officer_files, require_drill
from zakhira.wiring.reserve_folder import (
    NodeAddress,
    ReserveFolder,
    ReserveTerms,
    default_depth,
    require_new,
    write_terms,
)
from zakhira.wiring.settings import Settings


class NodeNeeded(InvalidInput):
    """A reserve in earnest needs a node of its own, or two of the same were named."""

    code = "ZK-WIRING-026"


def init_reserve(settings: Settings, order: ReserveOrder, *, dry_run: bool) -> Answer:
    """Make the reserve, or say what would be made."""
    folder = require_new(order.folder)
    programme = _programme(order)
    terms = _terms(order, programme)
    _require_nodes(settings, terms)
    written = [str(folder.terms_file), str(folder.database)]
    if order.is_drill:
        drill = [
            folder.register,
            *(s.file for s in drill_signers(programme, folder)),
            *officer_files(programme, folder).values(),
        ]
        written += map(str, drill)
    if not dry_run:
        _make(settings, folder, terms, programme)
    return _answer(order, folder, terms, programme, written, dry_run=dry_run)


def _programme(order: ReserveOrder) -> Programme:
    """The programme; a drill's keys must be those of its phrase."""
    if not order.is_drill:
        return load_programme_file(order.programme)[0]
    programme, _ = load_programme(order.programme)
    require_drill(programme)
    return programme


def _terms(order: ReserveOrder, programme: Programme) -> ReserveTerms:
    if not order.node_url and not order.is_drill:
        raise NodeNeeded(
            f"No node was named for a reserve on {programme.chain}.",
            "Name your own with --node and --cookie; a drill on regtest (--drill) may have a private one.",
        )
    node = NodeAddress(order.node_url, _absolute(order.cookie)) if order.node_url else None
    second = NodeAddress(order.second_url, _absolute(order.second_cookie)) if order.second_url else None
    if node is not None and second is not None and node.url.rstrip("/") == second.url.rstrip("/"):
        raise NodeNeeded(f"Both nodes are at {node.url.rpartition('@')[2]}.", "A second opinion needs a second node.")
    depth = default_depth(programme.policy.confirmations)
    return ReserveTerms(
        secrets.token_hex(16), order.programme.absolute(), programme.chain, node, second, depth, order.is_drill
    )


def _absolute(path: Path | None) -> Path | None:
    return None if path is None else path.absolute()


def _require_nodes(settings: Settings, terms: ReserveTerms) -> None:
    """Each named node answers and is on the programme's chain; a private one could be started."""
    if terms.node is None:
        find_bitcoind(settings.bitcoind, settings.tools)
    for node in (terms.node, terms.second_node):
        if node is not None:
            open_rpc(node.url, node.cookie, chain=terms.chain)


def _make(settings: Settings, folder: ReserveFolder, terms: ReserveTerms, programme: Programme) -> None:
    """The terms come last: a reserve that was interrupted before them is none yet, and may be made again."""
    folder.root.mkdir(parents=True, exist_ok=True)
    if terms.is_drill:
        make_drill(programme, folder, settings)
    with own_books(settings, folder, terms, programme):
        write_terms(folder, terms)


def _answer(
    order: ReserveOrder,
    folder: ReserveFolder,
    terms: ReserveTerms,
    programme: Programme,
    written: list[str],
    *,
    dry_run: bool,
) -> Answer:
    root = os.fspath(order.folder)
    next_step = f"zakhira keys register {root} {folder.register if terms.is_drill else 'FILE'}"
    verb = "Dry run: would make" if dry_run else "Made"
    kind = "a drill's reserve" if terms.is_drill else "a reserve"
    sentence = f"{verb} {kind} of {programme.name} on {terms.chain} in {root}. Next: {next_step}"
    depth = Table(
        "Confirmations that a coin needs [E]",
        ("from BTC", "blocks"),
        tuple(
            (f"{amount / 1e8:g}", str(count))
            for amount, count in zip(terms.depth.amounts_sats, terms.depth.confirmations, strict=True)
        ),
        right=(0, 1),
        notes=(f"Of a coinbase: {terms.depth.coinbase_confirmations}. Change them in {folder.terms_file}.",),
    )
    files = Table("Would be written" if dry_run else "Written", ("file",), tuple((name,) for name in _brief(written)))
    facts: dict[str, Json] = {
        "dry_run": dry_run,
        "folder": root,
        "chain": terms.chain,
        "is_drill": terms.is_drill,
        "node": terms.node.url.rpartition("@")[2] if terms.node else "private",
        "second_node": terms.second_node.url.rpartition("@")[2] if terms.second_node else "",
        "depth": cast(
            "Json",
            [
                {"from_sats": amount, "confirmations": count}
                for amount, count in zip(terms.depth.amounts_sats, terms.depth.confirmations, strict=True)
            ],
        ),
        "coinbase_confirmations": terms.depth.coinbase_confirmations,
        "files": cast("Json", written),
        "next": next_step,
    }
    return Answer((files, depth), facts, sentence)


def _brief(written: list[str]) -> list[str]:
    """Key files are many and of a kind: told by their number."""
    keys = [name for name in written if name.endswith(".key")]
    rest = [name for name in written if not name.endswith(".key")]
    return [*rest, *([f"{Path(keys[0]).parent}/*.key ({len(keys)} key files)"] if keys else [])]
