"""Spends as the terminal shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zakhira.cli.answer import Answer, Table
from zakhira.controls.engine.decision import Decision, NeedKind, Verdict
from zakhira.controls.spend_state import OUT_STATES, SpendState
from zakhira.custody.anchor import anchor_of
from zakhira.custody.fee import rate_of, written_rate
from zakhira.flows.decision_text import decision_json
from zakhira.flows.spending.spend import BuiltVersion, TreasurySpend
from zakhira.flows.spending.spend_line import SpendLine
from zakhira.flows.spending.watching import SpendsFollowed
from zakhira.flows.word_text import execution_json, veto_json
from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import utc_text
from zakhira.wiring.amount_text import btc_text, counted

_NEXT = {
    SpendState.PROPOSED: "officers' approvals: zakhira spend approve",
    SpendState.DECIDED: "its transaction: zakhira spend build",
    SpendState.BUILT: "to be handed out: zakhira spend build --out FILE",
    SpendState.HANDED_OUT: "signatures: zakhira spend combine",
    SpendState.SIGNED: "its sending: zakhira spend broadcast",
    SpendState.BROADCAST: "blocks: zakhira spend status",
}
_VERDICTS = {Verdict.ALLOWED: "allowed", Verdict.NEEDS: "not allowed yet", Verdict.REFUSED: "refused"}
_ROWS = 100


def waits_for(state: SpendState) -> str:
    """What a spend in this state waits for, in words."""
    return _NEXT.get(state, "nothing")


def waiting_for(spend: TreasurySpend) -> str:
    """What a spend waits for, in words, the second person and time included."""
    kinds = {need.kind for need in spend.decision.needs} if spend.decision else set()
    if spend.state in {SpendState.DECIDED, SpendState.BUILT} and NeedKind.EXECUTION in kinds:
        return "the second person: zakhira spend execute"
    texts = [need.text for need in spend.decision.needs if need.kind is NeedKind.TIME] if spend.decision else []
    if spend.state is SpendState.BUILT and texts:
        return " and ".join(texts)
    return waits_for(spend.state)


def spend_facts(spend: TreasurySpend) -> dict[str, Json]:
    """A spend for a machine, without its bytes."""
    said, decision = spend.instruction, spend.decision
    return {
        "id": spend.id,
        "kind": spend.kind,
        "state": spend.state.value,
        "instruction": said.as_json(),
        "instruction_hash": said.hash,
        "proposal_signature": spend.proposal_signature,
        "paid_sats": spend.paid_sats,
        "approvals": [{"officer": item.officer, "at": utc_text(item.at)} for item in spend.approvals],
        "decision": None
        if decision is None
        else {**_told(decision_json(decision)), "allowed": decision.allowed, "missing": list(decision.missing)},
        "rejection": veto_json(spend.rejection),
        "execution": execution_json(spend.execution),
        "entered_otherwise": [execution_json(entered) for entered in spend.mismatches],
        "versions": [_version_facts(version) for version in spend.versions],
        "confirmed_in": None
        if spend.confirmation is None
        else {
            "txid": spend.confirmation.txid,
            "height": spend.confirmation.height,
            "block_hash": spend.confirmation.block_hash,
        },
        "ended_by": spend.ended_by,
        "note": spend.note,
        "waits_for": waiting_for(spend),
    }


def _version_facts(version: BuiltVersion) -> Json:
    return {
        "txid": version.txid,
        "coins": list(version.inputs),
        "fee_sats": version.fee_sats,
        "weight": version.weight,
        "change_sats": version.change.amount_sats if version.change else 0,
        "change_address": version.change.address.address if version.change else "",
        "hold_until": version.hold_until.isoformat() if version.hold_until else "",
        "handed_out": version.handed_out,
        "signers": list(version.signers),
        "dropped_fields": list(version.dropped),
        "is_signed": version.is_signed,
    }


def history_tables(spend: TreasurySpend) -> tuple[Table, ...]:
    """Decision and versions of a spend."""
    decision = spend.decision
    rows = [
        ("state", spend.state.value, f"waits for {waiting_for(spend)}"),
        ("kind", spend.kind, f"takes {spend.instruction.replaces} home" if spend.instruction.replaces else ""),
    ]
    rows += _approval_rows(spend)
    if decision is not None:
        rows += _decision_rows(decision)
    if spend.execution is not None:
        given = spend.execution
        rows.append(("executed", f"by {given.officer} at {utc_text(given.at)}", f"from {given.source}"))
    for entered in spend.mismatches:
        rows.append(("otherwise", f"{entered.officer} entered {entered.amount}", f"from {entered.source}"))
    if spend.rejection is not None:
        rows.append(("refused", f"by {spend.rejection.officer}", spend.rejection.reason))
    if spend.confirmation is not None:
        rows.append(("block", f"{spend.confirmation.height:,}", spend.confirmation.txid))
    if spend.ended_by:
        rows.append(("ended", "a coin of it went to", spend.ended_by))
    if spend.note:
        rows.append(("note", spend.note, ""))
    tables = [Table("How far it is", ("", "", ""), tuple(rows))]
    if spend.versions:
        tables.append(_version_table(spend))
    return tuple(tables)


def _approval_rows(spend: TreasurySpend) -> list[tuple[str, str, str]]:
    return [("approved", f"by {given.officer}", f"at {utc_text(given.at)}") for given in spend.approvals]


def _decision_rows(decision: Decision) -> list[tuple[str, str, str]]:
    """The answer with its rule, then every reason with its code, or what is missing and until when."""
    by = f"rule {decision.rule}: {decision.clause}" if decision.rule else decision.clause or "no rule fits"
    rows = [("decision", _VERDICTS[decision.verdict], by)]
    rows += [("why", reason.code, reason.text) for reason in decision.reasons]
    rows += [("needs", need.kind.value, need.text) for need in decision.needs]
    rows += [("remark", remark.code, remark.text) for remark in decision.remarks]
    return rows


def _told(body: Json) -> Mapping[str, Json]:
    assert isinstance(body, Mapping), "a decision is a mapping"
    return body


def _version_table(spend: TreasurySpend) -> Table:
    rows = tuple(
        (
            str(number),
            version.txid,
            f"{version.fee_sats:,}",
            written_rate(rate_of(version.fee_sats, version.weight)),
            "yes" if version.handed_out else "no",
            ", ".join(version.signers) or "nobody",
        )
        for number, version in enumerate(spend.versions, 1)
    )
    dropped = sorted({name for version in spend.versions for name in version.dropped})
    notes = (f"Not taken over from what came back: {', '.join(dropped)}.",) if dropped else ()
    return Table("Versions", ("", "transaction", "fee\nsat", "rate", "handed out", "signed by"), rows, (2,), notes)


def _data_rows(anchor: str) -> tuple[tuple[str, str, str], ...]:
    """What an instruction's anchor says; nothing where it has none."""
    if not anchor:
        return ()
    where, head_hash, nothing = anchor_of(anchor).words
    return ("data", where, nothing), ("", head_hash, "")


