"""What limits amounts: the policy's own, a share of the balance, and rolling windows over what was allowed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from zakhira.controls.engine.decision import Why
from zakhira.controls.engine.evidence import Findings
from zakhira.controls.engine.movements import Moved, Movements
from zakhira.controls.engine.question import Question
from zakhira.controls.engine.rule_fit import plain_address
from zakhira.kernel.interval import require_utc, utc_text
from zakhira.kernel.money import Amount, Commodity
from zakhira.programme.model import Policy
from zakhira.programme.policy import COIN_ACTIONS, Rule, Window

_INWARD = ("move", "home")


def check_form(policy: Policy, question: Question, at: datetime, findings: Findings) -> None:
    """What no rule can allow: nothing moved, sums that do not add up, fees above the limit, times that are over."""
    _check_amount(question, findings)
    if question.action in COIN_ACTIONS:
        _check_fee(policy, question, findings)
        longest = timedelta(hours=policy.approval_hours)
        if question.expires_at - question.proposed_at > longest:
            text = f"The proposal waits longer than the {policy.approval_hours} hours that the policy allows."
            findings.against(Why.WAITS_TOO_LONG, text)
    if require_utc(at) < require_utc(question.proposed_at):
        findings.against(Why.FROM_THE_FUTURE, "The proposal is dated in the future.")
    if at >= require_utc(question.expires_at):
        findings.against(Why.EXPIRED, f"The proposal expired at {utc_text(question.expires_at)}.")


def _check_amount(question: Question, findings: Findings) -> None:
    amount = question.amount
    parts = [*([amount] if amount is not None else []), *(place.amount for place in question.destinations)]
    for part in parts:
        if part.units <= 0:
            findings.against(Why.NOTHING_MOVED, f"An amount of {_units_text(part)} moves nothing.")
    if question.action in COIN_ACTIONS:
        if amount is None:
            findings.against(Why.NOTHING_MOVED, f"A {question.action} without an amount moves nothing.")
        elif amount.commodity is not Commodity.BTC:
            findings.against(Why.NOT_COINS, f"A {question.action} moves bitcoin, and {amount} is none.")
    if question.destinations:
        _check_places(question, findings)


def _check_places(question: Question, findings: Findings) -> None:
    places = question.destinations
    if not _adds_up(question):
        said = "no amount" if question.amount is None else str(question.amount)
        parts = " + ".join(str(place.amount) for place in places)
        findings.against(Why.AMOUNT_NOT_SUM, f"The matter says {said}; its destinations get {parts}.")
    for place in places:
        if place.address != plain_address(place.address):
            text = f"{place.address} is written in capitals: {plain_address(place.address)} is what is kept and summed."
            findings.against(Why.ADDRESS_SPELLING, text)
        if question.action in _INWARD and not place.vault:
            text = f"A {question.action} stays in our vaults, and {place.address} is none of theirs."
            findings.against(Why.ACTION_OTHERWISE, text)


def _adds_up(question: Question) -> bool:
    amount = question.amount
    if amount is None or any(place.amount.commodity is not amount.commodity for place in question.destinations):
        return False
    return sum(place.amount.units for place in question.destinations) == amount.units


def _units_text(amount: Amount) -> str:
    return f"{amount.units} sat" if amount.commodity is Commodity.BTC else str(amount)


def _check_fee(policy: Policy, question: Question, findings: Findings) -> None:
    if question.fee_sats < 0:
        findings.against(Why.FEE_ABOVE_LIMIT, f"A fee of {question.fee_sats} sat is not possible.")
    if question.fee_sats > policy.fee_limit_sats:
        text = f"A fee of {question.fee_sats} sat is above the limit of {policy.fee_limit_sats} sat."
        findings.against(Why.FEE_ABOVE_LIMIT, text)


def check_limits(rule: Rule, movements: Movements, question: Question, at: datetime, findings: Findings) -> None:
    """The rule's share of the balance, and its windows, for what is asked together with what was allowed before."""
    if rule.balance_share > 0 and question.amount is not None:
        _check_share(rule, question, question.amount, findings)
    for window in rule.windows:
        since = at - timedelta(hours=window.hours)
        for key, asked in _keys(window, question):
            _check_window(rule, window, movements, question, key, asked, since, at, findings)


