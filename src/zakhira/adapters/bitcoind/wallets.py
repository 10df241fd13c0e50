"""The node's wallets, by a name of ours: found, loaded, made; one that does not load or was half made is replaced."""

from __future__ import annotations

from bitcoin_core_rpc import RPCErrorCode

from zakhira.adapters.bitcoind.rpc import RESCAN_TIMEOUT_S, Params, Rpc
from zakhira.flows.ports.chain_errors import NodeFailed

_GENERATIONS = 9
"""A wallet holds nothing that cannot be made again, so a damaged one is left beside its successor, so many times."""


class Wallets:
    """Wallets of one node. Names look like ``vault-cold``; a successor of a damaged wallet like ``vault-cold.2``."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._open: dict[str, str] = {}
        self._left: set[str] = set()

    def find(self, name: str) -> str | None:
        """The node's own name of the wallet, loaded; None if there is none that loads.

        The last one counts: those before it were left, and what a start after that makes of them is not to be trusted.
        """
        if name not in self._open:
            there = self._generations(name)
            last = there[-1] if there else ""
            if last and last not in self._left and self._load(last) and self._whole(last):
                self._open[name] = last
        return self._open.get(name)

    def find_all(self, prefix: str) -> tuple[str, ...]:
        """The node's names of all wallets whose name starts so, loaded."""
        names = {candidate.split(".")[0] for candidate in self._on_disk() if candidate.startswith(prefix)}
        found = (self.find(name) for name in sorted(names | {n for n in self._open if n.startswith(prefix)}))
        return tuple(wallet for wallet in found if wallet is not None)

    def ensure(self, name: str, *, private_keys: bool) -> str:
        """The node's own name of the wallet, which is made, blank, if there is none that loads."""
        found = self.find(name)
        if found is not None:
            return found
        refusal = None
        for candidate in _candidates(name)[len(self._generations(name)) :]:
            refusal = self._create(candidate, private_keys=private_keys)
            if refusal is None:
                self._open[name] = candidate
                return candidate
        raise refusal or NodeFailed(f"No wallet {name} of the node loads.", "Use another output folder.")

    def leave(self, name: str) -> None:
        """Use the wallet of this name no more: it loads, and something in it is not whole. Its successor serves."""
        self._left.add(self._open.pop(name))

    def _generations(self, name: str) -> tuple[str, ...]:
        """All up to the last that is on the disk; those before it may be beyond recognition."""
        on_disk, candidates = self._on_disk(), _candidates(name)
        return candidates[: max((place for place, one in enumerate(candidates, 1) if one in on_disk), default=0)]

    def _on_disk(self) -> set[str]:
        there = {str(wallet["name"]) for wallet in self._rpc.call("listwalletdir")["wallets"]}
        return there.union(self._rpc.call("listwallets"))

    def _create(self, candidate: str, *, private_keys: bool) -> NodeFailed | None:
        """Make the wallet; the node's refusal where a file that it does not know as a wallet is in the way."""
        # Not loaded at start: a wallet that was damaged by a crash would keep the whole node from starting.
        options: Params = {
            "wallet_name": candidate,
            "disable_private_keys": not private_keys,
            "blank": True,
            "descriptors": True,
            "load_on_startup": False,
        }
        try:
            self._rpc.call("createwallet", options)
        except NodeFailed as error:
            if error.rpc_code not in {RPCErrorCode.WALLET_ERROR, RPCErrorCode.WALLET_ALREADY_EXISTS}:
                raise
            return error
        return None

    def _load(self, candidate: str) -> bool:
        try:
            self._rpc.call("loadwallet", [candidate, False], timeout_s=RESCAN_TIMEOUT_S)
        except NodeFailed as error:
            return error.rpc_code == RPCErrorCode.WALLET_ALREADY_LOADED
        return True

    def _whole(self, candidate: str) -> bool:
        """Whether it is a wallet of descriptors: a node killed while it made one left a file without its flags."""
        return bool(self._rpc.call("getwalletinfo", wallet=candidate)["descriptors"])


def _candidates(name: str) -> tuple[str, ...]:
    return (name, *(f"{name}.{generation}" for generation in range(2, _GENERATIONS + 1)))
