"""``zakhira reserve resume``: credits let in again by the word of two officers, after the chain was followed."""

from __future__ import annotations

from zakhira.adapters.postgres.backing import PostgresBacking
from zakhira.adapters.software_signer import OfficerKeyFile
from zakhira.cli.answer import Answer
from zakhira.cli.custody_services import Ask, ResumeOrder
from zakhira.flows.resuming import Resumption, draft_resumption, require_borne, resume_credits, sign_resumption
from zakhira.kernel.canonical import Json
from zakhira.kernel.money import Commodity
from zakhira.wiring.backing_answer import with_backing
from zakhira.wiring.passphrases import passphrase_for
from zakhira.wiring.reserve_desk import open_reserve
from zakhira.wiring.reserve_watching import catch_up, watching
from zakhira.wiring.settings import Settings


def resume(settings: Settings, order: ResumeOrder, ask: Ask, *, dry_run: bool) -> Answer:
    """Follow the chain, sign, and let credits in; dry, the words are checked and nothing is written.

    Raises:
        NotHalted, CoinsStillMissing, NoReason, ResumptionNotBorne: see ``flows.resuming``.
        NotTheWatcher: this machine has not the watcher's login.
    """
    officers = [OfficerKeyFile.open(key, passphrase_for(key, settings, ask)) for key in order.keys]
    with open_reserve(settings, order.folder) as desk:
        if not dry_run:
            catch_up(desk)
        treasury = desk.treasury
        resumption = draft_resumption(PostgresBacking(desk.archive.books), Commodity.BTC, order.because)
        words = [sign_resumption(treasury, resumption, officer) for officer in officers]
        if dry_run:
            require_borne(treasury, resumption, words)
        else:
            with watching(desk) as watched:
                resume_credits(watched, resumption, words)
        return with_backing(_answer(resumption, [word.officer for word in words], dry_run=dry_run), desk.archive.books)


def _answer(resumption: Resumption, officers: list[str], *, dry_run: bool) -> Answer:
    facts: dict[str, Json] = {"dry_run": dry_run, **resumption.body, "officers": list(officers)}
    verb = "Dry run: would let" if dry_run else "Let"
    return Answer((), facts, f"{verb} credits in again after deficit {resumption.deficit}, by {', '.join(officers)}.")
