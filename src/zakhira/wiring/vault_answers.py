"""What a terminal shows of vaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from zakhira.cli.answer import Answer, Table
from zakhira.controls.acts.authority import Authority
from zakhira.controls.acts.motion import SHORT_HASH
from zakhira.custody.descriptor import vault_descriptor
from zakhira.custody.key_register import RegisteredKey
from zakhira.custody.vault_creation import VaultDesign
from zakhira.custody.vault_state import DESIGNED, VaultRecord, record_json
from zakhira.kernel.canonical import Json
from zakhira.programme.model import Vault
from zakhira.programme.vault_text import vault_hash
from zakhira.wiring.amount_text import counted

BLOCKS_PER_DAY = 144
NOT_ACCEPTED = "not accepted"


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
        sentence += " Then officers accept it as ours: zakhira vault accept --help"
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


def acceptance(state: Authority, record: VaultRecord) -> str:
    """Whether officers decided that the vault is ours, in words; with what it may succeed."""
    if not state.accepts(record.vault):
        return NOT_ACCEPTED
    accepted = state.vaults[record.vault.id]
    by = f"by motion {accepted.motion[:SHORT_HASH]}" if accepted.motion else "from the start"
    return f"accepted {by}" + (f", succeeds {', '.join(accepted.succeeds)}" if accepted.succeeds else "")


def definition_tables(vault: Vault, register: Sequence[RegisteredKey]) -> tuple[Table, ...]:
    """A whole vault as officers decide on it: quorum, every key with who holds it where, and its fingerprint."""
    known = {key.xpub: key for key in register}
    rows = (
        ("vault", vault.id),
        ("purpose", vault.purpose),
        ("template", vault.template),
        ("quorum", quorum_text(vault)),
        ("descriptor", vault_descriptor(vault)),
        ("fingerprint", vault_hash(vault)),
    )
    recovery = vault.recovery.keys if vault.recovery else ()
    keys = tuple(
        (key.signer, path, *_holder_of(known.get(key.xpub)), key.xpub.partition("]")[0][1:])
        for path, group in (("main", vault.keys), ("recovery", recovery))
        for key in group
    )
    columns = ("signer", "path", "holder", "site", "device", "key")
    note = "Ask each holder, not the register alone, whether the key is theirs; the descriptor has it in full."
    return Table("The vault", ("", ""), rows), Table("Its keys", columns, keys, notes=(note,))


def _holder_of(key: RegisteredKey | None) -> tuple[str, str, str]:
    if key is None:
        return "not registered", "", ""
    return key.holder, key.site, f"{key.vendor} {key.device} {key.firmware}"


def vault_answer(record: VaultRecord, register: Sequence[RegisteredKey], accepted: str) -> Answer:
    """One vault: its state, and for each key who holds it and whether it was shown to work."""
    vault, known = record.vault, {key.signer: key for key in register}
    proofs = {proof.signer: proof.on.isoformat() for proof in record.test_signed}
    descriptor = vault_descriptor(vault)
    rows = (
        ("state", state_text(record)),
        ("ours", accepted),
        ("purpose", vault.purpose),
        ("template", vault.template),
        ("quorum", quorum_text(vault)),
        ("created", f"{record.created_at:%Y-%m-%d} by {record.created_by}"),
        ("descriptor", descriptor),
        ("fingerprint", vault_hash(vault)),
    )
    keys = tuple(_key_row(signer, _path_of(vault, signer), known.get(signer), proofs) for signer in record.signers)
    columns = ("signer", "path", "holder", "site", "device", "key", "test-signed")
    facts: dict[str, Json] = {
        **record_json(record),
        "descriptor": descriptor,
        "untested": list(record.untested),
        "fingerprint": vault_hash(vault),
        "is_accepted": accepted != NOT_ACCEPTED,
        "accepted": accepted,
    }
    done = len(record.signers) - len(record.untested)
    sentence = f"Vault {vault.id} is {state_text(record)}; {done} of {len(record.signers)} keys have test-signed."
    sentence += " It is not accepted as ours." if accepted == NOT_ACCEPTED else ""
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


def vaults_answer(records: Sequence[VaultRecord], folder: Path, accepted: Mapping[str, str]) -> Answer:
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
            accepted[record.vault.id],
        )
        for record in records
    )
    columns = ("vault", "purpose", "state", "template", "quorum", "tested", "ours")
    lines = [_line_facts(record, accepted[record.vault.id]) for record in records]
    facts: dict[str, Json] = {"vaults": cast("Json", lines)}
    waiting = sum(record.state == DESIGNED for record in records)
    sentence = f"{counted(len(records), 'vault')}" + (f", {waiting} of them not fully tested." if waiting else ".")
    strange = [name for name, text in accepted.items() if text == NOT_ACCEPTED]
    if strange:
        sentence += f" Not accepted as ours: {', '.join(strange)}. See: zakhira vault accept --help"
    return Answer((Table("Vaults", columns, rows, right=(5,)),), facts, sentence)


def _line_facts(record: VaultRecord, accepted: str) -> dict[str, Json]:
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
        "is_accepted": accepted != NOT_ACCEPTED,
    }
