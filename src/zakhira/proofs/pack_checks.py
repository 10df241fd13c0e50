"""Checks that need the pack alone, and the keys that the reader trusts."""

from __future__ import annotations

from collections import Counter

from zakhira.custody.descriptor import derive_place
from zakhira.kernel.errors import ZakhiraError
from zakhira.kernel.signatures import signature_is_valid
from zakhira.proofs.checking import Case, CheckFails, CheckImpossible, read_signatures
from zakhira.proofs.node_view import MessageEngineFailed
from zakhira.proofs.pack import PACK_DOMAIN, manifest_hash
from zakhira.proofs.statement import (
    COINS_FILE,
    LEDGER_FILE,
    MANIFEST_FILE,
    NETWORK_FEES,
    PROOFS_FILE,
    SIGNATURES_FILE,
    STATEMENT_FILE,
    LedgerExtract,
    challenge_text,
    coverage_text,
    sum_balances,
    sum_claims,
    sum_lots,
)


def check_signatures(case: Case) -> str:
    """Enough officers signed the manifest, each with the key that the reader trusts, and no signature is wrong."""
    signed = read_signatures(case.files)
    digest = manifest_hash(case.files)
    wrong = []
    for officer, signature in signed:
        if officer not in case.trust:
            wrong.append(f"{SIGNATURES_FILE}: {officer} is not among the keys you trust")
        elif not signature_is_valid(case.trust[officer], PACK_DOMAIN, digest, signature):
            wrong.append(f"{SIGNATURES_FILE}: the signature of {officer} over {MANIFEST_FILE} is not valid")
    if wrong:
        raise CheckFails("; ".join(wrong) + ".")
    if len(signed) < case.required_signatures:
        raise CheckFails(f"{SIGNATURES_FILE}: {len(signed)} signatures, {case.required_signatures} are required.")
    return f"Signed by {', '.join(officer for officer, _ in signed)}."


def check_challenge(case: Case) -> str:
    """The challenge binds programme, chain, block and list of coins."""
    stated = case.pack.statement
    expected = challenge_text(
        stated.programme_id, stated.chain, stated.height, stated.block_hash, case.files[COINS_FILE]
    )
    if stated.challenge != expected:
        raise CheckFails(f"{STATEMENT_FILE}: the challenge is not the one that follows from the statement.")
    return "It names programme, chain, block and the SHA-256 of the list of coins."


def check_addresses(case: Case) -> str:
    """Every coin's address follows from the descriptor."""
    stated = case.pack.statement
    for coin in case.pack.coins:
        try:
            place = derive_place(stated.descriptor, coin.branch, coin.index, stated.chain)
        except ZakhiraError as error:
            raise CheckFails(f"{STATEMENT_FILE}: the descriptor does not derive. {error.message}") from None
        if place.address != coin.address:
            raise CheckFails(f"{COINS_FILE}: {coin.outpoint} is not at an address of the descriptor.")
    return f"{len({coin.address for coin in case.pack.coins})} addresses, derived anew by two libraries."


def check_distinct(case: Case) -> str:
    """No coin is counted twice."""
    counts = Counter(coin.outpoint for coin in case.pack.coins)
    twice = sorted(outpoint for outpoint, count in counts.items() if count > 1)
    if twice:
        raise CheckFails(f"{COINS_FILE}: {twice[0]} is listed {counts[twice[0]]} times.")
    return f"{len(counts)} different coins."


def check_total(case: Case) -> str:
    """The total is the sum of the coins."""
    stated, coins = case.pack.statement, case.pack.coins
    total_sats = sum(coin.amount_sats for coin in coins)
    if (stated.total_sats, stated.coins) != (total_sats, len(coins)):
        raise CheckFails(
            f"{STATEMENT_FILE} states {stated.coins} coins and {stated.total_sats} sat; {COINS_FILE} has {len(coins)} "
            f"and {total_sats} sat."
        )
    return f"{total_sats} sat."


def check_balanced(case: Case) -> str:
    """Every entry of the ledger balances, on known accounts, and none is there twice."""
    extract = case.pack.ledger
    counts = Counter(entry.id for entry in extract.entries)
    for entry in extract.entries:
        if counts[entry.id] > 1:
            raise CheckFails(f"{LEDGER_FILE}: entry {entry.id} is there twice.")
        if sum(posting.amount_sats for posting in entry.postings) != 0:
            raise CheckFails(f"{LEDGER_FILE}: entry {entry.id} does not balance.")
        strange = [posting.account for posting in entry.postings if posting.account not in extract.accounts]
        if strange:
            raise CheckFails(f"{LEDGER_FILE}: entry {entry.id} posts on {strange[0]}, which is no account of it.")
    return f"{len(extract.entries)} entries."


