"""What a signer sees, as the terminal shows it: the answer, who is paid, who says so, and what stays unknown."""

from __future__ import annotations

from collections.abc import Sequence

from zakhira.cli.answer import Answer, Table, Word
from zakhira.custody.anchor import anchor_of
from zakhira.custody.coin import RECOVERY
from zakhira.flows.signer_card import SignerCard, card_fingerprint
from zakhira.flows.signer_view import Role, SeenInput, SeenOutput, SignerView, Standing, plain_words
from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import utc_text
from zakhira.reports.numbers import btc
from zakhira.reports.spend_picture import Kind, SpendPicture, Strand, fee_words, spend_picture
from zakhira.wiring.picture_table import picture_table

_KINDS = {Role.PAID: Kind.PAID, Role.CHANGE: Kind.CHANGE, Role.STRANGE: Kind.STRANGE}
_MARKS = {Standing.VERIFIED: "✓ verified", Standing.UNKNOWN: "? unknown", Standing.DIFFERENT: "✗ differs"}
NOT_PROVEN = "claimed, not proven"
NOT_KNOWN = "What the coins hold, and so the fee, is as told: nothing on this machine proves it."
SOURCE = "Source: the PSBT, as rust-bitcoin and embit read it on this machine"


def _place_words(output: SeenOutput) -> str:
    if output.vault:
        return f"{output.vault}, {output.place}"
    return output.address or _script_words(output)


def _script_words(output: SeenOutput) -> str:
    """An output without an address: the head of an audit chain that it holds, or nothing that is known here."""
    if output.anchor is None:
        return "a bare script"
    return str(output.anchor) if output.role is Role.DATA else f"an anchor that nobody approved: it {output.anchor}"


def _data_words(view: SignerView) -> tuple[str, ...]:
    """What the approved anchor says, in lines; none where there is none."""
    held = [output.anchor for output in view.outputs_of(Role.DATA)]
    return held[0].words if held and held[0] is not None else ()


def picture_of_view(view: SignerView) -> SpendPicture | None:
    """The picture of what was decoded; None where the coins do not say what they hold, or hold less than is paid."""
    if not view.inputs or view.fee_sats is None or view.fee_sats < 0:
        return None
    coins = [
        Strand(Kind.COIN, f"{item.vault}, {item.place}" if item.vault else "of no vault of the card", amount)
        for item in view.inputs
        if (amount := item.amount_sats) is not None
    ]
    if sum(coin.amount_sats for coin in coins) <= 0:
        return None
    flowing = [item for item in view.outputs if item.role in _KINDS]
    outputs = [Strand(_KINDS[item.role], _place_words(item), item.amount_sats) for item in flowing]
    vault = view.inputs[0].vault or "unknown"
    name = plain_words(view.instruction.id)
    return spend_picture(name, vault, coins, outputs, view.vsize, SOURCE, _data_words(view))


def _differences(view: SignerView) -> Table:
    rows = tuple((item.code, item.message, item.remedy) for item in view.differences)
    return Table("What disagrees: sign nothing", ("code", "what", "what to do"), rows)


def _picture(view: SignerView, picture: SpendPicture | None) -> Table:
    title = "What the bytes do"
    if picture is None:
        rows = tuple(("", btc(item.amount_sats), _place_words(item)) for item in view.outputs)
        return Table(title, ("", "BTC", "to"), rows, (1,), ("What the coins hold is not said: the fee is unknown.",))
    return picture_table(picture, title)


def _amount(item: SeenInput) -> str:
    return "not said" if item.amount_sats is None else btc(item.amount_sats)


def _lists(view: SignerView) -> tuple[Table, Table]:
    """Every coin and every output."""
    coins = tuple(
        (
            item.outpoint,
            _amount(item),
            f"{item.vault}, {item.place}" if item.vault else "no vault of the card",
            "whole" if item.is_whole else "as told",
        )
        for item in view.inputs
    )
    outputs = tuple(
        (item.role.value, item.address or _script_words(item), btc(item.amount_sats)) for item in view.outputs
    )
    return (
        Table("Every coin", ("coin", "BTC", "of", "amount"), coins, (1,)),
        Table("Every output", ("", "address", "BTC"), outputs, (2,)),
    )


