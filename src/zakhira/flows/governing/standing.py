"""The state of authority at a moment, read from the books."""

from __future__ import annotations

from zakhira.controls.acts.authority import Authority
from zakhira.controls.engine.standing import Standing
from zakhira.flows.governing.acts import authority_of
from zakhira.flows.treasury import Treasury


def authority_now(treasury: Treasury) -> Authority:
    """Versions, motions, freezes and keys as of now; raises AuthorityForged."""
    return authority_of(treasury.books, treasury.policy, treasury.now)


def standing_of(treasury: Treasury) -> Standing:
    """Which version of the policy is in force, whether there is a freeze, and which keys count no more.

    Raises:
        AuthorityForged: an act of authority in the books does not verify.
    """
    return authority_now(treasury).standing