def check_balances(case: Case) -> str:
    """The balances are the sums of the postings."""
    extract = case.pack.ledger
    recomputed = sum_balances(extract.accounts, extract.entries)
    wrong = [code for code, units in extract.balances.items() if recomputed.get(code) != units]
    if wrong:
        raise CheckFails(
            f"{LEDGER_FILE}: {wrong[0]} is stated with {extract.balances[wrong[0]]} sat; its postings sum to "
            f"{recomputed.get(wrong[0])} sat."
        )
    return f"{len(recomputed)} accounts."


def _of_kind(extract: LedgerExtract, kind: str) -> dict[str, int]:
    return {code: units for code, units in extract.balances.items() if extract.accounts[code] == kind}


def check_identity(case: Case) -> str:
    """What was received, less fees and what was paid out on claims, is what the vaults hold."""
    extract = case.pack.ledger
    received_sats = -sum(_of_kind(extract, "income").values())
    expenses = _of_kind(extract, "expense")
    fees_sats = expenses.pop(NETWORK_FEES, 0)
    paid_sats = sum(expenses.values()) - sum_claims(extract)
    vaults = _of_kind(extract, "asset")
    held_sats = sum(vaults.values())
    if received_sats - fees_sats - paid_sats != held_sats or min(vaults.values(), default=0) < 0:
        raise CheckFails(
            f"{LEDGER_FILE}: received {received_sats} - fees {fees_sats} - paid out {paid_sats} sat is not the "
            f"{held_sats} sat of the vaults, or a vault is below 0."
        )
    paid = f" - paid out {paid_sats}" if paid_sats else ""
    parts = " + ".join(f"{code.rpartition(':')[2]} {units}" for code, units in sorted(vaults.items(), reverse=True))
    return f"received {received_sats} - fees {fees_sats}{paid} = {parts} sat."


def check_ledger_coins(case: Case) -> str:
    """The ledger's account of the vault holds exactly these coins, lot by lot."""
    stated, extract = case.pack.statement, case.pack.ledger
    account = stated.ledger_account
    balance_sats = extract.balances.get(account)
    if extract.accounts.get(account) != "asset" or balance_sats != stated.ledger_sats:
        raise CheckFails(
            f"{STATEMENT_FILE} states {stated.ledger_sats} sat on {account}, {LEDGER_FILE} {balance_sats} sat."
        )
    lots = sum_lots(account, extract.entries)
    coins = {coin.outpoint: coin.amount_sats for coin in case.pack.coins}
    if lots != coins or stated.ledger_sats != stated.total_sats:
        odd = sorted(set(lots.items()) ^ set(coins.items()))
        place = f" in {odd[0][0]}" if odd else ""
        raise CheckFails(f"{account} in {LEDGER_FILE} and the coins in {COINS_FILE} differ{place}.")
    return f"{account} = {stated.ledger_sats} sat = the sum of the coins."


def check_claims(case: Case) -> str:
    """Claims follow from the ledger and are covered by the coins."""
    stated = case.pack.statement
    claims_sats = sum_claims(case.pack.ledger)
    if stated.claims_sats != claims_sats:
        raise CheckFails(
            f"{STATEMENT_FILE} states claims of {stated.claims_sats} sat, {LEDGER_FILE} {claims_sats} sat."
        )
    if claims_sats > stated.total_sats:
        raise CheckFails(f"{STATEMENT_FILE}: claims of {claims_sats} sat exceed coins of {stated.total_sats} sat.")
    if stated.coverage != coverage_text(stated.total_sats, claims_sats):
        raise CheckFails(f"{STATEMENT_FILE}: the coverage is not {coverage_text(stated.total_sats, claims_sats)!r}.")
    return f"claims {claims_sats} sat, coins {stated.total_sats} sat."


def check_control(case: Case) -> str:
    """The keys of every address signed the challenge (BIP-322)."""
    addresses = sorted({coin.address for coin in case.pack.coins})
    if [proof.address for proof in case.pack.proofs] != addresses:
        raise CheckFails(f"{PROOFS_FILE}: the proofs are not one for each address of {COINS_FILE}, in order.")
    for proof in case.pack.proofs:
        try:
            answer = case.messages.verify(proof.address, proof.signature, case.pack.statement.challenge)
        except MessageEngineFailed as error:
            raise CheckImpossible(f"{error.message} {error.remedy}") from None
        if not answer.valid:
            raise CheckFails(f"{PROOFS_FILE}: the proof of {proof.address} is not valid: {answer.reason}.")
    return f"{len(addresses)} addresses."
