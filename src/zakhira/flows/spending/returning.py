"""PSBTs that come back from signers: only signatures are taken over, in any order, until the quorum is there."""

from __future__ import annotations

from dataclasses import replace

from zakhira.controls.engine.rule_fit import rule_named
from zakhira.controls.spend_state import SpendEvent, advance
from zakhira.custody.checks import vault_named
from zakhira.custody.decoders import decode_psbt, decode_transaction
from zakhira.custody.gathering import gather, txid_of
from zakhira.custody.psbt_maps import read_maps, write_unsigned_tx
from zakhira.custody.psbt_version import receive_psbt, unsigned_tx_of
from zakhira.custody.refusals import DifferentTransaction
from zakhira.custody.signer_keys import is_quorum_reached, signer_shares
from zakhira.custody.signing import finalise
from zakhira.custody.weight import SEGWIT_SCALE
from zakhira.flows.signing_rules import require_named
from zakhira.flows.spending.building import check_version
from zakhira.flows.spending.deciding import require_approved
from zakhira.flows.spending.refusals import SpendExpired, SpendNotAllowed
from zakhira.flows.spending.spend import BuiltVersion, TreasurySpend, VersionBytes, version_bytes
from zakhira.flows.spending.step import Step, begin_step, commit_step, load_spend
from zakhira.flows.treasury import Treasury, policy_in_force


def take_signatures(treasury: Treasury, spend_id: str, returned: bytes) -> TreasurySpend:
    """Take the signatures of a returned PSBT (any version and form) over into the version that it is of.

    When the quorum is there, the transaction is made final, decoded twice again and held against the instruction and
    the node's coins as they are now. While the policy says no, as in a freeze, the signatures are kept and nothing is
    made final: that happens when they are brought again, or when the spend is sent. To take them moves nothing.

    Raises:
        DifferentTransaction: it is of no version of this spend that was handed out.
        ForeignSignature, InvalidSignature, WrongSighash and others: a signature that is none.
        SignerNotNamed: it is by a signer whom the rule does not name.
        IllegalStep: nothing of the spend is in signers' hands.
        what ``check_version`` raises, when the quorum is there.
    """
    step = begin_step(treasury)
    spend = load_spend(treasury, spend_id)
    version = _version_of(spend, returned)
    state = advance(spend.state, SpendEvent.SIGNATURES_COMPLETED)
    before = version_bytes(treasury.books, version.txid)
    found = gather(before.psbt, (returned,), treasury.chain)
    vault, path = vault_named(policy_in_force(treasury), spend.instruction.from_vault), spend.instruction.path
    decoded = decode_psbt(found.psbt, treasury.chain)
    signers = tuple(share.signer for share in signer_shares(decoded, vault, path) if share.is_done)
    _require_named(treasury, spend, signers)
    dropped = tuple(sorted({*version.dropped, *found.dropped}))
    bytes_ = replace(before, psbt=found.psbt)
    after = replace(version, signers=signers, dropped=dropped)
    note = spend.note
    is_complete = is_quorum_reached(decoded, vault, path) and not version.is_signed
    if is_complete and (note := _why_held_back(treasury, spend, step)) == "":
        bytes_ = _final(treasury, spend, version, bytes_)
        vsize = decode_transaction(bytes_.raw_hex).vsize
        after = replace(after, is_signed=True, weight=SEGWIT_SCALE * vsize)
    if bytes_ == before and after == version and note == spend.note:
        return spend
    changed = replace(
        spend,
        state=state if after.is_signed else spend.state,
        versions=tuple(after if item.txid == version.txid else item for item in spend.versions),
        note=note,
    )
    action = "spend signed" if after.is_signed else "signatures taken over"
    return commit_step(treasury, step, "coordinator", action, (changed,), (bytes_.record,))[0]


def _why_held_back(treasury: Treasury, spend: TreasurySpend, step: Step) -> str:
    """Why the policy lets no final transaction be made of the spend now; empty if it does."""
    try:
        require_approved(treasury, spend, step)
    except (SpendNotAllowed, SpendExpired) as error:
        return f"Its signatures are kept, and it is not made final: {error.message}"
    return ""


def _require_named(treasury: Treasury, spend: TreasurySpend, signers: tuple[str, ...]) -> None:
    """Refuse signatures by others than the signers of the rule that let the spend go; raises SignerNotNamed."""
    rule = rule_named(policy_in_force(treasury), spend.decision.rule) if spend.decision else None
    for signer in signers:
        require_named(signer, rule)


def _version_of(spend: TreasurySpend, returned: bytes) -> BuiltVersion:
    """The version that a returned PSBT is of."""
    unsigned = unsigned_tx_of(read_maps(receive_psbt(returned).raw_v0))
    txid = txid_of(write_unsigned_tx(unsigned))
    version = spend.version(txid)
    if version is None or not version.handed_out:
        sent = ", ".join(item.txid for item in spend.out) or "nothing"
        raise DifferentTransaction(
            f"Handed out for spend {spend.id} was {sent}; returned is {txid}.",
            "Take nothing of it over, and treat that signer as compromised.",
        )
    return version


def _final(treasury: Treasury, spend: TreasurySpend, version: BuiltVersion, bytes_: VersionBytes) -> VersionBytes:
    check_version(treasury, spend, version, bytes_.psbt)
    raw_hex = finalise(bytes_.psbt, treasury.chain)
    require_final(version, raw_hex)
    return replace(bytes_, raw_hex=raw_hex)


def require_final(version: BuiltVersion, raw_hex: str) -> None:
    """Two decoders read the transaction as the version that was built: an id covers all but the witnesses.

    Raises:
        DifferentTransaction: it is another one.
        DecodersDisagree, Undecodable: as their names say.
    """
    final = decode_transaction(raw_hex)
    if final.txid != version.txid:
        raise DifferentTransaction(
            f"The transaction in the books is {final.txid}, built and signed was {version.txid}.",
            "Send nothing. Somebody has written to the database: find out who, and restore a backup.",
        )
