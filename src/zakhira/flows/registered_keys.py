"""The key register in the books: keys added and updated, never taken away, and their proofs of life."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import cast

from zakhira.custody.key_origin import parse_key
from zakhira.custody.key_register import RegisteredKey, key_from_record, key_record, with_proof_of_life
from zakhira.custody.refusals import WrongNetworkKey
from zakhira.custody.vault_refusals import RepeatedInRegister
from zakhira.flows.ports.books import Books, Record, Write
from zakhira.flows.treasury import vault_records
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import Fault, Faults, InvalidInput
from zakhira.kernel.ids import derive_id

REGISTERED_KEY = "registered key"
"""Kind of the records of keys; the id is the signer's name."""
_SERIAL = "serial"
"""How often a key's record was written: two writers at once cannot both be the next."""

ADDED, UPDATED, UNCHANGED = "added", "updated", "unchanged"


class KeyInUse(InvalidInput):
    """A signer's key would change while a vault names it."""

    code = "ZK-FLOWS-031"


@dataclass(frozen=True)
class KeyChange:
    """What a registration does to one signer. ``fields`` are those that differ from before."""

    key: RegisteredKey
    what: str
    fields: tuple[str, ...] = ()


def _stored(books: Books) -> Mapping[str, tuple[int, RegisteredKey]]:
    found = {}
    for signer, body in books.records(REGISTERED_KEY).items():
        told = dict(cast("Mapping[str, Json]", body))
        serial = cast("int", told.pop(_SERIAL))
        found[signer] = (serial, key_from_record(told))
    return found


def key_register(books: Books) -> tuple[RegisteredKey, ...]:
    """Every registered key, in the order in which signers were first registered."""
    return tuple(key for _, key in _stored(books).values())


def plan_registration(books: Books, keys: Sequence[RegisteredKey], chain: str) -> tuple[KeyChange, ...]:
    """What registering these keys would do. A later proof of life that is known is kept.

    Raises:
        Faults: a key is of another network, is another signer's, or would change while a vault names it.
    """
    known = {key.signer: key for key in key_register(books)}
    faults = [*_faults(books, keys, known, chain)]
    if faults:
        raise Faults(faults)
    return tuple(_change(key, known.get(key.signer)) for key in keys)


def _change(key: RegisteredKey, before: RegisteredKey | None) -> KeyChange:
    if before is None:
        return KeyChange(key, ADDED)
    after = key if before.last_proof_of_life is None else with_proof_of_life(key, before.last_proof_of_life)
    names = [field.name for field in fields(RegisteredKey)]
    changed = tuple(name for name in names if getattr(after, name) != getattr(before, name))
    return KeyChange(after, UPDATED if changed else UNCHANGED, changed)


def _faults(
    books: Books, keys: Sequence[RegisteredKey], known: Mapping[str, RegisteredKey], chain: str
) -> Iterator[Fault]:
    in_vaults = {signer: record.vault.id for record in vault_records(books).values() for signer in record.signers}
    owners = {parse_key(key.xpub).identity: key.signer for key in known.values()}
    for key in keys:
        parsed, place = parse_key(key.xpub), f"key {key.signer}"
        if parsed.is_main != (chain == "main"):
            message = f"It is {'an xpub' if parsed.is_main else 'a tpub'}; the chain is {chain}."
            yield Fault(place, 0, "xpub", WrongNetworkKey.code, message, "Export the key for this chain.")
        owner = owners.get(parsed.identity, key.signer)
        if owner != key.signer:
            message = f"The key is registered as that of {owner}."
            yield Fault(place, 0, "xpub", RepeatedInRegister.code, message, "Give each signer a key of its own.")
        before = known.get(key.signer)
        if before is not None and before.xpub != key.xpub and key.signer in in_vaults:
            message = f"Vault {in_vaults[key.signer]} names {key.signer} with another key."
            remedy = "Register the new key under a new name, and rotate the vault."
            yield Fault(place, 0, "xpub", KeyInUse.code, message, remedy)


def register_keys(
    books: Books, keys: Sequence[RegisteredKey], chain: str, by: str, now: datetime
) -> tuple[KeyChange, ...]:
    """Register keys, or update what is known of them; raises what :func:`plan_registration` raises."""
    changes = plan_registration(books, keys, chain)
    records = key_versions(books, (change.key for change in changes if change.what != UNCHANGED))
    if records:
        books.commit(Write(_write_key(records), by, "register keys", now, records=records))
    return changes


def key_versions(books: Books, keys: Iterable[RegisteredKey]) -> tuple[Record, ...]:
    """The next versions of these keys' records, to be written together with whatever changed them."""
    stored = _stored(books)
    return tuple(
        Record(
            REGISTERED_KEY,
            key.signer,
            key_record(key) | {_SERIAL: stored[key.signer][0] + 1 if key.signer in stored else 1},
        )
        for key in keys
    )


def _write_key(records: Sequence[Record]) -> str:
    versions = [f"{record.id} {cast('Mapping[str, Json]', record.body)[_SERIAL]}" for record in records]
    return f"register keys {derive_id(*sorted(versions))}"


def proofs_of_life(books: Books, signers: Sequence[str], day: date) -> tuple[Record, ...]:
    """New versions of the records of these signers, as far as they are registered and the proof is news."""
    known = {key.signer: key for key in key_register(books)}
    alive = [with_proof_of_life(known[signer], day) for signer in signers if signer in known]
    return key_versions(books, (key for key in alive if key != known[key.signer]))
