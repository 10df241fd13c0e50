"""Addresses of the vaults are used only when the node and both decoders derive them alike."""

from __future__ import annotations

from zakhira.custody.coin import Address
from zakhira.custody.descriptor import derive_address
from zakhira.flows.machinery import Machinery
from zakhira.kernel.errors import OutsideFailure
from zakhira.programme.model import Programme, Vault


class AddressesDiffer(OutsideFailure):
    """The node derives another address than the two decoders do."""

    code = "ZK-FLOWS-001"


def receiving_address(machinery: Machinery, programme: Programme, vault: Vault, index: int) -> Address:
    """The vault's receiving address at ``index``, derived alike by three programs and watched by the node.

    Raises:
        AddressesDiffer: the node derives another address than the two decoders.
    """
    place = derive_address(vault, 0, index, programme.chain)
    from_node = machinery.chain.reserve_check(vault.id, 0, index)
    if from_node != place.address:
        raise AddressesDiffer(
            f"The node derives {from_node} at 0/{index} of {vault.id}, the decoders {place.address}.",
            "Do not use this vault; check the node's descriptor against the programme's.",
        )
    return place
