"""What a terminal shows of vaults."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from zakhira.cli.answer import Answer, Table
from zakhira.custody.descriptor import vault_descriptor
from zakhira.custody.key_register import RegisteredKey
from zakhira.custody.vault_creation import VaultDesign
from zakhira.custody.vault_state import DESIGNED, VaultRecord, record_json
from zakhira.kernel.canonical import Json
from zakhira.programme.model import Vault
from zakhira.wiring.amount_text import counted

BLOCKS_PER_DAY = 144


def quorum_text(vault: Vault) -> str:
    """``3 of 5``, with the second quorum and what opens it."""
    text = f"{vault.threshold} of {len(vault.keys)}"
    if vault.recovery is not None:
        days = vault.recovery.after_blocks / BLOCKS_PER_DAY
        text += (
            f"; {vault.recovery.threshold} of {len(vault.recovery.keys)} after {vault.recovery.after_blocks:,} blocks"
        )
        text += f" ({days:,.0f} days)"
    if vault.held_until_height:
        text += f"; held until block {vault.held_until_height:,}"
    return text


def design_answer(designed: VaultDesign, chain: str, folder: Path, *, dry_run: bool) -> Answer:
    """A vault that was created or taken over, or would be, with its cautions."""
    vault = designed.vault
    descriptor = vault_descriptor(vault)
    rows = (
        ("vault", vault.id),
        ("purpose", vault.purpose),
        ("template", vault.template),
        ("quorum", quorum_text(vault)),
        ("descriptor", descriptor),
    )
    tables = [Table("The vault", ("", ""), rows)]
    if designed.cautions:
        cautions = tuple((item.topic, item.text) for item in designed.cautions)
        tables.append(Table("Know this before you use it", ("topic", ""), cautions))
    verb = "Dry run: nothing speaks against" if dry_run else "Recorded"
    count = len(_signers(vault))
    sentence = f"{verb} vault {vault.id} on {chain}: {quorum_text(vault)}."
    if not dry_run:
        sentence += f" Its {count} keys must test-sign first: zakhira vault test-sign {folder} {vault.id} --out FILE"
    facts: dict[str, Json] = {
        "dry_run": dry_run,
        "vault": vault.id,
        "purpose": vault.purpose,
        "template": vault.template,
        "quorum": quorum_text(vault),
        "descriptor": descriptor,
        "is_drill": vault.is_drill,
        "cautions": [{"topic": item.topic, "text": item.text} for item in designed.cautions],
    }
    return Answer(tuple(tables), facts, sentence)


def _signers(vault: Vault) -> tuple[str, ...]:
    recovery = vault.recovery.keys if vault.recovery else ()
    return tuple(dict.fromkeys(key.signer for key in (*vault.keys, *recovery)))


def vault_answer(record: VaultRecord, register: Sequence[RegisteredKey]) -> Answer:
    """One vault: its state, and for each key who holds it and whether it was shown to work."""
    vault, known = record.vault, {key.signer: key for key in register}
    proofs = {proof.signer: proof.on.isoformat() for proof in record.test_signed}
    descriptor = vault_descriptor(vault)
    rows = (
        ("state", state_text(record)),
        ("purpose", vault.purpose),
        ("template", vault.template),
        ("quorum", quorum_text(vault)),
        ("created", f"{record.created_at:%Y-%m-%d} by {record.created_by}"),
        ("descriptor", descriptor),
    )
    keys = tuple(_key_row(signer, _path_of(vault, signer), known.get(signer), proofs) for signer in record.signers)
    columns = ("signer", "path", "holder", "site", "device", "key", "test-signed")
    facts: dict[str, Json] = {**record_json(record), "descriptor": descriptor, "untested": list(record.untested)}
    done = len(record.signers) - len(record.untested)
    sentence = f"Vault {vault.id} is {state_text(record)}; {done} of {len(record.signers)} keys have test-signed."
    return Answer((Table("Vault", ("", ""), rows), Table("Keys", columns, keys)), facts, sentence)


def state_text(record: VaultRecord) -> str:
    """The state in words, with the mark of a drill and the successor."""
    text = record.state + (" (drill)" if record.vault.is_drill else "")
    return f"{text}, coins go to {record.successor}" if record.successor else text


def _path_of(vault: Vault, signer: str) -> str:
    on_main = any(key.signer == signer for key in vault.keys)
    on_recovery = vault.recovery is not None and any(key.signer == signer for key in vault.recovery.keys)
    return "both" if on_main and on_recovery else ("main" if on_main else "recovery")


def _key_row(signer: str, path: str, key: RegisteredKey | None, proofs: dict[str, str]) -> tuple[str, ...]:
    proof = proofs.get(signer, "not yet")
    if key is None:
        return (signer, path, "not registered", "", "", "", proof)
    origin = key.xpub.partition("]")[0][1:]
    return (signer, path, key.holder, key.site, f"{key.vendor} {key.device} {key.firmware}", origin, proof)


def vaults_answer(records: Sequence[VaultRecord], folder: Path) -> Answer:
    """Every vault in a line."""
    if not records:
        sentence = f"There are no vaults in {folder} yet. Next: zakhira vault create -h"
        return Answer((), {"vaults": []}, sentence)
    rows = tuple(
        (
            record.vault.id,
            record.vault.purpose,
            state_text(record),
            record.vault.template,
            quorum_text(record.vault),
            f"{len(record.signers) - len(record.untested)}/{len(record.signers)}",
        )
        for record in records
    )
    columns = ("vault", "purpose", "state", "template", "quorum", "tested")
    facts: dict[str, Json] = {"vaults": cast("Json", [_line_facts(record) for record in records])}
    waiting = sum(record.state == DESIGNED for record in records)
    sentence = f"{counted(len(records), 'vault')}" + (f", {waiting} of them not fully tested." if waiting else ".")
    return Answer((Table("Vaults", columns, rows, right=(5,)),), facts, sentence)


def _line_facts(record: VaultRecord) -> dict[str, Json]:
    return {
        "vault": record.vault.id,
        "purpose": record.vault.purpose,
        "state": record.state,
        "successor": record.successor,
        "template": record.vault.template,
        "quorum": quorum_text(record.vault),
        "is_drill": record.vault.is_drill,
        "tested": len(record.signers) - len(record.untested),
        "signers": len(record.signers),
    }
