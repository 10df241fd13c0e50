"""Why the custody room says no: one class per cause, each with its code."""

from __future__ import annotations

from zakhira.kernel.errors import InvalidInput, Refused


class BadVault(InvalidInput):
    """A vault's template, quorum and keys do not go together: 1 to 16 keys for each path."""

    code = "ZK-CUSTODY-001"


class RepeatedKey(InvalidInput):
    """A key stands twice in a vault: one signer would count twice."""

    code = "ZK-CUSTODY-002"


class HardenedStep(InvalidInput):
    """A hardened step follows an extended public key: nobody can derive it."""

    code = "ZK-CUSTODY-003"


class WrongNetworkKey(InvalidInput):
    """An extended key is of another network than the chain."""

    code = "ZK-CUSTODY-004"


class MalformedKey(InvalidInput):
    """A key is not ``[fingerprint/path]xpub``."""

    code = "ZK-CUSTODY-005"


class PrivateKeyInVault(InvalidInput):
    """A private key stands where only public keys belong."""

    code = "ZK-CUSTODY-006"


class BadPlace(InvalidInput):
    """A branch or an index that no address has."""

    code = "ZK-CUSTODY-007"


class UnknownChain(InvalidInput):
    """A chain that is none of main, test, signet and regtest."""

    code = "ZK-CUSTODY-008"


class MalformedDescriptor(InvalidInput):
    """A text is not a descriptor of one of the templates with its checksum."""

    code = "ZK-CUSTODY-009"


class UnknownVault(InvalidInput):
    """A vault that the policy does not name."""

    code = "ZK-CUSTODY-010"


class NothingToSpend(Refused):
    """A spend without coins, or with the same coin twice."""

    code = "ZK-CUSTODY-011"


class TooLittle(Refused):
    """What is left after the fee is below the dust limit, or less than the payment."""

    code = "ZK-CUSTODY-012"


class TooHeavy(Refused):
    """A transaction that nodes would not relay."""

    code = "ZK-CUSTODY-013"


class BadFeeRate(InvalidInput):
    """A fee rate of less than 1 sat/vB."""

    code = "ZK-CUSTODY-014"


class SigningRefused(Refused):
    """Base of every reason for which a signature is refused."""

    code = "ZK-CUSTODY-020"


class DecodersDisagree(SigningRefused):
    """The two decoders read the same bytes differently."""

    code = "ZK-CUSTODY-021"


class Undecodable(SigningRefused):
    """Neither decoder can read the bytes."""

    code = "ZK-CUSTODY-022"


class WrongInstruction(SigningRefused):
    """The bytes carry the hash of another instruction, or none."""

    code = "ZK-CUSTODY-023"


class WrongChain(SigningRefused):
    """The instruction is for another chain."""

    code = "ZK-CUSTODY-024"


class DuplicateInput(SigningRefused):
    """The same coin is spent twice."""

    code = "ZK-CUSTODY-025"


class WrongInputs(SigningRefused):
    """The coins that are spent are not those of the instruction."""

    code = "ZK-CUSTODY-026"


class UnknownCoin(SigningRefused):
    """A coin that the node does not hold as unspent."""

    code = "ZK-CUSTODY-027"


class WrongInputAmount(SigningRefused):
    """The bytes give a coin another amount than the node does."""

    code = "ZK-CUSTODY-028"


class ForeignCoin(SigningRefused):
    """A coin that the paying vault's descriptor does not derive."""

    code = "ZK-CUSTODY-029"


class WrongOutputs(SigningRefused):
    """A payment of the instruction is not among the outputs."""

    code = "ZK-CUSTODY-030"


class WrongDestination(SigningRefused):
    """A destination that the receiving vault's descriptor does not derive."""

    code = "ZK-CUSTODY-031"


class ForeignChange(SigningRefused):
    """An output beside the payment that does not come back to the paying vault."""

    code = "ZK-CUSTODY-032"


class WrongFee(SigningRefused):
    """The fee is above what was approved, or the outputs are more than the coins."""

    code = "ZK-CUSTODY-033"


class FeeAboveLimit(SigningRefused):
    """The fee is above the policy's limit."""

    code = "ZK-CUSTODY-034"


