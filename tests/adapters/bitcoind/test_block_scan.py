"""Raw blocks looked through: as the node tells them itself; bytes that are damaged are errors with a code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from embit import compact
from hypothesis import given, settings
from hypothesis import strategies as st

from custody_drill import COLD, INTAKE
from follow_bench import RealFollowBench, TwinFollowBench
from watch_drill import START, WatchDrill, make_treasury, place, script_of
from zakhira.adapters.bitcoind.block_scan import RawBlock, hash_of, outpoint_bytes, outpoint_text, scan_transactions
from zakhira.adapters.bitcoind.vaults import to_sats
from zakhira.flows.ports.chain_pool import pool_address
from zakhira.flows.ports.follow import Finds, UnreadableBlock, Wanted
from zakhira.simulator.books import SimulatedBooks
from zakhira.simulator.chain_block import read_block
from zakhira.simulator.coin_store import SimulatedCoins

OURS = [place(INTAKE, number).address for number in range(5)]
NOTHING = Wanted(frozenset(), frozenset())


def twin_block() -> tuple[str, bytes, WatchDrill]:
    """A block with three payments, of which two are ours."""
    bench = TwinFollowBench()
    books = SimulatedBooks()
    drill = WatchDrill(bench.chain, make_treasury(books, SimulatedCoins(books), bench.node()), START)
    drill.pay((OURS[0], 11_000), (place(COLD, 3).address, 12_000))
    drill.pay((OURS[1], 13_000))
    drill.pay((place(COLD, 4).address, 14_000))
    drill.mine()
    block = bench.chain.state.tip
    return block.hash, block.raw, drill


HASH, RAW, _ = twin_block()
WANTED = Wanted(frozenset(script_of(address) for address in (*OURS, pool_address("pool-1"))), frozenset())
EXPECTED = RawBlock(HASH, RAW).scan(WANTED)


def test_outpoints_as_text_and_bytes() -> None:
    """An outpoint is written with its id turned round, and back."""
    text = f"{'00' * 31}ff:258"
    assert outpoint_bytes(text) == b"\xff" + bytes(31) + b"\x02\x01\x00\x00"
    assert outpoint_text(outpoint_bytes(text)) == text


@pytest.fixture(scope="module")
def real(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealFollowBench]:
    """A node that has a few blocks with payments."""
    program = request.getfixturevalue("bitcoind_path")
    bench = RealFollowBench(program, tmp_path_factory.mktemp("scan") / "node")
    yield bench
    bench.process.stop()


def told_by_node(bench: RealFollowBench, block_hash: str, wanted: Wanted) -> tuple[list[object], list[object]]:
    """Outputs and spends of a block as ``getblock`` with verbosity 2 has them."""
    block = bench.rpc.call("getblock", [block_hash, 2])
    outputs: list[object] = []
    spends: list[object] = []
    known = set(wanted.outpoints)
    for transaction in block["tx"]:
        told = [f"{spend['txid']}:{spend['vout']}" for spend in transaction["vin"] if "txid" in spend]
        spends += [(outpoint, transaction["txid"]) for outpoint in told if outpoint_bytes(outpoint) in known]
        for output in transaction["vout"]:
            script = bytes.fromhex(output["scriptPubKey"]["hex"])
            if script in wanted.scripts:
                outpoint = f"{transaction['txid']}:{output['n']}"
                known.add(outpoint_bytes(outpoint))
                is_coinbase = "coinbase" in transaction["vin"][0]
                outputs.append((outpoint, to_sats(output["value"]), script, is_coinbase))
    return outputs, spends


def as_told(finds: Finds) -> tuple[list[object], list[object]]:
    """Finds in the same shape."""
    outputs: list[object] = [(o.outpoint, o.amount_sats, o.script, o.is_coinbase) for o in finds.outputs]
    return outputs, [(spend.outpoint, spend.spent_by) for spend in finds.spends]


def test_every_block_as_the_node_tells_it(real: RealFollowBench) -> None:
    """Coinbases, payments, change and spends of 200 blocks are what the node's own decoder says."""
    books = SimulatedBooks()
    drill = WatchDrill(real.chain, make_treasury(books, SimulatedCoins(books), real.node()), START)
    for number, address in enumerate(OURS):
        drill.pay((address, 20_000 + number), (place(COLD, number).address, 30_000))
        drill.mine()
    drill.pay(*[(place(COLD, 100 + number).address, 10_000) for number in range(300)], (OURS[0], 40_000))
    drill.mine()
    outpoints: set[bytes] = set()
    wanted = Wanted(WANTED.scripts, outpoints)
    height, _ = real.chain.tip()
    spent = 0
    for block_hash in real.rpc.batch([("getblockhash", [at]) for at in range(1, height + 1)]):
        raw = bytes.fromhex(real.rpc.call("getblock", [block_hash, 0]))
        block = RawBlock(block_hash, raw)
        finds = block.scan(wanted)
        assert as_told(finds) == told_by_node(real, block_hash, wanted)
        assert block.previous_hash == real.rpc.call("getblockheader", [block_hash])["previousblockhash"]
        outpoints |= {outpoint_bytes(output.outpoint) for output in finds.outputs}
        outpoints -= {outpoint_bytes(spend.outpoint) for spend in finds.spends}
        spent += len(finds.spends)
    assert spent > len(OURS)


