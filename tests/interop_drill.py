"""One node, every template and path: transactions built and signed by different programs, to be mixed in tests."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import bdkpython as bdk
from embit.bip32 import HDKey
from embit.descriptor.checksum import add_checksum
from embit.networks import NETWORKS
from embit.psbt import PSBT

from custody_drill import CHAIN
from hostile_drill import ANCHOR
from spend_drill import CASES, FEE_SATS, PAID_SATS, PAYEE, DrillSpend, payment_of, seed_for, vault_in
from zakhira.adapters.bitcoind.rpc import Rpc
from zakhira.adapters.drill_keys import ACCOUNT_PATH
from zakhira.custody.checks import sequence_and_locktime
from zakhira.custody.coin import MAIN, RECOVERY, Coin
from zakhira.custody.decoded import INSTRUCTION_KEY
from zakhira.custody.descriptor import derive_address, vault_descriptor
from zakhira.custody.psbt_maps import read_maps, write_maps
from zakhira.custody.psbt_version import receive_psbt
from zakhira.custody.signer_keys import quorum_of
from zakhira.custody.signing import check_and_sign, combine_signatures, finalise
from zakhira.custody.spend import HeldCoin
from zakhira.programme.model import Vault, VaultKey

MINER = "miner"
FIRST_BLOCKS = 122
"""The wallet sometimes dates a transaction up to 99 blocks back; Knots refuses the date of 21 as ``parasite-cat21``."""
AFTER_BLOCKS, HELD_UNTIL = 5, 131
AMOUNTS_SATS = (600_000, 610_000, 620_000)
SHARE = len(AMOUNTS_SATS)
"""Coins of one spend; each vault has four such shares: main path, recovery, third signer, and one with an anchor."""
ANCHORED = "anchored"
SHARES = {MAIN: 0, RECOVERY: 1, "third": 2, ANCHORED: 3}
SATS = 100_000_000
FORMS = tuple(dict.fromkeys(case.form for case in CASES))


def private_descriptor(vault: Vault, key: VaultKey) -> str:
    """The vault's descriptor with the private key of one signer in place of its public key."""
    root = HDKey.from_seed(seed_for(key), version=NETWORKS[CHAIN]["xprv"])
    secret = key.xpub[: key.xpub.index("]") + 1] + root.derive(ACCOUNT_PATH).to_base58()
    whole: str = add_checksum(vault_descriptor(vault).partition("#")[0].replace(key.xpub, secret))
    return whole


@dataclass
class Stage:
    """A funded node; ``early`` is what it said of each timed spend before its block."""

    rpc: Rpc
    spends: dict[str, DrillSpend] = field(default_factory=dict)
    raw: dict[str, str] = field(default_factory=dict)
    """every funding transaction by its id, in hex"""
    early: dict[str, str] = field(default_factory=dict)

    def mine(self, count: int = 1) -> None:
        """Blocks for the miner."""
        address = self.rpc.call("getnewaddress", wallet=MINER)
        self.rpc.call("generatetoaddress", [count, address])

    def verdict(self, raw_hex: str) -> str:
        """What the node says of a transaction: ``allowed`` or its reason."""
        (said,) = self.rpc.call("testmempoolaccept", [[raw_hex]])
        return "allowed" if said["allowed"] else str(said["reject-reason"])

    def wallet_of(self, vault: Vault) -> str:
        """A watch-only wallet of the vault."""
        return self._wallet(vault.id, vault_descriptor(vault), is_private=False)

    def signing_wallet(self, vault: Vault, key: VaultKey) -> str:
        """A wallet that holds the private key of one signer of the vault."""
        return self._wallet(f"{vault.id} {key.signer}", private_descriptor(vault, key), is_private=True)

    def _wallet(self, name: str, descriptor: str, *, is_private: bool) -> str:
        if name not in self.rpc.call("listwallets"):
            self.rpc.call("createwallet", {"wallet_name": name, "disable_private_keys": not is_private, "blank": True})
            request = [{"desc": descriptor, "timestamp": "now", "range": [0, 20]}]
            (answer,) = self.rpc.call("importdescriptors", [request], wallet=name)
            assert answer["success"], answer
        return name

    @property
    def psbt_versions(self) -> tuple[int, ...]:
        """The versions that the node's ``walletcreatefundedpsbt`` can write."""
        told = self.rpc.call("help", ["walletcreatefundedpsbt"])
        return (0, 2) if "psbt_version" in told else (0,)


