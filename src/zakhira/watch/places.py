"""The scripts of the vaults, derived as far as they may be used, and further as they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from zakhira.custody.descriptor import CHANGE, RECEIVE, Place, derive_place, vault_descriptor
from zakhira.programme.model import Vault

LOOK_AHEAD = 200
"""[E] Places behind the last that is known to be used; a coin further out is not seen until the gap is closed (low 20,
the wallets' own gap limit; high 2,000, at two milliseconds each)."""


@dataclass(frozen=True)
class OwnPlace:
    """Where a script stands."""

    vault: str
    branch: int
    index: int


class Places:
    """Every script that is watched, by its bytes. ``last`` says how far each branch was given out when it was told."""

    def __init__(
        self,
        vaults: Iterable[Vault],
        chain: str,
        last: Mapping[tuple[str, int], int] | None = None,
        look_ahead: int = LOOK_AHEAD,
    ) -> None:
        self.vaults = {vault.id: vault for vault in vaults}
        self.chain = chain
        self._look_ahead = look_ahead
        self._ends = {(vault, branch): 0 for vault in self.vaults for branch in (RECEIVE, CHANGE)}
        self.by_script: dict[bytes, OwnPlace] = {}
        for vault, branch in self._ends:
            self._derive(vault, branch, (last or {}).get((vault, branch), -1))

    def of(self, script_hex: str) -> OwnPlace | None:
        """Whose script it is, if it is ours."""
        return self.by_script.get(bytes.fromhex(script_hex))

    def derived(self, place: OwnPlace) -> Place:
        """The place with what spends it."""
        return derive_place(vault_descriptor(self.vaults[place.vault]), place.branch, place.index, self.chain)

    def use(self, place: OwnPlace) -> bool:
        """Note that a place is used; whether more scripts are watched since."""
        return self._derive(place.vault, place.branch, place.index)

    def _derive(self, vault: str, branch: int, used: int) -> bool:
        end, wanted = self._ends[vault, branch], used + 1 + self._look_ahead
        for index in range(end, wanted):
            found = self.derived(OwnPlace(vault, branch, index))
            self.by_script[bytes.fromhex(found.script_hex)] = OwnPlace(vault, branch, index)
        self._ends[vault, branch] = max(end, wanted)
        return wanted > end
