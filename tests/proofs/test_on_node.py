"""A pack is verified against a real node: whole, after a coin has moved, and after a reorganisation."""

from __future__ import annotations

from conftest import RegtestNode
from custody_drill import CHAIN, COLD, NOW, POLICY, proposal
from node_drill import Drill, spend_cold
from proof_drill import ACCOUNTS, COLD_ACCOUNT, TRUST, entries_for, failing, prove, sign_files
from zakhira.adapters.bip322 import Bip322Verifier
from zakhira.adapters.bitcoind.node_view import BitcoindView
from zakhira.custody.coin import Payment
from zakhira.custody.descriptor import derive_address
from zakhira.custody.spend import HeldCoin, build_psbt, plan_payment
from zakhira.proofs.pack import Subject, complete_pack, draft_pack
from zakhira.proofs.verdict import NOT_VERIFIED, VERIFIED, Verdict, verify_pack


def _pay(coin: HeldCoin, to_index: int) -> str:
    """A payment of a cold coin to an address of the same vault's far end, which stands for the outside."""
    outside, change = derive_address(COLD, 0, to_index, CHAIN), derive_address(COLD, 1, 0, CHAIN)
    payment, left = plan_payment((coin,), Payment(outside.address, 1_000_000), change, POLICY, CHAIN, proposal("pay"))
    psbt = build_psbt(payment, (coin,), POLICY, change=left)
    return spend_cold(payment, psbt)


def test_a_pack_verifies_for_its_block_whatever_happens_later(regtest_node: RegtestNode) -> None:
    """Two sweeps make two cold coins, proven at the tip; then the chain goes on.

    One coin is spent: the pack still verifies for its block and the move is told with its height. A pack that states
    the moved coin at a later block fails. At last the pack's block is reorganised away: failed.
    """
    drill = Drill(regtest_node.chain, regtest_node.now)
    drill.begin(10_000_000_000)
    for index, amounts in enumerate(((30_000_000, 2_000_000), (70_000_000,))):
        drill.sweep(drill.receive(amounts), index)
    height, block_hash = drill.mine(2)
    held = drill.held(COLD, [derive_address(COLD, 0, number, CHAIN) for number in (0, 1)])

    def pack_at(at_height: int, at_hash: str) -> dict[str, bytes]:
        subject = Subject("small", "ab" * 32, CHAIN, at_height, at_hash, NOW, COLD, COLD_ACCOUNT)
        drafted = draft_pack(subject, held, ACCOUNTS, entries_for(held))
        return sign_files(complete_pack(drafted, prove(drafted)))

    view = BitcoindView(regtest_node.rpc)

    def check(files: dict[str, bytes], node: BitcoindView = view) -> Verdict:
        return verify_pack(files, TRUST, 2, node, Bip322Verifier())

    files = pack_at(height, block_hash)
    found = check(files)
    assert (found.word, found.proven_sats, found.moved) == (VERIFIED, sum(h.coin.amount_sats for h in held), {})

    regtest_node.chain.broadcast(_pay(held[0], 900))
    assert check(files).moved == {}
    spent_height, spent_hash = drill.mine()
    found = check(files)
    assert (found.word, found.moved) == (VERIFIED, {held[0].coin.outpoint: spent_height})
    assert "getdescriptoractivity" in next(c for c in found.checks if c.id == "unspent").detail
    assert held[0].coin.outpoint in failing(check(pack_at(spent_height, spent_hash)))["unspent"]

    class Indexless(BitcoindView):
        """The same node without its block filter index, and with too many blocks to read."""

        def _index_is_built(self, tip: int) -> bool:
            assert tip
            return False

    found = check(files, Indexless(regtest_node.rpc, read_limit_blocks=1))
    assert (found.word, found.failed) == (NOT_VERIFIED, ())
    assert "-blockfilterindex" in found.impossible[0].detail
    assert check(files, Indexless(regtest_node.rpc)).moved == {held[0].coin.outpoint: spent_height}

    regtest_node.rpc.call("invalidateblock", [block_hash])
    assert check(files).word == NOT_VERIFIED
    drill.mine(3)
    assert "block" in failing(check(files))
