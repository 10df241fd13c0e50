"""BIP-322 proofs through bip322-core: the PSBTs to sign, the finished proofs, and their verification."""

from __future__ import annotations

from collections.abc import Sequence

from bip322core import BIP322Error, State, verify_message
from bip322core.engines import EngineError
from bip322core.psbt import combine_psbts, create_psbt, finalize_psbt, parse_psbt, signature_from_psbt
from bip322core.wallet import Wallet, WalletError

from zakhira.custody.descriptor import CHANGE, RECEIVE, derive_place
from zakhira.kernel.errors import InvalidInput, Refused
from zakhira.proofs.node_view import MessageAnswer, MessageEngineFailed

ENGINE = "btclib"
MAX_ADDRESSES = 10_000
"""How far an address is looked for in each branch of a descriptor."""
_ENGINE_TROUBLE = "engine crashed"
"""How bip322-core words an interpreter that failed, in the reason of its result."""


class AddressNotFound(InvalidInput):
    """The address is not among the first ones of the descriptor."""

    code = "ZK-BIP322-001"


class DerivationDiffers(Refused):
    """bip322-core derives another address than the custody room."""

    code = "ZK-BIP322-002"


class ProofIncomplete(Refused):
    """The signatures do not make a proof."""

    code = "ZK-BIP322-003"


def _find(descriptor: str, address: str, chain: str) -> tuple[int, int]:
    for index in range(MAX_ADDRESSES):
        for branch in (RECEIVE, CHANGE):
            if derive_place(descriptor, branch, index, chain).address == address:
                return branch, index
    raise AddressNotFound(
        f"{address} is not among the first {MAX_ADDRESSES} addresses of the descriptor.", "Check the vault."
    )


class Bip322Prover:
    """Makes proofs for the vaults of one chain (flows.ports.proving.MessageProver)."""

    def __init__(self, chain: str) -> None:
        self._chain = chain

    def message_psbt(self, descriptor: str, address: str, message: str) -> str:
        """The PSBT (base64) that the vault's signers sign to prove control of the address.

        Raises:
            AddressNotFound: the descriptor does not derive the address.
            DerivationDiffers: the two derivations of the address differ.
        """
        branch, index = _find(descriptor, address, self._chain)
        try:
            derived = Wallet.from_descriptor(descriptor, network=self._chain).derive(index, branch)
        except WalletError as error:
            raise DerivationDiffers(f"bip322-core refuses the descriptor: {error}.", "Check the vault.") from None
        if derived.address != address:
            raise DerivationDiffers(f"bip322-core derives {derived.address}, not {address}.", "Report both.")
        text: str = create_psbt(derived, message.encode()).to_base64()
        return text

    def finalise_message(self, psbts: Sequence[str]) -> str:
        """The proof (``smp...``) from the PSBTs that came back from the signers.

        Raises:
            ProofIncomplete: signatures are missing or invalid, or the PSBTs are of different messages.
        """
        try:
            combined = combine_psbts([parse_psbt(psbt) for psbt in psbts])
            proof: str = signature_from_psbt(finalize_psbt(combined), "smp")
        except BIP322Error as error:
            raise ProofIncomplete(f"The proof cannot be finished: {error}.", "Ask the signers again.") from None
        return proof


class Bip322Verifier:
    """Checks BIP-322 signatures (proofs.node_view.MessageVerifier)."""

    def verify(self, address: str, signature: str, message: str) -> MessageAnswer:
        """Whether the signature over the UTF-8 text proves control of the address.

        Only the prefixed *simple* form is taken. What BIP-322 calls inconclusive is a no. The text is verified exactly
        as given: bip322-core would strip blanks around a signature, so that two spellings would pass.

        Raises:
            MessageEngineFailed: the interpreter failed; that says nothing about the signature.
        """
        if not signature.startswith("smp") or signature != signature.strip() or address != address.strip():
            return MessageAnswer(False, "the proof is not a BIP-322 signature of the simple form (smp...)")
        try:
            result = verify_message(
                address, signature, message.encode(), engines=(ENGINE,), allow_unprefixed=False, allow_legacy=False
            )
        except EngineError as error:
            raise MessageEngineFailed(
                f"The {ENGINE} engine cannot run: {error}.", "Install bip322-core anew."
            ) from None
        if _ENGINE_TROUBLE in result.reason:
            raise MessageEngineFailed(f"The {ENGINE} engine failed: {result.reason}.", "Report it with the pack.")
        return MessageAnswer(result.state is State.VALID, str(result.reason))
