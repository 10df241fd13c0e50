"""Answers about payouts: one sentence first, then what there is in tables, and the same for a machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from zakhira.cli.answer import Answer, Table, Word
from zakhira.flows.paying.campaign_record import OPEN, CampaignRecord
from zakhira.flows.paying.executing import Released
from zakhira.flows.paying.overview import CampaignLine
from zakhira.flows.paying.payout_record import PayoutRecord
from zakhira.flows.paying.preparing import Prepared
from zakhira.flows.paying.stopping import ALL, PayoutStop
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import Fault
from zakhira.kernel.interval import utc_text
from zakhira.kernel.money import Amount
from zakhira.settlement.payouts.batch import Batch
from zakhira.settlement.payouts.campaign import campaign_json
from zakhira.settlement.payouts.state import PayoutState
from zakhira.wiring.amount_text import counted
from zakhira.wiring.ledger_answers import written

MOST_ROWS_SHOWN = 20
"""Of a batch in a table; the JSON has all."""


def amount_text(amount: Amount) -> str:
    """An amount with its groups set apart: ``620,000.00 PKR``."""
    return written(amount)


def campaign_answer(record: CampaignRecord, needs: Sequence[str], verb: str, folder: Path, *, dry_run: bool) -> Answer:
    """A campaign after a step."""
    told = record.campaign
    if record.state == OPEN:
        then = f"It is open, and {amount_text(told.budget)} are in its fund."
    elif needs:
        then = f"It needs {', '.join(needs)}: zakhira payout approve {folder} {told.id} --key FILE"
    else:
        then = ""
    rows = (
        ("pays", f"{told.asset.unit} by {told.way.value}, for {', '.join(told.reasons)}"),
        ("budget", amount_text(told.budget)),
        ("one payee", f"up to {amount_text(told.most_per_payee)}"),
        ("one amount", f"{amount_text(told.lowest)} to {amount_text(told.highest)}"),
        ("between parts", counted(told.part_minutes, "minute")),
        ("approved by", ", ".join(given.officer for given in record.words.approvals) or "nobody"),
        ("hash", record.hash),
    )
    facts: dict[str, Json] = {"dry_run": dry_run, **campaign_facts(record), "missing": list(needs)}
    sentence = f"{_dry(dry_run)}Campaign {told.id} is {verb}. {then}".strip()
    return Answer((Table("Campaign", ("", told.title), rows),), facts, sentence)


def campaign_facts(record: CampaignRecord) -> dict[str, Json]:
    """A campaign for a machine."""
    return {
        **campaign_json(record.campaign),
        "state": record.state,
        "hash": record.hash,
        "approvals": [given.officer for given in record.words.approvals],
    }


def check_answer(batch: Batch | None, faults: Sequence[Fault], name: str) -> Answer:
    """A batch that may be put forward, or everything that is wrong with it."""
    if batch is not None:
        sentence = f"{name} is a batch of {counted(len(batch.rows), 'row')} and {amount_text(batch.total)} in all."
        return Answer((rows_table(batch),), {"faults": [], **batch_facts(batch)}, sentence)
    rows = tuple((str(fault.line or ""), fault.key, f"{fault.code} {fault.message} {fault.remedy}") for fault in faults)
    told: list[Json] = [
        {"line": f.line, "key": f.key, "code": f.code, "message": f.message, "remedy": f.remedy} for f in faults
    ]
    sentence = f"{name} is refused whole: {counted(len(faults), 'fault')}."
    return Answer((Table("Faults", ("line", "column", "what"), rows),), {"faults": told}, sentence, Word.NO)


def batch_facts(batch: Batch) -> dict[str, Json]:
    """A batch for a machine."""
    return {
        "rows": len(batch.rows),
        "total": str(batch.total),
        "tax": str(batch.tax),
        "batch_hash": batch.hash,
        "payees": [
            {"payee": row.payee, "amount": str(row.amount), "tax": str(row.tax or ""), "reason": row.reason}
            for row in batch.rows
        ],
    }


def rows_table(batch: Batch, released: int = 0, rejected: Iterable[str] = ()) -> Table:
    """The first rows of a batch, and how far each is."""
    refused, rows = set(rejected), []
    has_tax = any(row.tax for row in batch.rows)
    for number, row in enumerate(batch.rows[:MOST_ROWS_SHOWN]):
        state = "refused by the bank" if row.payee in refused else "out" if number < released else "waits"
        tax = (amount_text(row.tax) if row.tax else "",) if has_tax else ()
        rows.append((str(row.line), row.payee, amount_text(row.amount), *tax, row.reason, state))
    more = len(batch.rows) - MOST_ROWS_SHOWN
    notes = (f"and {counted(more, 'row')} more; --json has all",) if more > 0 else ()
    columns = ("line", "payee", "amount", *(("tax withheld",) if has_tax else ()), "reason", "state")
    return Table("Rows", columns, tuple(rows), right=(2, 3) if has_tax else (2,), notes=notes)


def payout_answer(prepared: Prepared, needs: Sequence[str], verb: str, folder: Path, *, dry_run: bool) -> Answer:
    """A payout after a step before anything went out; its total is shown to whoever approves it."""
    payout = prepared.payout
    then = f"It needs {', '.join(needs)}." if needs else ""
    if payout.state is PayoutState.PREPARED:
        then += f" Approve it with: zakhira payout approve {folder} {payout.id} --key FILE"
    elif payout.state is PayoutState.APPROVED:
        then += f" The second person: zakhira payout execute {folder} {payout.id} --total AMOUNT --source TEXT"
    tells = payout.state is not PayoutState.REFUSED  # a no that is tried out would tell it to anybody
    of = f" of {amount_text(payout.total)}" if tells else ""
    sentence = f"{_dry(dry_run)}Payout {payout.id}{of} to "
    sentence += f"{counted(payout.rows, 'payee')} is {verb}. {then.strip()}"
    facts: dict[str, Json] = {"dry_run": dry_run, **payout_facts(payout, tells_total=tells), "missing": list(needs)}
    tables = [payout_table(payout, tells_total=tells)]
    if tells:
        tables.append(rows_table(prepared.batch, payout.released))
    return Answer(tuple(tables), facts, sentence.strip())


UNTOLD = "the second person has it from the document"
"""In place of amounts that nobody is told."""


def may_tell_total(payout: PayoutRecord) -> bool:
    """Whether anybody may be told the total: not while it waits for the second person to enter it."""
    return payout.state is not PayoutState.APPROVED


def payout_table(payout: PayoutRecord, *, tells_total: bool) -> Table:
    """What a payout is, and what was said to it."""
    entered = payout.words.execution
    rows = (
        ("campaign", payout.campaign),
        ("state", payout.state.value),
        ("total", amount_text(payout.total) if tells_total else UNTOLD),
        ("source", payout.source),
        ("prepared by", f"{payout.proposer} at {utc_text(payout.proposed_at)}"),
        ("approved by", ", ".join(given.officer for given in payout.words.approvals) or "nobody"),
        ("refused by", ", ".join(f"{given.officer}: {given.reason}" for given in payout.words.vetoes) or "nobody"),
        ("total entered by", f"{entered.officer} from {entered.source}" if entered else "nobody"),
        ("rows out", f"{payout.released} of {payout.rows}"),
        ("hash", payout.hash),
    )
    return Table("Payout", ("", payout.id), rows)


def payout_facts(payout: PayoutRecord, *, tells_total: bool) -> dict[str, Json]:
    """A payout for a machine; an amount that is not told is left out."""
    entered = payout.words.execution
    amounts: dict[str, Json] = {"total": str(payout.total), "tax": str(payout.tax)} if tells_total else {}
    return {
        **amounts,
        "payout": payout.id,
        "campaign": payout.campaign,
        "state": payout.state.value,
        "rows": payout.rows,
        "source": payout.source,
        "proposer": payout.proposer,
        "proposed_at": utc_text(payout.proposed_at),
        "expires_at": utc_text(payout.expires_at),
        "hash": payout.hash,
        "batch_hash": payout.batch_hash,
        "approvals": [given.officer for given in payout.words.approvals],
        "entered_by": entered.officer if entered else "",
        "entered_otherwise": len(payout.words.mismatches),
        "released": payout.released,
        "parts": [part.end for part in payout.parts],
        "rejected": list(payout.rejected),
    }


def executed_answer(released: Released, folder: Path, minutes: int, *, dry_run: bool) -> Answer:
    """What went out; never the total, which the second person must have from the document."""
    payout, part = released.payout, released.part
    if part is None:
        done = f"Payout {payout.id} is out whole; nothing was left to do."
    else:
        done = f"Part {part.number} of {len(payout.parts)} of payout {payout.id} is out: "
        done += f"{payout.released} of {counted(payout.rows, 'row')}."
    after = payout.next_part
    then = ""
    if after is not None:
        wait = f"in {counted(minutes, 'minute')}" if minutes else "now"
        then = f" Look at what was paid; the next part can go {wait}: zakhira payout execute {folder} {payout.id}"
    facts: dict[str, Json] = {"dry_run": dry_run, **payout_facts(payout, tells_total=False)}
    facts["part"] = part.number if part else 0
    rows = tuple(
        (str(one.number), counted(one.end - one.start, "row"), "out" if one.end <= payout.released else "waits")
        for one in payout.parts
    )
    return Answer((Table("Parts", ("part", "rows", "state"), rows, right=(1,)),), facts, f"{_dry(dry_run)}{done}{then}")


def stop_answer(stop: PayoutStop, verb: str, needs: Sequence[str], folder: Path, *, dry_run: bool) -> Answer:
    """A stop after a word about it."""
    what = "All payouts are" if stop.of == ALL else f"Payout {stop.of} is"
    then = ""
    if stop.is_standing and stop.resume_at is not None:
        then = f" Its end needs {', '.join(needs)}." if needs else ""
    elif stop.is_standing:
        of = "" if stop.of == ALL else f" {stop.of}"
        then = f" Officers end it with: zakhira payout resume {folder}{of} --key FILE"
    rows = (
        ("stopped by", f"{stop.officer} at {utc_text(stop.at)}"),
        ("because", stop.reason),
        ("stands", "yes" if stop.is_standing else "no"),
        ("end put forward by", stop.resume_proposer or "nobody"),
        ("end approved by", ", ".join(given.officer for given in stop.words.approvals) or "nobody"),
    )
    table = Table("Stop", ("", stop.of), rows)
    facts: dict[str, Json] = {"dry_run": dry_run, **stop_facts(stop), "missing": list(needs)}
    return Answer((table,), facts, f"{_dry(dry_run)}{what} {verb}.{then}")


def stop_facts(stop: PayoutStop) -> dict[str, Json]:
    """A stop for a machine."""
    return {
        "of": stop.of,
        "officer": stop.officer,
        "reason": stop.reason,
        "at": utc_text(stop.at),
        "stands": stop.is_standing,
        "end_approved_by": [given.officer for given in stop.words.approvals],
    }


def status_answer(lines: Sequence[CampaignLine], stops: Sequence[PayoutStop], halts: Sequence[str]) -> Answer:
    """Campaigns, payouts, stops, and what reconciliation has against paying."""
    payouts = [payout for line in lines for payout in line.payouts]
    waiting = [payout for payout in payouts if payout.state not in {PayoutState.RELEASED, PayoutState.REFUSED}]
    off = [f"stopped by {stop.officer}: {stop.reason}" for stop in stops] + list(halts)
    sentence = f"{counted(len(lines), 'campaign')} and {counted(len(payouts), 'payout')}, {len(waiting)} under way; "
    sentence += f"nothing goes out: {'; '.join(off)}" if off else "nothing stands in the way."
    campaigns = tuple(
        (
            line.campaign.campaign.id,
            line.campaign.state,
            line.campaign.campaign.way.value,
            amount_text(line.campaign.campaign.budget),
            amount_text(line.held) if line.held else "",
        )
        for line in lines
    )
    table = Table("Campaigns", ("id", "state", "pays by", "budget", "in the fund"), campaigns, right=(3, 4))
    rows = tuple(
        (payout.id, payout.campaign, payout.state.value, f"{payout.released}/{payout.rows}", _total(payout))
        for payout in payouts
    )
    facts: dict[str, Json] = {
        "campaigns": [{**campaign_facts(line.campaign), "held": str(line.held) if line.held else ""} for line in lines],
        "payouts": [payout_facts(payout, tells_total=may_tell_total(payout)) for payout in payouts],
        "stops": [stop_facts(stop) for stop in stops],
        "halts": list(halts),
    }
    tables = [table, Table("Payouts", ("id", "campaign", "state", "rows out", "total"), rows, right=(3, 4))]
    return Answer(tuple(one for one in tables if one.rows), facts, sentence)


def _total(payout: PayoutRecord) -> str:
    return amount_text(payout.total) if may_tell_total(payout) else "-"


def _dry(dry_run: bool) -> str:  # noqa: FBT001  # it is the one thing that it is asked
    return "Dry run, nothing is written: " if dry_run else ""
