"""Ways to spoil a PSBT, as an attacker between builder and signer could."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from zakhira.custody.read_by_embit import parse_psbt

Spoil = Callable[[Any], None]


@pytest.fixture
def spoil() -> Callable[[str, Spoil], str]:
    """Change a PSBT in embit's terms and return it in base64."""

    def change(psbt_base64: str, how: Spoil) -> str:
        psbt = parse_psbt(psbt_base64)
        how(psbt)
        text: str = psbt.to_base64()
        return text

    return change
