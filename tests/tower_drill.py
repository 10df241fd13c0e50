"""A drill for the watchtower: officers and vaults of the small drill, and a node that is made block by block."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from embit.script import Script
from embit.transaction import Transaction, TransactionInput, TransactionOutput

from custody_drill import CHAIN, COLD, INTAKE, NOW, PHRASE, make_policy, seed_of
from zakhira.adapters.drill_keys import officer_key
from zakhira.controls.approval import APPROVAL_DOMAIN, PROPOSAL_DOMAIN, Approval
from zakhira.custody.coin import Address, ChangeOutput, Coin, Instruction, Payment
from zakhira.custody.decoders import decode_transaction
from zakhira.custody.descriptor import derive_address
from zakhira.custody.signing import check_and_sign, combine_signatures, finalise
from zakhira.custody.spend import HeldCoin, build_psbt
from zakhira.custody.vault_state import VaultRecord
from zakhira.flows.ports.chain_errors import NodeUnreachable
from zakhira.flows.ports.chain_pool import pool_address
from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import utc_text
from zakhira.kernel.signatures import signing_bytes
from zakhira.programme.model import Policy, Vault
from zakhira.programme.policy_text import policy_hash
from zakhira.watch.alarm import AlarmKind, News, Telling
from zakhira.watch.look import Eyes, look
from zakhira.watch.places import Places
from zakhira.watch.ports import Heartbeat, SeenBlock, SeenOutput, SeenTransaction, SignedThings, SourceUnreadable
from zakhira.watch.state import WatchState
from zakhira.watch.step import Stepped, Watch
from zakhira.watch.terms import KeyShown, Limits, WatchTerms

PAYEE = pool_address("a contractor")
THIEF = pool_address("a thief")
POLICY = make_policy()
LOOK_AHEAD = 3
"""Few places: each takes two milliseconds to derive."""


def funding(script_hex: str, amounts_sats: Sequence[int], number: int) -> str:
    """A transaction of strangers that pays a script of ours (hex)."""
    vin = [TransactionInput(hashlib.sha256(f"stranger {number}".encode()).digest(), 0)]
    script = Script(bytes.fromhex(script_hex))
    vout = [TransactionOutput(amount, script) for amount in amounts_sats]
    return str(Transaction(version=2, vin=vin, vout=vout, locktime=0).serialize().hex())


@dataclass
class MadeNode:
    """Implements the watch's node over blocks and a mempool that a test makes. ``down`` lets it not answer."""

    chain: list[SeenBlock] = field(default_factory=list)
    inside: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """raw transactions by block hash"""
    pool: dict[str, str] = field(default_factory=dict)
    down: bool = False
    salt: int = 0
    blocks_read: int = 0

    def mine(self, at: datetime, *raws: str) -> SeenBlock:
        """A block with these transactions on top; they leave the mempool."""
        previous = self.chain[-1].hash if self.chain else "00" * 32
        height = len(self.chain)
        self.salt += 1
        block_hash = hashlib.sha256(f"{previous}{height}{self.salt}".encode()).hexdigest()
        self.chain.append(SeenBlock(height, block_hash, previous, at))
        self.inside[block_hash] = raws
        for raw in raws:
            self.pool.pop(decode_transaction(raw).txid, None)
        return self.chain[-1]

    def send(self, raw: str) -> str:
        """Put a transaction into the mempool; others that spend its coins leave it."""
        told = decode_transaction(raw)
        coins = {outpoint for outpoint, _ in told.inputs}
        for txid, other in list(self.pool.items()):
            if coins & {outpoint for outpoint, _ in decode_transaction(other).inputs}:
                del self.pool[txid]
        self.pool[told.txid] = raw
        return told.txid

    def take_back(self, count: int) -> None:
        """Blocks that are no longer on the chain."""
        del self.chain[-count:]

    def _answer(self) -> None:
        if self.down:
            raise NodeUnreachable("The node at test does not answer.", "Start it.")

    def tip(self) -> tuple[int, str]:
        """See the protocol."""
        self._answer()
        return len(self.chain) - 1, self.chain[-1].hash

    def block_hashes(self, first: int, last: int) -> tuple[str, ...]:
        """See the protocol."""
        self._answer()
        return tuple(block.hash for block in self.chain[max(first, 0) : last + 1])

    def block(self, height: int, block_hash: str, scripts: Collection[bytes], outpoints: AbstractSet[str]) -> SeenBlock:
        """See the protocol."""
        self._answer()
        self.blocks_read += 1
        own = set(outpoints)
        outputs: list[SeenOutput] = []
        transactions: list[SeenTransaction] = []
        for raw in self.inside[block_hash]:
            told = decode_transaction(raw)
            spent = tuple(outpoint for outpoint, _ in told.inputs if outpoint in own)
            if spent:
                transactions.append(SeenTransaction(told.txid, raw, spent))
            for number, (script_hex, amount_sats) in enumerate(told.outputs):
                if bytes.fromhex(script_hex) in scripts:
                    own.add(f"{told.txid}:{number}")
                    outputs.append(SeenOutput(f"{told.txid}:{number}", amount_sats, script_hex))
        found = self.chain[height]
        return SeenBlock(height, block_hash, found.previous_hash, found.at, tuple(outputs), tuple(transactions))

    def spenders(self, outpoints: Sequence[str]) -> Mapping[str, str]:
        """See the protocol."""
        self._answer()
        wanted = set(outpoints)
        return {
            outpoint: txid
            for txid, raw in self.pool.items()
            for outpoint, _ in decode_transaction(raw).inputs
            if outpoint in wanted
        }

    def unconfirmed(self, txids: Sequence[str]) -> Mapping[str, str]:
        """See the protocol."""
        self._answer()
        return {txid: self.pool[txid] for txid in txids if txid in self.pool}


