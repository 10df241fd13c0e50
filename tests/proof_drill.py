"""A small pack with a node that knows its coins, for the tests of proofs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from custody_drill import CHAIN, COLD, NOW, PHRASE, held_coins, seed_of
from zakhira.adapters.bip322 import Bip322Prover
from zakhira.adapters.drill_keys import officer_key, officer_public_key
from zakhira.custody.descriptor import vault_descriptor
from zakhira.custody.message import sign_message
from zakhira.custody.spend import HeldCoin
from zakhira.kernel.money import Amount, Commodity, sats
from zakhira.kernel.signatures import signing_bytes
from zakhira.ledger.entry import Entry, Lot, Posting
from zakhira.programme.model import AccountSpec
from zakhira.proofs.node_view import CreatedOutput, MessageAnswer, MessageVerifier, NodeCannotAnswer, SpendSearch
from zakhira.proofs.pack import (
    PACK_DOMAIN,
    PackDraft,
    Subject,
    add_signatures,
    complete_pack,
    draft_pack,
    manifest_hash,
)
from zakhira.proofs.verdict import Verdict, verify_pack

HEIGHT = 144
COLD_ACCOUNT = "assets:vault:cold"
INTAKE_ACCOUNT = "assets:vault:intake"
ACCOUNTS = (
    AccountSpec(INTAKE_ACCOUNT, "BTC", "asset"),
    AccountSpec(COLD_ACCOUNT, "BTC", "asset"),
    AccountSpec("income:royalty", "BTC", "income"),
    AccountSpec("liabilities:community", "BTC", "liability"),
    AccountSpec("expenses:community", "BTC", "expense"),
    AccountSpec("expenses:network-fees", "BTC", "expense"),
    AccountSpec("income:energy", "PKR", "income"),
    AccountSpec("assets:receivable:energy", "PKR", "asset"),
)
OFFICERS = ("amina", "chand")
TRUST = {name: officer_public_key(PHRASE, name) for name in OFFICERS}


def block_hash(height: int) -> str:
    """The hash of the drill's block."""
    return f"{height:064x}"


HELD = tuple(
    replace(item, coin=replace(item.coin, height=140 + number, block_hash=block_hash(140 + number)))
    for number, item in enumerate(held_coins(COLD, (1_000_000, 2_500_000)))
)


def entries_for(held: tuple[HeldCoin, ...], claims_sats: int = 40_000, unswept_sats: int = 7_000) -> tuple[Entry, ...]:
    """Royalties received in intake, swept to cold for 500 sat each; one coin still in intake; a claim; and energy."""
    entries = []
    for number, item in enumerate(held):
        source = Lot(f"{number + 50:064x}:0", "royalty")
        cold = Lot(item.coin.outpoint, f"sweep {number}")
        received = item.coin.amount_sats + 500
        entries.append(
            _entry(f"in-{number}", (INTAKE_ACCOUNT, received, source), ("income:royalty", -received, source))
        )
        entries.append(
            _entry(
                f"sweep-{number}",
                (INTAKE_ACCOUNT, -received, source),
                (COLD_ACCOUNT, item.coin.amount_sats, cold),
                ("expenses:network-fees", 500, source),
            )
        )
    late = Lot("ee" * 32 + ":1", "royalty")
    entries.append(_entry("in-late", (INTAKE_ACCOUNT, unswept_sats, late), ("income:royalty", -unswept_sats, late)))
    entries.append(
        _entry("share", ("expenses:community", claims_sats, late), ("liabilities:community", -claims_sats, late))
    )
    rupees = Amount(5_00, Commodity.PKR)
    energy = (Posting("assets:receivable:energy", rupees), Posting("income:energy", -rupees))
    entries.append(Entry("energy-1", NOW, "energy", "meter day 1", energy))
    return tuple(entries)


def _entry(name: str, *postings: tuple[str, int, Lot]) -> Entry:
    return Entry(
        name, NOW, f"entry {name}", "", tuple(Posting(code, sats(units), lot) for code, units, lot in postings)
    )


SUBJECT = Subject("small", "ab" * 32, CHAIN, HEIGHT, block_hash(HEIGHT), NOW, COLD, COLD_ACCOUNT)


