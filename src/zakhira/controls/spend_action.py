"""What a spend is to the policy: it pays somebody outside, moves coins between vaults of ours, or takes them home."""

from __future__ import annotations

from collections.abc import Sequence

SPEND, MOVE, HOME = "spend", "move", "home"


def spend_action(from_vault: str, replaces: str, vaults: Sequence[str]) -> str:
    """The action that a rule is about, by where the coins go and never by what somebody calls it.

    ``vaults`` has for each destination the vault of ours that derives its address, empty for whoever else. ``replaces``
    names the spend whose coin is taken back: only to the very vault that it comes from is that a way home.
    """
    if not vaults or not all(vaults):
        return SPEND
    return HOME if replaces and set(vaults) == {from_vault} else MOVE
