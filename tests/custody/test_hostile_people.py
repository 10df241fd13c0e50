"""Bybit and DMM, replays and clocks: the one who asks for a signature is the liar, or somebody on the way is."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from custody_drill import CHAIN, COLD, INTAKE, NOW, POLICY, Sweep, approve, make_policy, make_sweep, seed_of
from zakhira.custody.coin import Instruction, Payment
from zakhira.custody.decoded import INSTRUCTION_KEY
from zakhira.custody.decoders import decode_psbt
from zakhira.custody.descriptor import derive_address
from zakhira.custody.psbt_maps import UNSIGNED_TX, PsbtMaps, read_maps, read_unsigned_tx, write_maps, write_unsigned_tx
from zakhira.custody.refusals import (
    ApprovalsMissing,
    DifferentTransaction,
    InvalidSignature,
    PolicyDiffers,
    WrongInstruction,
    WrongOutputs,
)
from zakhira.custody.signing import combine_signatures
from zakhira.flows.signing_rules import SigningRules
from zakhira.programme.model import Policy, Vault

SWEEP = make_sweep()
THIEF = derive_address(INTAKE, 0, 77, CHAIN)


def signer(number: int, at: datetime = NOW + timedelta(hours=2), policy: Policy | None = POLICY) -> SigningRules:
    """A signer of intake with its own vaults, policy and clock."""
    vaults: tuple[Vault, ...] = (INTAKE, COLD)
    return SigningRules(f"intake-{number}", seed_of(INTAKE, number), CHAIN, vaults, lambda: at, policy)


def changed(psbt: str, change: Callable[[PsbtMaps], PsbtMaps]) -> str:
    """A PSBT with its maps changed."""
    return base64.b64encode(write_maps(change(read_maps(base64.b64decode(psbt))))).decode()


def to_the_thief(maps: PsbtMaps) -> PsbtMaps:
    """The first output pays the thief; its map stays as it was."""
    tx = read_unsigned_tx(dict(maps.global_map)[UNSIGNED_TX])
    outputs = ((tx.outputs[0][0], bytes.fromhex(THIEF.script_hex)), *tx.outputs[1:])
    raw = write_unsigned_tx(replace(tx, outputs=outputs))
    return replace(maps, global_map=tuple((k, raw if k == UNSIGNED_TX else v) for k, v in maps.global_map))


def under(instruction: Instruction) -> Callable[[PsbtMaps], PsbtMaps]:
    """The bytes carry the hash of this instruction."""

    def change(maps: PsbtMaps) -> PsbtMaps:
        value = bytes.fromhex(instruction.hash)
        return replace(maps, global_map=tuple((k, value if k == INSTRUCTION_KEY else v) for k, v in maps.global_map))

    return change


def stolen_instruction(sweep: Sweep) -> Instruction:
    """What the liar wants signed: the same spend to the thief's address."""
    first = sweep.instruction.payments[0]
    return replace(sweep.instruction, to_vault="", payments=(Payment(THIEF.address, first.amount_sats),))


def test_bybit_the_screen_says_one_thing_the_bytes_another() -> None:
    """The coordinator shows every signer the approved instruction with the officers' signatures, and bytes that pay it.

    No signer signs: each decodes the bytes itself and holds them against what the officers signed.
    """
    forged = changed(SWEEP.psbt, to_the_thief)
    for number in (1, 2, 3):
        with pytest.raises(WrongOutputs, match=THIEF.address):
            signer(number).sign_spend(forged, SWEEP.instruction, SWEEP.approvals, POLICY)


def test_bybit_the_coordinator_rewrites_the_instruction_as_well() -> None:
    """Instruction and bytes now agree with each other, but the officers signed another instruction."""
    stolen = stolen_instruction(SWEEP)
    forged = changed(changed(SWEEP.psbt, to_the_thief), under(stolen))
    with pytest.raises(ApprovalsMissing, match="another instruction"):
        signer(1).sign_spend(forged, stolen, SWEEP.approvals, POLICY)
    renamed = tuple(replace(approval, instruction_hash=stolen.hash) for approval in SWEEP.approvals)
    with pytest.raises(ApprovalsMissing, match="did not make"):
        signer(1).sign_spend(forged, stolen, renamed, POLICY)


def test_bybit_the_coordinator_brings_officers_of_its_own() -> None:
    """Instruction, approvals and policy all come from the liar: the signer knows another policy."""
    stolen = stolen_instruction(SWEEP)
    forged = changed(changed(SWEEP.psbt, to_the_thief), under(stolen))
    lenient = replace(POLICY, approve_roles=("operations",), propose_role="audit")
    with pytest.raises(PolicyDiffers):
        signer(1).sign_spend(forged, replace(stolen, proposed_by="chand"), (approve("dara", stolen),), lenient)


