"""A signer card: round trips, every fault at its line, and a fingerprint that no swapped card has."""

from __future__ import annotations

from dataclasses import replace

import pytest
from embit.bip32 import HDKey
from embit.networks import NETWORKS
from hypothesis import given, settings
from hypothesis import strategies as st

from custody_drill import CHAIN, COLD, INTAKE, POLICY, seed_of
from hostile_drill import TEMPLATES, honest_spend
from zakhira.custody.descriptor import vault_descriptor
from zakhira.flows.signer_card import (
    SignerCard,
    card_fingerprint,
    card_of_policy,
    card_text,
    policy_of_card,
    read_card,
    read_officers,
    version_of_card,
    with_descriptors,
)
from zakhira.flows.signer_card_text import MAX_CARD_BYTES
from zakhira.kernel.errors import Faults
from zakhira.programme.model import Officer
from zakhira.programme.policy import Quorum, Rule
from zakhira.programme.policy_text import policy_hash

WHOLE = card_of_policy(POLICY, CHAIN)
CARD = replace(WHOLE, policy=None)
"""A card of version 1: quorum and limits of one rule."""
TEXT = card_text(CARD)
OFFICERS = TEXT[: TEXT.index("[[vault]]")]


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_card_is_read_back_as_it_was(template: str) -> None:
    """Every template, recovery keys and drill marks too; the policy has the very vaults and officers."""
    policy = honest_spend(template).policy
    marked = replace(policy, vaults=(policy.vaults[0], replace(policy.vaults[1], is_drill=True)))
    card = card_of_policy(marked, CHAIN)
    assert read_card(card_text(card).encode(), "card") == card
    known = policy_of_card(card)
    assert (known.vaults, known.officers) == (marked.vaults, marked.officers)
    assert (known.approve_roles, known.propose_role) == (policy.approve_roles, policy.propose_role)
    assert (known.sweep_limit_sats, known.fee_limit_sats) == (policy.sweep_limit_sats, policy.fee_limit_sats)


def test_names_with_quotes_and_other_scripts_survive() -> None:
    """An officer's name is text, whatever is in it."""
    officer = replace(POLICY.officers[0], name='آمنہ "Amina" \\ Khan 🌊')
    card = replace(CARD, officers=(officer, *POLICY.officers[1:]))
    assert read_card(card_text(card).encode(), "card") == card


def test_a_card_carries_the_whole_policy() -> None:
    """Rules, payees and all: read back, it is the version of the policy that approvals must name."""
    rule = Rule("pay", "Rule 7", ("spend",), quorums=(Quorum(2, ("treasury", "audit")),), execute_roles=("audit",))
    policy = replace(POLICY, rules=(rule,), vaults=(INTAKE, COLD))
    card = card_of_policy(policy, CHAIN)
    known = read_card(card_text(card).encode(), "card")
    assert known == card
    assert policy_of_card(known) == policy
    assert version_of_card(known) == policy_hash(policy)
    assert version_of_card(CARD) == ""
    assert card_fingerprint(card) not in {card_fingerprint(CARD), card_fingerprint(WHOLE)}
    officers = read_officers(card_text(card)[: card_text(card).index("[[vault]]")].encode(), "card")
    assert (officers.policy, officers.vaults) == (card.policy, ())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("policy = ", "rules = "),
        ('policy = "{', 'policy = "['),
        ("approval_hours", "approval_days"),
        (":48,", ':\\"48\\",'),
    ],
)
def test_a_policy_that_is_none_is_told_with_its_line(before: str, after: str) -> None:
    """No policy, no plain data, an unknown field, a text for a number."""
    text = card_text(WHOLE)
    assert before in text
    with pytest.raises(Faults) as caught:
        read_card(text.replace(before, after).encode(), "card")
    assert "ZK-FLOWS-075" in {fault.code for fault in caught.value.faults}


