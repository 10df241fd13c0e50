"""The corpus of planted faults: each file is the policy of the small programme, with what is to be found in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from zakhira.kernel.errors import Fault
from zakhira.programme.dictionary import parse_dictionary
from zakhira.programme.model import Policy, Recovery
from zakhira.programme.validation import parse_programme

ROOT = Path(__file__).resolve().parents[1]
CORPUS = Path(__file__).parent / "controls" / "policy_corpus"
_FINDS = re.compile(r"^# finds: (\S+) (\S*)$", re.MULTILINE)
_RECOVERY = re.compile(r"^# recovery: (\S+) (\d+) of (.+) after (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Planted:
    """A policy and what is wrong with it: codes with table and name of the record."""

    name: str
    policy: Policy
    finds: tuple[str, ...]
    text: str


def programme_text(part: str) -> str:
    """The small programme with another policy and other officers."""
    small = (ROOT / "programmes/small/programme.toml").read_text(encoding="utf-8")
    head, rest = small.split("\n[policy]\n")
    vaults = rest[rest.index("\n[[vault]]") : rest.index("\n[drill]")]
    return f"{head}\n{vaults}\n{part}"


@cache
def read_planted(path: Path) -> Planted:
    """One file of the corpus, read as programme files are."""
    part = path.read_text(encoding="utf-8")
    policy, faults = parsed(programme_text(part))
    assert policy is not None, (path.name, faults)
    found = _RECOVERY.search(part)
    if found:
        policy = with_recovery(policy, found[1], int(found[2]), tuple(found[3].split()), int(found[4]))
    return Planted(path.stem, policy, tuple(f"{code} {place}" for code, place in _FINDS.findall(part)), part)


def parsed(text: str) -> tuple[Policy | None, list[Fault]]:
    """The policy of a programme's text."""
    dictionary = parse_dictionary((ROOT / "src/zakhira/programme/dictionary.csv").read_bytes())
    programme, faults = parse_programme(text.encode(), "p.toml", dictionary)
    return (programme.policy if programme else None), faults


def with_recovery(policy: Policy, name: str, threshold: int, signers: tuple[str, ...], after: int) -> Policy:
    """The policy with a recovery path at one vault, as vaults of the books can have it."""
    return replace(
        policy,
        vaults=tuple(
            vault
            if vault.id != name
            else replace(
                vault, recovery=Recovery(threshold, tuple(k for k in vault.keys if k.signer in signers), after)
            )
            for vault in policy.vaults
        ),
    )


def corpus() -> list[Path]:
    """Every file."""
    return sorted(CORPUS.glob("*.toml"))
