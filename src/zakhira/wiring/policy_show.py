"""What ``zakhira policy show`` answers: the rules in their order, statutes, people and lists."""

from __future__ import annotations

from zakhira.cli.answer import Answer, Table
from zakhira.controls.analysis.words import condition_texts, people_text, statute_text, subject_text
from zakhira.kernel.interval import utc_text
from zakhira.programme.model import Policy
from zakhira.programme.policy_text import policy_json
from zakhira.wiring.policy_source import PolicySource


def show_answer(source: PolicySource) -> Answer:
    """A policy as tables, and as the plain data that its version's name covers."""
    policy = source.policy
    tables = [_rules(policy), _statutes(policy), _officers(policy), _deputies(policy), _payees(policy)]
    sentence = (
        f"Version {source.hash[:16]}: {_count(len(policy.rules), 'rule')}, {_count(len(policy.statutes), 'statute')}, "
        f"{_count(len(policy.officers), 'officer')}. The first rule that fits decides; what none fits is refused."
    )
    facts = {"policy_hash": source.hash, "chain": source.chain, "policy": policy_json(policy)}
    return Answer((*(table for table in tables if table.rows), _terms(policy)), facts, sentence)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _rules(policy: Policy) -> Table:
    rows = tuple(
        (str(place), rule.id, subject_text(rule), "\n".join((people_text(rule), *condition_texts(rule))), rule.clause)
        for place, rule in enumerate(policy.rules, 1)
    )
    return Table("Rules, in the order in which they are asked", ("", "rule", "about", "asks for", "clause"), rows, (0,))


def _statutes(policy: Policy) -> Table:
    rows = tuple(
        (
            statute.id,
            statute.citation,
            statute.status,
            f"{'yes' if statute.verified == 'yes' else 'no'}, {statute.read_on.isoformat()}",
            statute_text(statute),
        )
        for statute in policy.statutes
    )
    note = (
        ("Not verified: no person has read the text yet.",) if any(s.verified != "yes" for s in policy.statutes) else ()
    )
    heads = ("statute", "citation", "status", "verified, looked at", "binds")
    return Table("Statutes, whatever the rules say", heads, rows, (), note)


def _officers(policy: Policy) -> Table:
    rows = tuple(
        (officer.id, officer.name, ", ".join((officer.role, *officer.more_roles)), officer.person or officer.id)
        for officer in policy.officers
    )
    return Table("Officers", ("officer", "name", "roles", "person"), rows)


def _deputies(policy: Policy) -> Table:
    rows = tuple(
        (deputy.officer, deputy.stands_for, deputy.from_day.isoformat(), deputy.to_day.isoformat())
        for deputy in policy.deputies
    )
    return Table("Deputies", ("deputy", "stands for", "from", "to"), rows)


def _payees(policy: Policy) -> Table:
    rows = tuple((payee.id, payee.name, payee.address, utc_text(payee.listed_at)) for payee in policy.payees)
    note = (f"To be paid {policy.listing_hours} h after listing.",)
    return Table("Payees of the list", ("payee", "name", "address", "listed"), rows, (), note)


def _terms(policy: Policy) -> Table:
    rows = [
        ("time zone of days and hours", policy.time_zone),
        ("holidays", ", ".join(f"{day.day.isoformat()} {day.name}" for day in policy.holidays) or "none"),
        ("a proposal may wait", f"{policy.approval_hours} h"),
        ("a change of the policy waits", f"{policy.change_lock_hours} h"),
        ("most fee of a spend", f"{policy.fee_limit_sats:,} sat"),
    ]
    return Table("Terms", ("", ""), tuple(rows))