class WrongSequence(SigningRefused):
    """An input's sequence is not the one that the vault's path asks for."""

    code = "ZK-CUSTODY-035"


class WrongLocktime(SigningRefused):
    """The lock time is not the one that the vault's path asks for."""

    code = "ZK-CUSTODY-036"


class WrongSighash(SigningRefused):
    """A signature that would not cover the whole transaction is asked for or was given."""

    code = "ZK-CUSTODY-037"


class WrongVersion(SigningRefused):
    """A transaction of another version than 2."""

    code = "ZK-CUSTODY-038"


class UnknownField(SigningRefused):
    """The PSBT carries fields that a spend of ours does not have."""

    code = "ZK-CUSTODY-039"


class WrongWitnessScript(SigningRefused):
    """A witness script, a leaf of the tree or a control block is not the vault's."""

    code = "ZK-CUSTODY-040"


class WrongPreviousTransaction(SigningRefused):
    """The previous transaction in the PSBT does not hash to the coin's id, or gives it another amount."""

    code = "ZK-CUSTODY-041"


class ApprovalsMissing(SigningRefused):
    """The officers' approvals do not allow this instruction."""

    code = "ZK-CUSTODY-042"


class KeyOutsideVault(SigningRefused):
    """The signer holds no key of the vault that is spent from."""

    code = "ZK-CUSTODY-043"


class NotAMessage(SigningRefused):
    """A PSBT that was given as a message to sign could be something else."""

    code = "ZK-CUSTODY-044"


class DifferentTransaction(SigningRefused):
    """A returned PSBT is of another transaction than the one that was sent out."""

    code = "ZK-CUSTODY-045"


class ForeignSignature(SigningRefused):
    """A returned signature is by a key that the coin's script does not name."""

    code = "ZK-CUSTODY-046"


class InvalidSignature(SigningRefused):
    """A returned signature does not verify."""

    code = "ZK-CUSTODY-047"


class TooFewSignatures(SigningRefused):
    """The quorum is not reached."""

    code = "ZK-CUSTODY-048"


class AlreadyFinal(SigningRefused):
    """A PSBT carries final witnesses where signatures are still to be added."""

    code = "ZK-CUSTODY-049"


class ChainRefused(SigningRefused):
    """A key kept in software was asked to work on a chain whose coins are worth something."""

    code = "ZK-CUSTODY-050"


class PolicyDiffers(SigningRefused):
    """The policy that came with a request is not the one that the signer knows."""

    code = "ZK-CUSTODY-051"


class NoSuchPath(SigningRefused):
    """The vault has no path of this name."""

    code = "ZK-CUSTODY-060"


class TooMuchChange(SigningRefused):
    """More outputs come back to the paying vault than were approved."""

    code = "ZK-CUSTODY-061"


class FeeRateAboveLimit(SigningRefused):
    """The fee for each virtual byte is above what was approved."""

    code = "ZK-CUSTODY-062"


class BadAddress(InvalidInput):
    """A text is no address of the chain."""

    code = "ZK-CUSTODY-063"


class UnsupportedDescriptor(MalformedDescriptor):
    """A descriptor uses a function that none of the templates has."""

    code = "ZK-CUSTODY-064"


class BadTimelock(InvalidInput):
    """A recovery delay or a height that no such vault, or no script at all, can have (BIP-65, BIP-68)."""

    code = "ZK-CUSTODY-065"


class UnapprovedData(SigningRefused):
    """An output holds data (OP_RETURN), and the instruction carries no anchor."""

    code = "ZK-CUSTODY-191"


class AnchorMissing(SigningRefused):
    """The anchor that was approved is not among the outputs."""

    code = "ZK-CUSTODY-192"


class WrongAnchor(SigningRefused):
    """An output holds other data than the approved anchor, the same in another form, or keys beside it."""

    code = "ZK-CUSTODY-193"


class AnchorTwice(SigningRefused):
    """More than one output holds data."""

    code = "ZK-CUSTODY-194"


class AnchorWithAmount(SigningRefused):
    """The output of an anchor holds an amount, which would be lost for good."""

    code = "ZK-CUSTODY-195"
