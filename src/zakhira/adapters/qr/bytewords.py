"""Bytewords in their minimal style: two letters for each byte and a CRC-32 at the end (BCR-2020-012)."""

from __future__ import annotations

import zlib
from functools import lru_cache

from zakhira.adapters.qr.refusals import DamagedFrame

CHECKSUM_BYTES = 4

_WORDS = """
able acid also apex aqua arch atom aunt away axis back bald barn belt beta bias blue body brag brew bulb buzz calm cash
cats chef city claw code cola cook cost crux curl cusp cyan dark data days deli dice diet door down draw drop drum dull
duty each easy echo edge epic even exam exit eyes fact fair fern figs film fish fizz flap flew flux foxy free frog fuel
fund gala game gear gems gift girl glow good gray grim guru gush gyro half hang hard hawk heat help high hill holy hope
horn huts iced idea idle inch inky into iris iron item jade jazz join jolt jowl judo jugs jump junk jury keep keno kept
keys kick kiln king kite kiwi knob lamb lava lazy leaf legs liar limp lion list logo loud love luau luck lung main many
math maze memo menu meow mild mint miss monk nail navy need news next noon note numb obey oboe omit onyx open oval owls
paid part peck play plus poem pool pose puff puma purr quad quiz race ramp real redo rich road rock roof ruby ruin runs
rust safe saga scar sets silk skew slot soap solo song stub surf swan taco task taxi tent tied time tiny toil tomb toys
trip tuna twin ugly undo unit urge user vast very veto vial vibe view visa void vows wall wand warm wasp wave waxy webs
what when whiz wolf work yank yawn yell yoga yurt zaps zero zest zinc zone zoom
"""
"""In the order of the alphabet, which is the order of the bytes."""


@lru_cache(maxsize=1)
def _pairs() -> tuple[str, ...]:
    """First and last letter of each word, which are unique, in the order of the bytes."""
    return tuple(word[0] + word[-1] for word in _WORDS.split())


@lru_cache(maxsize=1)
def _bytes_of_pairs() -> dict[str, int]:
    return {pair: number for number, pair in enumerate(_pairs())}


def encode_bytewords(data: bytes) -> str:
    """The bytes and their CRC-32 in minimal bytewords (lower case)."""
    pairs = _pairs()
    return "".join(pairs[byte] for byte in data + zlib.crc32(data).to_bytes(CHECKSUM_BYTES, "big"))


def decode_bytewords(text: str) -> bytes:
    """The bytes of minimal bytewords in one case; raises DamagedFrame if letters or checksum are wrong."""
    known = _bytes_of_pairs()
    try:
        whole = bytes(known[text[place : place + 2]] for place in range(0, len(text), 2))
    except KeyError:
        raise DamagedFrame("A frame has letters that are no bytewords.", "Show the codes again.") from None
    data, checksum = whole[:-CHECKSUM_BYTES], whole[-CHECKSUM_BYTES:]
    if not data or zlib.crc32(data).to_bytes(CHECKSUM_BYTES, "big") != checksum:
        raise DamagedFrame("A frame's checksum does not fit its letters.", "Show the codes again.")
    return data
