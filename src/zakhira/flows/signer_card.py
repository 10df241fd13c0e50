"""A signer card: what a signer's machine knows, and nobody can change from afar (chain, vaults, officers, quorum)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from zakhira.custody.descriptor import bdk_network, read_descriptor, vault_descriptor, vault_of_descriptor
from zakhira.custody.refusals import MalformedDescriptor, UnknownChain, WrongNetworkKey
from zakhira.flows.signer_card_text import (
    MAX_CARD_BYTES,
    MAX_DESCRIPTOR_TEXT,
    PUBLIC_KEY,
    BadCardField,
    CardContradiction,
    CardTable,
    CardUnreadable,
    note_repeats,
    read_table,
)
from zakhira.kernel.canonical import Json, NotCanonical, canonical_bytes, content_hash, parse_canonical
from zakhira.kernel.errors import Fault, Faults, ZakhiraError
from zakhira.programme.model import Officer, Policy, Vault
from zakhira.programme.policy_text import BadPolicyText, policy_hash, policy_json, policy_of

FORMAT, VERSION, QUORUM_VERSION = "zakhira-signer-card", 2, 1
"""A card of version 2 carries the whole policy; one of version 1 the quorum and the limits of one rule."""
MAX_POLICY_TEXT = 500_000
"""A policy of 200 rules, 200 payees and 100 officers has about 150,000 characters."""
FINGERPRINT_HEX = 32
"""128 bits: nobody finds another card with the same ones."""
GROUP_HEX = 4
_HEADS = ("format", "version", "chain")
_QUORUM = ("propose_role", "approve_roles", "clause", "spend_limit_sats", "fee_limit_sats", "approval_hours")


@dataclass(frozen=True)
class SignerCard:
    """The rules by which a signer judges a spend. Limits are in sats for one spend, and in hours for approvals."""

    chain: str
    propose_role: str
    approve_roles: tuple[str, ...]
    clause: str
    spend_limit_sats: int
    fee_limit_sats: int
    approval_hours: int
    officers: tuple[Officer, ...]
    vaults: tuple[Vault, ...]
    policy: Policy | None = None
    """the whole policy without vaults, of which the fields above are what a card of version 1 has"""


def card_of_policy(policy: Policy, chain: str) -> SignerCard:
    """The card of the policy in force: what its signers need of it."""
    return SignerCard(
        chain,
        policy.propose_role,
        policy.approve_roles,
        policy.clause,
        policy.sweep_limit_sats,
        policy.fee_limit_sats,
        policy.approval_hours,
        policy.officers,
        policy.vaults,
        replace(policy, vaults=()),
    )


def version_of_card(card: SignerCard) -> str:
    """The hash of the policy's version, under which approvals must be; empty on a card of version 1."""
    return "" if card.policy is None else policy_hash(card.policy)


def policy_of_card(card: SignerCard) -> Policy:
    """The policy as far as a signer knows it; on a card of version 1 what plays no part in signing is 0."""
    if card.policy is not None:
        return replace(card.policy, vaults=card.vaults)
    return Policy(
        roles=tuple(dict.fromkeys((card.propose_role, *card.approve_roles, *(o.role for o in card.officers)))),
        officers=card.officers,
        vaults=card.vaults,
        propose_role=card.propose_role,
        approve_roles=card.approve_roles,
        sweep_signers=0,
        sweep_every_days=0,
        sweep_limit_sats=card.spend_limit_sats,
        fee_limit_sats=card.fee_limit_sats,
        fee_rate_sat_per_vb=0,
        confirmations=0,
        approval_hours=card.approval_hours,
        community_share=0.0,
        clause=card.clause,
    )


def _signers(vault: Vault) -> tuple[str, ...]:
    """The signers of a vault in the order in which their keys first stand in its descriptor."""
    keys = (*vault.keys, *(vault.recovery.keys if vault.recovery else ()))
    return tuple({key.xpub: key.signer for key in keys}.values())


def _quorum_json(card: SignerCard) -> dict[str, Json]:
    return {
        "quorum": {
            "propose_role": card.propose_role,
            "approve_roles": list(card.approve_roles),
            "clause": card.clause,
            "spend_limit_sats": card.spend_limit_sats,
            "fee_limit_sats": card.fee_limit_sats,
            "approval_hours": card.approval_hours,
        },
        "officer": [{"id": o.id, "name": o.name, "role": o.role, "public_key": o.public_key} for o in card.officers],
    }


def _card_json(card: SignerCard) -> dict[str, Json]:
    known = _quorum_json(card) if card.policy is None else {"policy": policy_json(card.policy)}
    return {
        "format": FORMAT,
        "version": QUORUM_VERSION if card.policy is None else VERSION,
        "chain": card.chain,
        **known,
        "vault": [
            {
                "id": vault.id,
                "purpose": vault.purpose,
                "descriptor": vault_descriptor(vault),
                "signers": list(_signers(vault)),
                "is_drill": vault.is_drill,
            }
            for vault in card.vaults
        ],
    }


