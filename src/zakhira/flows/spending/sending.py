"""A signed spend is sent, once more if need be, after nodes and authority have agreed again."""

from __future__ import annotations

from dataclasses import replace

from zakhira.controls.spend_state import OUT_STATES, SpendEvent, SpendState, advance
from zakhira.flows.ports.books import Record
from zakhira.flows.ports.chain_errors import TransactionRejected
from zakhira.flows.spending.asking import counted
from zakhira.flows.spending.building import check_version
from zakhira.flows.spending.deciding import require_allowed, require_approved
from zakhira.flows.spending.refusals import NotAccepted, NotReadyToSend
from zakhira.flows.spending.returning import require_final, take_signatures
from zakhira.flows.spending.spend import BuiltVersion, TreasurySpend, version_bytes
from zakhira.flows.spending.step import begin_step, commit_step, load_spend
from zakhira.flows.treasury import Treasury


def broadcast(treasury: Treasury, spend_id: str) -> TreasurySpend:
    """Send the newest signed version; safe to repeat, for a node takes a transaction once.

    Each sending is asked for anew, the first and every later one. Signatures that came in while the policy said no are
    made a transaction of first.

    Raises:
        NotReadyToSend: no version has its quorum.
        SpendExpired, SpendNotAllowed, SpendMustWait: the policy does not allow it now.
        NotAccepted: the mempool would not take it, in the node's own words; nothing was sent.
        CoinsDiffer, SigningRefused and others: bytes or coins are not what was approved, by the nodes as of now.
    """
    spend = _completed(treasury, spend_id)
    if spend.state is SpendState.CONFIRMED:
        return spend
    step = begin_step(treasury)
    spend = load_spend(treasury, spend_id)
    if spend.note and spend.state is SpendState.HANDED_OUT:
        require_approved(treasury, spend, step)  # why its signatures still wait
    version = signed_version(spend)
    state = advance(spend.state, SpendEvent.TRANSACTION_SENT)
    records: tuple[Record, ...] = ()
    is_mined = is_in_block(treasury, version)
    if spend.state is SpendState.SIGNED or not is_mined:
        records = counted(treasury, spend, require_allowed(treasury, spend, step), step)
    if not is_mined:
        send_version(treasury, spend, version)
    if spend.state is state and spend.note == "":
        return spend
    sent = replace(spend, state=state, note="")
    return commit_step(treasury, step, "coordinator", "spend broadcast", (sent,), records)[0]


def _completed(treasury: Treasury, spend_id: str) -> TreasurySpend:
    """The spend, its newest version made final if the quorum has signed and the policy said no at that time."""
    spend = load_spend(treasury, spend_id)
    waiting = [version for version in spend.out[-1:] if version.signers and not version.is_signed]
    if not waiting or spend.state not in OUT_STATES:
        return spend
    return take_signatures(treasury, spend_id, version_bytes(treasury.books, waiting[0].txid).psbt.encode())


def signed_version(spend: TreasurySpend) -> BuiltVersion:
    """The newest version that has its quorum; raises NotReadyToSend."""
    signed = [version for version in spend.versions if version.is_signed]
    if not signed:
        signers = ", ".join(spend.versions[-1].signers) if spend.versions else ""
        raise NotReadyToSend(
            f"Spend {spend.id} is {spend.state.value} and has the signatures of {signers or 'nobody'}.",
            "Gather the signatures of its quorum first.",
        )
    return signed[-1]


def is_in_block(treasury: Treasury, version: BuiltVersion) -> bool:
    """Whether the followed chain holds the version already."""
    coin = treasury.coins.coin(version.inputs[0])
    return coin is not None and coin.spent_by == version.txid


def send_version(treasury: Treasury, spend: TreasurySpend, version: BuiltVersion) -> None:
    """Check the bytes once more, ask the mempool, and send; raises what :func:`broadcast` raises."""
    bytes_ = version_bytes(treasury.books, version.txid)
    check_version(treasury, spend, version, bytes_.psbt)
    require_final(version, bytes_.raw_hex)
    reason = treasury.mempool.refusal(bytes_.raw_hex)
    if reason:
        raise _not_accepted(spend, version, reason)
    try:
        treasury.mempool.broadcast(bytes_.raw_hex)
    except TransactionRejected as error:
        raise _not_accepted(spend, version, error.reason) from None


def _not_accepted(spend: TreasurySpend, version: BuiltVersion, reason: str) -> NotAccepted:
    return NotAccepted(
        f"The mempool does not take {version.txid} of spend {spend.id}: {reason}.",
        "Nothing was sent. Bump it if its fee is too low; look what spent its coins if they are gone.",
    )
