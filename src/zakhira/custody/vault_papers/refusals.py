"""Why a paper of a vault is not written or not taken: one class per cause, beside those of custody.vault_refusals."""

from __future__ import annotations

from zakhira.kernel.errors import InvalidInput


class UnknownPaperKind(InvalidInput):
    """A kind of paper that is not written, or not read back."""

    code = "ZK-CUSTODY-160"


class OtherPaper(InvalidInput):
    """A paper of another sort than the one that is read here: a key where a vault is read, or the other way round."""

    code = "ZK-CUSTODY-161"


class BadToken(InvalidInput):
    """A BSMS token that is none, or that is missing where a record is encrypted (BIP-129: 64 or 128 bits)."""

    code = "ZK-CUSTODY-162"


class SealBroken(InvalidInput):
    """An encrypted BSMS record that the token does not open: another token, or a damaged record."""

    code = "ZK-CUSTODY-163"


class NoSuitableKey(InvalidInput):
    """A key export without a key for the script or chain that is asked for."""

    code = "ZK-CUSTODY-164"


class DeviceFailed(InvalidInput):
    """A device's answer says that it failed, or does not say whose key it is."""

    code = "ZK-CUSTODY-165"
