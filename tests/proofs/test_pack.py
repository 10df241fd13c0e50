"""A pack is drafted only from a ledger and coins that tie, and completed only with every proof."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custody_drill import NOW
from proof_drill import ACCOUNTS, HEIGHT, HELD, SUBJECT, block_hash, draft, entries_for, good_pack
from zakhira.custody.spend import HeldCoin
from zakhira.kernel.money import MAX_MONEY_SATS, sats
from zakhira.ledger.entry import Entry, Posting
from zakhira.proofs.pack import (
    ClaimsAboveCoins,
    CoinAfterBlock,
    LedgerDiffers,
    LotMissingInEntry,
    ProofsIncomplete,
    complete_pack,
    draft_pack,
)
from zakhira.proofs.statement import coverage_text


def test_the_draft_binds_the_challenge_to_block_and_coins() -> None:
    """Another block, or another coin, makes another challenge."""
    first = draft()
    later = draft(subject=replace(SUBJECT, height=HEIGHT + 1, block_hash=block_hash(HEIGHT + 1)))
    fewer = draft(HELD[:1])
    assert len({first.challenge, later.challenge, fewer.challenge}) == 3
    assert f"block: {HEIGHT} {block_hash(HEIGHT)}" in first.challenge
    assert first.addresses == tuple(sorted(item.address.address for item in HELD))


def test_the_statement_says_what_the_ledger_and_the_coins_say() -> None:
    """Amounts are whole satoshis; rupees are not in the extract."""
    files = good_pack()
    stated = json.loads(files["statement.json"])
    assert (stated["total_sats"], stated["ledger_sats"], stated["claims_sats"]) == (3_500_000, 3_500_000, 40_000)
    assert stated["coverage"] == "87.5000"
    ledger = json.loads(files["ledger.json"])
    assert "income:energy" not in ledger["accounts"]
    assert "energy-1" not in {entry["id"] for entry in ledger["entries"]}


def test_two_drafts_of_the_same_facts_are_the_same_bytes() -> None:
    """The order in which coins are handed over does not matter."""
    assert draft(HELD).files == draft_pack(SUBJECT, HELD[::-1], ACCOUNTS, entries_for(HELD)).files


def _richer(item: HeldCoin) -> HeldCoin:
    return replace(item, coin=replace(item.coin, amount_sats=item.coin.amount_sats + 1))


def test_a_ledger_that_differs_from_the_chain_makes_no_pack() -> None:
    """One satoshi more on the chain than in the books, or a coin that only one of them knows."""
    with pytest.raises(LedgerDiffers, match="1000001"):
        draft_pack(SUBJECT, (_richer(HELD[0]), HELD[1]), ACCOUNTS, entries_for(HELD))
    with pytest.raises(LedgerDiffers):
        draft_pack(SUBJECT, HELD[:1], ACCOUNTS, entries_for(HELD))


def test_claims_above_the_coins_make_no_pack() -> None:
    """The programme owes more than it would prove."""
    with pytest.raises(ClaimsAboveCoins):
        draft_pack(SUBJECT, HELD, ACCOUNTS, entries_for(HELD, claims_sats=3_500_001))


def test_a_coin_after_the_block_makes_no_pack() -> None:
    """The pack's block is older than one of the coins."""
    with pytest.raises(CoinAfterBlock):
        draft(subject=replace(SUBJECT, height=140))


def test_a_posting_without_a_lot_makes_no_pack() -> None:
    """Bitcoin without its outpoint cannot be shown."""
    bare = Entry("bare", NOW, "", "", (Posting("assets:vault:cold", sats(1)), Posting("income:royalty", sats(-1))))
    with pytest.raises(LotMissingInEntry):
        draft_pack(SUBJECT, HELD, ACCOUNTS, (*entries_for(HELD), bare))


def test_proofs_must_be_those_of_the_addresses() -> None:
    """A proof is missing, or of an address that holds no coin."""
    given_draft = draft()
    with pytest.raises(ProofsIncomplete):
        complete_pack(given_draft, {})
    with pytest.raises(ProofsIncomplete):
        complete_pack(given_draft, {**dict.fromkeys(given_draft.addresses, "smp"), "bcrt1other": "smp"})


@given(total=st.integers(0, MAX_MONEY_SATS), claims=st.integers(1, MAX_MONEY_SATS))
def test_coverage_is_never_rounded_up(total: int, claims: int) -> None:
    """Coverage reads at least 1 only if the coins are at least the claims."""
    told = coverage_text(total, claims)
    whole, part = told.split(".")
    assert int(whole + part) * claims <= total * 10_000 < (int(whole + part) + 1) * claims
    assert (int(whole) >= 1) == (total >= claims)


def test_coverage_without_claims_is_empty() -> None:
    """Nothing owed: there is no ratio."""
    assert coverage_text(5, 0) == ""
