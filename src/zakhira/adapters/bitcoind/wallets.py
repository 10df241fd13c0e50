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

    def find(self, name: str) -> str | None:
        """The node's own name of the wallet, loaded; None if there is none that loads."""
        if name not in self._open:
            loaded = set(self._rpc.call("listwallets"))
            on_disk = self._on_disk()
            for candidate in _candidates(name):
                if (candidate in loaded or (candidate in on_disk and self._load(candidate))) and self._whole(candidate):
                    self._open[name] = candidate
                    break
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
        on_disk = self._on_disk()
        refusal = None
        for candidate in _candidates(name):
            if candidate not in on_disk:
                refusal = self._create(candidate, private_keys=private_keys)
                if refusal is None:
                    self._open[name] = candidate
                    return candidate
        raise refusal or NodeFailed(f"No wallet {name} of the node loads.", "Use another output folder.")

    def _on_disk(self) -> set[str]:
        return {str(wallet["name"]) for wallet in self._rpc.call("listwalletdir")["wallets"]}

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
