"""A walk through two spends on a real node and a real database, in a process of its own that may be killed anywhere.

Run again, it carries on from what the books and the chain say; that is what the crash tests hold it to.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from custody_drill import INTAKE
from treasury_drill import FAST, FASTER, SLOW, TreasuryDrill, make_parts, officer, order
from zakhira.adapters.bitcoind.follow import BitcoindFollower
from zakhira.adapters.bitcoind.mempool import BitcoindMempool
from zakhira.adapters.bitcoind.node import BitcoindChain
from zakhira.adapters.bitcoind.rpc import Rpc
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.coin_store import PostgresCoins
from zakhira.controls.spend_state import SpendState
from zakhira.flows.spending.building import build, hand_out
from zakhira.flows.spending.deciding import approve, decide
from zakhira.flows.spending.fees import FeeWish
from zakhira.flows.spending.hastening import bump, propose_home
from zakhira.flows.spending.order import PaymentOrder
from zakhira.flows.spending.proposing import propose
from zakhira.flows.spending.returning import take_signatures
from zakhira.flows.spending.sending import broadcast
from zakhira.flows.spending.spend import TreasurySpend
from zakhira.flows.spending.step import load_spend
from zakhira.kernel.money import sats

PAID_SATS, CALLED_BACK_SATS = 1_500_000, 700_000
KILLED = -signal.SIGKILL


@dataclass
class CrashPoints:
    """Every place between two calls to the outside, counted; at one of them the process is killed."""

    kill_at: int = 0
    """0: nowhere"""
    labels: list[str] = None  # type: ignore[assignment]  # made below

    def __post_init__(self) -> None:
        self.labels = []

    def pass_by(self, label: str) -> None:
        """A place is passed, or the process ends there."""
        self.labels.append(label)
        if len(self.labels) == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def tap(self, part: Any, name: str, methods: tuple[str, ...] = ()) -> Any:  # noqa: ANN401  # whatever port it is
        """The part with its calls counted: before each, and after those that change something."""
        return _Tap(part, name, methods, self)


class _Tap:
    """Passes every call on."""

    def __init__(self, part: Any, name: str, methods: tuple[str, ...], points: CrashPoints) -> None:  # noqa: ANN401
        self._part, self._name, self._methods, self._points = part, name, methods, points

    def __getattr__(self, method: str) -> Any:  # noqa: ANN401
        found = getattr(self._part, method)
        if not callable(found) or (self._methods and method not in self._methods):
            return found

        def call(*args: Any, **told: Any) -> Any:  # noqa: ANN401
            action = f" {args[0].action.partition(':')[0]}" if method == "commit" else ""
            self._points.pass_by(f"before {self._name}.{method}{action}")
            answer = found(*args, **told)
            if method in {"commit", "broadcast"}:
                self._points.pass_by(f"after {self._name}.{method}{action}")
            return answer

        return call


def open_drill(rpc: Rpc, dsn: str, points: CrashPoints) -> TreasuryDrill:
    """A drill on this node and database, at the time of the node's tip."""
    books = PostgresBooks(dsn)
    parts = make_parts(
        points.tap(books, "books", ("commit",)),
        PostgresCoins(books),
        points.tap(BitcoindFollower(rpc), "node"),
        points.tap(BitcoindMempool(rpc), "mempool"),
    )
    drill = TreasuryDrill(BitcoindChain(rpc), parts)
    tip = rpc.call("getblockheader", [rpc.call("getbestblockhash")])
    drill.now = max(drill.now, datetime.fromtimestamp(int(tip["time"]), UTC))
    return drill


def walk(drill: TreasuryDrill, name: str, payee: str) -> None:
    """Two spends: one paid with a bump on the way, one handed out, signed, and taken home."""
    drill.follow()
    _pay(drill, f"{name}-pay", payee)
    _call_back(drill, f"{name}-back", f"{name}-home", payee)


def _pay(drill: TreasuryDrill, name: str, payee: str) -> None:
    if _until_out(drill, name, payee, PAID_SATS, SLOW).state is SpendState.CONFIRMED:
        return
    if len(load_spend(drill.treasury, name).versions) == 1:
        _signed(drill, name)
        broadcast(drill.treasury, name)
        bump(drill.treasury, name, FASTER)
    _signed(drill, name)
    broadcast(drill.treasury, name)
    _mine_until(drill, lambda: load_spend(drill.treasury, name).state is SpendState.CONFIRMED)


def _call_back(drill: TreasuryDrill, name: str, home: str, payee: str) -> None:
    if _until_out(drill, name, payee, CALLED_BACK_SATS, SLOW).state is SpendState.CANCELLED:
        return
    _signed(drill, name)
    propose_home(drill.treasury, name, order(home, 1), officer("dara"), FAST)
    _decided(drill, home)
    if load_spend(drill.treasury, home).state is SpendState.DECIDED:
        build(drill.treasury, home)
    _signed(drill, home)
    broadcast(drill.treasury, home)
    _mine_until(drill, lambda: load_spend(drill.treasury, name).state is SpendState.CANCELLED)


def _until_out(drill: TreasuryDrill, name: str, payee: str, amount_sats: int, wish: FeeWish) -> TreasurySpend:
    """From the proposal to a transaction in signers' hands."""
    told = replace(order(name, 1), payments=(PaymentOrder(sats(amount_sats), payee),))
    propose(drill.treasury, told, officer("dara"))
    spend = _decided(drill, name)
    if spend.state is SpendState.DECIDED:
        spend = build(drill.treasury, name, wish)
    if spend.state is SpendState.BUILT:
        spend, _ = hand_out(drill.treasury, name)
    return spend


def _decided(drill: TreasuryDrill, name: str) -> TreasurySpend:
    for who in ("amina", "chand"):
        approve(drill.treasury, name, officer(who))
    return decide(drill.treasury, name)


def _signed(drill: TreasuryDrill, name: str) -> None:
    """Both signatures of the newest version."""
    if load_spend(drill.treasury, name).last.is_signed:
        return
    spend, bytes_ = hand_out(drill.treasury, name)
    for number in range(1, INTAKE.threshold + 1):
        take_signatures(drill.treasury, name, drill.signed(spend, bytes_.psbt, number))


def _mine_until(drill: TreasuryDrill, is_done: Callable[[], bool]) -> None:
    for _ in range(10):
        drill.follow()
        if is_done():
            return
        drill.mine(1)
    raise AssertionError("ten blocks were not enough")


def main() -> None:
    """``spend_walk.py PORT COOKIE DSN NAME PAYEE KILL_AT``: walk, and print the places that were passed."""
    port, cookie, dsn, name, payee, kill_at = sys.argv[1:]
    points = CrashPoints(int(kill_at))
    walk(open_drill(Rpc.local(int(port), Path(cookie)), dsn, points), name, payee)
    sys.stdout.write(json.dumps(points.labels))


if __name__ == "__main__":
    main()
