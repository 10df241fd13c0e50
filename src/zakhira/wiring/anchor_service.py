"""``zakhira audit anchor`` and ``anchors``: heads of the audit chain put into Bitcoin, and held against it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from zakhira.adapters.software_signer import OfficerKeyFile
from zakhira.cli.anchor_services import AnchorOrder
from zakhira.cli.answer import Answer, Table, Word
from zakhira.cli.spend_services import Ask
from zakhira.custody.anchor import anchor_of
from zakhira.flows.anchoring import ConfirmedAnchor, anchors, propose_anchor
from zakhira.flows.chain_heads import hashes_at
from zakhira.flows.spending.dry import dry_treasury
from zakhira.flows.spending.spend import TreasurySpend
from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import utc_text
from zakhira.wiring.amount_text import btc_text, counted
from zakhira.wiring.passphrases import passphrase_for
from zakhira.wiring.reserve_desk import open_reserve
from zakhira.wiring.reserve_watching import catch_up
from zakhira.wiring.settings import Settings
from zakhira.wiring.spend_answers import step_answer
from zakhira.wiring.spend_service import fee_wish, spend_order

_ROWS = 100


class AnchorDesk:
    """Implements ``cli.anchor_services.AnchorServices``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def propose(self, order: AnchorOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Propose a spend whose only purpose is the anchor."""
        key = order.terms.key
        officer = OfficerKeyFile.open(key, passphrase_for(key, self._settings, ask))
        with open_reserve(self._settings, order.terms.folder) as desk:
            treasury = desk.treasury
            if dry_run:
                treasury = dry_treasury(treasury)
            else:
                catch_up(desk)
            terms = replace(order.terms, spend=order.terms.spend or f"anchor-{treasury.now:%Y-%m-%d}")
            told = replace(spend_order(treasury, terms, order.path), from_vault=order.vault)
            spend = propose_anchor(treasury, told, officer, fee_wish(order.fee))
        return _proposed_answer(spend, dry_run=dry_run)

    def list(self, folder: Path) -> Answer:
        """The anchors that blocks hold, and whether the audit chain still has each head; nothing is written."""
        with open_reserve(self._settings, folder) as desk:
            treasury = desk.treasury
            found = anchors(treasury)
            own = hashes_at(treasury.books, [item.anchor.position for item in found])
            head = treasury.books.chain_head()
        return _anchors_answer(found, [own.get(item.anchor.position, "") for item in found], head.position)


def _proposed_answer(spend: TreasurySpend, *, dry_run: bool) -> Answer:
    """What the proposal does: which head, by which coin, and what comes back of it."""
    said = spend.instruction
    (coin,), (back,) = said.inputs, said.payments
    anchor = anchor_of(said.anchor)
    rows = (
        ("position", f"{anchor.position:,}"),
        ("hash", anchor.head_hash),
        ("coin", coin),
        ("comes back", f"{btc_text(back.amount_sats)} BTC, to {back.address} of {said.to_vault}"),
        ("approve", f"zakhira spend approve DIR {spend.id} --key FILE"),
    )
    sentence = f"Spend {spend.id} is {spend.state.value}: it {anchor}."
    answer = step_answer(spend, sentence, dry_run=dry_run)
    return Answer((Table("The anchor", ("", ""), rows), *answer.tables), answer.facts, answer.sentence)


def _anchors_answer(found: Sequence[ConfirmedAnchor], own: Sequence[str], last: int) -> Answer:
    """Anchors beside what the chain has at their positions (empty: no entry); ``last`` is the chain's last position."""
    fits = [item.anchor.head_hash == mine for item, mine in zip(found, own, strict=True)]
    rows = tuple(
        (
            f"{item.anchor.position:,}",
            f"{item.height:,}",
            utc_text(item.block_time),
            item.anchor.head_hash,
            "✓" if fit else "✗ DIFFERS",
        )
        for item, fit in zip(found, fits, strict=True)
    )
    notes = ("Source: the node's best chain, read by two decoders. --json has transactions and blocks.",)
    table = Table(
        "Anchors of the audit chain", ("position", "block", "block time", "hash", ""), rows[-_ROWS:], (0, 1), notes
    )
    facts: dict[str, Json] = {
        "last_position": last,
        "anchors": [
            {
                "position": item.anchor.position,
                "head_hash": item.anchor.head_hash,
                "txid": item.txid,
                "height": item.height,
                "block_hash": item.block_hash,
                "block_time": utc_text(item.block_time),
                "confirmations": item.confirmations,
                "chain_has": mine,
                "fits": fit,
            }
            for item, mine, fit in zip(found, own, fits, strict=True)
        ],
    }
    return Answer(
        (table,) if rows else (),
        facts,
        _sentence(found, own, fits, last),
        Word.YES if all(fits) else Word.NO,
    )


def _sentence(found: Sequence[ConfirmedAnchor], own: Sequence[str], fits: Sequence[bool], last: int) -> str:
    if not found:
        return f"No head of the audit chain is anchored yet; it has {counted(last, 'entry', 'entries')}."
    if all(fits):
        newest = found[-1]
        return (
            f"{counted(len(found), 'anchor')} in blocks, and the audit chain has every one of them: up to position "
            f"{newest.anchor.position:,} of {last:,} it stood before {utc_text(newest.block_time)}."
        )
    number = fits.index(False)
    item, mine = found[number], own[number]
    return (
        f"The audit chain differs from the anchor in block {item.height:,}: at position {item.anchor.position:,} the "
        f"block has {item.anchor.head_hash}, the chain {mine or 'no entry'}. It was changed after "
        f"{utc_text(item.block_time)}, or somebody else signs with our keys."
    )