def card_fingerprint(card: SignerCard) -> str:
    """Eight groups of four hex digits over all that the card says, to be compared by telephone; spelling is free."""
    digits = content_hash(_card_json(card))[:FINGERPRINT_HEX]
    return " ".join(digits[start : start + GROUP_HEX] for start in range(0, FINGERPRINT_HEX, GROUP_HEX))


def _toml(value: Json) -> str:
    """A value as TOML writes it; basic strings and arrays have the spelling of JSON."""
    return json.dumps(value, ensure_ascii=False)


def card_text(card: SignerCard) -> str:
    """The card as TOML; read again it is the same card."""
    body = _card_json(card)
    lines = [
        # No fingerprint here: whoever swaps the card would leave it standing.
        "# What this signer knows. `zakhira signer show` prints its fingerprint: compare it by telephone before use.",
        *(f"{name} = {_toml(body[name])}" for name in _HEADS),
    ]
    if card.policy is not None:
        lines.append(f"policy = {_toml(canonical_bytes(body['policy']).decode())}")
    else:
        quorum = body["quorum"]
        assert isinstance(quorum, dict), "the card's quorum is a table"
        lines += ["", "[quorum]", *(f"{name} = {_toml(value)}" for name, value in quorum.items())]
    for kind in ("officer", "vault"):
        tables = body.get(kind, [])
        assert isinstance(tables, list), "officers and vaults are lists of tables"
        for table in tables:
            lines += ["", f"[[{kind}]]", *(f"{name} = {_toml(value)}" for name, value in table.items())]
    return "\n".join(lines) + "\n"


def _officers(card: CardTable) -> tuple[Officer, ...]:
    tables = card.tables("officer")
    for table in tables:
        table.require_names(("id", "name", "role", "public_key"))
        key = table.text("public_key")
        if key and PUBLIC_KEY.fullmatch(key) is None:
            table.fault("public_key", "public_key is not 64 hex digits.", "Ask the officer for it again.")
    note_repeats(tables, "id")
    note_repeats(tables, "public_key")
    return tuple(
        Officer(table.text("id"), table.text("name"), table.text("role"), table.text("public_key")) for table in tables
    )


def _check_roles(quorum: CardTable, officers: Iterable[Officer]) -> None:
    """Note roles of the quorum that too few people hold: with such a card nothing could ever be signed."""
    held = Counter(officer.role for officer in officers)
    approve = quorum.words("approve_roles")
    if not approve:
        quorum.fault("approve_roles", "No role has to approve.", "Name at least one.", CardContradiction.code)
    for role, count in Counter(approve).items():
        if held[role] < count:
            message = f"{count} officers with the role {role!r} must approve; the card has {held[role]}."
            quorum.fault("approve_roles", message, "Add officers.", CardContradiction.code)
    proposer = quorum.text("propose_role")
    if proposer and not held[proposer]:
        quorum.fault("propose_role", f"No officer holds {proposer!r}.", "Add one.", CardContradiction.code)


def _vault(table: CardTable, chain: str) -> Vault | None:
    table.require_names(("id", "purpose", "descriptor", "signers"), ("is_drill",))
    descriptor, names = table.text("descriptor", MAX_DESCRIPTOR_TEXT), table.words("signers")
    if not descriptor:
        return None
    try:
        shape = read_descriptor(descriptor)
        _require_network(descriptor, chain)
    except ZakhiraError as error:
        table.fault("descriptor", error.message, error.remedy, error.code)
        return None
    keys = tuple(dict.fromkeys((*shape.keys, *shape.recovery_keys)))
    if len(names) != len(keys) or len(set(names)) < len(names):
        table.fault("signers", f"{len(names)} signers do not name {len(keys)} keys, each once.", "Name each.")
        return None
    vault = vault_of_descriptor(
        descriptor, table.text("id"), table.text("purpose"), dict(zip(keys, names, strict=True))
    )
    return replace(vault, is_drill=table.flag("is_drill"))


def _require_network(descriptor: str, chain: str) -> None:
    if ("]xpub" in descriptor) != (chain == "main"):
        raise WrongNetworkKey(f"The descriptor's keys are not of the chain {chain}.", "Use the card of that chain.")


def _chain(card: CardTable) -> str:
    chain = card.text("chain")
    try:
        bdk_network(chain)
    except UnknownChain as error:
        card.fault("chain", error.message, error.remedy, error.code)
    return chain


def _require_format(card: CardTable) -> None:
    version = card.values.get("version")
    if card.values.get("format") != FORMAT or version is True or version not in {QUORUM_VERSION, VERSION}:
        message = f"The file does not call itself {FORMAT} of version {QUORUM_VERSION} or {VERSION}."
        raise Faults([Fault(card.source.file, 0, "format", CardUnreadable.code, message, "Give the signer card.")])


