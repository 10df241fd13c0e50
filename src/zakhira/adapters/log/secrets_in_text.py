"""Where a text holds a secret: the forms that private keys, passwords and tokens have, wherever they stand.

What has no form of its own (a passphrase) is found by its name before it, or because it is known (``Scrubber``).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import cache

from embit.wordlists.bip39 import WORDLIST

HIDDEN = "[redacted]"
"""Stands where a secret stood. No word of BIP-39's, so that a row of these marks is not taken for a mnemonic."""

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_B58 = f"[{_BASE58}]"
_NAMES = (
    r"(?:xprv|secret|priv(?:ate)?[ _-]?key|pass[ _-]?phrase|pass[ _-]?word|passwd|pwd|token|api[ _-]?key|authorization|"
    r"cookie|credentials?|mnemonic|seed(?:[ _-]?(?:phrase|words?|hex))?|entropy|wif|hmac|key[ _-]?file|ciphertext|psw)"
)
_FORMS = (
    # Serialised private keys: BIP-32, and SLIP-132's letters for other scripts.
    re.compile(rf"[xtyzuvYZUV]prv{_B58}{{8,}}"),
    # A WIF that stands by itself, whatever its checksum: 51 or 52 characters, 5 K L on mainnet, 9 c elsewhere.
    re.compile(rf"(?<!{_B58})[5KL9c]{_B58}{{50,51}}(?!{_B58})"),
    re.compile(rf"6P{_B58}{{56}}"),  # BIP-38
    re.compile(r"(?i)ms1[02-9ac-hj-np-z]{40,}"),  # BIP-93, codex32
    re.compile(r"(?i)AGE-SECRET-KEY-1[0-9a-z]+"),
    re.compile(
        r"-----BEGIN [A-Z0-9 ]*(?:PRIVATE KEY|SECRET)[A-Z0-9 ]*-----.*?(?:-----END [A-Z0-9 ]*-----|\Z)", re.DOTALL
    ),
    re.compile(r"__cookie__:?[^\s\"',}\]]*"),  # Bitcoin Core, rpc/request.cpp
    re.compile(r"(?i)(?:basic|bearer|digest|negotiate)\s+[a-z0-9+/=._~:-]{8,}"),  # RFC 9110, 11.4
    re.compile(r"(?i)\bbot\d{6,}:[\w-]{20,}"),
    re.compile(r"eyJ[\w-]{8,}\.[\w-]{4,}\.?[\w-]*"),  # a JSON web token
    re.compile(r"zakhira-keystore/1.*", re.DOTALL),
)
_USERINFO = re.compile(r"(://)[^\s/@]*:[^\s]*@|(://)[^\s/@]+@")
"""User and password of an address; a password may itself hold ``/`` and ``@``."""
_HOOK = re.compile(r"(?i)(https?://(?:[^\s/]*hook[^\s/]*|[^\s/]+/\S*?hooks?))(/)\S*")
"""The path of a webhook is its key."""
_NAMED = re.compile(rf"(?i)({_NAMES}[\w-]*[\"'\s\\]*(?:[:=]|\bis\b|\bwas\b)\s*)\S.*")
"""A secret that its own name announces: all to the end of the line goes, for a passphrase may hold blanks."""
_NAMED_HEX = re.compile(rf"(?i)({_NAMES}[\w-]*\W{{1,4}})[0-9a-f]{{32,}}")
"""Digits right behind such a name, with nothing between them that says so: seed 9f86d081..."""
SECRET_NAME = re.compile(rf"(?i){_NAMES}|dsn|database_url|webhook|\bkey_(?:hex|bytes)|psk|signing_key")
"""Names of fields whose value is never shown."""
_RUN = re.compile(rf"{_B58}{{51,}}")
_WORD = re.compile(r"[A-Za-z]+")
_GAP = 12
"""Characters that may stand between two words of a mnemonic: blanks, numbers, quotes, line ends."""
LEAST_WORDS = 8
"""So many words of BIP-39 in a row are no prose. The shortest mnemonic has twelve, but some may be misspelt."""


def hide(text: str) -> str:
    """The text without anything that has the form of a secret, or its name before it."""
    text = hide_keys(text)
    text = _USERINFO.sub(lambda found: f"{found[1] or found[2]}{HIDDEN}@", text)
    text = _HOOK.sub(rf"\1\2{HIDDEN}", text)
    text = _NAMED_HEX.sub(rf"\1{HIDDEN}", text)
    return _NAMED.sub(rf"\1{HIDDEN}", text)


def hide_keys(text: str) -> str:
    """The text without what is a key, a mnemonic or a token by its own form alone."""
    for form in _FORMS:
        text = form.sub(HIDDEN, text)
    for first, end in reversed([*_wif_places(text)]):
        text = text[:first] + HIDDEN + text[end:]
    for first, end in reversed([*_mnemonic_places(text)]):
        text = text[:first] + HIDDEN + text[end:]
    return text


def _wif_places(text: str) -> Iterator[tuple[int, int]]:
    """WIFs by their checksum, so that letters before or after hide none."""
    for run in _RUN.finditer(text):
        start = run.start()
        while start + 51 <= run.end():
            length = next((n for n in (52, 51) if start + n <= run.end() and _is_wif(text[start : start + n])), 0)
            if length:
                yield start, start + length
            start += length or 1


def _is_wif(text: str) -> bool:
    if text[0] not in "5KL9c":
        return False
    number = 0
    for letter in text:
        number = number * 58 + _BASE58.index(letter)
    if number >= 1 << 8 * 38:
        return False
    data = number.to_bytes(38, "big").lstrip(b"\0")
    return hashlib.sha256(hashlib.sha256(data[:-4]).digest()).digest()[:4] == data[-4:]


@cache
def _words() -> frozenset[str]:
    """BIP-39's English words, and their first four letters, which tell them apart."""
    return frozenset(WORDLIST) | frozenset(word[:4] for word in WORDLIST)


def _mnemonic_places(text: str) -> Iterator[tuple[int, int]]:
    first, end, count = 0, 0, 0
    for word in _WORD.finditer(text):
        known = word[0].lower() in _words()
        if known and count and word.start() - end <= _GAP:
            count, end = count + 1, word.end()
            continue
        if count >= LEAST_WORDS:
            yield first, end
        first, end, count = (word.start(), word.end(), 1) if known else (0, 0, 0)
    if count >= LEAST_WORDS:
        yield first, end