def set_stage(rpc: Rpc) -> Stage:
    """Fund every vault, note what is too early, and mine until nothing is."""
    stage = Stage(rpc)
    rpc.call("createwallet", [MINER])
    stage.mine(FIRST_BLOCKS)
    for form in FORMS:
        _fund(stage, vault_in(form, AFTER_BLOCKS, HELD_UNTIL))
    for case in CASES:
        spend = stage.spends[case.name]
        if sequence_and_locktime(spend.vault, case.path) != (0xFFFFFFFD, 0):
            stage.early[case.name] = stage.verdict(signed_by_us(stage, spend))
    stage.mine(HELD_UNTIL - FIRST_BLOCKS)
    return stage


def _fund(stage: Stage, vault: Vault) -> None:
    stage.wallet_of(vault)
    addresses = [derive_address(vault, 0, index, CHAIN) for index in range(SHARE * len(SHARES))]
    amounts = dict(zip((item.address for item in addresses), AMOUNTS_SATS * len(SHARES), strict=True))
    paid = {"amounts": {at: f"{sats / SATS:.8f}" for at, sats in amounts.items()}, "fee_rate": 2}
    txid = stage.rpc.call("sendmany", paid, wallet=MINER)
    stage.mine()
    funding = stage.rpc.call("gettransaction", [txid], wallet=MINER)
    assert funding["confirmations"] == 1, "the wallet gives an id even where its node refuses the transaction"
    stage.raw[txid] = raw = funding["hex"]
    tx = stage.rpc.call("decoderawtransaction", [raw])
    numbers = {output["scriptPubKey"]["hex"]: output["n"] for output in tx["vout"]}
    held = [
        HeldCoin(Coin(f"{txid}:{numbers[at.script_hex]}", amounts[at.address], at.script_hex, 0, ""), at)
        for at in addresses
    ]
    for name, share in SHARES.items():
        if name != RECOVERY or vault.recovery is not None:
            path = RECOVERY if name == RECOVERY else MAIN
            spend = payment_of(vault, held[SHARE * share : SHARE * (share + 1)], path)
            if name == ANCHORED:
                spend = replace(spend, instruction=replace(spend.instruction, anchor=ANCHOR.data))
            stage.spends[f"{vault.id}-{name}"] = spend


def signed_by_us(stage: Stage, spend: DrillSpend) -> str:
    """The spend built, signed and made final by the program alone; the transaction in hex."""
    psbt = spend.build(stage.raw)
    threshold, keys = quorum_of(spend.vault, spend.instruction.path)
    return finalise(combine_signatures(psbt, spend.sign(psbt, keys[:threshold]), CHAIN), CHAIN)


# Builders: each gives a PSBT of version 0 in base64 that carries the instruction's hash.


def carrying(psbt: str | bytes, spend: DrillSpend) -> str:
    """A PSBT of whichever version with our instruction's hash, as version 0."""
    received = receive_psbt(psbt.encode() if isinstance(psbt, str) else psbt)
    maps = read_maps(received.raw_v0)
    own = (INSTRUCTION_KEY, bytes.fromhex(spend.instruction.hash))
    return base64.b64encode(write_maps(replace(maps, global_map=(*maps.global_map, own)))).decode()


def built_by_us(stage: Stage, spend: DrillSpend) -> str:
    """By :func:`zakhira.custody.spend.build_psbt`, with whole previous transactions."""
    return spend.build(stage.raw)


def built_by_bitcoind(stage: Stage, spend: DrillSpend, version: int = 0) -> str:
    """By ``walletcreatefundedpsbt`` of a watch-only wallet."""
    sequence, locktime = sequence_and_locktime(spend.vault, spend.instruction.path)
    outpoints = [outpoint.partition(":") for outpoint in spend.instruction.inputs]
    inputs = [{"txid": txid, "vout": int(vout), "sequence": sequence} for txid, _, vout in outpoints]
    options = {"add_inputs": False, "changeAddress": spend.change[0].address.address, "fee_rate": 10}
    request: dict[str, Any] = {
        "inputs": inputs,
        "outputs": [{PAYEE.address: f"{PAID_SATS / SATS:.8f}"}],
        "locktime": locktime,
        "options": options,
        "bip32derivs": True,
    }
    if version:
        request["psbt_version"] = version
    return carrying(stage.rpc.call("walletcreatefundedpsbt", request, wallet=spend.vault.id)["psbt"], spend)


