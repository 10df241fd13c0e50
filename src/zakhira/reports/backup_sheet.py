"""The backup sheet of a vault as data: what somebody needs in twenty years to find the coins and move them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from zakhira.custody.descriptor import CHANGE, RECEIVE, derive_address, vault_descriptor
from zakhira.custody.key_origin import parse_key
from zakhira.custody.key_register import RegisteredKey
from zakhira.custody.vault_papers.kinds import PAPER_KINDS
from zakhira.custody.vault_state import RETIRED, VaultRecord
from zakhira.programme.model import Vault, VaultKey
from zakhira.reports.document import Figure, Mood, State
from zakhira.reports.numbers import THIN_SPACE, prose, whole

BLOCKS_A_DAY = 144
"""One block in ten minutes, which is what the difficulty aims at."""
RECEIVING_SHOWN, CHANGE_SHOWN = 3, 1
GROUP_LETTERS = 5
CHAIN_NAMES = {"main": "Bitcoin (main)", "test": "testnet", "signet": "signet", "regtest": "regtest"}
NOT_KNOWN = "not registered"


@dataclass(frozen=True)
class SheetKey:
    """A key as the sheet lists it. ``path`` is empty for a master key; ``is_recovery`` says on which path it stands."""

    signer: str
    holder: str
    site: str
    device: str
    fingerprint: str
    path: str
    is_recovery: bool


@dataclass(frozen=True)
class SheetAddress:
    """One of the vault's first addresses. ``place`` is ``receive 0`` or ``change 0``."""

    place: str
    address: str


@dataclass(frozen=True)
class BackupSheet:
    """Everything that stands on the sheet, in the order in which it is read."""

    vault: str
    purpose: str
    headline: str
    figures: tuple[Figure, ...]
    states: tuple[State, ...]
    descriptor: str
    keys: tuple[SheetKey, ...]
    addresses: tuple[SheetAddress, ...]
    warnings: tuple[str, ...]
    steps: tuple[str, ...]
    made_at: datetime
    program_version: str
    is_drill: bool

    @property
    def checksum(self) -> str:
        """The eight letters after the descriptor's ``#``: they name the sheet."""
        return self.descriptor.rpartition("#")[2]

    @property
    def made_text(self) -> str:
        """When it was made, in UTC."""
        return f"{self.made_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def letter_groups(text: str, groups_a_line: int) -> tuple[str, ...]:
    """A long text in lines of groups of five letters, for the eye; without its blanks it is the text again."""
    groups = [text[start : start + GROUP_LETTERS] for start in range(0, len(text), GROUP_LETTERS)]
    return tuple(" ".join(groups[at : at + groups_a_line]) for at in range(0, len(groups), groups_a_line))


def descriptor_parts(descriptor: str) -> tuple[str, ...]:
    """A descriptor in parts that together are the text: what comes before its keys, then each key with what follows."""
    return tuple(re.split(r"(?=\[)", descriptor))


def _age(blocks: int) -> str:
    return f"{whole(blocks)} blocks (about {prose(blocks / BLOCKS_A_DAY)}{THIN_SPACE}days)"


def _quorum(threshold: int, count: int, what: str) -> str:
    if threshold == count:
        return f"all {count} {what}s together" if count > 1 else f"the one {what}"
    return f"any {threshold} of the {count} {what}s"