def test_bybit_the_coordinator_calls_the_thiefs_keys_a_vault() -> None:
    """The policy that comes with the request names the thief's keys as the cold vault: the signer knows its vaults."""
    thief = replace(COLD, keys=INTAKE.keys, threshold=2)
    with pytest.raises(PolicyDiffers, match="cold"):
        signer(1, policy=None).sign_spend(
            SWEEP.psbt, SWEEP.instruction, SWEEP.approvals, replace(POLICY, vaults=(INTAKE, thief))
        )


def test_dmm_the_request_is_altered_on_the_way_out() -> None:
    """Between coordinator and signer somebody swaps the output and the hash: the approved instruction does not fit."""
    stolen = stolen_instruction(SWEEP)
    altered = changed(changed(SWEEP.psbt, to_the_thief), under(stolen))
    with pytest.raises(WrongInstruction):
        signer(2).sign_spend(altered, SWEEP.instruction, SWEEP.approvals, POLICY)


def test_dmm_the_answer_is_altered_on_the_way_back() -> None:
    """An honest signer's answer comes back with the thief's output, or with a signature of other bytes."""
    signed = signer(1).sign_spend(SWEEP.psbt, SWEEP.instruction, SWEEP.approvals, POLICY)
    with pytest.raises(DifferentTransaction):
        combine_signatures(SWEEP.psbt, [changed(signed, to_the_thief)], CHAIN)
    other = make_sweep(name="sweep-2")
    dearer = replace(other.held[0].coin, amount_sats=other.held[0].coin.amount_sats + 10_000)
    again = make_sweep((replace(other.held[0], coin=dearer), *other.held[1:]), name="sweep-2")
    made = signer(1).sign_spend(again.psbt, again.instruction, again.approvals, POLICY)

    def moved(maps: PsbtMaps) -> PsbtMaps:
        theirs = read_maps(base64.b64decode(made))
        inputs = tuple(
            (*ours, *((k, v) for k, v in entries if k[:1] == b"\x02"))
            for ours, entries in zip(maps.inputs, theirs.inputs, strict=True)
        )
        return replace(maps, inputs=inputs)

    with pytest.raises(InvalidSignature):
        combine_signatures(SWEEP.psbt, [changed(SWEEP.psbt, moved)], CHAIN)


def test_a_replayed_instruction_is_of_other_bytes() -> None:
    """The approvals of last week's sweep are shown with this week's bytes, and the other way round."""
    later = make_sweep(name="sweep-2")
    for psbt, sweep in ((later.psbt, SWEEP), (SWEEP.psbt, later)):
        with pytest.raises(WrongInstruction):
            signer(1).sign_spend(psbt, sweep.instruction, sweep.approvals, POLICY)


def test_a_replay_after_its_time() -> None:
    """The whole request of last week is shown again: the instruction has expired."""
    at = SWEEP.instruction.expires_at
    with pytest.raises(ApprovalsMissing, match="expired"):
        signer(1, at).sign_spend(SWEEP.psbt, SWEEP.instruction, SWEEP.approvals, POLICY)


@pytest.mark.parametrize("back", [timedelta(days=7), timedelta(hours=2, minutes=30)])
def test_a_clock_set_back(back: timedelta) -> None:
    """A clock before the proposal, or before the approvals, is wrong: nothing is signed by it."""
    at = SWEEP.approvals[0].at + timedelta(hours=1) - back
    with pytest.raises(ApprovalsMissing, match=r"future|outside the time"):
        signer(1, at).sign_spend(SWEEP.psbt, SWEEP.instruction, SWEEP.approvals, POLICY)


@pytest.mark.parametrize(
    "edit",
    [
        {"fee_limit_sats": 49_999},
        {"purpose": "sweep intake to the thief"},
        {"clause": "nobody's rules"},
        {"expires_at": NOW + timedelta(hours=47)},
        {"proposed_by": "bilal"},
        {"to_vault": ""},
        {"inputs": ()},
        {"replaces": "another"},
        {"change_outputs_limit": 9},
        {"id": "sweep-3"},
    ],
    ids=lambda edit: next(iter(edit)),
)
def test_an_edited_instruction(edit: dict[str, object]) -> None:
    """Any field of an approved instruction is edited: the officers' signatures are no longer of it."""
    edited = replace(SWEEP.instruction, **edit)  # type: ignore[arg-type]  # one field, of its own type
    psbt = changed(SWEEP.psbt, under(edited))
    with pytest.raises(ApprovalsMissing):
        signer(1).sign_spend(psbt, edited, SWEEP.approvals, POLICY)


def test_the_signers_policy_limits_the_fee_whatever_was_approved() -> None:
    """The officers approved a fee that the signer's own policy does not allow."""
    strict = make_policy(fee_limit_sats=10)
    with pytest.raises(ApprovalsMissing, match="above the limit"):
        signer(1, policy=strict).sign_spend(SWEEP.psbt, SWEEP.instruction, SWEEP.approvals, strict)
    assert decode_psbt(SWEEP.psbt, CHAIN).instruction_hash == SWEEP.instruction.hash