def instruction_table(spend: TreasurySpend, outside_sats: int) -> Table:
    """What a spend that is not built yet will do, with what of it leaves our vaults for good."""
    said = spend.instruction
    rows = [
        ("from", said.from_vault, said.path),
        *(("pays", payment.address, f"{btc_text(payment.amount_sats)} BTC") for payment in said.payments[:_ROWS]),
        *_data_rows(said.anchor),
        ("net out", "leaves our vaults, and the fee", f"{btc_text(outside_sats)} BTC"),
        ("purpose", said.purpose, ""),
        ("clause", said.clause, ""),
        ("fee", f"at most {said.fee_limit_sats:,} sat", f"and {said.fee_rate_limit_sat_per_vb:,} sat/vB"),
        ("proposed by", f"{said.proposed_by} at {utc_text(said.proposed_at)}", ""),
        ("expires", utc_text(said.expires_at), ""),
        ("hash", said.hash, ""),
    ]
    more = len(said.payments) - _ROWS
    notes = (f"{more:,} further payments; --json has them.",) if more > 0 else ()
    return Table(f"Spend {spend.id}", ("", "", ""), tuple(rows), notes=notes)


def step_answer(spend: TreasurySpend, sentence: str, *, dry_run: bool, more: dict[str, Json] | None = None) -> Answer:
    """What a step came to."""
    facts = {"dry_run": dry_run, **spend_facts(spend), **(more or {})}
    return Answer(history_tables(spend), facts, _dry(sentence, dry_run=dry_run))