def _plural(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _headline(vault: Vault) -> str:
    """Who can move the coins, in one sentence or two."""
    main = _quorum(vault.threshold, len(vault.keys), "key")
    said = f"{main[0].upper()}{main[1:]} can move the coins of this vault."
    if vault.recovery:
        rest = vault.recovery
        heirs = _quorum(rest.threshold, len(rest.keys), "recovery key")
        said += f" {heirs[0].upper()}{heirs[1:]} can move a coin once it is {_age(rest.after_blocks)} old."
    if vault.held_until_height:
        said += f" Nobody can before block {whole(vault.held_until_height)}."
    return said


def _figures(record: VaultRecord) -> Iterator[Figure]:
    vault = record.vault
    yield Figure("Signatures", f"{vault.threshold} of {len(vault.keys)}", "keys", "for every payment")
    if vault.recovery:
        rest = vault.recovery
        age = f"after {whole(rest.after_blocks)} blocks"
        yield Figure("Recovery", f"{rest.threshold} of {len(rest.keys)}", "keys", age)
    if vault.held_until_height:
        yield Figure("Held until block", whole(vault.held_until_height), "", "nobody moves a coin before")
    yield Figure("Chain", CHAIN_NAMES.get(record.chain, record.chain), "", f"template {vault.template}")
    yield Figure("Created", f"{record.created_at.astimezone(UTC):%Y-%m-%d}", "", f"by {record.created_by}")


def _states(record: VaultRecord) -> Iterator[State]:
    if record.vault.is_drill:
        yield State(Mood.BAD, "drill", "A drill for ever: its coins are worth nothing and must be worth nothing.")
    if record.state == RETIRED:
        where = f" Its coins went to {record.successor}." if record.successor else ""
        yield State(Mood.BAD, "retired", f"Send nothing to it.{where}")
    if record.untested:
        names = ", ".join(record.untested)
        yield State(
            Mood.OPEN,
            "not tested",
            f"{names} {'has' if len(record.untested) == 1 else 'have'} not test-signed: hand out no address of it.",
        )
    else:
        oldest = min(proof.on for proof in record.test_signed)
        yield State(Mood.GOOD, "tested", f"Every key has test-signed; the longest ago on {oldest:%Y-%m-%d}.")


def _key(key: VaultKey, registered: RegisteredKey | None, *, is_recovery: bool) -> SheetKey:
    origin = parse_key(key.xpub)
    known = registered or RegisteredKey(key.signer, NOT_KNOWN, "", NOT_KNOWN, "", NOT_KNOWN, "", "", key.xpub)
    firmware = f" ({known.firmware})" if known.firmware else ""
    device = " ".join(part for part in (known.vendor, known.device) if part) + firmware
    return SheetKey(key.signer, known.holder, known.site, device, origin.fingerprint, origin.path, is_recovery)


def _keys(vault: Vault, register: Sequence[RegisteredKey]) -> Iterator[SheetKey]:
    """Main keys in the order of the script, then those of the recovery."""
    by_key = {parse_key(key.xpub).identity: key for key in register}
    for key in vault.keys:
        yield _key(key, by_key.get(parse_key(key.xpub).identity), is_recovery=False)
    for key in vault.recovery.keys if vault.recovery else ():
        yield _key(key, by_key.get(parse_key(key.xpub).identity), is_recovery=True)


def _addresses(record: VaultRecord) -> Iterator[SheetAddress]:
    for name, branch, count in (("receive", RECEIVE, RECEIVING_SHOWN), ("change", CHANGE, CHANGE_SHOWN)):
        for index in range(count):
            found = derive_address(record.vault, branch, index, record.chain)
            yield SheetAddress(f"{name} {index}", found.address)


def _warnings(vault: Vault) -> Iterator[str]:
    count = len({key.xpub for key in (*vault.keys, *(vault.recovery.keys if vault.recovery else ()))})
    yield (
        "There is no secret on this sheet: it lets its reader see every coin of the vault and move none. It says who "
        "holds which key, and where: keep it as closely as a key."
    )
    if count > 1:
        yield (
            f"The seeds alone do not bring the coins back: the descriptor of all {count} keys is needed beside "
            f"{vault.threshold} of them. Keep a copy with every seed and two more elsewhere."
        )
    if vault.recovery:
        rest = vault.recovery
        yield (
            f"Once a coin is {_age(rest.after_blocks)} old, {rest.threshold} recovery keys alone can move it. Send "
            "it to the vault itself before then if that is not wanted."
        )
    if vault.held_until_height:
        yield (
            f"Before block {whole(vault.held_until_height)} nobody can move these coins, not even to safety when an "
            "advisory says that keys are weak."
        )


def _steps(vault: Vault) -> Iterator[str]:
    able = [name for name, kind in PAPER_KINDS.items() if vault.template in kind.templates]
    yield (
        f"Bring together {_quorum(vault.threshold, len(vault.keys), 'key')}: the devices listed here, or new ones "
        "of any maker that are restored from their seeds. A device must show the fingerprint that stands beside its "
        "name; if it shows another, it is another seed, or its passphrase is missing."
    )
    yield (
        "Scan the code, or type the descriptor: blanks do not count, and the eight letters after # reveal a mistake. "
        "Save it as a text file."
    )
    yield (
        "Take the file in with zakhira vault import, on a node of your own. zakhira vault export writes it for other "
        f"programs ({', '.join(able)})."
    )
    yield "Compare the first addresses with those above, in the program and on each device: all must be the same."
    yield (
        f"Move a small amount first: {_plural(vault.threshold, 'signature')}, then send. When it has arrived, move the "
        "rest to a new vault."
    )
    if vault.recovery:
        rest = vault.recovery
        yield (
            f"If fewer than {vault.threshold} of the main keys are left: wait until a coin is "
            f"{_age(rest.after_blocks)} old, then {_quorum(rest.threshold, len(rest.keys), 'recovery key')} sign it."
        )


def backup_sheet(
    record: VaultRecord, register: Sequence[RegisteredKey], made_at: datetime, program_version: str
) -> BackupSheet:
    """The sheet of a vault; a key that the register does not know is listed as not registered.

    Raises what custody.descriptor raises of a vault that cannot be derived.
    """
    vault = record.vault
    return BackupSheet(
        vault=vault.id,
        purpose=vault.purpose,
        headline=_headline(vault),
        figures=tuple(_figures(record)),
        states=tuple(_states(record)),
        descriptor=vault_descriptor(vault),
        keys=tuple(_keys(vault, register)),
        addresses=tuple(_addresses(record)),
        warnings=tuple(_warnings(vault)),
        steps=tuple(_steps(vault)),
        made_at=made_at,
        program_version=program_version,
        is_drill=vault.is_drill,
    )
