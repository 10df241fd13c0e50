"""Decoded bytes held against the instruction that officers approved, difference by difference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from zakhira.custody.anchor_check import without_anchor
from zakhira.custody.coin import MAIN, RECOVERY, Coin, Instruction
from zakhira.custody.decoded import Decoded, DecodedInput, DecodedOutput, Origin, Taproot
from zakhira.custody.descriptor import CHANGE, RECEIVE, Place, derive_place, vault_descriptor
from zakhira.custody.refusals import (
    AlreadyFinal,
    DuplicateInput,
    FeeAboveLimit,
    FeeRateAboveLimit,
    ForeignChange,
    ForeignCoin,
    NoSuchPath,
    TooMuchChange,
    UnknownCoin,
    UnknownField,
    UnknownVault,
    WrongChain,
    WrongDestination,
    WrongFee,
    WrongInputAmount,
    WrongInputs,
    WrongInstruction,
    WrongLocktime,
    WrongOutputs,
    WrongPreviousTransaction,
    WrongSequence,
    WrongSighash,
    WrongVersion,
    WrongWitnessScript,
)
from zakhira.custody.weight import spend_vsize
from zakhira.programme.model import Policy, Vault

SEQUENCE = 0xFFFFFFFD
"""Every input of every spend on the main path: replaceable (BIP-125), no relative lock (BIP-68 is off with the top
bit). On the recovery path the sequence is the age that the script asks for, which is replaceable as well."""
TX_VERSION = 2
SIGHASH_ALL, SIGHASH_DEFAULT = 1, 0
"""The whole transaction is signed (BIP-143; in taproot BIP-341, whose signatures then have 64 bytes)."""
LEAF_VERSION = "c0"
"""Tapscript (BIP-342)."""


def vault_named(policy: Policy, vault_id: str) -> Vault:
    """The vault with this id; raises UnknownVault."""
    for vault in policy.vaults:
        if vault.id == vault_id:
            return vault
    raise UnknownVault(f"The policy has no vault {vault_id!r}.", "Name a vault of the programme file.")


def sequence_and_locktime(vault: Vault, path: str) -> tuple[int, int]:
    """What every input's sequence and the transaction's lock time must be on a path of a vault.

    Raises:
        NoSuchPath: the vault has no such path.
    """
    if path == RECOVERY and vault.recovery is not None:
        return vault.recovery.after_blocks, 0
    if path != MAIN:
        raise NoSuchPath(f"Vault {vault.id} has no path {path!r}.", "Name main, or recovery where the vault has it.")
    return SEQUENCE, vault.held_until_height


def place_in_vault(vault: Vault, origins: tuple[Origin, ...], chain: str) -> tuple[int, int, Place] | None:
    """The branch, index and place that these origins stand for, derived anew; None if they are not this vault's.

    The path is a hint and proves nothing: only the derivation does.
    """
    steps = {path[-2:] for _, _, path in origins}
    if not steps or any(len(step) != len(("branch", "index")) for step in steps) or len({s[1] for s in steps}) > 1:
        return None
    branch, index = min(steps)
    if branch not in {RECEIVE, CHANGE} or index >> 31:
        return None
    place = derive_place(vault_descriptor(vault), branch, index, chain)
    return (branch, index, place) if place.origins == origins else None


def coins_as_told(decoded: Decoded) -> Mapping[str, Coin]:
    """The coins as the PSBT itself describes them, for a signer that has no node.

    A wrong amount cannot be signed into a valid transaction: BIP-143 commits to it.
    """
    return {
        given.outpoint: Coin(given.outpoint, given.amount_sats, given.script_hex, 0, "")
        for given in decoded.inputs
        if given.amount_sats is not None
    }


def _check_frame(decoded: Decoded, instruction: Instruction, locktime: int, chain: str) -> None:
    remedy = "Sign nothing; have the spend built again from the approved instruction."
    if instruction.chain != chain:
        raise WrongChain(f"The instruction is for {instruction.chain}, not for {chain}.", "Use a signer of that chain.")
    if decoded.instruction_hash != instruction.hash:
        carried = decoded.instruction_hash or "none"
        raise WrongInstruction(f"The PSBT carries instruction {carried}, approved is {instruction.hash}.", remedy)
    if decoded.unknown_fields:
        raise UnknownField(f"The PSBT has unknown fields: {', '.join(decoded.unknown_fields)}.", remedy)
    if decoded.version != TX_VERSION:
        raise WrongVersion(f"The transaction has version {decoded.version}, not {TX_VERSION}.", remedy)
    if decoded.locktime != locktime:
        raise WrongLocktime(f"The transaction has lock time {decoded.locktime}, not {locktime}.", remedy)


def require_whole_sighash(given: DecodedInput) -> None:
    """Raises WrongSighash unless all that is asked for and given signs everything: ALL, in taproot DEFAULT."""
    wanted = SIGHASH_DEFAULT if given.is_taproot else SIGHASH_ALL
    kinds = {given.sighash if given.sighash is not None else wanted}
    kinds |= {int(signature[-2:], 16) for _, signature in given.signatures}
    kinds |= {int(signature[128:] or "00", 16) for _, _, signature in given.taproot.signatures}
    if kinds != {wanted}:
        found = ", ".join(f"{kind:#04x}" for kind in sorted(kinds - {wanted}))
        raise WrongSighash(
            f"Input {given.outpoint} has sighash {found}; only {'DEFAULT' if given.is_taproot else 'ALL'} is signed.",
            "Sign nothing; have the spend built again.",
        )


def _check_shape(given: DecodedInput, sequence: int) -> None:
    remedy = "Sign nothing; have the spend built again."
    if given.is_final:
        raise AlreadyFinal(f"Input {given.outpoint} is final already.", remedy)
    if given.sequence != sequence:
        raise WrongSequence(
            f"Input {given.outpoint} has sequence {given.sequence:#010x}, not {sequence:#010x}.", remedy
        )
    require_whole_sighash(given)


def _check_coin(given: DecodedInput, coin: Coin | None, vault: Vault, chain: str) -> Coin:
    remedy = "Sign nothing; compare the coins with the node's."
    if coin is None:
        raise UnknownCoin(f"Coin {given.outpoint} is not among the vault's unspent coins.", remedy)
    if given.amount_sats != coin.amount_sats:
        raise WrongInputAmount(
            f"Coin {given.outpoint} holds {coin.amount_sats} sat, the PSBT says {given.amount_sats}.", remedy
        )
    if given.previous is not None and given.previous != (
        given.outpoint.partition(":")[0],
        coin.amount_sats,
        coin.script_hex,
    ):
        raise WrongPreviousTransaction(f"The previous transaction of coin {given.outpoint} is another one.", remedy)
    found = place_in_vault(vault, given.key_origins, chain)
    if found is None or not found[2].script_hex == coin.script_hex == given.script_hex:
        raise ForeignCoin(f"Coin {given.outpoint} is not of vault {vault.id}.", remedy)
    check_input_scripts(given, found[2])
    return coin


def _other_taproot(told: Taproot, place: Place) -> str:
    """The first taproot field that is not the vault's; empty if there is none. A signer may be told less."""
    leaves = tuple(sorted((leaf.control_block_hex, leaf.script_hex + LEAF_VERSION) for leaf in place.leaves))
    tree = tuple(sorted((len(leaves) - 1, int(LEAF_VERSION, 16), leaf.script_hex) for leaf in place.leaves))
    wanted = {
        "internal key": (told.internal_key, place.internal_key),
        "merkle root": (told.merkle_root, place.merkle_root),
        "tree": (told.tree, tree),
        "leaf hashes": (told.leaf_hashes, place.leaf_hashes),
    }
    strange = [name for name, (said, ours) in wanted.items() if said and said != ours]
    return "leaf" if not set(told.leaves) <= set(leaves) else next(iter(strange), "")


