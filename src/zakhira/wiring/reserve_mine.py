"""``zakhira reserve mine``: blocks of a drill's private chain, and payments from its pool."""

from __future__ import annotations

from zakhira.adapters.bitcoind.node import BitcoindChain
from zakhira.cli.answer import Answer, Progress, Table
from zakhira.cli.custody_services import MineOrder
from zakhira.custody.coin import Payment
from zakhira.custody.descriptor import output_script
from zakhira.flows.ports.chain_pool import nobody_address
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import Refused
from zakhira.kernel.money import SATS_PER_BTC
from zakhira.wiring.amount_text import btc_text, counted, sats_of
from zakhira.wiring.reserve_desk import Desk

POOL = "drill"
POOL_SATS = 1_000 * SATS_PER_BTC
"""What the drill's pool is given at the chain's beginning: twenty blocks, and a hundred to let them mature."""
FEE_RATE_SAT_PER_VB = 2
_BATCH = 50
_REAL_TIME = 0


class NotOurChain(Refused):
    """Blocks are mined on a drill's own private chain alone."""

    code = "ZK-WIRING-031"


def mine_blocks(desk: Desk, order: MineOrder, progress: Progress, *, dry_run: bool) -> Answer:
    """Mine, with the payments in the first block.

    Raises:
        NotOurChain: the reserve's node is not a private one of a drill.
        BadAddress, BadAmount, NotBitcoin: a payment. PoolShort: the pool does not hold so much.
    """
    if not desk.node.is_private or not desk.terms.is_drill:
        raise NotOurChain(
            f"The node of {desk.folder.root} is not a drill's own.",
            "Only a reserve made with --drill has blocks to mine.",
        )
    payments = tuple(_payment(address, amount, desk.terms.chain) for address, amount in order.payments)
    txid = ""
    if not dry_run:
        txid = _mine(desk, payments, order.blocks, progress)
    height, tip = desk.treasury.node.tip()
    facts: dict[str, Json] = {
        "dry_run": dry_run,
        "blocks": order.blocks,
        "payments": [{"address": item.address, "amount_sats": item.amount_sats} for item in payments],
        "txid": txid,
        "height": height,
        "hash": tip,
    }
    rows = tuple((item.address, btc_text(item.amount_sats)) for item in payments)
    tables = (Table("Paid", ("address", "BTC"), rows, right=(1,)),) if rows else ()
    verb = "Dry run: would mine" if dry_run else "Mined"
    return Answer(tables, facts, f"{verb} {counted(order.blocks, 'block')}; the tip is block {height}.")


def _payment(address: str, amount: str, chain: str) -> Payment:
    output_script(address, chain)
    return Payment(address, sats_of(amount))


def _mine(desk: Desk, payments: tuple[Payment, ...], blocks: int, progress: Progress) -> str:
    rpc, clock = desk.node.rpc, desk.archive.clock
    chain = BitcoindChain(rpc)
    # The pool's blocks are the chain's first, whether or not it pays anybody yet.
    progress("funding the pool", 0, 1, "")
    chain.fund_pools({POOL: POOL_SATS}, clock())
    rpc.call("setmocktime", [_REAL_TIME])
    progress("funding the pool", 1, 1, "")
    txid = chain.broadcast(chain.sign_pool_payment(POOL, payments, FEE_RATE_SAT_PER_VB)) if payments else ""
    for done in range(0, blocks, _BATCH):
        progress("mining", done, blocks, "")
        rpc.call("generatetoaddress", [min(_BATCH, blocks - done), nobody_address()])
    progress("mining", blocks, blocks, "")
    return txid
