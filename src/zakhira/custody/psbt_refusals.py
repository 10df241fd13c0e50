"""Why bytes are not taken for a PSBT, or a PSBT of one version cannot become one of the other: one class per cause."""

from __future__ import annotations

from zakhira.custody.refusals import SigningRefused


class PsbtTooLarge(SigningRefused):
    """More bytes than any spend has: they are not even parsed."""

    code = "ZK-CUSTODY-080"


class NotAPsbt(SigningRefused):
    """Bytes that are no PSBT in binary, hex or base64."""

    code = "ZK-CUSTODY-081"


class MalformedPsbt(SigningRefused):
    """The maps of a PSBT are cut off, repeat a key, or hold a field of the wrong length."""

    code = "ZK-CUSTODY-082"


class UnknownPsbtVersion(SigningRefused):
    """A PSBT that is neither version 0 nor version 2."""

    code = "ZK-CUSTODY-083"


class MixedPsbtVersions(SigningRefused):
    """A PSBT of one version carries a field of the other."""

    code = "ZK-CUSTODY-084"


class MissingPsbtField(SigningRefused):
    """A field without which a PSBT of its version says nothing is missing."""

    code = "ZK-CUSTODY-085"


class ImpossibleLocktime(SigningRefused):
    """The lock times that inputs require are out of range, or no transaction can keep them all."""

    code = "ZK-CUSTODY-086"
