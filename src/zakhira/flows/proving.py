"""The proof: a pack for the cold vault at the tip, signed by its keys (BIP-322) and by officers (Ed25519)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from zakhira.custody.descriptor import vault_descriptor
from zakhira.custody.spend import locate_coins
from zakhira.flows.machinery import Machinery
from zakhira.flows.spends import recorded_spends
from zakhira.programme.model import Programme
from zakhira.proofs.pack import PackDraft, Subject, add_signatures, complete_pack, draft_pack, manifest_hash

PACK_DOMAIN = "pack"
COLD_ACCOUNT = "assets:vault:cold"


def prove_cold(machinery: Machinery, programme: Programme, officers: Sequence[str], at: datetime) -> dict[str, bytes]:
    """Build the pack of the cold vault at the node's tip; ``officers`` sign it. Returns the files by name.

    Raises:
        LedgerDiffers: node and ledger do not agree on the vault's coins.
        ClaimsAboveCoins: the programme owes more than the vault holds.
    """
    vault = programme.policy.vault("cold")
    height, block_hash = machinery.chain.tip()
    subject = Subject(
        programme_id=programme.id,
        programme_digest=programme.digest,
        chain=programme.chain,
        height=height,
        block_hash=block_hash,
        at=at,
        vault=vault,
        ledger_account=COLD_ACCOUNT,
    )
    places = tuple(spend.destination for spend in recorded_spends(machinery.books))
    held = locate_coins(machinery.chain.coins(vault.id), places)
    draft = draft_pack(subject, held, programme.accounts, machinery.books.entries())
    files = complete_pack(draft, _prove_addresses(machinery, programme, draft))
    digest = manifest_hash(files)
    return add_signatures(files, {name: machinery.officers[name].sign(PACK_DOMAIN, digest) for name in officers})


def _prove_addresses(machinery: Machinery, programme: Programme, draft: PackDraft) -> Mapping[str, str]:
    """As many signers as the vault's threshold sign the challenge for each address."""
    vault = programme.policy.vault("cold")
    signers = machinery.signers[vault.id][: vault.threshold]
    descriptor = vault_descriptor(vault)
    proofs: dict[str, str] = {}
    for number, address in enumerate(draft.addresses):
        machinery.progress("proving control", number, len(draft.addresses), "")
        psbt = machinery.prover.message_psbt(descriptor, address, draft.challenge)
        proofs[address] = machinery.prover.finalise_message([signer.sign_message_psbt(psbt) for signer in signers])
    machinery.progress("proving control", len(draft.addresses), len(draft.addresses), "")
    return proofs