def check_input_scripts(given: DecodedInput, place: Place) -> None:
    """Raises WrongWitnessScript unless the scripts that an input carries are those of the place that it spends."""
    remedy = "Sign nothing; compare the coins with the node's."
    if given.witness_script_hex != place.witness_script_hex:
        raise WrongWitnessScript(f"Input {given.outpoint} carries another witness script than the vault's.", remedy)
    strange = _other_taproot(given.taproot, place)
    if strange or (place.is_taproot and not given.taproot.leaves):
        raise WrongWitnessScript(f"Input {given.outpoint} has another {strange or 'leaf'} than the vault's.", remedy)


def _check_inputs(
    decoded: Decoded,
    instruction: Instruction,
    known_coins: Mapping[str, Coin],
    vault: Vault,
    sequence: int,
) -> int:
    """The sum of the coins spent, in sats."""
    outpoints = [given.outpoint for given in decoded.inputs]
    twice = [outpoint for outpoint, count in Counter(outpoints).items() if count > 1]
    if twice:
        raise DuplicateInput(f"Coin {twice[0]} is spent twice.", "Sign nothing; have the spend built again.")
    if instruction.inputs and sorted(outpoints) != sorted(instruction.inputs):
        other = sorted(set(outpoints) ^ set(instruction.inputs))
        raise WrongInputs(
            f"The coins differ from the instruction's in {', '.join(other) or 'their number'}.", "Sign nothing."
        )
    for given in decoded.inputs:
        _check_shape(given, sequence)
    return sum(
        _check_coin(given, known_coins.get(given.outpoint), vault, instruction.chain).amount_sats
        for given in decoded.inputs
    )