@dataclass
class MadeSource:
    """Implements the watch's source over what a test says."""

    spends: dict[str, Json] = field(default_factory=dict)
    acts: dict[str, Json] = field(default_factory=dict)
    heartbeat: Heartbeat | None = None
    away: bool = False

    def read(self) -> SignedThings:
        """See the protocol."""
        if self.away:
            raise SourceUnreadable("The database does not answer.", "Start it.")
        return SignedThings(dict(self.spends), dict(self.acts), self.heartbeat)


@dataclass
class Tower:
    """A watch over made parts, with a clock."""

    terms: WatchTerms
    node: MadeNode = field(default_factory=MadeNode)
    source: MadeSource = field(default_factory=MadeSource)
    second: MadeNode | None = None
    now: datetime = NOW
    state: WatchState = field(default_factory=WatchState)
    alive: bool = True

    def __post_init__(self) -> None:
        """A first block; the watch is opened."""
        self.node.mine(self.now)
        self.restart()

    def restart(self) -> None:
        """As after the end of the process: what is not in the state is gone."""
        vaults = [record.vault for record in self.terms.vaults]
        self.places = Places(vaults, CHAIN, look_ahead=LOOK_AHEAD)
        self.watch = Watch(self.terms, self.places)

    def look(self, seconds: float = 1.0) -> Stepped:
        """Some time later, one look and one step."""
        self.now += timedelta(seconds=seconds)
        if self.alive:
            self.source.heartbeat = Heartbeat(self.now, len(self.node.chain) - 1, self.node.chain[-1].hash)
        second = self.second
        eyes = Eyes(lambda: self.node, lambda: self.source, None if second is None else lambda: second)
        stepped = self.watch.step(self.state, look(self.state, eyes, self.places, 0, self.now))
        self.state = stepped.state
        return stepped

    def news(self, seconds: float = 1.0) -> list[tuple[News, AlarmKind]]:
        """What one look tells."""
        return [(notice.news, notice.alarm.kind) for notice in self.look(seconds).notices]

    def raised(self) -> dict[AlarmKind, str]:
        """Sentences of what holds, by kind."""
        return {raised.alarm.kind: raised.alarm.sentence for raised in self.state.raised.values()}

    def fund(self, vault: Vault, *amounts_sats: int, index: int = 0) -> tuple[HeldCoin, ...]:
        """Strangers pay a vault these amounts in a block; the coins."""
        address = derive_address(vault, 0, index, CHAIN)
        raw = funding(address.script_hex, amounts_sats, self.node.salt)
        block = self.node.mine(self.now, raw)
        txid = decode_transaction(raw).txid
        return tuple(
            HeldCoin(Coin(f"{txid}:{number}", amount, address.script_hex, block.height, block.hash), address)
            for number, amount in enumerate(amounts_sats)
        )

    def instruction(self, name: str, held: Sequence[HeldCoin], *, to: str = PAYEE, **told: object) -> Instruction:
        """An instruction that pays all but 1,000 sat of these coins to somebody."""
        total = sum(item.coin.amount_sats for item in held)
        made = Instruction(
            id=name,
            chain=CHAIN,
            from_vault=held[0].address.vault,
            to_vault="",
            payments=(Payment(to, total - 1_000),),
            inputs=(),
            fee_limit_sats=5_000,
            fee_rate_limit_sat_per_vb=50,
            purpose="works",
            clause="rule 1",
            proposed_by="dara",
            proposed_at=self.now,
            expires_at=self.now + timedelta(hours=24),
        )
        return replace(made, **told)  # type: ignore[arg-type]  # its own fields

    def say(self, instruction: Instruction, *officers: str, policy: Policy | None = None) -> None:
        """The proposer and these officers sign it, as the books then tell."""
        hashed = policy_hash(policy or self.terms.policy)
        self.source.spends[instruction.id] = {
            "instruction": instruction.as_json(),
            "proposal_signature": sign("dara", PROPOSAL_DOMAIN, instruction.hash),
            "approvals": [approval_json(officer, instruction, self.now, hashed) for officer in officers],
            "vetoes": [],
            "execution": None,
        }


