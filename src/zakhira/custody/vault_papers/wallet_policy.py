"""Wallet policies: a template with placeholders and the vector of keys, as hardware signers register them (BIP-388).

Written as JSON with the names that Ledger's client library gives the parts (``name``, ``descriptor_template``,
``keys_info``; LedgerHQ/app-bitcoin-new, doc/wallet.md, read 2026-11), hardened steps as ``'``. BitBox02, Jade and
Ledger take the same template and keys. A taproot vault of ours cannot be said: its internal key is the bare point H,
and BIP-388 knows no key but an extended one behind a placeholder ("Expression with a non-KP key present" is invalid).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from zakhira.custody.descriptor import vault_descriptor
from zakhira.custody.key_origin import parse_key
from zakhira.custody.template import BRANCHES, DECAYING, HELD, MAX_DESCRIPTOR_CHARACTERS, SORTEDMULTI
from zakhira.custody.vault_papers.descriptor_forms import ANY_BRANCHES, Spelling, respell, take_vault
from zakhira.custody.vault_papers.paper import PaperKind, PaperRequest, ReadPaper, Taking
from zakhira.custody.vault_papers.text import label_of, require_text
from zakhira.custody.vault_refusals import BadWalletPolicy
from zakhira.kernel.canonical import Json

KIND = PaperKind(
    "wallet-policy",
    "BIP-388 wallet policy (template and keys) as Ledger, BitBox02 and Jade register it; no taproot.",
    "-policy.json",
    (SORTEDMULTI, DECAYING, HELD),
)
MAX_NAME = 16
"""Letters of a policy's name on a Ledger (doc/wallet.md: 1 to 16, ASCII)."""
MAX_POLICY_KEYS = 64
TEMPLATE_NAMES = ("descriptor_template", "desc_template", "policy")
KEYS_NAMES = ("keys_info", "keys")
_KEY = re.compile(r"\[[^\]]*\][1-9A-HJ-NP-Za-km-z]+")
_PLACEHOLDER = re.compile(r"@(?P<number>0|[1-9]\d{0,2})(?P<path>/\*\*|/<(?P<first>\d{1,10});(?P<second>\d{1,10})>/\*)?")
_STRANGER = re.compile(r"pub[1-9A-HJ-NP-Za-km-z]{20}|[(,]0[23][0-9a-fA-F]{64}|[(,][0-9a-fA-F]{64}\b")
"""A key that is written out where BIP-388 has placeholders alone."""
_MUSIG_PART = re.compile(r"musig\([^)]*\)(/\*\*|/<\d{1,10};\d{1,10}>/\*)?")


def write_wallet_policy(request: PaperRequest) -> str:
    """The policy as JSON; the kind's templates are those that can be said."""
    vault = request.record.vault
    body = vault_descriptor(vault).partition("#")[0]
    keys = list(dict.fromkeys(match[0] for match in _KEY.finditer(body)))
    template = _KEY.sub(lambda match: f"@{keys.index(match[0])}", body).replace(BRANCHES, ANY_BRANCHES)
    policy = {
        "name": "".join(letter for letter in vault.id if " " <= letter <= "~")[:MAX_NAME].strip() or "vault",
        "descriptor_template": template,
        "keys_info": [re.sub(r"h(?=[/\]])", "'", key) for key in keys],
    }
    return json.dumps(policy, indent=2) + "\n"


def _bad(what: str) -> BadWalletPolicy:
    return BadWalletPolicy(f"The wallet policy is not one of BIP-388: {what}.", "Export it again from its program.")


def _check_order(numbers: Sequence[int], keys: int) -> None:
    """Placeholders come first in their order, none is left out, and the vector has a key for each."""
    first_seen = list(dict.fromkeys(numbers))
    if not first_seen:
        raise _bad("it has no placeholder")
    if first_seen[0] != 0 or any(after != before + 1 for before, after in pairwise(first_seen)):
        raise _bad("its placeholders are out of order or one is left out")
    if keys >= 0 and len(first_seen) != keys:
        raise _bad(f"it has {len(first_seen)} placeholders and {keys} keys")


def _check_paths(template: str) -> None:
    """A path after every placeholder, and no step of the same key twice; ``musig`` has its path behind it."""
    taken: dict[str, set[int]] = {}
    for match in _MUSIG_PART.finditer(template):
        if "/" in match[0][: match[0].index(")")]:
            raise _bad("a derivation stands before keys are aggregated")
    plain = _MUSIG_PART.sub("", template)
    for match in _PLACEHOLDER.finditer(plain):
        follows = plain[match.end() : match.end() + 1]
        if match["path"] is None or follows not in {",", ")", "}", ""}:
            raise _bad("a placeholder has no path of two branches after it")
        steps = {0, 1} if match["first"] is None else {int(match["first"]), int(match["second"])}
        if len(steps) < 2 or max(steps) >= 2**31:  # noqa: PLR2004  # two branches; BIP-32's last step that is not hardened
            raise _bad("the branches of a placeholder are not two steps below 2^31")
        if steps & taken.setdefault(match["number"], set()):
            raise _bad(f"@{match['number']} stands twice at the same branch")
        taken[match["number"]] |= steps


def check_policy_template(template: str, keys: int = -1) -> None:
    """The rules of BIP-388 for a template; ``keys`` is the length of the vector, -1 if there is none.

    Raises:
        BadWalletPolicy: it breaks one of them.
    """
    if len(template) > MAX_DESCRIPTOR_CHARACTERS or not (template.isascii() and template.isprintable()):
        raise _bad("the template is too long or holds other letters than ASCII")
    if _STRANGER.search(template):
        raise _bad("a key stands in the template itself")
    if len(_PLACEHOLDER.findall(template)) != template.count("@"):
        raise _bad("a placeholder is not @ and a number")
    _check_order([int(match["number"]) for match in _PLACEHOLDER.finditer(template)], keys)
    _check_paths(template)


def policy_body(template: str, keys: Sequence[str]) -> str:
    """The descriptor, without checksum, that a policy stands for.

    Raises:
        BadWalletPolicy: it breaks a rule of BIP-388, or two of its keys are one.
    """
    if len(set(keys)) < len(keys):
        raise _bad("a key stands twice in its vector")
    check_policy_template(template, len(keys))
    return _PLACEHOLDER.sub(lambda match: keys[int(match["number"])] + (match["path"] or ""), template).replace(
        ANY_BRANCHES, BRANCHES
    )


def read_wallet_policy(found: Mapping[str, Json], taking: Taking) -> ReadPaper:
    """The vault of a policy.

    Raises:
        BadWalletPolicy: it breaks a rule of BIP-388.
        UnsupportedDescriptor, MalformedDescriptor and what else custody.descriptor raises: it is none of our templates.
    """
    template = require_text(found, next((name for name in TEMPLATE_NAMES if name in found), TEMPLATE_NAMES[0]))
    keys = next((found[name] for name in KEYS_NAMES if name in found), None)
    if not isinstance(keys, list) or not 1 <= len(keys) <= MAX_POLICY_KEYS:
        raise _bad("it has no vector of keys")
    texts = [parse_key(key).text if isinstance(key, str) else "" for key in keys]
    if "" in texts:
        raise _bad("a key of its vector is no text")
    spelled = respell(policy_body(template, texts), needs_checksum=False)
    return take_vault(KIND.name, Spelling(spelled.body, ()), taking).called(label_of(found.get("name")))
