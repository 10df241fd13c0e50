"""Officers who are trusted sign something untrue: arithmetic, derivation, proofs and the node find it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from custody_drill import CHAIN, INTAKE
from proof_drill import (
    ACCOUNTS,
    COLD_ACCOUNT,
    HEIGHT,
    HELD,
    SUBJECT,
    block_hash,
    draft,
    failing,
    good_pack,
    prove,
    sign_files,
    verdict,
)
from zakhira.adapters.bip322 import Bip322Verifier
from zakhira.custody.descriptor import derive_address
from zakhira.kernel.canonical import canonical_bytes
from zakhira.proofs.node_view import MessageAnswer, MessageEngineFailed
from zakhira.proofs.pack import PackDraft, complete_pack, draft_pack
from zakhira.proofs.statement import LISTED_FILES
from zakhira.proofs.verdict import FAILED, NOT_VERIFIED, VERIFIED

FIRST = HELD[0].coin.outpoint


def _remade(change: Callable[[dict[str, Any]], None]) -> dict[str, bytes]:
    """A pack with changed content, listed and signed anew by the trusted officers: lies that only checks can find."""
    files = good_pack()
    values = {name: json.loads(files[name]) for name in LISTED_FILES}
    change(values)
    drafted = {name: canonical_bytes(value) for name, value in values.items() if name != "proofs.json"}
    proofs = {row["address"]: row["signature"] for row in values["proofs.json"]}
    made = complete_pack(PackDraft(drafted, "", tuple(proofs)), proofs)
    return sign_files(made)


def _coin(key: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(values: dict[str, Any]) -> None:
        values["coins.json"][0][key] = value

    return change


def _stated(key: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(values: dict[str, Any]) -> None:
        values["statement.json"][key] = value

    return change


def _twice(values: dict[str, Any]) -> None:
    values["coins.json"].append(values["coins.json"][0])
    values["statement.json"]["coins"] = 3
    values["statement.json"]["total_sats"] += 1_000_000


def _unbalanced(values: dict[str, Any]) -> None:
    values["ledger.json"]["entries"][0]["postings"][0]["amount_sats"] += 1


def _entry_twice(values: dict[str, Any]) -> None:
    values["ledger.json"]["entries"].append(values["ledger.json"]["entries"][0])


def _unknown_account(values: dict[str, Any]) -> None:
    values["ledger.json"]["entries"][0]["postings"][1]["account"] = "income:other"


def _balance(values: dict[str, Any]) -> None:
    values["ledger.json"]["balances"][COLD_ACCOUNT] += 1


def _negative_vault(values: dict[str, Any]) -> None:
    ledger = values["ledger.json"]
    moved = ledger["balances"]["assets:vault:intake"] + 1
    lot = {"outpoint": "aa" * 32 + ":0", "source": ""}
    postings = [
        {"account": "assets:vault:intake", "amount_sats": -moved, **lot},
        {"account": "expenses:network-fees", "amount_sats": moved, **lot},
    ]
    ledger["entries"].append({"id": "x", "at": "", "narration": "", "evidence": "", "postings": postings})
    ledger["entries"][-1]["at"] = "2026-01-01T00:00:00Z"
    ledger["balances"]["assets:vault:intake"] -= moved
    ledger["balances"]["expenses:network-fees"] += moved


def _lot(values: dict[str, Any]) -> None:
    for entry in values["ledger.json"]["entries"]:
        for posting in entry["postings"]:
            if posting["outpoint"] == FIRST:
                posting["outpoint"] = "bb" * 32 + ":0"


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (_stated("challenge", "something else"), "challenge"),
        (_coin("index", 9), "addresses"),
        (_coin("address", derive_address(INTAKE, 0, 0, CHAIN).address), "addresses"),
        (_stated("descriptor", "wsh(pk(x))"), "addresses"),
        (_twice, "distinct"),
        (_stated("total_sats", 3_500_001), "total"),
        (_stated("coins", 3), "total"),
        (_coin("amount_sats", 1_000_001), "total"),
        (_unbalanced, "balanced"),
        (_entry_twice, "balanced"),
        (_unknown_account, "balanced"),
        (_balance, "balances"),
        (_negative_vault, "identity"),
        (_stated("ledger_sats", 1), "ledger"),
        (_stated("ledger_account", "income:royalty"), "ledger"),
        (_stated("ledger_account", "assets:vault:other"), "ledger"),
        (_lot, "ledger"),
        (_stated("claims_sats", 39_999), "claims"),
        (_stated("coverage", "87.5001"), "claims"),
        (_stated("chain", "main"), "addresses"),
        (_stated("block_hash", "cc" * 32), "block"),
        (_coin("height", HEIGHT + 1), "coins"),
        (_coin("block_hash", "cc" * 32), "coins"),
    ],
)
def test_a_signed_lie_fails_by_the_check_that_finds_it(change: Callable[[dict[str, Any]], None], check: str) -> None:
    """Trusted officers signed something untrue: arithmetic, derivation or node find it, each by its own check."""
    found = verdict(_remade(change))
    assert found.word == FAILED
    assert check in failing(found)


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("statement.json", "height", -1),
        ("statement.json", "height", True),
        ("statement.json", "total_sats", 2_100_000_000_000_001),
        ("statement.json", "time", "yesterday"),
        ("statement.json", "format", "zakhira-pack/2"),
        ("coins.json", "outpoint", "xx:0"),
        ("coins.json", "amount_sats", "1000000"),
        ("coins.json", "branch", 2),
    ],
)
def test_values_out_of_bounds_are_malformed(name: str, key: str, value: object) -> None:
    """A negative height, true for 1, more than all coins, a text for a number: the shape fails and names the place."""

    def change(values: dict[str, Any]) -> None:
        target = values[name] if name == "statement.json" else values[name][0]
        target[key] = value

    assert name in failing(verdict(_remade(change)))["shape"]


def test_accounts_and_balances_of_different_accounts_are_malformed() -> None:
    """A balance for an account that is not listed."""

    def change(values: dict[str, Any]) -> None:
        values["ledger.json"]["balances"]["assets:other"] = 0

    assert "ledger.json" in failing(verdict(_remade(change)))["shape"]


def test_claims_above_the_coins_fail() -> None:
    """The ledger owes more than the coins: honest in every figure, and still no backing."""

    def change(values: dict[str, Any]) -> None:
        ledger = values["ledger.json"]
        for entry in ledger["entries"]:
            if entry["id"] == "share":
                entry["postings"][0]["amount_sats"] = 4_000_000
                entry["postings"][1]["amount_sats"] = -4_000_000
        ledger["balances"]["expenses:community"] = 4_000_000
        ledger["balances"]["liabilities:community"] = -4_000_000
        values["statement.json"]["claims_sats"] = 4_000_000

    assert "exceed" in failing(verdict(_remade(change)))["claims"]


def test_a_proof_for_another_challenge_fails() -> None:
    """The keys signed the challenge of an earlier block."""
    earlier = draft(subject=replace(SUBJECT, height=HEIGHT - 1, block_hash=block_hash(HEIGHT - 1)))
    files = complete_pack(draft(), prove(earlier))
    found = verdict(sign_files(files), messages=Bip322Verifier())
    assert "proofs.json" in failing(found)["control"]


@pytest.mark.parametrize("wrong", [lambda rows: rows[:1], lambda rows: rows[::-1]])
def test_proofs_for_other_addresses_fail(wrong: Callable[[Any], Any]) -> None:
    """A proof is missing, or they are in another order."""
    made = good_pack()
    made["proofs.json"] = canonical_bytes(wrong(json.loads(made["proofs.json"])))
    manifest = json.loads(made["manifest.json"])
    digest = hashlib.sha256(made["proofs.json"]).hexdigest()
    manifest["files"]["proofs.json"] = {"sha256": digest, "length": len(made["proofs.json"])}
    made["manifest.json"] = canonical_bytes(manifest)
    assert "proofs.json" in failing(verdict(sign_files(made)))["control"]


def test_a_message_engine_that_fails_is_not_a_no() -> None:
    """The engine crashes: not verified, and said to be not possible here rather than failed."""

    class Broken:
        def verify(self, _address: str, _signature: str, _message: str) -> MessageAnswer:
            raise MessageEngineFailed("The engine crashed.", "Install it anew.")

    found = verdict(messages=Broken())
    assert (found.word, [check.id for check in found.impossible]) == (NOT_VERIFIED, ["control"])


def test_an_empty_vault_verifies() -> None:
    """Nothing was swept yet: no coins, no proofs, nothing owed, and a verdict all the same."""
    from proof_drill import SUBJECT  # noqa: PLC0415

    files = sign_files(complete_pack(draft_pack(SUBJECT, (), ACCOUNTS, ()), {}))
    found = verdict(files)
    assert (found.word, found.proven_sats) == (VERIFIED, 0)
