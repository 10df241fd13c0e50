"""Every kind of vault and path: spends of ours pass, and the signers are read from the witness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from custody_drill import PHRASE, make_vault
from tower_drill import POLICY, Tower, make_terms, sign_with
from zakhira.adapters.drill_keys import signer_seed, signer_xpub
from zakhira.programme.model import Policy, Recovery, Vault, VaultKey
from zakhira.programme.policy import Quorum, Rule
from zakhira.watch.alarm import AlarmKind, News
from zakhira.watch.state import SeenSpend

BASE = make_vault("cold", "cold", 3, 5)
HEIRS = tuple(VaultKey(f"heir-{number}", signer_xpub(PHRASE, "heirs", f"heir-{number}")) for number in (1, 2, 3))
RECOVERY = Recovery(2, HEIRS, after_blocks=5)
TWINS = Recovery(2, BASE.keys[:3], after_blocks=5)
"""A recovery by keys of the main path, which stand in the script twice."""

VAULTS = {
    "sortedmulti": BASE,
    "decaying": replace(BASE, template="decaying", recovery=RECOVERY),
    "decaying twins": replace(BASE, template="decaying", recovery=TWINS),
    "held": replace(BASE, template="held", held_until_height=3),
    "taproot": replace(BASE, template="taproot"),
    "taproot with recovery": replace(BASE, template="taproot", recovery=RECOVERY),
    "taproot twins": replace(BASE, template="taproot", recovery=TWINS),
}
MAIN_SIGNERS = ("cold-1", "cold-3", "cold-4")


def seed(signer: str) -> bytes:
    """The seed of a signer's device."""
    return signer_seed(PHRASE, "heirs" if signer.startswith("heir") else "cold", signer)


def both_paths(vault: Vault) -> Policy:
    """A policy whose one rule covers both paths."""
    rule = Rule(
        id="both", clause="rule 9", actions=("spend",), paths=("main", "recovery"), propose_roles=("operations",),
        quorums=(Quorum(1, ("treasury",)), Quorum(1, ("audit",))),
    )  # fmt: skip
    return replace(POLICY, vaults=(vault,), rules=(rule,))


def carried_out(vault: Vault, path: str, signers: Sequence[str]) -> tuple[Tower, SeenSpend]:
    """A spend of a coin on this path, signed by these and sent."""
    policy = both_paths(vault)
    tower = Tower(make_terms(vault, policy=policy))
    held = tower.fund(vault, 5_000_000)
    for _ in range(6):
        tower.node.mine(tower.now)
    tower.look()
    instruction = replace(tower.instruction("pay-1", held), path=path)
    tower.say(instruction, "amina", "chand")
    txid = tower.node.send(sign_with(instruction, held, [seed(signer) for signer in signers], policy))
    tower.look()
    return tower, tower.state.spends[txid]


@pytest.mark.parametrize("name", sorted(VAULTS))
def test_a_spend_on_the_main_path(name: str) -> None:
    """Approved and carried out: no alarm beside the vault's own timelocks."""
    tower, spend = carried_out(VAULTS[name], "main", MAIN_SIGNERS)
    assert spend.spend_id == "pay-1"
    assert spend.alarms == ()
    assert set(tower.raised()) <= {AlarmKind.RECOVERY_NEAR, AlarmKind.HOLD_ENDS}


@pytest.mark.parametrize(
    ("name", "signers"),
    [
        ("decaying", ("heir-1", "heir-3")),
        ("taproot with recovery", ("heir-2", "heir-3")),
        ("decaying twins", ("cold-1", "cold-2")),
        ("taproot twins", ("cold-2", "cold-3")),
    ],
)
def test_a_spend_on_the_recovery_path(name: str, signers: tuple[str, ...]) -> None:
    """By the second quorum, with its lock."""
    _, spend = carried_out(VAULTS[name], "recovery", signers)
    assert spend.spend_id == "pay-1"
    assert spend.alarms == ()


@pytest.mark.parametrize("name", ["decaying", "taproot with recovery"])
def test_heirs_who_act_on_their_own(name: str) -> None:
    """The recovery path is used and nobody approved it: the signers' names are told."""
    vault = VAULTS[name]
    policy = both_paths(vault)
    tower = Tower(make_terms(vault, policy=policy))
    held = tower.fund(vault, 5_000_000)
    for _ in range(6):
        tower.node.mine(tower.now)
    tower.look()
    theirs = replace(tower.instruction("theirs", held), path="recovery")
    tower.node.send(sign_with(theirs, held, [seed("heir-1"), seed("heir-2")], policy))
    assert (News.RAISED, AlarmKind.NO_INSTRUCTION) in tower.news()
    assert "heir-1, heir-2" in tower.raised()[AlarmKind.NO_INSTRUCTION]


@pytest.mark.parametrize("name", ["decaying", "taproot with recovery", "sortedmulti", "taproot"])
def test_signers_whom_a_rule_leaves_out(name: str) -> None:
    """The witness tells them apart in each kind of script."""
    vault = VAULTS[name]
    base = both_paths(vault)
    policy = replace(base, rules=(replace(base.rules[0], signers=("cold-1", "cold-2", "cold-3")),))
    tower = Tower(make_terms(vault, policy=policy))
    held = tower.fund(vault, 5_000_000)
    tower.look()
    instruction = tower.instruction("pay-1", held)
    tower.say(instruction, "amina", "chand", policy=policy)
    tower.node.send(sign_with(instruction, held, [seed(f"cold-{n}") for n in (1, 2, 5)], policy))
    assert (News.RAISED, AlarmKind.STRANGE_SIGNER) in tower.news()
    sentence = tower.raised()[AlarmKind.STRANGE_SIGNER]
    assert "keys of cold-5." in sentence