def test_company_of_a_payment() -> None:
    """Beside our outputs the others are told, and the payer from its witness."""
    ours = {output.outpoint.partition(":")[0] for output in EXPECTED.outputs if output.script == script_of(OURS[0])}
    (txid,) = ours
    wanted = Wanted({script_of(OURS[0])}, frozenset())
    company = RawBlock(HASH, RAW).scan(wanted).company[txid]
    assert set(company) == {script_of(place(COLD, 3).address), script_of(pool_address("pool-1"))}


def test_another_block_is_no_answer() -> None:
    """Bytes whose header hashes to something else, or that are no block at all."""
    for raw in (b"", RAW[:80], RAW[:79], bytes(100), RAW[1:]):
        with pytest.raises(UnreadableBlock):
            RawBlock(HASH, raw)


def doubled(raw: bytes) -> bytes:
    """The block with its last two transactions once more: the same Merkle root, CVE-2012-2459."""
    block = read_block(raw, 1)
    more = (*block.transactions, *block.transactions[-2:])
    return raw[:80] + bytes(compact.to_bytes(len(more))) + b"".join(t.serialize() for t in more)


def test_doubled_transactions_are_refused() -> None:
    """A block that names transactions twice has the root of the true one, and is refused all the same."""
    assert hash_of(doubled(RAW)[:80]) == HASH
    with pytest.raises(UnreadableBlock):
        RawBlock(HASH, doubled(RAW)).scan(WANTED)


def scanned(raw: bytes) -> Finds | None:
    """What is found in mutated bytes; None where they are refused with a code."""
    try:
        return RawBlock(HASH, raw).scan(WANTED)
    except UnreadableBlock:
        return None


@settings(max_examples=400)
@given(st.integers(0, len(RAW) - 1), st.integers(1, 255))
def test_no_flipped_byte_makes_another_coin(at: int, change: int) -> None:
    """Any byte may be another: it is refused, or it was a witness's and the coins are the same."""
    mutant = RAW[:at] + bytes([RAW[at] ^ change]) + RAW[at + 1 :]
    found = scanned(mutant)
    assert found is None or (found.outputs, found.spends) == (EXPECTED.outputs, EXPECTED.spends)


@settings(max_examples=300)
@given(st.data())
def test_no_cut_or_stuffed_block_makes_another_coin(data: st.DataObject) -> None:
    """Bytes left out, put in or copied from elsewhere: refused, or the coins are the same."""
    first = data.draw(st.integers(80, len(RAW)))
    last = data.draw(st.integers(first, len(RAW)))
    stuffing = data.draw(st.one_of(st.binary(max_size=40), st.sampled_from([b"\xff" * 9, b"\xfe\xff\xff\xff\xff"])))
    found = scanned(RAW[:first] + stuffing + RAW[last:])
    assert found is None or (found.outputs, found.spends) == (EXPECTED.outputs, EXPECTED.spends)


@settings(max_examples=300)
@given(st.binary(max_size=400))
def test_bytes_that_are_no_transaction(raw: bytes) -> None:
    """Single transactions from anywhere: found nothing, or refused with a code, never a traceback."""
    with suppress(UnreadableBlock):
        assert scan_transactions(iter([raw]), NOTHING) == Finds()
