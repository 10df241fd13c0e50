"""A payout of 1,000 recipients from 200 coins of a 3-of-5: built, checked, signed three times, final, in the mempool.

Target: at most 10 s in all on 2 cores, with whole previous transactions in the PSBT. Every signer starts with empty
caches and decodes the bytes twice by itself, before it signs and after. Beside it stands bitcoind's own
``walletprocesspsbt`` on the same PSBT with one key. The last line is one JSON object of figures; the exit code is 1 if
the target is missed.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from embit.bip32 import HDKey
from embit.descriptor.checksum import add_checksum
from embit.networks import NETWORKS
from embit.script import p2wpkh

from zakhira.adapters.bitcoind.process import BitcoindProcess
from zakhira.adapters.bitcoind.program import find_bitcoind
from zakhira.adapters.bitcoind.rpc import Rpc
from zakhira.adapters.drill_keys import ACCOUNT_PATH, signer_seed, signer_xpub
from zakhira.custody import read_by_bdk, read_by_embit
from zakhira.custody.checks import check_against
from zakhira.custody.coin import ChangeOutput, Coin, Instruction, Payment
from zakhira.custody.decoders import decode_psbt
from zakhira.custody.descriptor import derive_address, derive_place, vault_descriptor
from zakhira.custody.gathering import gather
from zakhira.custody.signing import check_and_sign, finalise
from zakhira.custody.spend import HeldCoin, build_psbt, outpoint_order
from zakhira.programme.model import Policy, Vault, VaultKey

ROOT = Path(__file__).resolve().parent.parent
CHAIN, PHRASE, MINER = "regtest", "a payout that is measured", "miner"
FIRST_BLOCKS = 122
"""The wallet may date a transaction 99 blocks back, and Knots refuses one dated 21 (``parasite-cat21``)."""
RECIPIENTS, COINS, COINS_IN_ONE, TARGET_S = 1_000, 200, 50, 10.0
START = datetime(2026, 1, 1, tzinfo=UTC)
COIN_SATS, PAID_SATS, FEE_SATS, SATS = 6_000_000, 1_000_000, 400_000, 100_000_000
T = TypeVar("T")


def payer() -> Vault:
    """A 3-of-5 whose keys follow from the phrase."""
    names = [f"cold-{number}" for number in range(1, 6)]
    return Vault("cold", "cold", 3, tuple(VaultKey(name, signer_xpub(PHRASE, "cold", name)) for name in names))


def policy_of(vault: Vault) -> Policy:
    """A policy that limits no payout of this size."""
    return Policy(
        roles=("treasury",), officers=(), vaults=(vault,), propose_role="treasury", approve_roles=("treasury",),
        sweep_signers=3, sweep_every_days=7, sweep_limit_sats=10**12, fee_limit_sats=10**6, fee_rate_sat_per_vb=5,
        confirmations=1, approval_hours=48, community_share=0.0, clause="a benchmark",
    )  # fmt: skip


def recipients() -> tuple[Payment, ...]:
    """Addresses of a wallet that has nothing to do with the vault."""
    root = HDKey.from_seed(b"recipients of a payout that is measured").derive("m/84h/1h/0h/0")
    return tuple(
        Payment(p2wpkh(root.derive([number])).address(NETWORKS[CHAIN]), PAID_SATS + number)
        for number in range(RECIPIENTS)
    )


@dataclass(frozen=True)
class Payout:
    """What is to be paid, out of which coins; ``previous`` are the whole transactions that made the coins."""

    vault: Vault
    policy: Policy
    instruction: Instruction
    held: tuple[HeldCoin, ...]
    change: tuple[ChangeOutput, ...]
    previous: dict[str, str]


def fund(rpc: Rpc, vault: Vault) -> tuple[tuple[HeldCoin, ...], dict[str, str]]:
    """The vault's coins, confirmed, and the transactions that made them."""
    rpc.call("createwallet", [MINER])
    at = rpc.call("getnewaddress", wallet=MINER)
    rpc.call("generatetoaddress", [FIRST_BLOCKS, at])
    places = [derive_address(vault, 0, index, CHAIN) for index in range(COINS)]
    held, previous = [], {}
    for first in range(0, COINS, COINS_IN_ONE):
        some = places[first : first + COINS_IN_ONE]
        amounts = {place.address: f"{COIN_SATS / SATS:.8f}" for place in some}
        txid = rpc.call("sendmany", {"amounts": amounts, "fee_rate": 2}, wallet=MINER)
        previous[txid] = rpc.call("gettransaction", [txid], wallet=MINER)["hex"]
        outputs = rpc.call("decoderawtransaction", [previous[txid]])["vout"]
        numbers = {output["scriptPubKey"]["hex"]: output["n"] for output in outputs}
        held += [
            HeldCoin(
                Coin(f"{txid}:{numbers[place.script_hex]}", COIN_SATS, place.script_hex, FIRST_BLOCKS + 1, ""), place
            )
            for place in some
        ]
    rpc.call("generatetoaddress", [1, at])
    return tuple(held), previous


def set_up(rpc: Rpc) -> Payout:
    """A funded vault and the payout that it is asked for."""
    vault = payer()
    held, previous = fund(rpc, vault)
    payments = recipients()
    instruction = Instruction(
        "payout-1", CHAIN, vault.id, "", payments,
        tuple(sorted((item.coin.outpoint for item in held), key=outpoint_order)), FEE_SATS, 100, "royalties of a month",
        "a benchmark", "amina", START, START + timedelta(hours=48),
    )  # fmt: skip
    left_sats = COIN_SATS * COINS - sum(payment.amount_sats for payment in payments) - FEE_SATS
    change = (ChangeOutput(derive_address(vault, 1, 0, CHAIN), left_sats),)
    return Payout(vault, policy_of(vault), instruction, held, change, previous)


