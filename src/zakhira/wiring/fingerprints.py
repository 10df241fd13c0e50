"""Hashes over what a run came to, without what a node may choose freely: equal for two runs with one seed."""

from __future__ import annotations

from zakhira.flows.payments import recorded_payments
from zakhira.flows.ports.books import Books
from zakhira.flows.world import WorldDay
from zakhira.kernel.canonical import Json, content_hash
from zakhira.ledger.entry import Entry
from zakhira.wiring.plan_answer import allocation_fingerprint
from zakhira.wiring.run_facts import Finished


def run_fingerprints(done: Finished, books: Books) -> dict[str, Json]:
    """One hash each for allocation, dispatch, payments and ledger."""
    return {
        "allocation": allocation_fingerprint(done.plan),
        "dispatch": content_hash([_day(day) for day in done.world]),
        "payments": content_hash(_payments(books)),
        "ledger": content_hash(_ledger(books)),
    }


def _day(day: WorldDay) -> Json:
    return {"dispatch": day.dispatch_json, "settlement": day.settled_json}


def _payments(books: Books) -> Json:
    """Who paid what to which address for which day; transaction ids may differ where the node chooses its coins."""
    return [
        [payment.id, sorted([output.address, output.amount_sats] for output in payment.outputs)]
        for payment in sorted(recorded_payments(books), key=lambda payment: payment.id)
    ]


def _ledger(books: Books) -> Json:
    """Balances, and every entry by its amounts and instant; outpoints carry transaction ids and stay out."""
    return {
        "balances": {account: amount.units for account, amount in sorted(books.balances().items())},
        "entries": sorted(_entry(entry) for entry in books.entries()),
    }


def _entry(entry: Entry) -> list[str]:
    postings = sorted(f"{posting.account} {posting.amount}" for posting in entry.postings)
    return [entry.at.isoformat(), entry.narration.split(" ")[0], *postings]
