"""What an advisory about a signer touches: which keys, which quorums, and in which order to move to new ones."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zakhira.custody.coin import MAIN, RECOVERY
from zakhira.custody.firmware import FirmwareRange
from zakhira.custody.key_origin import parse_key
from zakhira.custody.key_register import RegisteredKey
from zakhira.custody.vault_state import RETIRED, VaultRecord
from zakhira.kernel.canonical import Json
from zakhira.programme.model import VaultKey

AT_ONCE, BEFORE_MATURITY, SOON, NO_COINS = "at once", "before the recovery path opens", "soon", "no coins"
URGENCIES = (AT_ONCE, BEFORE_MATURITY, SOON, NO_COINS)
"""How soon a vault must be left, the most urgent first."""


@dataclass(frozen=True)
class AdvisoryScope:
    """What the advisory names. ``vendor`` may be the maker or the product's name; empty texts leave a field open.

    ``firmware`` is the range of versions that *made* weak keys. ``entropy_source`` is the source that was weak: a key
    that had another one as well (``device and dice``) is shown, and not counted as weak.
    """

    vendor: str
    firmware: FirmwareRange
    entropy_source: str = ""


@dataclass(frozen=True)
class PathAtRisk:
    """One way to spend of a vault with the keys of it that the advisory names."""

    path: str
    threshold: int
    weak: tuple[str, ...]
    sound: tuple[str, ...]
    after_blocks: int = 0

    @property
    def missing(self) -> int:
        """How many sound keys somebody would need beside all the weak ones; 0: the weak ones suffice."""
        return max(0, self.threshold - len(self.weak))

    @property
    def is_complete(self) -> bool:
        """Whether the weak keys alone can spend."""
        return self.missing == 0


@dataclass(frozen=True)
class VaultAtRisk:
    """A vault with at least one weak key. ``held_sats`` is what it holds, ``held_until_height`` 0 or its lock."""

    vault: str
    state: str
    held_sats: int
    paths: tuple[PathAtRisk, ...]
    held_until_height: int = 0

    @property
    def urgency(self) -> str:
        """How soon it must be left."""
        complete = {path.path for path in self.paths if path.is_complete}
        if not self.held_sats:
            return NO_COINS
        if MAIN in complete:
            return AT_ONCE
        return BEFORE_MATURITY if RECOVERY in complete else SOON


@dataclass(frozen=True)
class RotationStep:
    """What to do about one vault. ``replace`` are signers whose key must be made anew, ``move_with`` those who sign."""

    vault: str
    urgency: str
    replace: tuple[str, ...]
    move_with: tuple[str, ...]
    instructions: tuple[str, ...]


@dataclass(frozen=True)
class Advisory:
    """What an advisory means here.

    ``keys`` are weak; of those in ``unclear`` the firmware cannot be compared, so that they count as weak; ``mixed``
    had a second source of randomness, and ``idle`` are weak keys that stand in no vault. ``vaults`` and ``plan`` are
    in the order in which to act.
    """

    keys: tuple[RegisteredKey, ...]
    unclear: tuple[RegisteredKey, ...]
    mixed: tuple[RegisteredKey, ...]
    idle: tuple[RegisteredKey, ...]
    vaults: tuple[VaultAtRisk, ...]
    plan: tuple[RotationStep, ...]


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _is_of_vendor(key: RegisteredKey, vendor: str) -> bool:
    """Whether the maker is named, or the product by words of its name: ``Coinkite``, ``Coldcard``, ``Mk4``."""
    asked = _words(vendor)
    if not asked or asked == _words(key.vendor):
        return True
    device = _words(f"{key.vendor} {key.device}")
    return any(device[start : start + len(asked)] == asked for start in range(len(device)))


def _sources(text: str) -> set[str]:
    """The sources of ``device and dice``, ``device + dice`` or ``device, dice``."""
    return {part.strip() for part in re.split(r"\band\b|[+,&/]", text.casefold()) if part.strip()}


def _sorted_out(
    register: Sequence[RegisteredKey], scope: AdvisoryScope
) -> tuple[list[RegisteredKey], list[RegisteredKey], list[RegisteredKey]]:
    """Weak keys, those of them whose firmware cannot be compared, and keys with a second source."""
    weak, unclear, mixed = [], [], []
    for key in register:
        touched = scope.firmware.touches(key.firmware)
        if not _is_of_vendor(key, scope.vendor) or touched is False:
            continue
        sources, named = _sources(key.entropy_source), _sources(scope.entropy_source)
        if named and not named & sources:
            continue
        if named and sources - named:
            mixed.append(key)
            continue
        weak.append(key)
        if touched is None:
            unclear.append(key)
    return weak, unclear, mixed


def _path(
    name: str, threshold: int, keys: Sequence[VaultKey], weak: Mapping[str, str], after_blocks: int = 0
) -> PathAtRisk:
    """A path's keys by whether the key itself is weak, whatever the vault calls its signer."""
    of = [(key.signer, parse_key(key.xpub).identity in weak) for key in keys]
    return PathAtRisk(
        name,
        threshold,
        tuple(signer for signer, is_weak in of if is_weak),
        tuple(signer for signer, is_weak in of if not is_weak),
        after_blocks,
    )


