"""``zakhira payout``: the use cases of payouts over an opened reserve, in earnest or dry."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

from zakhira.adapters.iso20022.files import Iso20022Files
from zakhira.adapters.iso20022.hostile import MAX_BYTES
from zakhira.adapters.payout_file import MOST_BYTES, read_campaign_file, read_payouts
from zakhira.adapters.postgres.ledger import PostgresLedger
from zakhira.adapters.postgres.movements import PostgresMovements
from zakhira.adapters.software_signer import OfficerKeyFile
from zakhira.cli.answer import Answer, Progress, Table
from zakhira.cli.payout_services import Ask, BatchOrder, ExecuteOrder, PayoutWord, PrepareOrder
from zakhira.cli.spend_services import FeeAsked
from zakhira.controls.engine.decision import Decision
from zakhira.flows.paying.approving import approve_payout, is_payout, load_prepared, refuse_payout
from zakhira.flows.paying.banking import take_bank_status, write_orders
from zakhira.flows.paying.campaigns import approve_campaign, propose_campaign, refuse_campaign
from zakhira.flows.paying.coin_paying import propose_spends
from zakhira.flows.paying.desk import PayoutDesk
from zakhira.flows.paying.executing import enter_total, release_part
from zakhira.flows.paying.matter import Matter, Words
from zakhira.flows.paying.matter import ask as ask_policy
from zakhira.flows.paying.overview import campaign_lines, standing_stops
from zakhira.flows.paying.preparing import PayoutOrder, check_batch, prepare
from zakhira.flows.paying.refusals import PartMustWait
from zakhira.flows.paying.stopping import ALL, resume, stop
from zakhira.flows.policy_authority import PolicyAuthority
from zakhira.flows.spending.dry import DryBooks, dry_treasury
from zakhira.flows.spending.order import FeeCeilings
from zakhira.kernel.canonical import Json
from zakhira.kernel.money import sats
from zakhira.settlement.payouts.state import PayoutState
from zakhira.wiring.amount_text import counted, sats_of
from zakhira.wiring.passphrases import passphrase_for
from zakhira.wiring.payout_answers import (
    amount_text,
    campaign_answer,
    check_answer,
    executed_answer,
    may_tell_total,
    payout_answer,
    payout_facts,
    payout_table,
    rows_table,
    status_answer,
    stop_answer,
)
from zakhira.wiring.reconcile_halts import ReconciledHalts
from zakhira.wiring.reserve_desk import Archive, open_archive, open_reserve
from zakhira.wiring.reserve_watching import catch_up
from zakhira.wiring.settings import Settings
from zakhira.wiring.signer_files import read_limited, write_new
from zakhira.wiring.spend_service import fee_wish


def payout_desk(archive: Archive, *, dry_run: bool) -> PayoutDesk:
    """The parts over an opened reserve; dry, what is written is forgotten."""
    return PayoutDesk(
        books=DryBooks(archive.books) if dry_run else archive.books,
        ledger=PostgresLedger(archive.books),
        authority=PolicyAuthority(PostgresMovements(archive.books)),
        policy=archive.programme.policy,
        now=archive.clock(),
        halts=ReconciledHalts(archive.programme, archive.clock()),
        bank=Iso20022Files(),
    )


class PayoutOffice:
    """Implements ``cli.payout_services.PayoutServices``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @contextmanager
    def _open(self, folder: Path, *, dry_run: bool = False) -> Iterator[PayoutDesk]:
        with open_archive(self._settings, folder) as archive:
            yield payout_desk(archive, dry_run=dry_run)

    def _officer(self, key: Path, ask: Ask) -> OfficerKeyFile:
        return OfficerKeyFile.open(key, passphrase_for(key, self._settings, ask))

    def campaign(self, folder: Path, file: Path, key: Path, ask: Ask, *, dry_run: bool) -> Answer:
        """Put a campaign forward."""
        officer = self._officer(key, ask)
        told = read_campaign_file(read_limited(file, MOST_BYTES), file.name)
        with self._open(folder, dry_run=dry_run) as desk:
            record = propose_campaign(desk, told, officer)
            needs = _needs(desk, record.matter, record.words)
            return campaign_answer(record, needs, "put forward", folder, dry_run=dry_run)

    def check(self, order: BatchOrder) -> Answer:
        """Hold a file against its campaign."""
        rows = read_payouts(read_limited(order.file, MOST_BYTES), order.file.name, order.encoding)
        with self._open(order.folder) as desk:
            checked = check_batch(desk, order.campaign, rows, order.file.name)
            return check_answer(checked.batch, checked.faults, order.file.name)

    def prepare(self, order: PrepareOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Check a batch and put it forward."""
        officer, batch = self._officer(order.key, ask), order.batch
        rows = read_payouts(read_limited(batch.file, MOST_BYTES), batch.file.name, batch.encoding)
        told = PayoutOrder(order.payout, batch.campaign, order.source, rows, batch.file.name)
        with self._open(batch.folder, dry_run=dry_run) as desk:
            made = prepare(desk, told, officer)
            _, matter = load_prepared(desk, order.payout)
            needs = _needs(desk, matter, made.payout.words)
            return payout_answer(made, needs, "put forward", batch.folder, dry_run=dry_run)

    def approve(self, word: PayoutWord, ask: Ask, *, dry_run: bool) -> Answer:
        """A yes or a no to a campaign or a payout."""
        officer = self._officer(word.key, ask)
        verb = f"refused by {officer.officer}" if word.reason else f"approved by {officer.officer}"
        with self._open(word.folder, dry_run=dry_run) as desk:
            if is_payout(desk, word.of):
                if word.reason:
                    refuse_payout(desk, word.of, officer, word.reason)
                else:
                    approve_payout(desk, word.of, officer)
                prepared, matter = load_prepared(desk, word.of)
                needs = _needs(desk, matter, prepared.payout.words)
                return payout_answer(prepared, needs, verb, word.folder, dry_run=dry_run)
            if word.reason:
                record = refuse_campaign(desk, word.of, officer, word.reason)
            else:
                record = approve_campaign(desk, word.of, officer)
            needs = _needs(desk, record.matter, record.words)
            return campaign_answer(record, needs, verb, word.folder, dry_run=dry_run)

    def execute(self, order: ExecuteOrder, ask: Ask, progress: Progress, *, dry_run: bool) -> Answer:
        """The second person's total, and the next part; with ``all_parts`` on until one must wait."""
        officer = self._officer(order.key, ask)
        with open_archive(self._settings, order.folder) as archive:
            desk = payout_desk(archive, dry_run=dry_run)
            if order.total or order.source:
                enter_total(desk, order.payout, officer, order.total, order.source)
            released = release_part(desk, order.payout, officer)
            while order.all_parts and not dry_run and released.payout.state is PayoutState.RELEASING:
                progress("rows out", released.payout.released, released.payout.rows, "")
                try:
                    released = release_part(replace(desk, now=archive.clock()), order.payout, officer)
                except PartMustWait:
                    break
            progress("rows out", released.payout.released, released.payout.rows, "")
            prepared, _ = load_prepared(desk, order.payout)
            return executed_answer(released, order.folder, prepared.campaign.part_minutes, dry_run=dry_run)

    def spends(self, word: PayoutWord, fee_limit: str, rate_sat_per_vb: int, ask: Ask, *, dry_run: bool) -> Answer:
        """Propose the spends of parts that are paid in coin."""
        officer = self._officer(word.key, ask)
        with open_reserve(self._settings, word.folder) as reserve:
            treasury = reserve.treasury
            if dry_run:
                treasury = dry_treasury(treasury)
            else:
                catch_up(reserve)
            desk = replace(payout_desk(reserve.archive, dry_run=dry_run), books=treasury.books)
            ceilings = FeeCeilings(sats(sats_of(fee_limit)), rate_sat_per_vb)
            found = propose_spends(desk, treasury, word.of, officer, ceilings, fee_wish(FeeAsked()))
        made = [spend for batches in found for spend in batches.spends]
        waiting = sum(batches.waiting for batches in found)
        rows = tuple(
            (
                spend.id,
                spend.state.value,
                str(len(spend.instruction.payments)),
                amount_text(sats(sum(payment.amount_sats for payment in spend.instruction.payments))),
            )
            for spend in made
        )
        then = f" {counted(waiting, 'payment')} wait for coins." if waiting else ""
        sentence = f"{counted(len(made), 'spend')} of payout {word.of} proposed; each needs its own approvals.{then}"
        facts: dict[str, Json] = {"dry_run": dry_run, "spends": [spend.id for spend in made], "waiting": waiting}
        return Answer((Table("Spends", ("id", "state", "payments", "amount"), rows, right=(2, 3)),), facts, sentence)

    def order(self, word: PayoutWord, day: date, out: Path, ask: Ask, *, dry_run: bool) -> Answer:
        """Write the orders of parts that a bank pays."""
        officer = self._officer(word.key, ask)
        with self._open(word.folder, dry_run=dry_run) as desk:
            made = write_orders(desk, Iso20022Files(), word.of, day, officer)
        rows, digests = [], []
        for one in made:
            path = out / f"{one.order.message_id}.xml"
            if not dry_run:
                out.mkdir(parents=True, exist_ok=True)
                write_new(path, one.content)
            total = amount_text(one.order.total)
            rows.append((str(path), str(one.order.execute_on), str(len(one.order.transfers)), total))
            digests.append(f"{path.name} has SHA-256 {one.sha256}")
        sentence = f"{counted(len(made), 'order')} of payout {word.of} for the bank."
        facts: dict[str, Json] = {
            "dry_run": dry_run,
            "orders": [row[0] for row in rows],
            "sha256": [one.sha256 for one in made],
        }
        columns = ("file", "to be paid on", "transfers", "total")
        table = Table("Orders", columns, tuple(rows), right=(2, 3), notes=tuple(digests))
        return Answer((table,), facts, sentence)

    def answer(self, word: PayoutWord, file: Path, ask: Ask, *, dry_run: bool) -> Answer:
        """Take a bank's answer to an order, which the officer signs for."""
        content, officer = read_limited(file, MAX_BYTES), self._officer(word.key, ask)
        reports, digest = Iso20022Files().read_bank_status(file.name, content), hashlib.sha256(content).hexdigest()
        with self._open(word.folder, dry_run=dry_run) as desk:
            said = [take_bank_status(desk, word.of, report, digest, officer) for report in reports]
        refused = tuple(item for one in said for item in one.rejected)
        accepted, pending = sum(one.accepted for one in said), sum(one.pending for one in said)
        strange = tuple(told for one in said for told in one.strange)
        sentence = f"The bank takes {accepted}, still looks at {pending} and does not pay {len(refused)} of {word.of}."
        if strange:
            sentence += " It says what was not ordered, which stops the payout: ask the bank."
        facts: dict[str, Json] = {
            "dry_run": dry_run,
            "sha256": digest,
            "accepted": accepted,
            "pending": pending,
            "rejected": [{"payee": payee, "reason": reason} for payee, reason in refused],
            "not_as_ordered": list(strange),
        }
        back = Table("Not paid, and back in the fund", ("payee", "because"), refused)
        otherwise = Table("Not as it was ordered", ("what the bank says",), tuple((told,) for told in strange))
        return Answer(tuple(table for table in (otherwise, back) if table.rows), facts, sentence)

    def stop(self, word: PayoutWord, ask: Ask, *, dry_run: bool) -> Answer:
        """Stop one payout or all."""
        officer = self._officer(word.key, ask)
        with self._open(word.folder, dry_run=dry_run) as desk:
            made = stop(desk, word.of or ALL, word.reason, officer)
        return stop_answer(made, "stopped", (), word.folder, dry_run=dry_run)

    def resume(self, word: PayoutWord, ask: Ask, *, dry_run: bool) -> Answer:
        """Put the end of a stop forward, or say yes to it."""
        officer = self._officer(word.key, ask)
        with self._open(word.folder, dry_run=dry_run) as desk:
            after = resume(desk, word.of or ALL, officer)
            hours = desk.in_force.version.policy.approval_hours
            needs = _needs(desk, after.matter(hours), after.words) if after.is_standing else ()
        verb = "still stopped" if after.is_standing else "free to go on"
        return stop_answer(after, verb, needs, word.folder, dry_run=dry_run)

    def status(self, folder: Path, payout: str) -> Answer:
        """Everything, or one payout with its rows."""
        with self._open(folder) as desk:
            if not payout:
                return status_answer(tuple(campaign_lines(desk)), standing_stops(desk), tuple(desk.halts(desk.books)))
            prepared, matter = load_prepared(desk, payout)
            found = prepared.payout
            needs = _needs(desk, matter, found.words)
        sentence = f"Payout {payout} is {found.state.value}: {found.released} of {counted(found.rows, 'row')} out."
        if needs and found.state in {PayoutState.PREPARED, PayoutState.APPROVED}:
            sentence += f" It needs {', '.join(needs)}."
        tells = may_tell_total(found)
        tables = [payout_table(found, tells_total=tells)]
        if tells:
            tables.append(rows_table(prepared.batch, found.released, found.rejected))
        return Answer(tuple(tables), {**payout_facts(found, tells_total=tells), "missing": list(needs)}, sentence)


def _needs(desk: PayoutDesk, matter: Matter, words: Words) -> Sequence[str]:
    """What the policy still asks for."""
    decision: Decision = ask_policy(desk, matter, words, desk.now.replace(microsecond=0))
    return decision.missing