def _policy(card: CardTable) -> Policy | None:
    """The policy of a card of version 2; what is wrong with it is noted."""
    text = card.text("policy", MAX_POLICY_TEXT)
    if not text:
        return None
    try:
        return policy_of(parse_canonical(text.encode()))
    except (NotCanonical, BadPolicyText) as error:
        card.fault("policy", error.message, "Ask for the card again.")
        return None


def _of_policy(card: CardTable, chain: str) -> SignerCard:
    """What a card of version 2 says of the policy."""
    policy = _policy(card)
    if policy is None:
        return SignerCard(chain, "", (), "", 0, 0, 0, (), ())
    return card_of_policy(policy, chain)


def _of_quorum(card: CardTable, chain: str) -> SignerCard:
    """What a card of version 1 says of quorum and limits."""
    quorum, officers = card.table("quorum"), _officers(card)
    quorum.require_names(_QUORUM)
    _check_roles(quorum, officers)
    return SignerCard(
        chain=chain,
        propose_role=quorum.text("propose_role"),
        approve_roles=quorum.words("approve_roles"),
        clause=quorum.text("clause"),
        spend_limit_sats=quorum.whole("spend_limit_sats", 1),
        fee_limit_sats=quorum.whole("fee_limit_sats", 1),
        approval_hours=quorum.whole("approval_hours", 1),
        officers=officers,
        vaults=(),
    )


def _read(source: bytes, file: str, *, with_vaults: bool) -> SignerCard:
    card = read_table(source, file)
    if isinstance(card, Fault):
        raise Faults([card])
    _require_format(card)
    is_whole = card.values["version"] == VERSION
    known = ("policy",) if is_whole else ("quorum", "officer")
    card.require_names((*_HEADS, *known, *(("vault",) if with_vaults else ())))
    chain = _chain(card)
    read = _of_policy(card, chain) if is_whole else _of_quorum(card, chain)
    tables = card.tables("vault") if with_vaults else ()
    note_repeats(tables, "id")
    vaults = [_vault(table, chain) for table in tables]
    if with_vaults and not tables:
        card.fault("vault", "The card names no vault.", "Ask for the card again.", CardContradiction.code)
    if card.faults:
        raise Faults(sorted(set(card.faults)))
    return replace(read, vaults=tuple(vault for vault in vaults if vault is not None))


def read_card(source: bytes, file: str) -> SignerCard:
    """The card that these bytes are.

    Raises:
        Faults: everything that is wrong, each with its line and key.
    """
    return _read(source, file, with_vaults=True)


def read_officers(source: bytes, file: str) -> SignerCard:
    """A card without vaults: officers, quorum and chain alone; raises what :func:`read_card` raises."""
    return _read(source, file, with_vaults=False)


def with_descriptors(card: SignerCard, text: bytes, file: str, from_vault: str) -> SignerCard:
    """A card without vaults with those of a text: a line for each, ``NAME DESCRIPTOR`` or a descriptor alone.

    A descriptor without a name is taken to be that of ``from_vault``, the vault that the spend says it pays from: the
    coins must then be its own, or nothing is signed.

    Raises:
        Faults: a line is no descriptor of one of our templates for the card's chain, or a name is given twice.
    """
    lines = text[: MAX_CARD_BYTES + 1].decode("utf-8", "replace").splitlines()
    faults: list[Fault] = []
    vaults: dict[str, Vault] = {}
    for number, line in enumerate(lines, start=1):
        name, _, descriptor = line.strip().rpartition(" ")
        if not descriptor or line.lstrip().startswith("#"):
            continue
        name = name.strip() or from_vault
        try:
            _require_network(descriptor, card.chain)
            vault = vault_of_descriptor(descriptor, name, name)
        except ZakhiraError as error:
            faults.append(Fault(file, number, "", error.code, error.message, error.remedy))
            continue
        if name in vaults:
            message = f"Vault {name[:40]!r} has two descriptors."
            faults.append(Fault(file, number, "", CardContradiction.code, message, "Give each vault its own name."))
        vaults[name] = vault
    if not vaults and not faults:
        faults.append(
            Fault(
                file, 0, "", MalformedDescriptor.code, "The file holds no descriptor.", "Give the vault's descriptor."
            )
        )
    if len(text) > MAX_CARD_BYTES:
        faults.append(Fault(file, 0, "", CardUnreadable.code, f"The file has {len(text)} bytes.", "Give it alone."))
    if faults:
        raise Faults(faults)
    return replace(card, vaults=tuple(vaults.values()))


__all__ = [
    "BadCardField",
    "CardContradiction",
    "CardUnreadable",
    "SignerCard",
    "card_fingerprint",
    "card_of_policy",
    "card_text",
    "policy_of_card",
    "read_card",
    "read_officers",
    "version_of_card",
    "with_descriptors",
]
