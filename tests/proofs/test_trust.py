"""The reader's own list of keys is read strictly, with every fault and its line."""

from __future__ import annotations

import pytest

from zakhira.kernel.errors import Faults
from zakhira.proofs.trust import BAD_LINE, NO_KEYS, REPEATED, parse_trust

KEY, OTHER = "ab" * 32, "cd" * 32


def test_officers_and_keys_are_read_with_comments() -> None:
    """Blank lines and comments do not count."""
    text = f"# from the gazette\n\namina {KEY}\nchand\t{OTHER}  # audit\n"
    assert parse_trust(text) == {"amina": KEY, "chand": OTHER}


def test_every_fault_is_told_with_its_line() -> None:
    """A short key, upper case, a repeated officer and a repeated key, all together."""
    text = f"amina {KEY}\nbilal abcd\ndara {OTHER.upper()}\namina {OTHER}\nchand {KEY}\n"
    with pytest.raises(Faults) as caught:
        parse_trust(text, "keys.txt")
    found = [(fault.line, fault.code) for fault in caught.value.faults]
    assert found == [(2, BAD_LINE), (3, BAD_LINE), (4, REPEATED), (5, REPEATED)]
    assert {fault.file for fault in caught.value.faults} == {"keys.txt"}


@pytest.mark.parametrize("text", ["", "# nothing\n"])
def test_an_empty_list_is_a_fault(text: str) -> None:
    """Nobody to trust: nothing could be verified."""
    with pytest.raises(Faults) as caught:
        parse_trust(text)
    assert caught.value.faults[0].code == NO_KEYS
