"""The key register: who holds which key, where, on what device, and when it was last shown to work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime

from zakhira.custody.key_origin import parse_key
from zakhira.custody.register_text import Block, read_blocks
from zakhira.custody.vault_refusals import BadRegisterField, OriginDiffers, RegisterUnreadable, RepeatedInRegister
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import Fault, Faults, ZakhiraError

MAX_TEXT = 200
"""A field says a name or a place; a longer text was pasted by mistake."""


@dataclass(frozen=True)
class RegisteredKey:
    """One signer's key. ``holder`` is the person who can make it sign; ``site`` is where the device is kept.

    ``firmware`` is the version that *made* the key: a later update does not mend a key that was made weak.
    ``entropy_source`` says where its randomness came from (``device``, ``dice``, ``device and dice`` ...).
    """

    signer: str
    holder: str
    role: str
    site: str
    vendor: str
    device: str
    firmware: str
    entropy_source: str
    xpub: str
    """with its origin, ``[fingerprint/48h/0h/0h/2h]xpub...``"""
    last_proof_of_life: date | None = None
    is_drill: bool = False


_TEXTS = ("signer", "holder", "role", "site", "vendor", "device", "firmware", "entropy_source", "xpub")
_NAMES = tuple(field.name for field in fields(RegisteredKey))


def _text(block: Block, name: str, faults: list[Fault]) -> str:
    value = block.values.get(name)
    if not isinstance(value, str) or not value.strip():
        what = "is missing or empty" if value is None or value == "" else "is not a text"
        faults.append(block.fault(name, BadRegisterField.code, f"{name} {what}.", "Write it in quotes."))
        return ""
    if len(value) > MAX_TEXT or not value.isprintable():
        message = f"{name} is longer than {MAX_TEXT} characters or holds control characters."
        faults.append(block.fault(name, BadRegisterField.code, message, "Shorten it."))
        return ""
    return value.strip()


def _date(block: Block, faults: list[Fault]) -> date | None:
    value = block.values.get("last_proof_of_life")
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            value = None
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    message = "last_proof_of_life is not a date."
    faults.append(block.fault("last_proof_of_life", BadRegisterField.code, message, "Write it like 2026-06-26."))
    return None


def _flag(block: Block, faults: list[Fault]) -> bool:
    word = str(block.values.get("is_drill", False)).lower()
    if word in {"true", "false"}:
        return word == "true"
    faults.append(block.fault("is_drill", BadRegisterField.code, "is_drill is neither true nor false.", "Write one."))
    return False


def _key(block: Block, text: str, faults: list[Fault]) -> str:
    """The key in its one spelling; what is wrong with it is noted and the text kept out of the message."""
    if not text:
        return ""
    try:
        key = parse_key(text)
    except ZakhiraError as error:
        faults.append(block.fault("xpub", error.code, error.message, error.remedy))
        return ""
    if key.depth != len(key.steps) or (key.steps and key.child != key.steps[-1]):
        message = f"The origin {key.fingerprint}/{key.path} is not that of the key, which stands at depth {key.depth}."
        faults.append(block.fault("xpub", OriginDiffers.code, message, "Export the key with its origin again."))
    return key.text


def _registered(block: Block, faults: list[Fault]) -> RegisteredKey:
    faults += [
        block.fault(name, BadRegisterField.code, f"{name[:40]!r} is no field.", "Mend its name.")
        for name in sorted(set(block.values) - set(_NAMES))
    ]
    texts = {name: _text(block, name, faults) for name in _TEXTS}
    texts["xpub"] = _key(block, texts["xpub"], faults)
    return RegisteredKey(**texts, last_proof_of_life=_date(block, faults), is_drill=_flag(block, faults))


def _repeats(keys: Iterable[RegisteredKey], blocks: Iterable[Block]) -> Iterator[Fault]:
    """Each signer's name and each key stands once; the same key under another origin is the same key."""
    pairs = tuple(zip(keys, blocks, strict=True))
    names = Counter(key.signer for key, _ in pairs if key.signer)
    seen: dict[str, str] = {}
    for key, block in pairs:
        if names[key.signer] > 1:
            message = f"The signer {key.signer} stands {names[key.signer]} times."
            yield block.fault("signer", RepeatedInRegister.code, message, "Give each signer its own name.")
        if not key.xpub:
            continue
        identity = parse_key(key.xpub).identity
        if identity in seen:
            message = f"The key is that of {seen[identity]} as well."
            yield block.fault("xpub", RepeatedInRegister.code, message, "Give each signer a key of its own.")
        seen.setdefault(identity, key.signer)


def parse_register(source: bytes, file: str = "pasted text") -> tuple[RegisteredKey, ...]:
    """Read a register: TOML (``[[key]]``), JSON (a list, or ``{"keys": [...]}``) or pasted ``name: value`` lines.

    Pasted blocks are separated by empty lines. Keys come back in the order of the file.

    Raises:
        Faults: everything that is wrong, each with its line and field; codes are those of this room.
    """
    read = read_blocks(source, file)
    if isinstance(read, Fault):
        raise Faults([read])
    if not read:
        raise Faults([Fault(file, 0, "", RegisterUnreadable.code, "It names no key.", "Add one.")])
    faults: list[Fault] = []
    keys = tuple(_registered(block, faults) for block in read)
    faults += _repeats(keys, read)
    if faults:
        raise Faults(faults)
    return keys


def key_record(key: RegisteredKey) -> dict[str, Json]:
    """A registered key as plain data for the books."""
    day = key.last_proof_of_life
    record: dict[str, Json] = {name: getattr(key, name) for name in _TEXTS}
    return record | {"last_proof_of_life": day.isoformat() if day else "", "is_drill": key.is_drill}


def key_from_record(record: Mapping[str, Json]) -> RegisteredKey:
    """The key that :func:`key_record` made; raises Faults where the record holds something else."""
    faults: list[Fault] = []
    block = Block("record", 0, dict(record), {})
    key = _registered(block, faults)
    if faults:
        raise Faults(faults)
    return key


def with_proof_of_life(key: RegisteredKey, day: date) -> RegisteredKey:
    """The key with a later proof of life; an earlier one changes nothing."""
    known = key.last_proof_of_life
    return key if known is not None and known >= day else replace(key, last_proof_of_life=day)


def stale_keys(register: Iterable[RegisteredKey], today: date, max_age_days: int) -> tuple[RegisteredKey, ...]:
    """Keys that have not been shown to work for longer than so many days, or never."""
    return tuple(
        key
        for key in register
        if key.last_proof_of_life is None or (today - key.last_proof_of_life).days > max_age_days
    )