def _authority(view: SignerView, card: SignerCard) -> Table:
    said = view.instruction
    proof = "signature verifies" if view.proposal_is_valid else NOT_PROVEN
    rows = [
        ("spend", plain_words(said.id), proof),
        ("purpose", plain_words(said.purpose), proof),
        ("clause", plain_words(said.clause), f"the card's: {view.rule.clause if view.rule else card.clause}"),
        ("proposed by", f"{plain_words(said.proposed_by)} at {utc_text(said.proposed_at)}", proof),
        ("expires", utc_text(said.expires_at), proof),
    ]
    for item in view.approvals:
        who = f"{plain_words(item.officer)} ({item.role or 'not on the card'}), dated {utc_text(item.at)}"
        rows.append(("approved by", who, "signature verifies" if item.is_valid else NOT_PROVEN))
    if said.anchor:
        where, head_hash, nothing = anchor_of(said.anchor).words
        rows += [("data", f"{where}, {nothing}", proof), ("", head_hash, "")]
    if view.execution is not None:
        item = view.execution
        who = f"{plain_words(item.officer)} ({item.role or 'not on the card'}), dated {utc_text(item.at)}"
        rows.append(("executed by", who, "signature verifies" if item.is_valid else NOT_PROVEN))
    if said.path == RECOVERY:
        rows.append(("path", "RECOVERY: the second quorum, over coins of a certain age", proof))
    return Table("Who says so", ("", "", ""), tuple(rows))


def _findings(view: SignerView) -> Table:
    rows = tuple((_MARKS[item.standing], item.sentence) for item in view.findings)
    return Table("What was looked at, and what this machine cannot know", ("", ""), rows)


def _known(card: SignerCard) -> Table:
    vaults = ", ".join(f"{v.id}{' (drill)' if v.is_drill else ''}" for v in card.vaults)
    rows = (("fingerprint", card_fingerprint(card)), ("chain", card.chain), ("vaults", vaults))
    return Table("The card", ("", ""), rows, (), ("Compare the fingerprint by telephone with the coordinator's.",))


def _sentence(view: SignerView, picture: SpendPicture | None) -> str:
    if view.differences:
        first = view.differences[0]
        return f"Sign nothing. {first.code} {first.message}"
    assert picture is not None, "a spend without a difference has amounts"
    doubt = "" if all(item.is_whole for item in view.inputs) else f" {NOT_KNOWN}"
    return f"{picture.title}. Nothing disagrees with what the officers signed.{doubt}"


def _coin_facts(view: SignerView) -> list[Json]:
    return [
        {
            "outpoint": item.outpoint,
            "amount_sats": item.amount_sats,
            "vault": item.vault,
            "place": item.place,
            "previous_transaction": item.is_whole,
            "signed_by": list(item.signed_by),
        }
        for item in view.inputs
    ]


def _output_facts(outputs: Sequence[SeenOutput]) -> list[Json]:
    return [
        {
            "role": item.role.value,
            "address": item.address,
            "amount_sats": item.amount_sats,
            "vault": item.vault,
            "place": item.place,
            "anchor": None
            if item.anchor is None
            else {"position": item.anchor.position, "head_hash": item.anchor.head_hash},
        }
        for item in outputs
    ]


def view_facts(view: SignerView, card: SignerCard) -> dict[str, Json]:
    """All that was seen, for a machine."""
    said, paid = view.instruction, sum(item.amount_sats for item in view.outputs_of(Role.PAID))
    fee = "" if view.fee_sats is None else fee_words(view.fee_sats, view.vsize, paid)
    return {
        "may_sign": view.may_sign,
        "card_fingerprint": card_fingerprint(card),
        "chain": card.chain,
        "txid": view.txid,
        "coins": _coin_facts(view),
        "outputs": _output_facts(view.outputs),
        "fee_sats": view.fee_sats,
        "fee": fee,
        "vsize": view.vsize,
        "locktime": view.locktime,
        "instruction": {
            "id": said.id,
            "hash": said.hash,
            "purpose": said.purpose,
            "clause": said.clause,
            "from_vault": said.from_vault,
            "to_vault": said.to_vault,
            "path": said.path,
            "anchor": said.anchor,
            "proposed_by": said.proposed_by,
            "proposed_at": utc_text(said.proposed_at),
            "expires_at": utc_text(said.expires_at),
            "proposal_is_valid": view.proposal_is_valid,
        },
        "approvals": [
            {"officer": item.officer, "role": item.role, "at": utc_text(item.at), "is_valid": item.is_valid}
            for item in view.approvals
        ],
        "execution": None
        if view.execution is None
        else {
            "officer": view.execution.officer,
            "role": view.execution.role,
            "at": utc_text(view.execution.at),
            "is_valid": view.execution.is_valid,
        },
        "rule": view.rule.id if view.rule else "",
        "findings": [{"standing": item.standing.value, "sentence": item.sentence} for item in view.findings],
        "differences": [
            {"code": item.code, "message": item.message, "remedy": item.remedy} for item in view.differences
        ],
    }


def view_answer(view: SignerView, card: SignerCard, *, every_output: bool) -> Answer:
    """What a signer is shown: yes if nothing disagrees."""
    picture = picture_of_view(view)
    tables = [_differences(view)] if view.differences else []
    tables += [_picture(view, picture)] if view.outputs else []
    tables += _lists(view) if every_output else []
    tables += [_authority(view, card), _findings(view), _known(card)]
    word = Word.YES if view.may_sign else Word.NO
    return Answer(tuple(tables), view_facts(view, card), _sentence(view, picture), word)