def _differing() -> dict[str, SignerCard]:
    thief = honest_spend("taproot").vault
    other = Officer("amina", "Amina", "treasury", "ab" * 32)
    return {
        "descriptor": replace(CARD, vaults=(INTAKE, replace(COLD, keys=COLD.keys[::-1], threshold=2))),
        "template": replace(CARD, vaults=(INTAKE, thief)),
        "officer": replace(CARD, officers=(other, *CARD.officers[1:])),
        "quorum": replace(CARD, approve_roles=("treasury",)),
        "proposer": replace(CARD, propose_role="treasury"),
        "limit": replace(CARD, spend_limit_sats=CARD.spend_limit_sats + 1),
        "fee": replace(CARD, fee_limit_sats=CARD.fee_limit_sats + 1),
        "hours": replace(CARD, approval_hours=CARD.approval_hours + 1),
        "clause": replace(CARD, clause="another"),
        "purpose": replace(CARD, vaults=(INTAKE, replace(COLD, purpose="intake"))),
    }


@pytest.mark.parametrize("what", _differing())
def test_a_swapped_card_has_another_fingerprint(what: str) -> None:
    """A descriptor, an officer's key, a limit: whatever is other is heard on the telephone."""
    assert card_fingerprint(_differing()[what]) != card_fingerprint(CARD)


def test_the_fingerprint_is_of_the_content_and_not_of_the_spelling() -> None:
    """Comments and line ends are free; the text does not carry the fingerprint, which a swapped one could keep."""
    spelled = read_card(("# note\n" + TEXT.replace("\n", "\r\n")).encode(), "card")
    assert card_fingerprint(spelled) == card_fingerprint(CARD)
    assert card_fingerprint(CARD) not in TEXT
    groups = card_fingerprint(CARD).split(" ")
    assert [len(group) for group in groups] == [4] * 8


FAULTS = {
    "format": ('format = "zakhira-signer-card"', 'format = "other"', "ZK-FLOWS-074", 0),
    "version": ("version = 1", "version = 3", "ZK-FLOWS-074", 0),
    "true version": ("version = 1", "version = true", "ZK-FLOWS-074", 0),
    "not toml": ("[quorum]", "[quorum", "ZK-FLOWS-074", 6),
    "chain": ('chain = "regtest"', 'chain = "moon"', "ZK-CUSTODY-008", 4),
    "missing": ("spend_limit_sats = 50000000000\n", "", "ZK-FLOWS-075", 6),
    "unknown": ("[quorum]", "[quorum]\nnote = 1", "ZK-FLOWS-075", 7),
    "text": ('clause = "Treasury rules, 4.2"', "clause = 4", "ZK-FLOWS-075", 9),
    "escape": ('clause = "Treasury rules, 4.2"', 'clause = "\\u001b[2J"', "ZK-FLOWS-075", 9),
    "number": ("approval_hours = 48", 'approval_hours = "48"', "ZK-FLOWS-075", 12),
    "zero": ("approval_hours = 48", "approval_hours = 0", "ZK-FLOWS-075", 12),
    "key": ("af618933016b3739", "zz618933016b3739", "ZK-FLOWS-075", 18),
    "no approver": ('approve_roles = ["treasury", "audit"]', "approve_roles = []", "ZK-FLOWS-076", 8),
    "role of nobody": ('approve_roles = ["treasury", "audit"]', 'approve_roles = ["king"]', "ZK-FLOWS-076", 8),
    "too few": ('["treasury", "audit"]', '["audit", "audit"]', "ZK-FLOWS-076", 8),
    "officer twice": ('id = "bilal"', 'id = "amina"', "ZK-FLOWS-076", 21),
    "checksum": ("#rcudjvhd", "#rcudjvhe", "ZK-CUSTODY-009", 41),
    "other function": ("wsh(sortedmulti(2", "combo(sortedmulti(2", "ZK-CUSTODY-064", 41),
    "signers": ('"intake-1", "intake-2", "intake-3"', '"intake-1"', "ZK-FLOWS-075", 42),
    "vault twice": ('id = "cold"', 'id = "intake"', "ZK-FLOWS-076", 46),
    "drill": ("is_drill = false", "is_drill = 0", "ZK-FLOWS-075", 43),
    "main network": ('chain = "regtest"', 'chain = "main"', "ZK-CUSTODY-004", 41),
}