def sign(officer: str, domain: str, message_hash: str) -> str:
    """An officer's signature."""
    return officer_key(PHRASE, officer).sign(signing_bytes(domain, message_hash)).hex()


def approval_json(officer: str, instruction: Instruction, at: datetime, hashed: str) -> Json:
    """An approval as the books keep it."""
    approval = Approval(officer, instruction.hash, "", at, hashed)
    return {
        "officer": officer,
        "instruction_hash": instruction.hash,
        "at": utc_text(at),
        "policy_hash": hashed,
        "signature": sign(officer, APPROVAL_DOMAIN, approval.statement_hash),
    }


def signed_spend(
    instruction: Instruction, held: Sequence[HeldCoin], signers: Iterable[int] = (1, 2, 3), policy: Policy = POLICY
) -> str:
    """The final transaction, signed with these keys outside every coordinator."""
    vault = next(vault for vault in policy.vaults if vault.id == instruction.from_vault)
    return sign_with(instruction, held, [seed_of(vault, number) for number in signers], policy)


def sign_with(instruction: Instruction, held: Sequence[HeldCoin], seeds: Sequence[bytes], policy: Policy) -> str:
    """The final transaction, signed with the keys of these seeds."""
    psbt = build_psbt(instruction, held, policy)
    signed = [check_and_sign(psbt, instruction, policy, CHAIN, seed) for seed in seeds]
    return finalise(combine_signatures(psbt, signed, CHAIN), CHAIN)


def sign_move(instruction: Instruction, held: Sequence[HeldCoin], place: Address) -> str:
    """The final transaction of a move out of the intake vault to an address of ours."""
    psbt = build_psbt(instruction, held, POLICY, (place,))
    signed = [check_and_sign(psbt, instruction, POLICY, CHAIN, seed_of(INTAKE, number)) for number in (1, 2)]
    return finalise(combine_signatures(psbt, signed, CHAIN), CHAIN)


def spend_with_change(
    instruction: Instruction, held: Sequence[HeldCoin], change_sats: int, signers: Iterable[int] = (1, 2)
) -> tuple[str, HeldCoin]:
    """A final transaction of the intake vault whose rest comes back, and the coin that comes back."""
    place = derive_address(INTAKE, 1, 0, CHAIN)
    psbt = build_psbt(instruction, held, POLICY, change=(ChangeOutput(place, change_sats),))
    signed = [check_and_sign(psbt, instruction, POLICY, CHAIN, seed_of(INTAKE, number)) for number in signers]
    raw = finalise(combine_signatures(psbt, signed, CHAIN), CHAIN)
    told = decode_transaction(raw)
    number = next(n for n, (script_hex, _) in enumerate(told.outputs) if script_hex == place.script_hex)
    return raw, HeldCoin(Coin(f"{told.txid}:{number}", change_sats, place.script_hex, 0, ""), place)


def make_terms(*vaults: Vault, policy: Policy = POLICY, limits: Limits | None = None) -> WatchTerms:
    """Terms over these vaults, or the drill's two; nothing is told twice and endings are told at once."""
    records = tuple(VaultRecord(vault, CHAIN, "dara", NOW, "in use") for vault in vaults or (INTAKE, COLD))
    return WatchTerms(
        policy=replace(policy, vaults=()),
        chain=CHAIN,
        vaults=records,
        keys=(KeyShown("cold-1", NOW.date()),),
        limits=limits or Limits(tip_older_than=timedelta(0)),
        telling=Telling(timedelta(hours=6), timedelta(seconds=0)),
    )