def draft(held: tuple[HeldCoin, ...] = HELD, subject: Subject = SUBJECT) -> PackDraft:
    """The draft over these coins."""
    return draft_pack(subject, held, ACCOUNTS, entries_for(held))


def prove(given: PackDraft) -> dict[str, str]:
    """Three of five cold signers sign the challenge for each address."""
    prover = Bip322Prover(CHAIN)
    descriptor = vault_descriptor(COLD)
    proofs = {}
    for address in given.addresses:
        psbt = prover.message_psbt(descriptor, address, given.challenge)
        signed = [sign_message(psbt, (COLD,), CHAIN, seed_of(COLD, number)) for number in (1, 2, 4)]
        proofs[address] = prover.finalise_message(signed)
    return proofs


def sign_files(
    files: Mapping[str, bytes], officers: tuple[str, ...] = OFFICERS, phrase: str = PHRASE
) -> dict[str, bytes]:
    """The pack signed by these officers' keys."""
    digest = manifest_hash(files)
    signatures = {name: officer_key(phrase, name).sign(signing_bytes(PACK_DOMAIN, digest)).hex() for name in officers}
    return add_signatures(files, signatures)


@cache
def _good() -> tuple[tuple[str, bytes], ...]:
    given = draft()
    return tuple(sign_files(complete_pack(given, prove(given))).items())


def good_pack() -> dict[str, bytes]:
    """The whole, signed pack."""
    return dict(_good())


@dataclass
class FakeNode:
    """A node that knows the coins of the pack, and can be told to differ."""

    chain: str = CHAIN
    hashes: dict[int, str] = field(default_factory=lambda: {height: block_hash(height) for height in range(200)})
    outputs: dict[str, CreatedOutput] = field(
        default_factory=lambda: {
            item.coin.outpoint: CreatedOutput(item.coin.amount_sats, item.coin.script_hex, "getrawtransaction")
            for item in HELD
        }
    )
    spent: dict[str, int | None] = field(default_factory=dict)
    """outpoint to the height of its spend, or None if the node cannot find it"""
    deaf: tuple[str, ...] = ()
    """methods that this node cannot serve"""
    reorganised_after: int | None = None
    """calls of block_hash after which the pack's block is another"""
    calls: int = 0

    def _serve(self, method: str) -> None:
        if method in self.deaf:
            raise NodeCannotAnswer("The node is pruned.", f"{method} needs a node with -blockfilterindex=1.")

    def chain_name(self) -> str:
        """Its chain."""
        return self.chain

    def block_hash(self, height: int) -> str | None:
        """Its block at the height."""
        self.calls += 1
        if self.reorganised_after is not None and self.calls > self.reorganised_after:
            return "ff" * 32
        return self.hashes.get(height)

    def created_output(self, outpoint: str, block_hash: str) -> CreatedOutput | None:
        """The output, if it knows it."""
        self._serve("created_output")
        assert block_hash in self.hashes.values()
        return self.outputs.get(outpoint)

    def is_unspent(self, outpoint: str) -> bool:
        """Whether nobody spent it."""
        self._serve("is_unspent")
        return outpoint not in self.spent

    def spent_heights(self, scripts: Mapping[str, str], from_height: int) -> SpendSearch:
        """Where it was spent."""
        self._serve("spent_heights")
        assert from_height <= HEIGHT
        found = {name: self.spent[name] for name in scripts if name in self.spent}
        return SpendSearch({name: height for name, height in found.items() if height is not None}, "scanblocks")


class YesMan:
    """A message checker that says yes; for tests about other checks."""

    def verify(self, _address: str, _signature: str, _message: str) -> MessageAnswer:
        """Say yes."""
        return MessageAnswer(True, "valid")


def verdict(
    files: dict[str, bytes] | None = None,
    node: FakeNode | None = None,
    trust: dict[str, str] | None = None,
    required: int = 2,
    messages: MessageVerifier | None = None,
) -> Verdict:
    """The verdict with the drill's trust and node unless told otherwise."""
    return verify_pack(files or good_pack(), trust or TRUST, required, node or FakeNode(), messages or YesMan())


def failing(found: Verdict) -> dict[str, str]:
    """Check id to detail of the failed checks."""
    return {check.id: check.detail for check in found.failed}
