"""Accounts as records have them: what opens an account, and what may change of it later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

from zakhira.kernel.canonical import Json
from zakhira.kernel.money import COINS, Amount, Commodity
from zakhira.ledger.chart import DEMAND, SUSPENSE, SUSPENSE_ACCOUNT, TERM, claim_of
from zakhira.ledger.faults import AccountChanged, BadAccountRecord, BadHolder, VaultAccount
from zakhira.programme.model import AccountSpec
from zakhira.programme.rules import KIND_OF_FIRST_PART

KINDS = ("asset", "liability", "income", "expense", "equity", "conversion")
CLAIMS = ("none", DEMAND, TERM, SUSPENSE)
OVERDRAFTS = ("none", "allowed")
_FIELDS = ("commodity", "kind", "claim", "overdraft", "ceiling_units", "holder", "is_frozen", "because")


@dataclass(frozen=True)
class HeldAccount:
    """An account with what may change of it. ``holder`` is a participant's id, blank for the programme's own."""

    spec: AccountSpec
    holder: str = ""
    is_frozen: bool = False

    @property
    def is_vault(self) -> bool:
        """Whether it counts coins that we hold: the chain says what happens to those, and nobody can refuse it."""
        return self.spec.kind == "asset" and Commodity[self.spec.commodity] in COINS


def account_body(account: HeldAccount, because: str) -> Json:
    """The body of the record that opens the account, or changes its overdraft, ceiling or freeze; and why."""
    spec = account.spec
    return {
        "commodity": spec.commodity,
        "kind": spec.kind,
        "claim": spec.claim,
        "overdraft": spec.overdraft,
        "ceiling_units": None if spec.ceiling is None else str(spec.ceiling.units),
        "holder": account.holder,
        "is_frozen": account.is_frozen,
        "because": because,
    }


def account_of(code: str, body: Json) -> HeldAccount:
    """The account that a record of this code tells.

    Raises:
        BadAccountRecord: a field is missing or no account can be so.
        VaultAccount: an account of coins that we hold is frozen or has a ceiling.
        BadHolder: a participant holds something else than a liability.
    """
    if not isinstance(body, Mapping) or set(body) != set(_FIELDS):
        raise BadAccountRecord(f"The record of {code} does not have the fields of an account.", _MEND)
    told = cast("Mapping[str, str]", body)
    _require_chosen(code, told)
    ceiling = _ceiling(code, told)
    spec = AccountSpec(code, told["commodity"], told["kind"], told["claim"], told["overdraft"], ceiling)
    account = HeldAccount(spec, told["holder"], is_frozen=bool(told["is_frozen"]))
    require_account(account)
    return account


_MEND = "Write it with account_body; docs/ledger.md tells the fields."


def _require_chosen(code: str, told: Mapping[str, object]) -> None:
    choices: dict[str, tuple[object, ...]] = {
        "commodity": tuple(commodity.name for commodity in Commodity),
        "kind": KINDS,
        "claim": CLAIMS,
        "overdraft": OVERDRAFTS,
        "is_frozen": (True, False),
    }
    for name, values in choices.items():
        if told[name] not in values or type(told[name]) is not type(values[0]):
            raise BadAccountRecord(f"The {name} of {code} is {told[name]!r}.", f"Use one of {values}.")
    holder, because = told["holder"], told["because"]
    if not isinstance(holder, str) or not isinstance(because, str) or not because.strip():
        raise BadAccountRecord(f"The record of {code} does not say in words why, or whose it is.", _MEND)


def _ceiling(code: str, told: Mapping[str, str]) -> Amount | None:
    digits: object = told["ceiling_units"]
    if digits is None:
        return None
    if not isinstance(digits, str) or not digits.isascii() or not digits.isdigit():
        raise BadAccountRecord(f"The ceiling of {code} is {digits!r}.", "Write a whole count of least units as text.")
    return Amount(int(digits), Commodity[str(told["commodity"])])


def require_account(account: HeldAccount) -> None:
    """Pass if an account can be so.

    Raises:
        BadAccountRecord: a blank part of the code, a claim without a liability in coin or with an overdraft, a
            ceiling in other units.
        VaultAccount, BadHolder: see :func:`account_of`.
    """
    spec = account.spec
    if not spec.code or not all(part.strip() == part and part for part in spec.code.split(":")):
        raise BadAccountRecord(f"{spec.code!r} is no code of an account.", "Write parts with colons between them.")
    if spec.claim == SUSPENSE and (spec.code != SUSPENSE_ACCOUNT or account.holder):
        raise BadAccountRecord(
            f"{spec.code} cannot be in suspense.", f"Only {SUSPENSE_ACCOUNT} is, and nobody holds it."
        )
    if account.is_vault and spec.overdraft == "allowed":
        raise BadAccountRecord(f"{spec.code} counts coins and may not be overdrawn.", "A coin is there or it is not.")
    if spec.claim != "none" and not claim_of(spec):
        raise BadAccountRecord(
            f"{spec.code} is a {spec.kind} in {spec.commodity} with the claim {spec.claim}.",
            "Only liabilities in coin have one: what stands behind it is counted.",
        )
    if claim_of(spec) and spec.overdraft == "allowed":
        raise BadAccountRecord(
            f"{spec.code} is a claim in {spec.commodity} and may not be overdrawn.",
            "One claim below 0 would hide another.",
        )
    if spec.ceiling is not None and spec.ceiling.commodity.name != spec.commodity:
        raise BadAccountRecord(f"{spec.code} counts {spec.commodity}, its ceiling is {spec.ceiling}.", "Use its unit.")
    if account.is_vault and (account.is_frozen or spec.ceiling is not None):
        raise VaultAccount(
            f"{spec.code} holds coins: it follows the chain, and cannot be frozen or have a ceiling.",
            "Freeze the reserve instead (zakhira policy freeze): no coin leaves a vault then.",
        )
    if account.holder and spec.kind != "liability":
        raise BadHolder(f"{spec.code} is a {spec.kind} and held by {account.holder}.", "Participants hold claims.")
    branch = KIND_OF_FIRST_PART.get(spec.code.partition(":")[0])
    if branch != spec.kind:
        raise BadAccountRecord(
            f"{spec.code} cannot be of the kind {spec.kind}.",
            f"Begin its code as its kind is ({', '.join(KIND_OF_FIRST_PART)}): nothing owed hides under another name.",
        )


def changed(before: HeldAccount, after: HeldAccount) -> HeldAccount:
    """The account after a record that says ``after``: ceiling and freeze are its, and whether an overdraft ends.

    Raises:
        AccountChanged: another commodity, kind, claim or holder, or an overdraft that it was not opened with.
    """
    code, was, now = before.spec.code, before.spec, after.spec
    claims = claim_of(was) if now.claim == "none" else claim_of(now)
    told = {
        "commodity": (was.commodity, now.commodity),
        "kind": (was.kind, now.kind),
        "claim": (claim_of(was), claims),
    }
    for name, (one, other) in told.items():
        if one != other:
            raise AccountChanged(f"The {name} of {code} is {one}, not {other}.", "Give the other account its own code.")
    if was.overdraft == "none" and now.overdraft == "allowed":
        raise AccountChanged(
            f"{code} was opened without an overdraft, and stays so.", "Open another account for what may be overdrawn."
        )
    if before.holder != after.holder:
        raise AccountChanged(
            f"{code} is held by {before.holder or 'the programme'}, not by {after.holder or 'it'}.",
            "A claim changes hands by an entry, never by its account.",
        )
    return replace(after, spec=replace(now, claim=was.claim))
