"""A coin that leaves the cold vault after the pack's block: the pack still holds for its block, and says what moved."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from end_to_end.conftest import SMALL, FinishedRun
from zakhira.adapters.bitcoind.node import BitcoindChain
from zakhira.adapters.bitcoind.node_view import connect
from zakhira.adapters.bitcoind.process import BitcoindProcess
from zakhira.adapters.pack_folder import read_pack
from zakhira.adapters.programme_folder import load_programme
from zakhira.custody.coin import Payment
from zakhira.custody.descriptor import derive_address, vault_descriptor
from zakhira.custody.signing import combine_signatures, finalise
from zakhira.custody.spend import HeldCoin, Proposal, build_psbt, locate_coins, plan_payment
from zakhira.flows.officer_words import sign_approval
from zakhira.programme.model import Programme
from zakhira.programme.policy_text import policy_hash
from zakhira.wiring.drill import Cast, assemble
from zakhira.wiring.verify_service import verdict_on

NOW = datetime(2026, 2, 1, tzinfo=UTC)


def spend_one_cold_coin(programme: Programme, chain: BitcoindChain, people: Cast, payee: str) -> str:
    """Three signers of the 3-of-5 send half of the oldest cold coin away; the raw transaction."""
    policy = programme.policy
    cold = policy.vault("cold")
    places = [derive_address(cold, 0, index, programme.chain) for index in range(10)]
    held: tuple[HeldCoin, ...] = locate_coins(chain.coins(cold.id)[:1], places)
    payment = Payment(payee, held[0].coin.amount_sats // 2)
    change = derive_address(cold, 1, 0, programme.chain)
    proposal = Proposal("spend-cold", "test of a spend from cold", "treasury-1", NOW)
    instruction, left = plan_payment(held, payment, change, policy, programme.chain, proposal)
    psbt = build_psbt(instruction, held, policy, change=left)
    people.clock.set(NOW)
    approvals = tuple(
        sign_approval(people.officers[officer], instruction.hash, NOW, policy_hash(policy))
        for officer in ("comptroller-1", "director-1")
    )
    returned = [signer.sign_spend(psbt, instruction, approvals, policy) for signer in people.signers[cold.id][:3]]
    return finalise(combine_signatures(psbt, returned, programme.chain), programme.chain)


def test_a_coin_that_moved_since_is_told(
    undisturbed: FinishedRun, bitcoind_path: Path, runs_folder: Path, tmp_path: Path
) -> None:
    """Spent one block after the pack's block: VERIFIED for its block, with the coin and the height of its spend."""
    programme, _ = load_programme(SMALL)
    outcome = json.loads((undisturbed.out / "outcome.json").read_text(encoding="utf-8"))
    folder = runs_folder / "moved"
    shutil.copytree(undisturbed.out / "node", folder)
    people = assemble(programme, tmp_path / "keys", "of the test")
    with BitcoindProcess.start(bitcoind_path, folder, NOW) as node:
        chain = BitcoindChain(node.rpc, node.remember_time)
        for vault in programme.policy.vaults:
            chain.watch_vault(vault.id, vault_descriptor(vault), programme.run_start)
        payee = people.payout_addresses[programme.licensees[0].id]
        chain.broadcast(spend_one_cold_coin(programme, chain, people, payee))
        height, _ = chain.tip()
        chain.mine_to(height + 3, NOW + timedelta(hours=1))
        trust = (SMALL / "trust.keys").read_text(encoding="utf-8")
        verdict = verdict_on(
            read_pack(undisturbed.out / "pack"), connect(node.url, node.cookie), trust, str(SMALL / "trust.keys")
        )
    assert verdict.word == "VERIFIED", verdict.failed + verdict.impossible
    assert list(verdict.moved.values()) == [height + 1]
    assert verdict.proven_sats == outcome["summary"]["cold_sats"]
