"""Outputs that hold data held against the anchor that officers approved: exactly that one of 0 sat, or none at all."""

from __future__ import annotations

from collections.abc import Sequence

from zakhira.custody.anchor import anchor_script, is_data_script
from zakhira.custody.decoded import NO_TAPROOT, DecodedOutput
from zakhira.custody.refusals import AnchorMissing, AnchorTwice, AnchorWithAmount, UnapprovedData, WrongAnchor

_REMEDY = "Sign nothing; have the spend built again from the approved instruction."


def without_anchor(outputs: Sequence[DecodedOutput], approved: str) -> tuple[DecodedOutput, ...]:
    """The outputs beside the anchor; ``approved`` is the data (hex) that the instruction carries, or empty.

    Raises:
        UnapprovedData: an output holds data and no anchor was approved.
        AnchorMissing, AnchorTwice: the approved anchor is not there, or beside it is another output that holds data.
        AnchorWithAmount: it holds more than 0 sat, which nobody could ever spend.
        WrongAnchor: it holds other bytes, or the same ones in another form, or the PSBT names keys or scripts for it.
    """
    data = [output for output in outputs if is_data_script(output.script_hex)]
    rest = tuple(output for output in outputs if not is_data_script(output.script_hex))
    if not approved and not data:
        return rest
    if not approved:
        raise UnapprovedData(
            f"An output holds the data {data[0].script_hex[:100]}, and the instruction carries no anchor.", _REMEDY
        )
    if not data:
        raise AnchorMissing(f"The approved anchor {approved} is not among the outputs.", _REMEDY)
    if len(data) > 1:
        raise AnchorTwice(f"{len(data)} outputs hold data, approved is one anchor.", _REMEDY)
    (found,) = data
    if found.amount_sats != 0:
        raise AnchorWithAmount(
            f"The output of the anchor holds {found.amount_sats} sat, which nobody could spend again.", _REMEDY
        )
    has_fields = bool(found.key_origins) or found.witness_script_hex != "" or found.taproot != NO_TAPROOT
    if found.script_hex != anchor_script(approved) or has_fields:
        what = "keys or scripts beside the anchor" if found.script_hex == anchor_script(approved) else found.script_hex
        raise WrongAnchor(f"Approved is the anchor {approved}; the transaction has {what[:200]}.", _REMEDY)
    return rest