def _branch_in(output: DecodedOutput, vault: Vault, chain: str) -> int | None:
    """The branch on which the vault derives this output; None if it does not."""
    found = place_in_vault(vault, output.key_origins, chain)
    if found is None or found[2].script_hex != output.script_hex:
        return None
    if output.witness_script_hex not in {"", found[2].witness_script_hex} or _other_taproot(output.taproot, found[2]):
        raise WrongWitnessScript(
            f"The output to {output.address} carries another script than its own.", "Sign nothing."
        )
    return found[0]


def _split_outputs(
    outputs: tuple[DecodedOutput, ...], instruction: Instruction
) -> tuple[tuple[DecodedOutput, ...], tuple[DecodedOutput, ...]]:
    """The outputs that are the instruction's payments, and the rest; raises WrongOutputs if a payment is missing."""
    lacking = Counter((payment.address, payment.amount_sats) for payment in instruction.payments)
    paid: list[DecodedOutput] = []
    rest: list[DecodedOutput] = []
    for output in outputs:
        said = (output.address, output.amount_sats)
        (paid if lacking[said] > 0 else rest).append(output)
        lacking[said] -= 1
    missing = ", ".join(f"{sats} sat to {address}" for (address, sats), count in lacking.items() if count > 0)
    if missing or not instruction.payments:
        strange = ", ".join(f"{item.amount_sats} sat to {item.address or 'a bare script'}" for item in rest)
        raise WrongOutputs(
            f"Approved and missing: {missing or 'no payment at all'}; not approved: {strange or 'nothing'}.",
            "Sign nothing.",
        )
    return tuple(paid), tuple(rest)


def _check_outputs(decoded: Decoded, instruction: Instruction, policy: Policy) -> None:
    payer = vault_named(policy, instruction.from_vault)
    paid, rest = _split_outputs(without_anchor(decoded.outputs, instruction.anchor), instruction)
    strangers = [output for output in rest if _branch_in(output, payer, instruction.chain) != CHANGE]
    if strangers:
        raise ForeignChange(
            f"{strangers[0].amount_sats} sat to {strangers[0].address or 'a bare script'} are neither a payment nor "
            f"change of {payer.id}.",
            "Sign nothing.",
        )
    if len(rest) > instruction.change_outputs_limit:
        raise TooMuchChange(
            f"{len(rest)} outputs are change, approved are {instruction.change_outputs_limit}.", "Have it built again."
        )
    if instruction.to_vault == "":
        return
    receiver = vault_named(policy, instruction.to_vault)
    branches = {RECEIVE, CHANGE} if receiver == payer else {RECEIVE}
    for output in paid:
        if _branch_in(output, receiver, instruction.chain) not in branches:
            raise WrongDestination(f"{output.address} is not an address of vault {receiver.id}.", "Sign nothing.")


def _check_fee(decoded: Decoded, instruction: Instruction, policy: Policy, total_sats: int) -> None:
    fee_sats = total_sats - sum(output.amount_sats for output in decoded.outputs)
    if not 0 <= fee_sats <= instruction.fee_limit_sats:
        raise WrongFee(
            f"The fee is {fee_sats} sat, approved are at most {instruction.fee_limit_sats} sat.", "Sign nothing."
        )
    if fee_sats > policy.fee_limit_sats:
        raise FeeAboveLimit(
            f"The fee of {fee_sats} sat is above the limit of {policy.fee_limit_sats} sat.", "Lower the fee rate."
        )
    sizes = [len(output.script_hex) // 2 for output in decoded.outputs]
    vault = vault_named(policy, instruction.from_vault)
    vsize = spend_vsize(vault, len(decoded.inputs), sizes, instruction.path)
    if fee_sats > instruction.fee_rate_limit_sat_per_vb * vsize:
        raise FeeRateAboveLimit(
            f"The fee of {fee_sats} sat for {vsize} vB is above {instruction.fee_rate_limit_sat_per_vb} sat/vB.",
            "Lower the fee rate.",
        )


def check_against(
    decoded: Decoded, instruction: Instruction, known_coins: Mapping[str, Coin], policy: Policy, chain: str
) -> None:
    """Require that decoded bytes do what the instruction says and nothing else.

    ``known_coins`` (outpoint to coin) are the node's, or :func:`coins_as_told` on a signer without a node. Every
    payment stands among the outputs, to the receiving vault where the instruction names one; every further output is
    change of the paying vault (branch 1), re-derived, or the one anchor that the instruction carries. The fee (sats)
    keeps to the lower of the instruction's and the policy's limit, and to the instruction's rate.

    Raises:
        SigningRefused: one subclass for each difference; see custody.refusals.
        UnknownVault: the policy does not know a vault of the instruction.
        NoSuchPath: the paying vault has not the path that the instruction names.
    """
    vault = vault_named(policy, instruction.from_vault)
    sequence, locktime = sequence_and_locktime(vault, instruction.path)
    _check_frame(decoded, instruction, locktime, chain)
    total_sats = _check_inputs(decoded, instruction, known_coins, vault, sequence)
    _check_outputs(decoded, instruction, policy)
    _check_fee(decoded, instruction, policy, total_sats)
