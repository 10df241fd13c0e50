"""A policy from where it stands: a programme folder, a reserve, or a policy as JSON, with the place of each rule."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from zakhira.adapters.programme_folder import PROGRAMME_FILE, load_programme_file
from zakhira.flows.governing.acts import authority_of
from zakhira.flows.treasury import vault_records
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import InvalidInput, OutsideFailure
from zakhira.programme.model import Policy
from zakhira.programme.policy_text import policy_hash, policy_of
from zakhira.programme.toml_source import TomlSource, parse_toml
from zakhira.wiring.reserve_desk import Archive, open_archive
from zakhira.wiring.reserve_folder import RESERVE_FILE
from zakhira.wiring.settings import Settings

MAX_POLICY_BYTES = 4 * 1024 * 1024
"""A policy of 10,000 rules is about 3 MB; more than this is some other file."""


class NoPolicyThere(InvalidInput):
    """Neither a programme folder, nor a reserve, nor a policy as JSON."""

    code = "ZK-WIRING-070"


class PolicyUnreadable(OutsideFailure):
    """A policy's file is there and cannot be read."""

    code = "ZK-WIRING-071"


@dataclass(frozen=True)
class PolicySource:
    """A policy with its vaults, and where each of its parts stands in a file, if it stands in one."""

    policy: Policy
    chain: str
    file: str
    lines: TomlSource | None = None

    @property
    def hash(self) -> str:
        """The name of the version."""
        return policy_hash(self.policy)

    def line(self, table: str, name: str, key: str) -> int:
        """The line of a key of the record of ``table`` that is called ``name``, or of the record; 0 without a file."""
        if self.lines is None:
            return 0
        held = self.lines.values.get(table)
        if not isinstance(held, list):
            return self.lines.line((table, key) if key else (table,))
        for index, record in enumerate(held):
            if isinstance(record, dict) and name in (record.get("id"), record.get("officer"), str(record.get("day"))):
                return self.lines.line((table, index, key) if key else (table, index))
        return 0


def read_policy(settings: Settings, place: Path) -> PolicySource:
    """The policy that stands at a place; of a reserve, with the vaults of its books.

    Raises:
        NoPolicyThere: nothing of the kind is there.
        PolicyUnreadable, BadPolicyText: a JSON file.
        Faults and others: what :func:`load_programme_file` and :func:`open_archive` raise.
    """
    if (place / RESERVE_FILE).exists():
        with open_archive(settings, place) as archive:
            return policy_of_reserve(archive)
    if (place / PROGRAMME_FILE).exists():
        programme, source = load_programme_file(place)
        return _with_lines(programme.policy, programme.chain, place, source)
    if place.is_file():
        return _from_json(place)
    raise NoPolicyThere(
        f"{place} holds no {PROGRAMME_FILE} and no {RESERVE_FILE}, and is no policy as JSON.",
        "Name a programme folder, a reserve, or a file that `zakhira policy show --json` wrote.",
    )


def policy_of_reserve(archive: Archive) -> PolicySource:
    """The policy in force of a reserve, with the vaults of its books; with lines where the file says the same."""
    programme, source = load_programme_file(archive.terms.programme)
    policy = authority_of(archive.books, programme.policy, archive.clock()).version.policy
    vaults = tuple(item.vault for item in vault_records(archive.books).values())
    found = _with_lines(replace(policy, vaults=vaults), programme.chain, Path(archive.terms.programme), source)
    return found if policy_hash(policy) == policy_hash(programme.policy) else replace(found, lines=None)


def _with_lines(policy: Policy, chain: str, place: Path, source: bytes) -> PolicySource:
    file = str(place / PROGRAMME_FILE)
    parsed = parse_toml(source, file)
    return PolicySource(policy, chain, file, parsed if isinstance(parsed, TomlSource) else None)


def _from_json(path: Path) -> PolicySource:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_POLICY_BYTES + 1)
    except OSError as error:
        raise PolicyUnreadable(f"{path} cannot be read: {error.strerror}.", "Look at its rights.") from None
    if len(data) > MAX_POLICY_BYTES:
        raise NoPolicyThere(f"{path} has more than {MAX_POLICY_BYTES} bytes.", "Name the policy's file.")
    try:
        body: Json = json.loads(data)
    except (ValueError, RecursionError):
        raise NoPolicyThere(f"{path} is no JSON.", "Name a file that `zakhira policy show --json` wrote.") from None
    told = cast("Mapping[str, Json]", body) if isinstance(body, dict) else {}
    return PolicySource(policy_of(told.get("policy", body)), str(told.get("chain", "")), str(path))
