"""Why a spend cannot be built, signed or gathered that custody.refusals does not name: one class per cause."""

from __future__ import annotations

from zakhira.custody.refusals import SigningRefused


class NoPreviousTransaction(SigningRefused):
    """A whole previous transaction was asked for and is not there."""

    code = "ZK-CUSTODY-140"


class NoInputAmount(SigningRefused):
    """An input does not say which coin it spends, so that no signature can be made or checked."""

    code = "ZK-CUSTODY-141"


class WrongFinalWitness(SigningRefused):
    """A returned PSBT is final, and its witness is not by the script of the coin."""

    code = "ZK-CUSTODY-142"
