"""Why a key, a vault to be, or a file that describes one is not taken: one class per cause."""

from __future__ import annotations

from zakhira.kernel.errors import InvalidInput, Refused


class RegisterUnreadable(InvalidInput):
    """A key register is not TOML, JSON or pasted blocks of ``name: value`` lines."""

    code = "ZK-CUSTODY-090"


class BadRegisterField(InvalidInput):
    """A field of a registered key is missing, unknown or has not the form it needs."""

    code = "ZK-CUSTODY-091"


class RepeatedInRegister(InvalidInput):
    """Two registered keys share a signer's name or are one key."""

    code = "ZK-CUSTODY-092"


class OriginDiffers(InvalidInput):
    """A key's depth or last step is not what its origin says."""

    code = "ZK-CUSTODY-093"


class UnknownSigner(InvalidInput):
    """A vault asks for a signer whom the register does not hold."""

    code = "ZK-CUSTODY-094"


class ConcentratedQuorum(InvalidInput):
    """One person, one site or one vendor could complete a quorum alone."""

    code = "ZK-CUSTODY-095"


class DrillMisplaced(InvalidInput):
    """A drill off regtest, a drill's key in a vault that is none, or the other way round."""

    code = "ZK-CUSTODY-096"


class KeyUsedElsewhere(InvalidInput):
    """A key already stands in another vault."""

    code = "ZK-CUSTODY-097"


class VaultIdTaken(InvalidInput):
    """Another vault already has this name."""

    code = "ZK-CUSTODY-099"


class VaultNotTested(Refused):
    """A vault whose keys have not all test-signed hands out no address."""

    code = "ZK-CUSTODY-100"


class VaultRetired(Refused):
    """A retired vault hands out no address."""

    code = "ZK-CUSTODY-101"


class WrongVaultState(Refused):
    """A step that the vault's state does not allow."""

    code = "ZK-CUSTODY-102"


class ChallengeRefused(Refused):
    """What came back does not prove that the key signed this challenge."""

    code = "ZK-CUSTODY-103"


class FormatCannotCarry(Refused):
    """A file format that has no words for the vault's template."""

    code = "ZK-CUSTODY-104"


class UnreadableWalletFile(InvalidInput):
    """A file that is none of the formats that describe a vault, or is damaged."""

    code = "ZK-CUSTODY-105"


class WalletFileDisagrees(InvalidInput):
    """Two parts of a file contradict each other."""

    code = "ZK-CUSTODY-106"


class BadWalletPolicy(InvalidInput):
    """A wallet policy breaks a rule of BIP-388."""

    code = "ZK-CUSTODY-107"


class BadKeyRecord(InvalidInput):
    """A BSMS key record whose signature does not verify, or is of a form that is not read."""

    code = "ZK-CUSTODY-108"


class BadFirmwareRange(InvalidInput):
    """A range of firmware versions that cannot be read."""

    code = "ZK-CUSTODY-109"
