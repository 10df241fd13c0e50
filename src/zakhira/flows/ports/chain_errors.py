"""What can go wrong with a Bitcoin node, one class for each cause; adapter and twin raise the same."""

from __future__ import annotations

from zakhira.kernel.errors import InvalidInput, OutsideFailure


class NodeUnreachable(OutsideFailure):
    """Nobody answers, the answer does not come in time, or the node is still starting or gone."""

    code = "ZK-CHAIN-001"


class NodeRefused(InvalidInput):
    """The node does not accept the user and password, or the cookie."""

    code = "ZK-CHAIN-002"


class WrongChain(InvalidInput):
    """The node is on another chain than was asked for."""

    code = "ZK-CHAIN-003"


class NodeFailed(OutsideFailure):
    """The node answered with an error that nobody expected of it. ``rpc_code`` is Bitcoin Core's (rpc/protocol.h)."""

    code = "ZK-CHAIN-004"

    def __init__(self, message: str, remedy: str = "", rpc_code: int = 0) -> None:
        super().__init__(message, remedy)
        self.rpc_code = rpc_code


class ChainDiverged(OutsideFailure):
    """The node's best chain is not the recorded one and cannot be made so: a reorganisation."""

    code = "ZK-CHAIN-010"


class BlockMissing(OutsideFailure):
    """A block was asked for that the best chain does not have."""

    code = "ZK-CHAIN-011"


class PoolsUnfundable(InvalidInput):
    """The pools need more than the private chain will ever issue."""

    code = "ZK-CHAIN-020"


class FundingDiffers(OutsideFailure):
    """The private chain was funded for other needs than these."""

    code = "ZK-CHAIN-021"


class PoolShort(OutsideFailure):
    """A pool's wallet does not hold what it is to pay."""

    code = "ZK-CHAIN-022"


class BadPayment(InvalidInput):
    """A payment has no amount, an amount below dust or an address that is none."""

    code = "ZK-CHAIN-023"


class VaultNotWatched(OutsideFailure):
    """The node was asked about a vault that it does not watch."""

    code = "ZK-CHAIN-030"


class VaultDiffers(OutsideFailure):
    """The node watches another descriptor under the name of this vault."""

    code = "ZK-CHAIN-031"


class BadDescriptor(InvalidInput):
    """A vault's descriptor is not one with two branches and a valid checksum."""

    code = "ZK-CHAIN-032"


class TransactionRejected(OutsideFailure):
    """The node does not take the transaction; ``reason`` is its own word."""

    code = "ZK-CHAIN-040"

    def __init__(self, message: str, remedy: str = "", reason: str = "") -> None:
        super().__init__(message, remedy)
        self.reason = reason


class NodeMissing(OutsideFailure):
    """No bitcoind was found."""

    code = "ZK-BITCOIND-001"


class NodeStartFailed(OutsideFailure):
    """bitcoind ended or stayed silent while starting."""

    code = "ZK-BITCOIND-002"


class PortInUse(OutsideFailure):
    """Another program listens where the node's RPC shall."""

    code = "ZK-BITCOIND-003"


class NodeDiskFull(OutsideFailure):
    """bitcoind ended because its disk is full."""

    code = "ZK-BITCOIND-004"


class NodeFolderInUse(OutsideFailure):
    """Another run works in the same folder."""

    code = "ZK-BITCOIND-005"


class BadNodeAddress(InvalidInput):
    """The address of a node is no http address, or the way to sign in is missing."""

    code = "ZK-BITCOIND-006"
