"""What a PSBT or a transaction says, in types that both decoders fill."""

from __future__ import annotations

from dataclasses import dataclass

INSTRUCTION_KEY = b"\xfc\x07zakhira\x00"
"""BIP-174 proprietary key (0xFC) in the global map: identifier ``zakhira``, subtype 0. Its value is the instruction's
hash."""

HARDENED = 1 << 31
P2TR_PREFIX = "5120"
"""The first bytes of a taproot output script (BIP-341)."""

Origin = tuple[str, str, tuple[int, ...]]
"""public key, fingerprint (hex) and path of a key"""


@dataclass(frozen=True)
class Taproot:
    """What BIP-371 adds to an input or an output, in hex and sorted; empty where a field is missing."""

    internal_key: str = ""
    merkle_root: str = ""
    leaves: tuple[tuple[str, str], ...] = ()
    """control block and script with its leaf version behind it"""
    tree: tuple[tuple[int, int, str], ...] = ()
    """of an output: depth, leaf version and script (rust-bitcoin does not keep the order in the tree)"""
    origins: tuple[Origin, ...] = ()
    """as of P2WSH, with keys of 32 bytes; a key without a path, such as an unspendable one, is left out"""
    leaf_hashes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """for each key of ``origins`` the leaves that name it"""
    signatures: tuple[tuple[str, str, str], ...] = ()
    """key, leaf hash and Schnorr signature (with its sighash byte unless that is DEFAULT)"""


NO_TAPROOT = Taproot()


@dataclass(frozen=True)
class DecodedInput:
    """One input. Amount and scripts are what the PSBT claims; ``None`` or empty where it claims nothing."""

    outpoint: str
    sequence: int
    amount_sats: int | None
    script_hex: str
    witness_script_hex: str
    sighash: int | None
    origins: tuple[Origin, ...]
    signatures: tuple[tuple[str, str], ...]
    """public key and DER signature with its sighash byte, in hex, sorted"""
    previous: tuple[str, int, str] | None
    """id of the previous transaction with the amount and script of its spent output, if the PSBT carries it whole"""
    is_final: bool
    taproot: Taproot = NO_TAPROOT

    @property
    def key_origins(self) -> tuple[Origin, ...]:
        """Where the keys of the input's script come from, whatever its kind."""
        return self.origins + self.taproot.origins

    @property
    def is_taproot(self) -> bool:
        """Whether the spent output is P2TR (BIP-341)."""
        return self.script_hex.startswith(P2TR_PREFIX)


@dataclass(frozen=True)
class DecodedOutput:
    """One output. ``address`` is empty where the script has none."""

    address: str
    script_hex: str
    amount_sats: int
    origins: tuple[Origin, ...]
    witness_script_hex: str = ""
    taproot: Taproot = NO_TAPROOT

    @property
    def key_origins(self) -> tuple[Origin, ...]:
        """Where the keys of the output's script come from, whatever its kind."""
        return self.origins + self.taproot.origins


@dataclass(frozen=True)
class Decoded:
    """What a PSBT does, as two decoders read it alike."""

    version: int
    locktime: int
    inputs: tuple[DecodedInput, ...]
    outputs: tuple[DecodedOutput, ...]
    instruction_hash: str
    """hex, or empty if the PSBT carries none"""
    unknown_fields: tuple[str, ...]
    """fields that a spend of ours does not have"""
    txid: str

    @property
    def fee_sats(self) -> int | None:
        """Claimed inputs less outputs; None where an input claims no amount."""
        amounts = [given.amount_sats for given in self.inputs]
        if any(amount is None for amount in amounts):
            return None
        return sum(amount or 0 for amount in amounts) - sum(output.amount_sats for output in self.outputs)


@dataclass(frozen=True)
class DecodedTransaction:
    """A signed transaction, as two decoders read it alike."""

    version: int
    locktime: int
    inputs: tuple[tuple[str, int], ...]
    """outpoint and sequence"""
    outputs: tuple[tuple[str, int], ...]
    """script in hex and amount in sats"""
    witnesses: tuple[tuple[str, ...], ...]
    txid: str
    vsize: int
