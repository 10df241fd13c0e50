"""Amounts with the side that they are on, and their sums."""

from __future__ import annotations

from collections.abc import Iterable

from zakhira.adapters.iso20022.codes import BAD_CODE
from zakhira.adapters.iso20022.fields import Field
from zakhira.kernel.money import Amount, Commodity

_SIGNS = {"CRDT": 1, "DBIT": -1}


def signed(at: Field, commodity: Commodity, path: str = "Amt") -> Amount | None:
    """An amount with the sign of its ``CdtDbtInd``: a credit of the account is positive; None where either is amiss.

    The indicator is of the entry as it stands. Of a reversal, too: a debit that is taken back is a credit (ISO 20022,
    definition of RvslInd).
    """
    amount = at.money(path, commodity)
    side = at.text("CdtDbtInd")
    if side not in _SIGNS:
        at.fault("CdtDbtInd", BAD_CODE, f"{side[:20]!r} is neither CRDT nor DBIT.", "Ask the bank which side it is.")
        return None
    return None if amount is None else Amount(_SIGNS[side] * amount.units, commodity)


def total_of(amounts: Iterable[Amount], commodity: Commodity) -> Amount:
    """The sum; raises BadAmount where it does not fit 63 bits."""
    return Amount(sum(amount.units for amount in amounts), commodity)