def forget() -> None:
    """Empty the caches of derived keys, as on another machine."""
    derive_place.cache_clear()
    read_by_bdk.address_by_bdk.cache_clear()
    read_by_embit.address_by_embit.cache_clear()
    vault_descriptor.cache_clear()


def timed(act: Callable[[], T]) -> tuple[float, T]:
    """Seconds and the result, with nothing derived before."""
    forget()
    started = time.perf_counter()
    result = act()
    return time.perf_counter() - started, result


def send(rpc: Rpc, raw_hex: str) -> int:
    """Into the mempool, after the node was asked whether it takes it; the virtual bytes."""
    (said,) = rpc.call("testmempoolaccept", [[raw_hex]])
    if not said["allowed"]:
        sys.exit(f"The node does not take the payout: {said['reject-reason']}.")
    rpc.call("sendrawtransaction", [raw_hex])
    return int(said["vsize"])


def pay(rpc: Rpc, payout: Payout) -> tuple[dict[str, float], str]:
    """Seconds of each part, and the PSBT as it was sent to signers."""
    parts = {}
    vault, policy, instruction = payout.vault, payout.policy, payout.instruction
    coins = {item.coin.outpoint: item.coin for item in payout.held}
    parts["payout_build_s"], psbt = timed(
        lambda: build_psbt(instruction, payout.held, policy, change=payout.change, previous=payout.previous)
    )
    parts["payout_check_s"], _ = timed(
        lambda: check_against(decode_psbt(psbt, CHAIN), instruction, coins, policy, CHAIN)
    )
    signed, parts["payout_sign_s"] = [], 0.0
    for key in vault.keys[:3]:
        seed = signer_seed(PHRASE, vault.id, key.signer)
        seconds, answer = timed(lambda seed=seed: check_and_sign(psbt, instruction, policy, CHAIN, seed))  # type: ignore[misc]
        parts["payout_sign_s"] += seconds
        signed.append(answer)
    parts["payout_combine_s"], gathered = timed(lambda: gather(psbt, signed, CHAIN))
    parts["payout_finalise_s"], raw_hex = timed(lambda: finalise(gathered.psbt, CHAIN))
    parts["payout_mempool_s"], vbytes = timed(lambda: send(rpc, raw_hex))
    print(
        f"{len(payout.held)} coins, {len(instruction.payments)} payments, {vbytes} vB, PSBT of {len(psbt)} characters"
    )
    return parts, psbt


def bitcoind_signs(rpc: Rpc, vault: Vault, psbt: str) -> float:
    """Seconds that bitcoind's wallet with the first key takes for the same PSBT."""
    key = vault.keys[0]
    root = HDKey.from_seed(signer_seed(PHRASE, vault.id, key.signer), version=NETWORKS[CHAIN]["xprv"])
    secret = key.xpub[: key.xpub.index("]") + 1] + root.derive(ACCOUNT_PATH).to_base58()
    descriptor = add_checksum(vault_descriptor(vault).partition("#")[0].replace(key.xpub, secret))
    rpc.call("createwallet", {"wallet_name": "signer", "blank": True})
    request = [{"desc": descriptor, "timestamp": "now", "range": [0, COINS]}]
    (answer,) = rpc.call("importdescriptors", [request], wallet="signer")
    assert answer["success"], answer
    seconds, _ = timed(lambda: rpc.call("walletprocesspsbt", {"psbt": psbt, "finalize": False}, wallet="signer"))
    return seconds


def measure() -> dict[str, float]:
    """Seconds: ``payout_s`` in all, each part, and ``payout_walletprocesspsbt_s`` of bitcoind beside it.

    ``payout_cpu_s`` is what our own process took of a processor: on a busy machine it is less than ``payout_s``.
    """
    program = find_bitcoind(os.environ.get("ZAKHIRA_BITCOIND"), ROOT / ".tools")
    with (
        tempfile.TemporaryDirectory(prefix="zakhira-bench-") as folder,
        BitcoindProcess.start(program, Path(folder) / "node", START) as node,
    ):
        payout = set_up(node.rpc)
        bare, _ = timed(lambda: build_psbt(payout.instruction, payout.held, payout.policy, change=payout.change))
        before = time.process_time()
        parts, psbt = pay(node.rpc, payout)
        processor = time.process_time() - before
        peer = bitcoind_signs(node.rpc, payout.vault, psbt)
    return {
        "payout_s": sum(parts.values()),
        "payout_cpu_s": processor,
        **parts,
        "payout_build_without_previous_s": bare,
        "payout_walletprocesspsbt_s": peer,
    }


def main() -> int:
    """Measure and print."""
    figures = measure()
    total = figures["payout_s"]
    for name, seconds in figures.items():
        share = f"{seconds / total:>7.0%}" if name.startswith("payout_") and name != "payout_s" else ""
        print(f"{name:<34}{seconds:>8.2f} s{share}")
    print(f"target: payout_s at most {TARGET_S} s")
    print(json.dumps({name: round(seconds, 3) for name, seconds in figures.items()}))
    return int(total > TARGET_S)


if __name__ == "__main__":
    sys.exit(main())
