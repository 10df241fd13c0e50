"""The keys that a reader trusts, known from elsewhere than the pack: one ``officer key`` on each line."""

from __future__ import annotations

import re
from collections.abc import Mapping

from zakhira.kernel.errors import Fault, Faults

NO_KEYS = "ZK-PROOFS-010"
"""The file of trusted keys names no key."""
BAD_LINE = "ZK-PROOFS-011"
"""A line of the file of trusted keys is not an officer and a key."""
REPEATED = "ZK-PROOFS-012"
"""An officer or a key stands twice in the file of trusted keys."""

_LINE = re.compile(r"(?P<officer>\S+)\s+(?P<key>[0-9a-f]{64})")


def parse_trust(text: str, file: str = "trust file") -> Mapping[str, str]:
    """Officer to Ed25519 public key (64 hex digits). Blank lines and what follows ``#`` do not count.

    Raises:
        Faults: every line that is not ``officer key``, every repeated officer or key, and an empty file.
    """
    faults: list[Fault] = []
    keys: dict[str, str] = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.partition("#")[0].strip()
        if not line:
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            remedy = "Write the officer's id and the 64 hex digits (lower case) of the key."
            faults.append(Fault(file, number, "", BAD_LINE, f"{line[:80]!r} is not 'officer key'.", remedy))
        elif match["officer"] in keys or match["key"] in keys.values():
            remedy = "One officer has one key: keep one line."
            faults.append(
                Fault(file, number, match["officer"], REPEATED, "The officer or the key is repeated.", remedy)
            )
        else:
            keys[match["officer"]] = match["key"]
    if not keys and not faults:
        faults.append(Fault(file, 0, "", NO_KEYS, "The file names no key.", "Ask the programme office for its keys."))
    if faults:
        raise Faults(faults)
    return keys
