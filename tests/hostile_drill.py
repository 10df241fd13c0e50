"""Honest payments of every template, built from their places field by field: what an attacker starts from.

The PSBTs are written here without the library that builds spends, so that an attack is on the format and not on our own
habits.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta

from custody_drill import CHAIN, COLD, INTAKE, NOW, POLICY
from zakhira.custody.anchor import Anchor
from zakhira.custody.coin import MAIN, Address, Coin, Instruction, Payment
from zakhira.custody.decoded import INSTRUCTION_KEY
from zakhira.custody.descriptor import Place, derive_address, derive_place, vault_descriptor
from zakhira.custody.psbt_maps import (
    UNSIGNED_TX,
    Map,
    PsbtMaps,
    UnsignedInput,
    UnsignedTx,
    read_unsigned_tx,
    write_compact,
    write_maps,
    write_unsigned_tx,
)
from zakhira.custody.psbt_version import to_v2
from zakhira.programme.model import Policy, Recovery, Vault

NON_WITNESS_UTXO, WITNESS_UTXO, PARTIAL_SIG, SIGHASH_TYPE = b"\x00", b"\x01", b"\x02", b"\x03"
IN_WITNESS_SCRIPT, IN_DERIVATION = b"\x05", b"\x06"
LEAF_SIG, LEAF_SCRIPT, IN_TAP_DERIVATION, IN_INTERNAL_KEY, MERKLE_ROOT = b"\x14", b"\x15", b"\x16", b"\x17", b"\x18"
OUT_DERIVATION, OUT_INTERNAL_KEY, OUT_TAP_DERIVATION = b"\x02", b"\x05", b"\x07"
TAPSCRIPT = b"\xc0"
AMOUNTS_SATS = (2_000_000, 3_000_000)
PAID_SATS, CHANGE_SATS = 1_000_000, 3_990_000
FEE_LIMIT_SATS, RATE_LIMIT = 20_000, 40


def vault_of(template: str) -> Vault:
    """The vault of the drill in this template; ``recovery`` is taproot with a recovery path."""
    rest = Recovery(2, INTAKE.keys, 1_000)
    forms = {
        "sortedmulti": COLD,
        "decaying": replace(COLD, template="decaying", recovery=rest),
        "held": replace(COLD, template="held", held_until_height=900_000),
        "taproot": replace(COLD, template="taproot"),
        "recovery": replace(COLD, template="taproot", recovery=rest),
    }
    return forms[template]


TEMPLATES = ("sortedmulti", "decaying", "held", "taproot", "recovery")


@dataclass(frozen=True)
class Spend:
    """An honest spend: what was approved, what the node holds, and the PSBT as maps (version 0)."""

    vault: Vault
    policy: Policy
    instruction: Instruction
    coins: dict[str, Coin]
    maps: PsbtMaps
    places: tuple[Place, ...]
    payee: Address
    """outside the paying vault; the payment is output 0, the change output 1"""
    stranger: Address


def place_at(vault: Vault, branch: int, index: int) -> Place:
    """A place of a vault on the chain of the drill."""
    return derive_place(vault_descriptor(vault), branch, index, CHAIN)


def txid_of(raw: bytes) -> bytes:
    """The id of a transaction without witnesses, in the order of the wire."""
    return hashlib.sha256(hashlib.sha256(raw).digest()).digest()


def previous_tx(number: int, amount_sats: int, script_hex: str) -> bytes:
    """A transaction that paid a coin, as output 1."""
    given = UnsignedInput(bytes([number + 1]) * 32, 0, 0xFFFFFFFF)
    outputs = ((546, b"\x00\x14" + bytes(20)), (amount_sats, bytes.fromhex(script_hex)))
    return write_unsigned_tx(UnsignedTx(2, (given,), outputs, 0))


def derivation(fingerprint: str, path: tuple[int, ...]) -> bytes:
    """The value of a BIP-32 derivation field."""
    return bytes.fromhex(fingerprint) + b"".join(step.to_bytes(4, "little") for step in path)


def key_fields(place: Place, plain: bytes, tap: bytes) -> Map:
    """Where the keys of a place come from, as BIP-174 or BIP-371 writes it."""
    hashes = dict(place.leaf_hashes)
    found = []
    for key, fingerprint, path in place.origins:
        value = derivation(fingerprint, path)
        if place.is_taproot:
            value = write_compact(len(hashes[key])) + b"".join(map(bytes.fromhex, hashes[key])) + value
        found.append(((tap if place.is_taproot else plain) + bytes.fromhex(key), value))
    return tuple(found)


def utxo_field(amount_sats: int, script: bytes) -> bytes:
    """The value of a witness UTXO field: an output."""
    return amount_sats.to_bytes(8, "little") + write_compact(len(script)) + script


def input_fields(place: Place, amount_sats: int, whole: bytes, path: str = MAIN) -> Map:
    """An input's map: the previous transaction, the output, the scripts and the keys."""
    head: Map = (
        (NON_WITNESS_UTXO, whole),
        (WITNESS_UTXO, utxo_field(amount_sats, bytes.fromhex(place.script_hex))),
        (SIGHASH_TYPE, (0 if place.is_taproot else 1).to_bytes(4, "little")),
    )
    if not place.is_taproot:
        return (
            *head,
            (IN_WITNESS_SCRIPT, bytes.fromhex(place.witness_script_hex)),
            *key_fields(place, IN_DERIVATION, b""),
        )
    leaf = place.leaf(path)
    return (
        *head,
        (LEAF_SCRIPT + bytes.fromhex(leaf.control_block_hex), bytes.fromhex(leaf.script_hex) + TAPSCRIPT),
        *key_fields(place, b"", IN_TAP_DERIVATION),
        (IN_INTERNAL_KEY, bytes.fromhex(place.internal_key)),
        (MERKLE_ROOT, bytes.fromhex(place.merkle_root)),
    )