def _policy_path(policy: Mapping[str, Any], path: str) -> dict[str, list[int]]:
    """Bdk's choice among the branches of a policy: the last one that holds a relative lock is the recovery."""
    if policy["type"] != "THRESH" or policy["threshold"] == len(policy["items"]):
        return {}
    is_timed = ["RELATIVETIMELOCK" in json.dumps(item) for item in policy["items"]]
    wanted = path == RECOVERY
    number = next(
        n for n, item in enumerate(policy["items"]) if is_timed[n] == wanted and item["type"] != "SCHNORRSIGNATURE"
    )
    return {policy["id"]: [number]}


def built_by_bdk(stage: Stage, spend: DrillSpend) -> str:
    """By bdk's ``TxBuilder`` in a wallet that was told the funding transactions."""
    descriptor = bdk.Descriptor(vault_descriptor(spend.vault), bdk.NetworkKind.TEST)
    wallet = bdk.Wallet.create_from_two_path_descriptor(descriptor, bdk.Network.REGTEST, bdk.Persister.new_in_memory())
    raws = [bytes.fromhex(raw) for raw in stage.raw.values()]
    wallet.apply_unconfirmed_txs([bdk.UnconfirmedTx(tx=bdk.Transaction(raw), last_seen=1) for raw in raws])
    script = bdk.Address(PAYEE.address, bdk.Network.REGTEST).script_pubkey()
    builder = bdk.TxBuilder().add_recipient(script, bdk.Amount.from_sat(PAID_SATS)).manually_selected_only()
    outpoints = [outpoint.partition(":") for outpoint in spend.instruction.inputs]
    builder = builder.add_utxos(
        [bdk.OutPoint(txid=bdk.Txid.from_string(txid), vout=int(vout)) for txid, _, vout in outpoints]
    )
    builder = builder.fee_absolute(bdk.Amount.from_sat(FEE_SATS))
    sequence, locktime = sequence_and_locktime(spend.vault, spend.instruction.path)
    builder = builder.nlocktime(bdk.LockTime.BLOCKS(locktime)).set_exact_sequence(sequence)
    for side in (bdk.KeychainKind.EXTERNAL, bdk.KeychainKind.INTERNAL):
        chosen = _policy_path(json.loads(wallet.policies(side).as_string()), spend.instruction.path)
        if chosen:
            builder = builder.policy_path(chosen, side)
    return carrying(builder.finish(wallet).serialize(), spend)


# Signers: each returns a PSBT with the signatures of one key.

Signing = Callable[[Stage, DrillSpend, str, VaultKey], str]


def signs_ours(_stage: Stage, spend: DrillSpend, psbt: str, key: VaultKey) -> str:
    """Our signer, with all its checks."""
    return check_and_sign(psbt, spend.instruction, spend.policy, CHAIN, seed_for(key))


def signs_wallet(stage: Stage, spend: DrillSpend, psbt: str, key: VaultKey) -> str:
    """Bitcoind's wallet with the private key imported."""
    wallet = stage.signing_wallet(spend.vault, key)
    return str(stage.rpc.call("walletprocesspsbt", {"psbt": psbt, "finalize": False}, wallet=wallet)["psbt"])


def signs_descriptor(stage: Stage, spend: DrillSpend, psbt: str, key: VaultKey) -> str:
    """Bitcoind without a wallet, told the descriptor with the private key."""
    request = {
        "psbt": psbt,
        "descriptors": [{"desc": private_descriptor(spend.vault, key), "range": 20}],
        "finalize": False,
    }
    return str(stage.rpc.call("descriptorprocesspsbt", request)["psbt"])


def signs_embit(_stage: Stage, _spend: DrillSpend, psbt: str, key: VaultKey) -> str:
    """Embit's own ``sign_with``."""
    parsed = PSBT.from_string(psbt)
    assert parsed.sign_with(HDKey.from_seed(seed_for(key), version=NETWORKS[CHAIN]["xprv"])) > 0
    return str(parsed.to_string())


SIGNERS: tuple[Signing, ...] = (signs_ours, signs_wallet, signs_descriptor, signs_embit)


def signed_by_each(stage: Stage, spend: DrillSpend, psbt: str, signers: Sequence[Signing]) -> list[str]:
    """What each kind of signer returns, each with another key of the path's quorum."""
    keys: Iterable[VaultKey] = quorum_of(spend.vault, spend.instruction.path)[1]
    return [sign(stage, spend, psbt, key) for sign, key in zip(signers, keys, strict=False)]
