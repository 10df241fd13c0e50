"""Coins that lie deep enough get their paper and their entry: announced, or in suspense; what is odd is flagged.

Outputs of our own spends are left to the spends (a record ``own transaction`` names them). Whoever judges may be
stopped anywhere: every write is whole, and what it did is seen in the books at the next call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from zakhira.custody.address_look import address_look, script_address
from zakhira.custody.vault_state import RETIRED
from zakhira.flows.agreement import NotFollowed
from zakhira.flows.coin_appraisal import PAST, Circumstances, appraise
from zakhira.flows.coin_entries import STANDING_ACCOUNTS, accounts_of, arrival_entry, loss_entry
from zakhira.flows.coin_papers import ANNOUNCED, COIN_PAPER, LOST, OWN, OWN_TRANSACTION, SUSPENSE, CoinPaper, paper_of
from zakhira.flows.following import COIN_REMOVAL, COMPANY, following_state
from zakhira.flows.ports.books import Record, Write
from zakhira.flows.ports.books_errors import EntryExists, KeyReused, Overdrawn
from zakhira.flows.ports.coin_events import WatchedCoin
from zakhira.flows.ports.coin_store import FollowedSpan
from zakhira.flows.ports.progress import Progress, silent
from zakhira.flows.rescanning import RESCAN, past_ends
from zakhira.flows.reservations import ADDRESS_LOOK, RESERVATION, look_record, reservation_of
from zakhira.flows.suspense import settled_papers
from zakhira.flows.treasury import Treasury, policy_in_force, vault_records
from zakhira.flows.unexplained_spends import (
    UNEXPLAINED_SPEND,
    UnexplainedSpend,
    book_unbooked,
    find_unexplained,
    record_unexplained,
    take_back,
    unexplained_spends,
)
from zakhira.kernel.canonical import Json, content_hash
from zakhira.kernel.ids import derive_id
from zakhira.ledger.entry import Entry
from zakhira.programme.model import AccountSpec

__all__ = ["UNEXPLAINED_SPEND", "Judged", "UnexplainedSpend", "judge_arrivals", "unexplained_spends"]

JUDGING = "judging"
"""Kind of the one record that says up to which block everything is judged (id ``chain``)."""

PAGE = 500
"""Coins judged in one write [E]."""
_FEW_SCRIPTS = 4
"""A payer is remembered from a small transaction alone: in a payout to hundreds the others are strangers [E]."""
_WATERMARK_BLOCKS = 100
"""The record of what is judged is renewed when it moves this far."""
_LAST_OUTPOINT = "~"
"""Sorts behind every outpoint."""


@dataclass(frozen=True)
class Judged:
    """What one run of judging came to."""

    announced: int
    suspense: int
    flagged: tuple[CoinPaper, ...]
    unexplained: tuple[UnexplainedSpend, ...]
    """new in this run: tell somebody at once"""
    lost: tuple[str, ...]
    """coins that a reorganisation took away after they had been credited"""
    taken_back: tuple[str, ...]
    """coins whose unexplained spend a reorganisation took away"""
    stuck: tuple[str, ...]
    """lost coins that a spend of ours still counts as spent: take back that spend in the books first"""


@dataclass
class _Findings:
    announced: int = 0
    suspense: int = 0
    flagged: list[CoinPaper] = field(default_factory=list)
    unexplained: list[UnexplainedSpend] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)

    def add(self, paper: CoinPaper) -> None:
        self.announced += paper.state == ANNOUNCED
        self.suspense += paper.state == SUSPENSE
        if paper.flags:
            self.flagged.append(paper)


def judge_arrivals(treasury: Treasury, progress: Progress = silent) -> Judged:
    """Give every coin that lies deep enough its paper and its entry, in one write for each batch; safe to repeat.

    Coins that a stranger's transaction spent are recorded at once, however deep. What a reorganisation took away is
    reversed, and credited again when it is back.

    Raises:
        NotFollowed: the past is being read again; follow the chain to its end first.
    """
    if following_state(treasury.books).until >= 0:
        raise NotFollowed("The past of the chain is being read again.", "Follow the chain to its end first.")
    findings = _Findings()
    treasury.books.open_accounts(STANDING_ACCOUNTS)
    taken_back = take_back(treasury)
    _book_losses(treasury, findings)
    span = treasury.coins.span()
    if span is not None:  # else all that was followed is taken back, or nothing ever was followed
        judge = _Judge(treasury, findings, progress)
        start = _watermark(treasury)
        judge.arrivals(start)
        judge.spends(start)
        book_unbooked(treasury)
        _move_watermark(treasury, span, start)
    return Judged(
        findings.announced,
        findings.suspense,
        tuple(findings.flagged),
        tuple(findings.unexplained),
        tuple(findings.lost),
        taken_back,
        tuple(findings.stuck),
    )


class _Judge:
    """One run over the coins that have no paper yet."""

    def __init__(self, treasury: Treasury, findings: _Findings, progress: Progress) -> None:
        self._treasury = treasury
        self._findings = findings
        self._progress = progress
        self._retired = {name for name, item in vault_records(treasury.books).items() if item.state == RETIRED}
        self._past_ends = past_ends(treasury.books)
        self._opened: set[AccountSpec] = set()
        self._done = 0

    def arrivals(self, start: int) -> None:
        """Judge all coins above this height that lie deep enough."""
        after, before = (start, _LAST_OUTPOINT), None
        while page := self._treasury.coins.unjudged(COIN_PAPER, self._treasury.depth, after, PAGE):
            assert page != before, "what another judge wrote is not read again"
            before = page
            coins = self._of_others(page)
            papers = self._papers(coins)
            if papers and not self._commit(coins, papers):
                continue  # somebody else judged some of them: read the page again
            after = (page[-1].height, page[-1].outpoint)
            self._done += len(page)
            self._progress("coins", self._done, self._done, "judged")

    def spends(self, start: int) -> None:
        """Record all spends above this height that nobody can explain."""
        after = (start, _LAST_OUTPOINT)
        while page := self._treasury.coins.spent_after(after, PAGE):
            for coin, spend in find_unexplained(self._treasury.books, page, self._past_ends):
                fresh = self._fresh_paper(coin)
                losses = self._losses([coin]).get(coin.outpoint, 0)
                self._findings.unexplained.append(record_unexplained(self._treasury, spend, fresh, losses))
                if fresh is not None:
                    self._findings.add(fresh)
            after = (page[-1].spent_height, page[-1].outpoint)

    def _fresh_paper(self, coin: WatchedCoin) -> CoinPaper | None:
        """The paper of a coin that was spent before it lay deep enough to be judged."""
        body = self._treasury.books.latest(COIN_PAPER, coin.outpoint)
        if (body is not None and paper_of(coin.outpoint, body).state != LOST) or not self._of_others([coin]):
            return None
        return self._papers([coin])[0]

    def _of_others(self, coins: Sequence[WatchedCoin]) -> list[WatchedCoin]:
        """Those that no transaction of ours made."""
        own = self._treasury.books.bodies(OWN_TRANSACTION, sorted({_txid(coin.outpoint) for coin in coins}))
        return [coin for coin in coins if _txid(coin.outpoint) not in own]

    def _papers(self, coins: Sequence[WatchedCoin]) -> list[CoinPaper]:
        books = self._treasury.books
        reserved = {
            script: reservation_of(script, body)
            for script, body in books.bodies(RESERVATION, sorted({coin.script_hex for coin in coins})).items()
        }
        limit = max((item.renew_after for item in reserved.values()), default=0)
        earlier = self._treasury.coins.earlier_arrivals([coin.outpoint for coin in coins], max(1, limit))
        company = self._company(coins)
        looks = books.bodies(ADDRESS_LOOK, sorted({address_look(one) for found in company.values() for one in found}))
        known = {look: str(cast("Mapping[str, Json]", body)["address"]) for look, body in looks.items()}
        papers = []
        for coin in coins:
            around = Circumstances(
                reserved.get(coin.script_hex),
                coin.vault in self._retired,
                earlier[coin.outpoint],
                company.get(_txid(coin.outpoint), ()),
                known,
            )
            paper = appraise(coin, around)
            if coin.spent_by and coin.spent_height <= self._past_ends.get(coin.vault, -1):
                paper = replace(paper, state=SUSPENSE, flags=(*paper.flags, PAST))
            papers.append(paper)
        return list(settled_papers(books, policy_in_force(self._treasury), papers))

    def _company(self, coins: Sequence[WatchedCoin]) -> dict[str, tuple[str, ...]]:
        found = self._treasury.books.bodies(COMPANY, sorted({_txid(coin.outpoint) for coin in coins}))
        addresses = {}
        for txid, body in found.items():
            scripts = cast("Mapping[str, list[str]]", body)["scripts"]
            told = (script_address(bytes.fromhex(script), self._treasury.chain) for script in scripts)
            addresses[txid] = tuple(address for address in told if address is not None)
        return addresses

    def _losses(self, coins: Sequence[WatchedCoin]) -> dict[str, int]:
        found = self._treasury.books.bodies(COIN_REMOVAL, [coin.outpoint for coin in coins])
        return {outpoint: cast("Mapping[str, int]", body)["losses"] for outpoint, body in found.items()}

    def _commit(self, coins: Sequence[WatchedCoin], papers: Sequence[CoinPaper]) -> bool:
        """Write papers and entries; False where another judge was faster."""
        treasury, losses = self._treasury, self._losses(coins)
        entries: list[Entry] = []
        for coin, paper in zip(coins, papers, strict=True):
            self._open(accounts_of(coin.vault, paper))
            lost = losses.get(coin.outpoint, 0)
            entries += arrival_entry(coin.vault, _counted_sats(coin, paper), paper, lost, treasury.now)
        records = [paper.record for paper in papers] + self._payers(papers)
        key = derive_id("judging", *(f"{coin.outpoint}/{losses.get(coin.outpoint, 0)}" for coin in coins))
        write = Write(
            f"judging/{key}", "watcher", "judge coins", treasury.now, entries=tuple(entries), records=tuple(records)
        )
        try:
            treasury.books.commit(write)
        except (KeyReused, EntryExists):
            there = treasury.books.bodies(COIN_PAPER, [coin.outpoint for coin in coins])
            if not there:
                raise
            return False
        for paper in papers:
            self._findings.add(paper)
        return True

    def _open(self, accounts: tuple[AccountSpec, ...]) -> None:
        if not self._opened.issuperset(accounts):
            self._treasury.books.open_accounts(accounts)
            self._opened |= set(accounts)

    def _payers(self, papers: Sequence[CoinPaper]) -> list[Record]:
        """Addresses in the company of announced coins that look like nothing known: known payers from now on."""
        txids = sorted({_txid(paper.outpoint) for paper in papers if paper.state == ANNOUNCED and not paper.flags})
        payers = {_txid(paper.outpoint): paper.source for paper in papers}
        wanted: dict[str, tuple[str, str]] = {}
        for txid, body in self._treasury.books.bodies(COMPANY, txids).items():
            scripts = cast("Mapping[str, list[str]]", body)["scripts"]
            told = [script_address(bytes.fromhex(script), self._treasury.chain) for script in scripts]
            if len(scripts) <= _FEW_SCRIPTS:
                wanted |= {address_look(found): (found, payers[txid]) for found in told if found is not None}
        known = self._treasury.books.bodies(ADDRESS_LOOK, sorted(wanted))
        return [look_record(*wanted[look]) for look in sorted(wanted) if look not in known]


def _txid(outpoint: str) -> str:
    return outpoint.partition(":")[0]


def _counted_sats(coin: WatchedCoin, paper: CoinPaper) -> int:
    """What the ledger counts: nothing of coins that came and went before their vault was imported."""
    return 0 if PAST in paper.flags else coin.amount_sats


def _book_losses(treasury: Treasury, findings: _Findings) -> None:
    """Reverse the arrival of every credited coin that the followed chain does not have any more."""
    books = treasury.books
    for outpoint, body in books.records(COIN_REMOVAL).items():
        told = dict(cast("Mapping[str, Json]", body))
        if not told["is_open"]:
            continue
        losses, vault = cast("int", told["losses"]), str(told["vault"])
        paper = paper_of(outpoint, books.latest(COIN_PAPER, outpoint))
        is_back = treasury.coins.coin(outpoint) is not None
        if paper.state == OWN and not is_back:
            continue  # its spend's to take back
        entries: tuple[Entry, ...] = ()
        records = [Record(COIN_REMOVAL, outpoint, {**told, "is_open": False, "losses": losses + (not is_back)})]
        if not is_back:
            amount_sats = 0 if PAST in paper.flags else cast("int", told["amount_sats"])
            entries = loss_entry(vault, amount_sats, paper, losses, treasury.now)
            records.append(replace(paper, state=LOST).record)
        action = "coin is back" if is_back else "coin lost"
        key = f"loss/{outpoint}/{losses}/{following_state(books).step}/{action}"
        try:
            books.commit(Write(key, "watcher", action, treasury.now, entries=entries, records=tuple(records)))
        except Overdrawn:
            findings.stuck.append(outpoint)
            continue
        if not is_back:
            findings.lost.append(outpoint)


def _pasts(treasury: Treasury) -> str:
    return content_hash(dict(treasury.books.records(RESCAN)))


def _watermark(treasury: Treasury) -> int:
    """The height up to which all is judged; -1 where nothing is, or where the chain below or a past changed since."""
    body = treasury.books.latest(JUDGING, "chain")
    if body is None:
        return -1
    told = cast("Mapping[str, Json]", body)
    height = cast("int", told["height"])
    is_same = treasury.coins.followed_hashes([height]).get(height) == told["hash"]
    return height if is_same and told["pasts"] == _pasts(treasury) else -1


def _move_watermark(treasury: Treasury, span: FollowedSpan, before: int) -> None:
    """Remember what need not be looked at again: blocks so deep that every coin in them was judged."""
    depth = treasury.depth
    height = span.height - max(*depth.confirmations, depth.coinbase_confirmations)
    if height < before + _WATERMARK_BLOCKS or height < span.first_height:
        return
    found = treasury.coins.followed_hashes([height])[height]
    body: Json = {"height": height, "hash": found, "pasts": _pasts(treasury)}
    key = f"judging/{following_state(treasury.books).step}/{height}"
    record = Record(JUDGING, "chain", body)
    treasury.books.commit(Write(key, "watcher", "remember what is judged", treasury.now, records=(record,)))
