"""``zakhira reserve follow``: the chain taken into the books, and what arrived told as it comes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import cast

from zakhira.adapters.postgres.heartbeat import beat
from zakhira.cli.answer import Answer, Progress, Table
from zakhira.flows.arrival_judging import Judged, judge_arrivals
from zakhira.flows.following import Followed, Unconfirmed, follow_chain, unconfirmed
from zakhira.flows.ports.chain_errors import NodeUnreachable
from zakhira.flows.ports.coin_events import WatchedCoin
from zakhira.flows.ports.follow import NodeCatchingUp
from zakhira.flows.reconciling.after_block import case_terms, reconcile_chain
from zakhira.flows.reservations import reservation
from zakhira.flows.spending.watching import SpendsFollowed, follow_spends
from zakhira.flows.treasury import Treasury
from zakhira.kernel.canonical import Json
from zakhira.wiring.amount_text import btc_text, counted
from zakhira.wiring.backing_answer import with_backing
from zakhira.wiring.follow_observer import UNOBSERVED, FollowObserver
from zakhira.wiring.reconcile_answers import CaseBoard, with_cases
from zakhira.wiring.reconcile_halts import halt_terms
from zakhira.wiring.reserve_desk import Desk

WAIT_S = 10.0
"""How long the next block is waited for before the mempool is looked at again."""
RETRY_S = 5.0
BLOCKS_TOLD = 2_016
"""Coins of so many of the last blocks are told one by one; of older ones their number."""
_ROWS = 50


def follow_reserve(
    desk: Desk,
    say: Callable[[Answer], None],
    progress: Progress,
    *,
    once: bool,
    observer: FollowObserver = UNOBSERVED,
) -> None:
    """Follow until the tip, or for ever; every turn is committed before it is told.

    A named node that is away is waited for. A private one that ended is not coming back by itself: that is raised.
    """
    trouble = told = ""
    first = True
    while True:
        try:
            answer, tip = _turn(desk, progress, first=first)
            observer.turned(None if answer is None else answer.facts)
            if answer is not None:
                say(answer)
            if once:
                return
            first, trouble, told = False, "", ""
            desk.treasury.node.wait_for_block(tip, WAIT_S)
        except (NodeUnreachable, NodeCatchingUp) as error:
            observer.failed(error)
            if once or (desk.node.is_private and isinstance(error, NodeUnreachable)):
                raise
            # Told when it is there a second time: blocks that are just coming in are no trouble.
            if trouble == error.message != told:
                facts: dict[str, Json] = {"waiting": True, "code": error.code, "message": error.message}
                say(Answer((), facts, f"Waiting for the node: {error.code} {error.message}"))
                told = trouble
            trouble = error.message
            time.sleep(RETRY_S)


def _turn(desk: Desk, progress: Progress, *, first: bool) -> tuple[Answer | None, str]:
    """One turn: what is to be told, if anything is, and the tip that was reached."""
    treasury = desk.treasury
    followed = follow_chain(treasury, progress)
    judged = judge_arrivals(treasury)
    spends = follow_spends(desk.treasury)
    waiting = unconfirmed(treasury)
    beat(desk.archive.books, followed.height, followed.hash)
    is_news = bool(
        followed.connected or followed.disconnected or waiting.arrivals or waiting.unexplained or judged != _NOTHING
    )
    is_news = is_news or spends != SpendsFollowed()
    if not (is_news or first):
        return None, followed.hash
    answer = with_backing(_answer(treasury, followed, judged, spends, waiting), desk.archive.books)
    done = reconcile_chain(desk.treasury, case_terms(desk.programme))
    board = CaseBoard(treasury.books, halt_terms(treasury.books, desk.programme, treasury.now), treasury.now)
    return with_cases(answer, done, board), followed.hash


_NOTHING = Judged(0, 0, (), (), (), (), ())


def _answer(
    treasury: Treasury, followed: Followed, judged: Judged, spends: SpendsFollowed, waiting: Unconfirmed
) -> Answer:
    arrived = _arrived(treasury, followed)
    facts: dict[str, Json] = {
        "height": followed.height,
        "hash": followed.hash,
        "blocks_connected": followed.connected,
        "blocks_taken_back": followed.disconnected,
        "coins_arrived": followed.created,
        "coins_spent": followed.spent,
        "arrivals": [_coin_facts(treasury, coin) for coin in arrived],
        "mempool": [
            {"outpoint": item.outpoint, "vault": item.vault, "amount_sats": item.amount_sats}
            for item in waiting.arrivals
        ],
        "judged": {"announced": judged.announced, "suspense": judged.suspense},
        "flagged": [{"outpoint": paper.outpoint, "flags": list(paper.flags)} for paper in judged.flagged],
        "lost": list(judged.lost),
        "stuck": list(judged.stuck),
        "unexplained_spends": [
            {"outpoint": item.outpoint, "vault": item.vault, "amount_sats": item.amount_sats, "spent_by": item.spent_by}
            for item in judged.unexplained
        ],
        "unexplained_in_mempool": cast("Json", [list(pair) for pair in waiting.unexplained]),
        "spends": {name: list(ids) for name, ids in asdict(spends).items()},
    }
    tables = [
        *_arrival_tables(treasury, arrived, waiting),
        *_spend_tables(spends),
        *_alarm_tables(judged, waiting),
    ]
    return Answer(tuple(tables), facts, _sentence(followed, judged))


def _sentence(followed: Followed, judged: Judged) -> str:
    text = f"At block {followed.height}: {counted(followed.connected, 'block')} taken in"
    if followed.disconnected:
        text += f", {followed.disconnected} taken back (a reorganisation)"
    text += f", {counted(followed.created, 'coin')} arrived, {followed.spent} spent; "
    text += f"{judged.announced} credited, {judged.suspense} to suspense"
    if judged.lost:
        text += f", {len(judged.lost)} LOST"
    return text + "."


def _arrived(treasury: Treasury, followed: Followed) -> list[WatchedCoin]:
    first = max(followed.height - followed.connected + 1, followed.height - BLOCKS_TOLD + 1, 0)
    if not followed.created:
        return []
    return [coin for height in range(first, followed.height + 1) for coin in treasury.coins.changes(height).created]


def _payer(treasury: Treasury, script_hex: str) -> str:
    known = reservation(treasury.books, script_hex)
    return "not announced" if known is None else f"{known.payer}: {known.purpose}"


def _coin_facts(treasury: Treasury, coin: WatchedCoin) -> Json:
    known = reservation(treasury.books, coin.script_hex)
    return {
        "outpoint": coin.outpoint,
        "vault": coin.vault,
        "amount_sats": coin.amount_sats,
        "height": coin.height,
        "is_coinbase": coin.is_coinbase,
        "payer": known.payer if known else "",
        "purpose": known.purpose if known else "",
    }


def _arrival_tables(treasury: Treasury, arrived: list[WatchedCoin], waiting: Unconfirmed) -> list[Table]:
    rows = [
        (
            coin.vault,
            btc_text(coin.amount_sats),
            str(coin.height),
            str(treasury.depth.needed(coin.amount_sats, is_coinbase=coin.is_coinbase)),
            _payer(treasury, coin.script_hex),
            f"{coin.outpoint[:12]}...{coin.outpoint[-4:]}",
        )
        for coin in arrived[-_ROWS:]
    ]
    rows += [
        (
            item.vault,
            btc_text(item.amount_sats),
            "mempool",
            str(treasury.depth.needed(item.amount_sats, is_coinbase=False)),
            _payer(treasury, item.script_hex),
            f"{item.outpoint[:12]}...{item.outpoint[-4:]}",
        )
        for item in waiting.arrivals[:_ROWS]
    ]
    if not rows:
        return []
    columns = ("vault", "BTC", "block", "needs", "announced by", "coin")
    notes = (f"{len(arrived)} arrived; the last {_ROWS} are shown.",) if len(arrived) > _ROWS else ()
    return [Table("Arrived", columns, tuple(rows), right=(1, 2, 3), notes=notes)]


def _spend_tables(spends: SpendsFollowed) -> list[Table]:
    words = {
        "confirmed": spends.confirmed,
        "confirmation taken back": spends.taken_back,
        "ended": spends.ended,
        "can confirm again": spends.revived,
        "sent again": spends.sent_again,
        "expired": spends.expired,
    }
    rows = tuple((name, word) for word, names in words.items() for name in names)
    if not rows:
        return []
    return [Table("Spends", ("spend", "what happened"), rows[:_ROWS], notes=tuple(spends.told))]


def _alarm_tables(judged: Judged, waiting: Unconfirmed) -> list[Table]:
    tables = []
    if judged.flagged:
        rows = tuple(
            (f"{paper.outpoint[:16]}...", paper.state, ", ".join(paper.flags)) for paper in judged.flagged[:_ROWS]
        )
        tables.append(Table("Noticed", ("coin", "state", "what"), rows))
    spends = [
        (item.outpoint, item.vault, f"spent in block {item.height} by {item.spent_by}") for item in judged.unexplained
    ]
    spends += [(outpoint, "", f"would be spent by {txid}") for outpoint, txid in waiting.unexplained]
    if spends:
        notes = ("No spend of ours is this transaction: keys are in other hands. Stop everything and call.",)
        tables.append(Table("SPENT BY SOMEBODY ELSE", ("coin", "vault", "how"), tuple(spends[:_ROWS]), notes=notes))
    return tables