@pytest.mark.parametrize("case", FAULTS)
def test_every_fault_has_its_code_and_line(case: str) -> None:
    """One change each; what is wrong is told with where it stands."""
    before, after, code, line = FAULTS[case]
    assert before in TEXT
    with pytest.raises(Faults) as caught:
        read_card(TEXT.replace(before, after).encode(), "card")
    assert (code, line) in {(fault.code, fault.line) for fault in caught.value.faults}


def test_faults_are_told_together() -> None:
    """Three of them in three places."""
    broken = TEXT.replace("approval_hours = 48", "approval_hours = 0").replace('id = "bilal"', 'id = "amina"')
    with pytest.raises(Faults) as caught:
        read_card(broken.replace('chain = "regtest"', 'chain = "moon"').encode(), "card")
    assert len(caught.value.faults) >= 3


def test_a_card_without_vaults_and_one_too_large() -> None:
    """Officers alone are no card; a megabyte of comments is none either."""
    for source in (OFFICERS.encode(), TEXT.encode() + b"#" * MAX_CARD_BYTES):
        with pytest.raises(Faults):
            read_card(source, "card")


def test_a_private_key_is_never_repeated() -> None:
    """Somebody pastes a private key into the card: refused, and the key is in no message."""
    root = HDKey.from_seed(seed_of(COLD, 1), version=NETWORKS["regtest"]["xprv"])
    secret = root.to_base58()
    assert secret.startswith("tprv")
    start = TEXT.index("]tpub") + 1
    with pytest.raises(Faults) as caught:
        read_card((TEXT[:start] + secret + TEXT[TEXT.index("/<0;1>", start) :]).encode(), "card")
    assert secret not in str(caught.value)


def test_the_plain_form_is_descriptors_and_officers() -> None:
    """A lone descriptor is that of the vault that pays; further ones have their names before them."""
    known = read_officers(OFFICERS.encode(), "officers")
    lone = with_descriptors(known, vault_descriptor(COLD).encode() + b"\n", "d", "cold")
    assert [vault_descriptor(vault) for vault in lone.vaults] == [vault_descriptor(COLD)]
    assert lone.vaults[0].id == "cold"
    text = f"# ours\ncold {vault_descriptor(COLD)}\n\nintake {vault_descriptor(INTAKE)}\n"
    assert [vault.id for vault in with_descriptors(known, text.encode(), "d", "x").vaults] == ["cold", "intake"]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"# nothing\n",
        b"cold wsh()",
        f"cold {vault_descriptor(COLD)[:-1]}x".encode(),
        f"a {vault_descriptor(COLD)}\na {vault_descriptor(INTAKE)}".encode(),
        b"\xff\xfe\x00",
        b"#" * (MAX_CARD_BYTES + 1),
    ],
)
def test_descriptors_that_will_not_do(text: bytes) -> None:
    """Nothing, a broken one, a wrong checksum, a name twice, bytes that are no text, too much."""
    with pytest.raises(Faults):
        with_descriptors(read_officers(OFFICERS.encode(), "officers"), text, "d", "cold")


@settings(max_examples=250)
@given(place=st.integers(0, len(TEXT) - 1), cut=st.integers(0, 20), more=st.text(max_size=6))
def test_a_changed_text_is_refused_or_heard(place: int, cut: int, more: str) -> None:
    """Letters changed anywhere: faults with codes, the same card (in a comment), or another fingerprint."""
    changed = TEXT[:place] + more + TEXT[place + cut :]
    try:
        card = read_card(changed.encode("utf-8", "surrogatepass"), "card")
    except Faults:
        return
    assert (card == CARD) == (card_fingerprint(card) == card_fingerprint(CARD))
