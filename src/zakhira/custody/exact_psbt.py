"""embit's PSBT without its rewriting: zeros stay zeros, and no two scopes share a dictionary (BIP-174)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from embit.psbt import PSBT, CompressMode, InputScope, OutputScope, PSBTError, read_string
from embit.transaction import Transaction, TransactionInput

_NON_WITNESS_UTXO = b"\x00"


@lru_cache(maxsize=4)
def previous_transaction(raw: bytes) -> tuple[Transaction, str]:
    """A whole previous transaction with its id; nobody changes it. Inputs that spend one usually stand together."""
    whole = Transaction.parse(raw)
    return whole, bytes(whole.txid()).hex()


class ExactInputScope(InputScope):  # type: ignore[misc]  # embit ships no types
    """An input scope that keeps a sequence of 0."""

    non_witness_utxo: Any
    previous_id = ""
    """of the whole previous transaction that it carries, if it carries one"""

    def __init__(
        self,
        unknown: dict[bytes, bytes] | None = None,
        vin: TransactionInput | None = None,
        compress: int = CompressMode.KEEP_ALL,
    ) -> None:
        super().__init__({} if unknown is None else unknown, vin=vin, compress=compress)

    def read_value(self, stream: Any, k: bytes) -> None:  # noqa: ANN401  # embit ships no types
        """One field; a whole previous transaction is read to its last byte, and once for the inputs that share it."""
        if k != _NON_WITNESS_UTXO or self.compress:
            super().read_value(stream, k)
            return
        if self.non_witness_utxo is not None:
            raise PSBTError("Duplicated utxo value")
        self.non_witness_utxo, self.previous_id = previous_transaction(bytes(read_string(stream)))

    @property
    def vin(self) -> TransactionInput:
        """The input as it stands in the unsigned transaction."""
        return TransactionInput(self.txid, self.vout, sequence=self.sequence)


class ExactOutputScope(OutputScope):  # type: ignore[misc]  # embit ships no types
    """An output scope with a dictionary of its own."""

    def __init__(
        self,
        unknown: dict[bytes, bytes] | None = None,
        vout: Any = None,  # noqa: ANN401  # embit ships no types
        compress: int = CompressMode.KEEP_ALL,
    ) -> None:
        super().__init__({} if unknown is None else unknown, vout=vout, compress=compress)


class ExactPsbt(PSBT):  # type: ignore[misc]  # embit ships no types
    """A PSBT of version 0 whose unsigned transaction keeps its version and lock time."""

    PSBTIN_CLS = ExactInputScope
    PSBTOUT_CLS = ExactOutputScope

    def __init__(
        self,
        tx: Transaction | None = None,
        unknown: dict[bytes, bytes] | None = None,
        version: int | None = None,
    ) -> None:
        super().__init__(tx, {} if unknown is None else unknown, version=version)

    @property
    def tx(self) -> Transaction:
        """The unsigned transaction."""
        return Transaction(
            version=self.tx_version if self.tx_version is not None else 2,
            locktime=self.locktime or 0,
            vin=[scope.vin for scope in self.inputs],
            vout=[scope.vout for scope in self.outputs],
        )
