"""Which vaults are ours: those that officers have decided on, and that are not retired."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from zakhira.controls.acts.authority import Authority
from zakhira.custody.vault_state import RETIRED, VaultRecord, record_of
from zakhira.flows.ports.books import Books
from zakhira.flows.treasury import VAULT, vault_records
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import Refused
from zakhira.programme.model import Vault


class VaultNotAccepted(Refused):
    """No officers have decided that a vault is ours."""

    code = "ZK-FLOWS-140"


class VaultLeft(Refused):
    """Coins would go to an address of a vault that is retired: its keys may be in other hands."""

    code = "ZK-FLOWS-141"


class NotTheSuccessor(Refused):
    """A vault would be left for another, and no officers have decided so."""

    code = "ZK-FLOWS-143"


class RotationFrozen(Refused):
    """A vault would be retired while the reserve is frozen."""

    code = "ZK-FLOWS-144"


def own_vaults(books: Books, state: Authority) -> dict[str, Vault]:
    """The vaults that coins may go to as to ours, by id: accepted, and not retired."""
    return {
        name: record.vault
        for name, record in vault_records(books).items()
        if record.state != RETIRED and state.accepts(record.vault)
    }


def require_accepted(state: Authority, record: VaultRecord) -> None:
    """Nothing, if officers decided that the vault is ours; raises VaultNotAccepted."""
    if not state.accepts(record.vault):
        raise VaultNotAccepted(
            f"Vault {record.vault.id} is not accepted: no officers have decided that it is ours.",
            "An officer puts it forward, and others approve: zakhira vault accept --help",
        )


def require_ours(books: Books, state: Authority, name: str) -> None:
    """Nothing, if coins may go to the vault of this name, which is there.

    Raises:
        VaultNotAccepted: no officers have decided that it is ours.
        VaultLeft: it is retired.
    """
    record = record_of(cast("Mapping[str, Json]", books.latest(VAULT, name)))
    require_accepted(state, record)
    if record.state == RETIRED:
        where = f" Its coins go to {record.successor}." if record.successor else ""
        raise VaultLeft(f"Vault {name} is retired: nothing is paid to it any more.{where}", "Pay its successor.")


def require_succession(books: Books, state: Authority, name: str, successor: str) -> None:
    """Nothing, if officers decided that one vault, which is there, succeeds another, and nothing is frozen.

    Raises:
        RotationFrozen: an officer has stopped whatever moves coins.
        VaultNotAccepted: the successor is no vault of ours.
        NotTheSuccessor: no motion says that it succeeds this vault.
    """
    if state.freezes:
        raise RotationFrozen(
            f"The reserve is frozen: vault {name} is not left for another.", "A quorum ends it: zakhira policy thaw DIR"
        )
    require_accepted(state, record_of(cast("Mapping[str, Json]", books.latest(VAULT, successor))))
    if name not in state.vaults[successor].succeeds:
        raise NotTheSuccessor(
            f"No officers have decided that {successor} succeeds {name}.",
            f"Let them: zakhira vault accept DIR {successor} --succeeds {name} --help",
        )
