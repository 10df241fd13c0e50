"""What the watcher looks for: scripts of reserved places, of places seen paid, and of a window behind both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, cast

from zakhira.custody.descriptor import CHANGE, RECEIVE, derive_address
from zakhira.flows.ports.books import Record
from zakhira.flows.ports.coin_events import WatchedCoin
from zakhira.flows.ports.follow import FetchedBlock, Finds, FoundOutput, Wanted
from zakhira.flows.reservations import LAST_PLACE, RESERVATION
from zakhira.flows.treasury import Treasury, vault_records
from zakhira.kernel.canonical import Json
from zakhira.programme.model import Vault

WATCHED_PLACE = "watched place"
"""Kind of the records of places that nobody reserved, up to one that was paid; the id is the script."""
GAP = 20
"""Places watched behind the last one known of each branch: what wallets call the gap limit (BIP-44)."""

Place: TypeAlias = tuple[str, int, int]
"""Vault, branch and index."""


class WatchedPlaces:
    """Scripts and unspent outpoints of vaults, retired ones too; both change as blocks are read."""

    def __init__(self, treasury: Treasury, only: str = "") -> None:
        self._chain = treasury.chain
        self._only = only
        self._vaults: dict[str, Vault] = {}
        self.scripts: dict[bytes, Place] = {}
        self.outpoints: set[bytes] = set()
        self._known: dict[tuple[str, int], int] = {}
        self._ends: dict[tuple[str, int], int] = {}
        for kind in (RESERVATION, WATCHED_PLACE):
            for script, body in treasury.books.records(kind).items():
                self._remember(script, cast("Mapping[str, Json]", body))
        self.refresh(treasury)

    @property
    def wanted(self) -> Wanted:
        """What a block is looked through for: it grows while blocks are read."""
        return Wanted(self.scripts, self.outpoints)

    def refresh(self, treasury: Treasury) -> None:
        """Take in vaults that were created and places that were given out meanwhile."""
        for name, item in vault_records(treasury.books).items():
            if self._only in {"", name}:
                self._vaults[name] = item.vault
        sides = [(name, branch) for name in self._vaults for branch in (RECEIVE, CHANGE)]
        given = treasury.books.bodies(LAST_PLACE, [f"{name}/{branch}" for name, branch in sides])
        for name, branch in sides:
            body = cast("Mapping[str, int]", given.get(f"{name}/{branch}", {"place": -1}))
            self._look_ahead(name, branch, body["place"])

    def scan(self, block: FetchedBlock) -> tuple[Finds, tuple[Record, ...]]:
        """What a block does to us, and the places that are known from now on.

        It is looked through again as long as places behind those that were known turn out to be paid.
        """
        records: list[Record] = []
        while True:
            finds = block.scan(self.wanted)
            found = self._move_on(finds)
            if not found:
                return finds, tuple(records)
            records += found

    def _move_on(self, finds: Finds) -> list[Record]:
        records: list[Record] = []
        for output in finds.outputs:
            vault, branch, index = self.scripts[output.script]
            known = self._known[vault, branch]
            records += [self._place_record(vault, branch, place) for place in range(known + 1, index + 1)]
            self._look_ahead(vault, branch, index)
        return records

    def coin(self, output: FoundOutput, height: int, block_hash: str) -> WatchedCoin:
        """The coin that an output of a block is."""
        vault, branch, index = self.scripts[output.script]
        return WatchedCoin(
            output.outpoint,
            vault,
            branch,
            index,
            output.amount_sats,
            output.script.hex(),
            height,
            block_hash,
            output.is_coinbase,
        )

    def _remember(self, script_hex: str, body: Mapping[str, Json]) -> None:
        vault, branch, index = str(body["vault"]), cast("int", body["branch"]), cast("int", body["place"])
        if self._only in {"", vault}:
            self.scripts[bytes.fromhex(script_hex)] = (vault, branch, index)
            self._known[vault, branch] = max(index, self._known.get((vault, branch), -1))

    def _look_ahead(self, vault: str, branch: int, known: int) -> None:
        """Watch the window behind the last known place; what was derived before is not derived again."""
        last = max(known, self._known.get((vault, branch), -1))
        start = self._ends.get((vault, branch), self._known.get((vault, branch), -1) + 1)
        for index in range(start, last + 1 + GAP):
            self.scripts[self._script(vault, branch, index)] = (vault, branch, index)
        self._known[vault, branch] = last
        self._ends[vault, branch] = max(start, last + 1 + GAP)

    def _script(self, vault: str, branch: int, index: int) -> bytes:
        return bytes.fromhex(derive_address(self._vaults[vault], branch, index, self._chain).script_hex)

    def _place_record(self, vault: str, branch: int, index: int) -> Record:
        script_hex = self._script(vault, branch, index).hex()
        return Record(WATCHED_PLACE, script_hex, {"vault": vault, "branch": branch, "place": index})