def proposals_answer(spends: Sequence[TreasurySpend], sentence: str, *, dry_run: bool) -> Answer:
    """Several proposals at once."""
    rows = tuple(
        (item.id, item.kind, btc_text(item.paid_sats), str(len(item.instruction.payments)), item.instruction.hash[:16])
        for item in spends
    )
    table = Table("Proposed", ("spend", "kind", "BTC", "payments", "hash"), rows[:_ROWS], (2, 3))
    facts: dict[str, Json] = {"dry_run": dry_run, "spends": [spend_facts(item) for item in spends]}
    return Answer((table,), facts, _dry(sentence, dry_run=dry_run))


def _dry(sentence: str, *, dry_run: bool) -> str:
    return f"Dry run, nothing was written or sent: {sentence}" if dry_run else sentence


def lines_answer(lines: Sequence[SpendLine], sentence: str, more: dict[str, Json] | None = None) -> Answer:
    """Spends in a list."""
    rows = tuple(
        (line.id, line.state.value, line.kind, line.from_vault, btc_text(line.paid_sats), waits_for(line.state))
        for line in lines
    )
    notes = (f"{len(rows):,} in all; --json has them.",) if len(rows) > _ROWS else ()
    table = Table("Spends", ("spend", "state", "kind", "from", "BTC", "waits for"), rows[-_ROWS:], (4,), notes)
    facts: dict[str, Json] = {
        "spends": [
            {
                "id": line.id,
                "state": line.state.value,
                "kind": line.kind,
                "from_vault": line.from_vault,
                "paid_sats": line.paid_sats,
                "purpose": line.purpose,
                "proposed_by": line.proposed_by,
                "expires_at": utc_text(line.expires_at),
                "replaces": line.replaces,
                "height": line.height,
                "waits_for": waits_for(line.state),
            }
            for line in lines
        ],
        **(more or {}),
    }
    return Answer((table,) if rows else (), facts, sentence)


def followed_answer(lines: Sequence[SpendLine], found: SpendsFollowed, *, dry_run: bool) -> Answer:
    """What following the chain came to for the spends."""
    facts: dict[str, Json] = {
        "dry_run": dry_run,
        "confirmed": list(found.confirmed),
        "taken_back": list(found.taken_back),
        "ended": list(found.ended),
        "revived": list(found.revived),
        "sent_again": list(found.sent_again),
        "expired": list(found.expired),
        "told": list(found.told),
    }
    out = sum(line.state in OUT_STATES for line in lines)
    parts = [f"{counted(len(lines), 'spend')} under way, {out} in other hands"]
    for name in ("confirmed", "taken_back", "ended", "revived", "sent_again", "expired"):
        ids = getattr(found, name)
        if ids:
            parts.append(f"{name.replace('_', ' ')}: {', '.join(ids)}")
    answer = lines_answer(lines, _dry("; ".join(parts) + ".", dry_run=dry_run), facts)
    if not found.told:
        return answer
    heard = Table("To be heard", ("",), tuple((sentence,) for sentence in found.told))
    return Answer((heard, *answer.tables), answer.facts, answer.sentence)
