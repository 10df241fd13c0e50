"""The faults of simulated signers are caught where their answers are taken in."""

from __future__ import annotations

from datetime import datetime

import pytest

from custody_drill import CHAIN, COLD, INTAKE, NOW, POLICY, make_sweep, seed_of
from zakhira.custody.refusals import DifferentTransaction, InvalidSignature, WrongSighash
from zakhira.custody.signing import combine_signatures, finalise
from zakhira.flows.ports.signing import SignerUnreachable
from zakhira.flows.signing_rules import SigningRules
from zakhira.simulator.signer import SignerFault, SimulatedSigner

SWEEP = make_sweep()


def later() -> datetime:
    """An hour and more after the proposal."""
    return NOW.replace(hour=15)


def signer(number: int, faults: dict[int, SignerFault] | None = None) -> SimulatedSigner:
    """A signer of intake with faults by call."""
    rules = SigningRules(f"intake-{number}", seed_of(INTAKE, number), CHAIN, (INTAKE, COLD), later)
    return SimulatedSigner(rules, faults)


def ask(asked: SimulatedSigner) -> str:
    """Ask for the sweep's signature."""
    return asked.sign_spend(SWEEP.psbt, SWEEP.instruction, SWEEP.approvals, POLICY)


@pytest.mark.parametrize("fault", [SignerFault.UNREACHABLE, SignerFault.LOST_ANSWER])
def test_a_signer_that_does_not_answer_signs_when_asked_again(fault: SignerFault) -> None:
    """The first call fails, the second gives the signature that the first would have given."""
    slow = signer(1, {1: fault})
    with pytest.raises(SignerUnreachable):
        ask(slow)
    assert ask(slow) == ask(signer(1))
    assert slow.calls == 2


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (SignerFault.OTHER_TRANSACTION, DifferentTransaction),
        (SignerFault.SPOILT_SIGNATURE, InvalidSignature),
        (SignerFault.NARROW_SIGHASH, WrongSighash),
    ],
)
def test_a_faulty_answer_is_refused_and_the_others_still_make_the_quorum(
    fault: SignerFault, error: type[Exception]
) -> None:
    """One of three signers answers wrongly: its answer is named, and the other two carry the sweep."""
    wrong, good = ask(signer(1, {1: fault})), [ask(signer(number)) for number in (2, 3)]
    with pytest.raises(error):
        combine_signatures(SWEEP.psbt, [wrong], CHAIN)
    assert finalise(combine_signatures(SWEEP.psbt, good, CHAIN), CHAIN)