def _at_risk(record: VaultRecord, weak: Mapping[str, str], held_sats: int) -> VaultAtRisk | None:
    vault = record.vault
    paths = [_path(MAIN, vault.threshold, vault.keys, weak)]
    if vault.recovery:
        rest = vault.recovery
        paths.append(_path(RECOVERY, rest.threshold, rest.keys, weak, rest.after_blocks))
    if not any(path.weak for path in paths):
        return None
    return VaultAtRisk(vault.id, record.state, held_sats, tuple(paths), vault.held_until_height)


def _named(signers: Sequence[str]) -> str:
    return ", ".join(signers)


def _movers(risk: VaultAtRisk) -> tuple[str, ...]:
    """Who signs the way out: as many sound signers as the quorum takes, and weak ones only where they are needed."""
    main = risk.paths[0]
    return (*main.sound, *main.weak)[: main.threshold]


def _instructions(risk: VaultAtRisk, record: VaultRecord, replaced: tuple[str, ...]) -> tuple[str, ...]:
    vault, main = record.vault, risk.paths[0]
    told = [
        (
            f"Make a successor of template {vault.template} with {vault.threshold} of {len(vault.keys)} keys: new "
            f"seeds for {_named(replaced)}, made outside the advisory's firmware; an update does not mend a key."
        ),
        (
            "The other signers give a further account of their devices: a key serves one vault. No maker, site or "
            f"person may hold {vault.threshold} of them."
        ),
    ]
    for path in risk.paths:
        if path.is_complete:
            opens = f" once a coin is {path.after_blocks} blocks old" if path.after_blocks else ""
            told.append(f"The weak keys alone complete the {path.path} path ({path.threshold} keys){opens}.")
        elif path.weak:
            told.append(f"Beside the weak keys of the {path.path} path {path.missing} sound would complete it.")
    if len(main.sound) < main.threshold:
        told.append(f"Weak keys must sign the way out too: {len(main.sound)} sound ones are fewer than it takes.")
    if vault.held_until_height:
        told.append(
            f"Nobody can move these coins before block {vault.held_until_height}. Have the move signed and sent in the "
            "block in which it becomes valid; whoever has the weak keys can try the same."
        )
    if risk.held_sats:
        told.append("Test-sign the successor with every key, then move all coins; hand out no address of this vault.")
    else:
        told.append("It holds no coins: hand out no address of it, watch it, and retire it.")
    return tuple(told)


def _step(risk: VaultAtRisk, record: VaultRecord) -> RotationStep:
    replaced = tuple(dict.fromkeys(signer for path in risk.paths for signer in path.weak))
    movers = _movers(risk) if risk.held_sats else ()
    return RotationStep(risk.vault, risk.urgency, replaced, movers, _instructions(risk, record, replaced))


def keys_at_risk(
    register: Sequence[RegisteredKey],
    records: Sequence[VaultRecord],
    scope: AdvisoryScope,
    held_sats: Mapping[str, int],
) -> Advisory:
    """What an advisory touches, and the plan: vaults that weak keys can complete first, then those with more coins.

    ``held_sats`` is what each vault holds, by its id; a vault that is not named there holds nothing. Retired vaults are
    looked at as long as they hold something.
    """
    weak, unclear, mixed = _sorted_out(register, scope)
    identities = {parse_key(key.xpub).identity: key.signer for key in weak}
    by_id = {record.vault.id: record for record in records}
    risks = [_at_risk(record, identities, held_sats.get(record.vault.id, 0)) for record in records]
    found = [risk for risk in risks if risk is not None and (risk.state != RETIRED or risk.held_sats)]
    found.sort(key=lambda risk: (URGENCIES.index(risk.urgency), -risk.held_sats, risk.vault))
    used = {
        parse_key(key.xpub).identity
        for record in records
        for key in (*record.vault.keys, *(record.vault.recovery.keys if record.vault.recovery else ()))
    }
    return Advisory(
        keys=tuple(weak),
        unclear=tuple(unclear),
        mixed=tuple(mixed),
        idle=tuple(key for key in weak if parse_key(key.xpub).identity not in used),
        vaults=tuple(found),
        plan=tuple(_step(risk, by_id[risk.vault]) for risk in found),
    )


def advisory_json(advisory: Advisory) -> dict[str, Json]:
    """The same as plain data."""
    groups = ("keys", "unclear", "mixed", "idle")
    named: dict[str, Json] = {group: [key.signer for key in getattr(advisory, group)] for group in groups}
    vaults: list[Json] = [
        {
            "vault": risk.vault,
            "state": risk.state,
            "held_sats": risk.held_sats,
            "held_until_height": risk.held_until_height,
            "urgency": risk.urgency,
            "paths": [
                {
                    "path": path.path,
                    "threshold": path.threshold,
                    "weak": list(path.weak),
                    "sound": list(path.sound),
                    "after_blocks": path.after_blocks,
                    "missing": path.missing,
                }
                for path in risk.paths
            ],
        }
        for risk in advisory.vaults
    ]
    plan: list[Json] = [
        {
            "vault": step.vault,
            "urgency": step.urgency,
            "replace": list(step.replace),
            "move_with": list(step.move_with),
            "instructions": list(step.instructions),
        }
        for step in advisory.plan
    ]
    return {**named, "vaults": vaults, "plan": plan}
