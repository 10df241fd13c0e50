"""``zakhira reserve suspense|settle``: coins that nobody announced, and what two officers say of them."""

from __future__ import annotations

from zakhira.adapters.software_signer import OfficerKeyFile
from zakhira.cli.answer import Answer, Table
from zakhira.cli.custody_services import Ask, SettleOrder
from zakhira.flows.coin_papers import CoinPaper
from zakhira.flows.governing.standing import standing_of
from zakhira.flows.officer_words import sign_execution
from zakhira.flows.spending.dry import dry_treasury
from zakhira.flows.suspense import Settlement, draft_settlement, settle_suspense, sign_settlement, suspended_coins
from zakhira.kernel.canonical import Json
from zakhira.wiring.amount_text import btc_text, counted
from zakhira.wiring.passphrases import passphrase_for
from zakhira.wiring.reserve_desk import Desk, open_reserve
from zakhira.wiring.reserve_watching import catch_up, watching
from zakhira.wiring.settings import Settings


def list_suspense(desk: Desk) -> Answer:
    """The unspent coins in suspense, as the books have them; nothing is written."""
    coins = suspended_coins(desk.treasury)
    rows = tuple(
        (str(number), item.vault, btc_text(item.amount_sats), f"{item.confirmations:,}", ", ".join(item.flags) or "-")
        for number, item in enumerate(coins, 1)
    )
    facts: dict[str, Json] = {
        "coins": [
            {
                "outpoint": item.outpoint,
                "amount_sats": item.amount_sats,
                "vault": item.vault,
                "confirmations": item.confirmations,
                "source": item.source,
                "flags": list(item.flags),
            }
            for item in coins
        ]
    }
    if not coins:
        return Answer((), facts, "No coin is in suspense.")
    # An outpoint fills a line, and it must be copied whole.
    names = tuple(f"{number}: {item.outpoint}" for number, item in enumerate(coins, 1))
    notes = (*names, "Find out who paid, and for what. Two officers then say so: zakhira reserve settle --help")
    columns = ("", "vault", "BTC", "blocks\nold", "noticed")
    total_sats = sum(item.amount_sats for item in coins)
    sentence = (
        f"{counted(len(coins), 'coin')} of {btc_text(total_sats)} BTC: nobody announced them, nothing spends them."
    )
    return Answer((Table("In suspense", columns, rows, right=(0, 2, 3), notes=notes),), facts, sentence)


def settle_coin(settings: Settings, order: SettleOrder, ask: Ask, *, dry_run: bool) -> Answer:
    """Sign with the officers' keys and settle; dry, the same is tried where the books stand, and forgotten.

    Raises:
        what :func:`zakhira.flows.suspense.settle_suspense` and the officers' key files raise.
    """
    officers = [OfficerKeyFile.open(key, passphrase_for(key, settings, ask)) for key in order.keys]
    second = (
        OfficerKeyFile.open(order.second_key, passphrase_for(order.second_key, settings, ask))
        if order.second_key
        else None
    )
    with open_reserve(settings, order.folder) as desk:
        treasury = dry_treasury(desk.treasury) if dry_run else desk.treasury
        if not dry_run:
            catch_up(desk)
        settlement = draft_settlement(
            treasury, order.outpoint, order.payer, order.purpose, order.reason, order.hold_until
        )
        at, version = treasury.now.replace(microsecond=0), standing_of(treasury).policy_hash
        signatures = tuple(sign_settlement(settlement, officer, at, version) for officer in officers)
        execution = (
            sign_execution(second, settlement.hash, order.amount.strip(), order.source.strip(), at) if second else None
        )
        if dry_run:
            paper = settle_suspense(treasury, settlement, signatures, execution)
        else:
            with watching(desk) as watched:
                paper = settle_suspense(watched, settlement, signatures, execution)
    return _settled_answer(settlement, paper, [given.officer for given in signatures], dry_run=dry_run)


def _settled_answer(settlement: Settlement, paper: CoinPaper, officers: list[str], *, dry_run: bool) -> Answer:
    hold = settlement.hold_until.isoformat() if settlement.hold_until else ""
    facts: dict[str, Json] = {
        "dry_run": dry_run,
        "outpoint": settlement.outpoint,
        "amount_sats": settlement.amount_sats,
        "vault": settlement.vault,
        "payer": settlement.payer,
        "purpose": settlement.purpose,
        "hold_until": hold,
        "reason": settlement.reason,
        "settlement_hash": settlement.hash,
        "officers": list(officers),
        "flags": list(paper.flags),
    }
    rows = (
        ("coin", settlement.outpoint),
        ("amount", f"{btc_text(settlement.amount_sats)} BTC in {settlement.vault}"),
        ("paid by", settlement.payer),
        ("purpose", settlement.purpose),
        ("held until", hold or "-"),
        ("reason", settlement.reason),
        ("said by", ", ".join(officers)),
        ("noticed", ", ".join(paper.flags)),
    )
    verb = "Dry run: would settle" if dry_run else "Settled"
    sentence = f"{verb} {btc_text(settlement.amount_sats)} BTC of {settlement.vault} as {settlement.purpose}."
    return Answer((Table("Settlement", ("what", "as signed"), rows),), facts, sentence)