def _check_share(rule: Rule, question: Question, amount: Amount, findings: Findings) -> None:
    balance = question.balance
    if balance is None or balance.commodity is not amount.commodity:
        findings.against(
            Why.BALANCE_SHARE, f"Rule {rule.id} limits the share of the balance, and the balance is not known."
        )
    elif amount.units > share_of(rule.balance_share, balance.units):
        findings.against(
            Why.BALANCE_SHARE,
            f"{amount} is more than {rule.balance_share:.4g} of the {balance} in vault {question.vault}.",
        )


def share_of(share: float, units: int) -> int:
    """A share of a count of least units, rounded down: exact for shares of up to nine decimals."""
    billionths = 1_000_000_000
    return units * round(share * billionths) // billionths


def _keys(window: Window, question: Question) -> Iterator[tuple[str, Amount | None]]:
    """What the window sums over for this question, and how much of it each key would get."""
    if window.per != "destination":
        key = {"vault": question.vault, "purpose": question.purpose}.get(window.per, "")
        yield key, question.amount
        return
    asked: dict[str, Amount] = {}
    for place in question.destinations:
        before = asked.get(place.address)
        asked[place.address] = place.amount if before is None else before + place.amount
    yield from asked.items()


def _check_window(
    rule: Rule,
    window: Window,
    movements: Movements,
    question: Question,
    key: str,
    asked: Amount | None,
    since: datetime,
    at: datetime,
    findings: Findings,
) -> None:
    name = f"{window.per} {key}".strip()

    def moved(commodity: Commodity, scope: str, of: str, actions: tuple[str, ...] = rule.actions) -> Moved:
        return movements.moved(commodity, since, at, scope=scope, key=of, but=question.id, actions=actions)

    if window.most:
        matters = sum(moved(commodity, window.per, key).matters for commodity in Commodity)
        if matters + 1 > window.most:
            text = f"{matters} were allowed in {window.hours} hours ({name}), and {window.most} may be."
            findings.against(Why.WINDOW_COUNT, text)
    if asked is None or (window.limit is None and window.balance_share <= 0):
        return
    before = moved(asked.commodity, window.per, key).units
    if window.limit is not None:
        _check_sum(window, name, before, asked, findings)
    if window.balance_share > 0:
        left = moved(asked.commodity, "vault", question.vault, ()).units
        _check_window_share(window, question, before, left, asked, findings)


def _check_sum(window: Window, name: str, before: int, asked: Amount, findings: Findings) -> None:
    limit = window.limit
    assert limit is not None, "asked for by a window with a limit alone"
    if limit.commodity is not asked.commodity:
        text = f"{asked} cannot be held against a limit of {limit} in {window.hours} hours ({name})."
        findings.against(Why.WINDOW_AMOUNT, text)
    elif before + asked.units > limit.units:
        findings.against(
            Why.WINDOW_AMOUNT,
            f"{asked} with the {Amount(before, asked.commodity)} of the last {window.hours} hours ({name}) "
            f"is above {limit}.",
        )


def _check_window_share(
    window: Window, question: Question, before: int, left: int, asked: Amount, findings: Findings
) -> None:
    """The whole: what the vault holds free now, with what left it in the window."""
    balance = question.balance
    if balance is None or balance.commodity is not asked.commodity:
        findings.against(Why.WINDOW_SHARE, "A window limits the share of the balance, and the balance is not known.")
        return
    whole = balance.units + left
    if before + asked.units > share_of(window.balance_share, whole):
        findings.against(
            Why.WINDOW_SHARE,
            f"{asked} with the {Amount(before, asked.commodity)} of the last {window.hours} hours is more than "
            f"{window.balance_share:.4g} of the {Amount(whole, asked.commodity)} that vault {question.vault} held.",
        )