def change_fields(place: Place) -> Map:
    """An output's map that names it as its vault's own."""
    own = key_fields(place, OUT_DERIVATION, OUT_TAP_DERIVATION)
    return (*own, (OUT_INTERNAL_KEY, bytes.fromhex(place.internal_key))) if place.is_taproot else own


def honest_spend(template: str, *, named: bool = True) -> Spend:
    """Two coins of a vault pay somebody outside and come back as change; ``named``: the instruction names the coins."""
    vault = vault_of(template)
    policy = replace(POLICY, vaults=(INTAKE, vault))
    places = tuple(place_at(vault, 0, index) for index in range(len(AMOUNTS_SATS)))
    wholes = [previous_tx(n, AMOUNTS_SATS[n], place.script_hex) for n, place in enumerate(places)]
    txids = [txid_of(whole) for whole in wholes]
    outpoints = [f"{txid[::-1].hex()}:1" for txid in txids]
    coins = {
        outpoint: Coin(outpoint, AMOUNTS_SATS[n], places[n].script_hex, 100 + n, "00" * 32)
        for n, outpoint in enumerate(outpoints)
    }
    payee, stranger = (derive_address(INTAKE, 0, index, CHAIN) for index in (50, 77))
    instruction = Instruction(
        f"pay-{template}", CHAIN, vault.id, "", (Payment(payee.address, PAID_SATS),),
        tuple(sorted(outpoints)) if named else (), FEE_LIMIT_SATS, RATE_LIMIT, "pay the grid company",
        "Treasury rules, 4.2", "dara", NOW, NOW + timedelta(hours=48),
    )  # fmt: skip
    change = place_at(vault, 1, 0)
    tx = UnsignedTx(
        2,
        tuple(UnsignedInput(txid, 1, 0xFFFFFFFD) for txid in txids),
        ((PAID_SATS, bytes.fromhex(payee.script_hex)), (CHANGE_SATS, bytes.fromhex(change.script_hex))),
        vault.held_until_height,
    )
    maps = PsbtMaps(
        0,
        ((UNSIGNED_TX, write_unsigned_tx(tx)), (INSTRUCTION_KEY, bytes.fromhex(instruction.hash))),
        tuple(input_fields(place, AMOUNTS_SATS[n], wholes[n]) for n, place in enumerate(places)),
        ((), change_fields(change)),
    )
    return Spend(vault, policy, instruction, coins, maps, places, payee, stranger)


ANCHOR = Anchor(12_345, "ab" * 32)
"""A head of an audit chain."""


def anchored_spend(template: str) -> Spend:
    """An honest spend that carries an anchor, as output 2."""
    spend = honest_spend(template)
    instruction = replace(spend.instruction, anchor=ANCHOR.data)
    tx = tx_of(spend.maps)
    script = bytes.fromhex("6a2c" + ANCHOR.data)
    maps = with_tx(spend.maps, replace(tx, outputs=(*tx.outputs, (0, script))))
    carried = put(maps.global_map, INSTRUCTION_KEY, bytes.fromhex(instruction.hash))
    return replace(spend, instruction=instruction, maps=replace(maps, global_map=carried, outputs=(*maps.outputs, ())))


def text_of(maps: PsbtMaps) -> str:
    """A PSBT in base64."""
    return base64.b64encode(write_maps(maps)).decode()


def second_version(maps: PsbtMaps) -> bytes:
    """The same PSBT as version 2, binary."""
    return write_maps(to_v2(maps))


def tx_of(maps: PsbtMaps) -> UnsignedTx:
    """The unsigned transaction of a version 0 PSBT."""
    return read_unsigned_tx(dict(maps.global_map)[UNSIGNED_TX])


def with_tx(maps: PsbtMaps, tx: UnsignedTx) -> PsbtMaps:
    """The PSBT with another unsigned transaction."""
    raw = write_unsigned_tx(tx)
    return replace(maps, global_map=tuple((k, raw if k == UNSIGNED_TX else v) for k, v in maps.global_map))


def with_output(maps: PsbtMaps, number: int, amount_sats: int, script: bytes) -> PsbtMaps:
    """The PSBT with another amount and script in one output."""
    tx = tx_of(maps)
    outputs = tuple((amount_sats, script) if n == number else output for n, output in enumerate(tx.outputs))
    return with_tx(maps, replace(tx, outputs=outputs))


def put(entries: Map, key: bytes, value: bytes | None) -> Map:
    """The map with a field set, added, or (None) taken out."""
    if value is None:
        return tuple((k, v) for k, v in entries if k != key)
    if any(k == key for k, _ in entries):
        return tuple((k, value if k == key else v) for k, v in entries)
    return (*entries, (key, value))


def with_input_field(maps: PsbtMaps, number: int, key: bytes, value: bytes | None) -> PsbtMaps:
    """The PSBT with a field of one input set, added, or (None) taken out."""
    inputs = tuple(put(entries, key, value) if n == number else entries for n, entries in enumerate(maps.inputs))
    return replace(maps, inputs=inputs)
