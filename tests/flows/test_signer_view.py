"""A signer's own eyes: the coordinator lies (Bybit), somebody on the way does (DMM), and neither gets a signature."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from custody_drill import CHAIN, COLD, INTAKE, NOW, approve, held_coins, make_policy, seed_of
from eyes_drill import PLAIN, SOON, card_of, paying, proposal_signature, spend_file, under
from hostile_drill import (
    ANCHOR,
    CHANGE_SATS,
    NON_WITNESS_UTXO,
    PAID_SATS,
    SIGHASH_TYPE,
    TEMPLATES,
    WITNESS_UTXO,
    Spend,
    anchored_spend,
    honest_spend,
    text_of,
    utxo_field,
    vault_of,
    with_input_field,
    with_output,
)
from zakhira.controls.engine.rule_fit import IMPLIED
from zakhira.custody.anchor import Anchor
from zakhira.custody.coin import RECOVERY, Payment
from zakhira.custody.refusals import KeyOutsideVault
from zakhira.custody.spend import build_psbt
from zakhira.flows.signer_card import SignerCard, card_fingerprint, card_of_policy, policy_of_card
from zakhira.flows.signer_view import (
    NothingToSign,
    Role,
    SignerView,
    Standing,
    plain_words,
    require_signable,
    view_spend,
)
from zakhira.flows.signing_rules import SigningRules
from zakhira.flows.spend_file import SpendFile
from zakhira.programme.policy_text import policy_hash

FILE, CARD = spend_file(PLAIN), card_of(PLAIN)
THIEF = PLAIN.stranger


def codes(view: SignerView) -> list[str]:
    """What disagrees, by code; and nothing may be signed then."""
    if view.differences:
        with pytest.raises(NothingToSign, match=view.differences[0].code):
            require_signable(view)
    return [item.code for item in view.differences]


def with_policy(**changes: object) -> SignerCard:
    """The card of a policy that is another in this."""
    return card_of_policy(replace(PLAIN.policy, **changes), CHAIN)  # type: ignore[arg-type]  # fields of the policy


def look(file: SpendFile, card: SignerCard = CARD) -> SignerView:
    """What the signer sees two hours after the proposal."""
    return view_spend(file, card, SOON)


@pytest.mark.parametrize("template", TEMPLATES)
def test_an_honest_spend_is_seen_as_it_is(template: str) -> None:
    """Amounts, destinations, change and fee as decoded; who proposed and approved; what cannot be known."""
    spend = honest_spend(template)
    view = look(spend_file(spend), card_of(spend))
    assert codes(view) == []
    require_signable(view)
    paid, change = view.outputs
    assert (paid.role, paid.address, paid.amount_sats) == (Role.PAID, spend.payee.address, PAID_SATS)
    assert (change.role, change.vault, change.place, change.amount_sats) == (
        Role.CHANGE,
        "cold",
        "change 0",
        CHANGE_SATS,
    )
    assert [(item.vault, item.place, item.is_whole) for item in view.inputs] == [
        ("cold", "receive 0", True),
        ("cold", "receive 1", True),
    ]
    assert view.fee_sats == 10_000
    assert view.proposal_is_valid
    assert [(item.officer, item.role, item.is_valid) for item in view.approvals] == [
        ("amina", "treasury", True),
        ("chand", "audit", True),
    ]
    assert {finding.standing for finding in view.findings} == {Standing.VERIFIED, Standing.UNKNOWN}


def test_bybit_the_screen_shows_one_payment_and_the_bytes_make_another() -> None:
    """The coordinator shows the approved instruction and sends bytes that pay the thief, under the same hash."""
    view = look(replace(FILE, psbt=text_of(paying(PLAIN.maps, 0, THIEF.script_hex))))
    assert codes(view) == ["ZK-CUSTODY-030"]
    assert PLAIN.payee.address in view.differences[0].message
    strange = view.outputs_of(Role.STRANGE)
    assert [(item.address, item.amount_sats) for item in strange] == [(THIEF.address, PAID_SATS)]
    assert view.outputs_of(Role.PAID) == ()
    assert PLAIN.payee.address not in {item.address for item in view.outputs}


def test_bybit_the_coordinator_makes_an_instruction_that_fits_its_bytes() -> None:
    """Bytes and instruction agree and pay the thief; the officers' signatures are those of the honest one."""
    said = replace(PLAIN.instruction, payments=(Payment(THIEF.address, PAID_SATS),))
    maps = under(paying(PLAIN.maps, 0, THIEF.script_hex), said)
    view = look(replace(FILE, instruction=said, psbt=text_of(maps)))
    assert codes(view) == ["ZK-FLOWS-077", "ZK-CUSTODY-042"]
    assert not view.proposal_is_valid
    assert not any(item.is_valid for item in view.approvals)


def test_bybit_the_change_goes_to_the_thief() -> None:
    """The payment is right, and what should come back does not."""
    view = look(replace(FILE, psbt=text_of(paying(PLAIN.maps, 1, THIEF.script_hex))))
    assert codes(view) == ["ZK-CUSTODY-032"]
    assert [item.amount_sats for item in view.outputs_of(Role.STRANGE)] == [CHANGE_SATS]


def test_dmm_the_request_is_altered_on_the_way_after_the_approvals() -> None:
    """At a vendor the amount is raised and the bytes are built anew: 4,502.9 BTC in place of what was asked."""
    said = replace(PLAIN.instruction, payments=(Payment(PLAIN.payee.address, PAID_SATS + CHANGE_SATS),))
    view = look(replace(FILE, instruction=said, psbt=text_of(under(PLAIN.maps, said))))
    assert codes(view) == ["ZK-FLOWS-077", "ZK-CUSTODY-042", "ZK-CUSTODY-030"]


@pytest.mark.parametrize(
    "change",
    [
        {"purpose": "pay somebody else"},
        {"clause": "Treasury rules, 9.9"},
        {"fee_limit_sats": 20_001},
        {"fee_rate_limit_sat_per_vb": 41},
        {"expires_at": NOW + timedelta(hours=47)},
        {"to_vault": "intake"},
        {"change_outputs_limit": 2},
        {"proposed_by": "amina"},
        {"id": "pay-again"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_instruction_edited_after_approval(change: dict[str, object]) -> None:
    """Any word or number: neither the proposer nor an approver signed it so."""
    said = replace(PLAIN.instruction, **change)  # type: ignore[arg-type]  # one field each
    found = codes(look(replace(FILE, instruction=said, psbt=text_of(under(PLAIN.maps, said)))))
    assert {"ZK-FLOWS-077", "ZK-CUSTODY-042"} <= set(found)


def test_approvals_of_another_instruction_are_replayed() -> None:
    """The officers approved the first payment; their approvals are sent again with a second one."""
    said = replace(PLAIN.instruction, id="pay-twice")
    file = SpendFile(said, proposal_signature(said), FILE.approvals, text_of(under(PLAIN.maps, said)))
    view = look(file)
    assert codes(view) == ["ZK-CUSTODY-042"]
    assert "another instruction" in view.differences[0].message
    relabelled = tuple(replace(item, instruction_hash=said.hash) for item in FILE.approvals)
    assert codes(look(replace(file, approvals=relabelled))) == ["ZK-CUSTODY-042"]


def test_a_proposal_signature_is_no_approval_and_the_other_way_round() -> None:
    """Each is in a domain of its own: the same key over the same hash, for another purpose."""
    swapped = replace(FILE, proposal_signature=approve("dara", PLAIN.instruction).signature)
    assert codes(look(swapped)) == ["ZK-FLOWS-077"]
    amina = replace(FILE.approvals[0], signature=proposal_signature(PLAIN.instruction, "amina"))
    assert codes(look(replace(FILE, approvals=(amina, FILE.approvals[1])))) == ["ZK-CUSTODY-042"]


def test_an_officers_key_that_is_not_on_the_card() -> None:
    """Chand has a new key that this signer was never told of, or is not on the card at all."""
    new = tuple(replace(o, public_key="ab" * 32) if o.id == "chand" else o for o in CARD.officers)
    assert codes(look(FILE, with_policy(officers=new))) == ["ZK-CUSTODY-042"]
    gone = tuple(o for o in CARD.officers if o.id != "dara")
    view = look(FILE, with_policy(officers=gone))
    assert codes(view) == ["ZK-FLOWS-077", "ZK-CUSTODY-042"]
    assert "dara" in view.differences[0].message


def test_a_card_with_a_swapped_descriptor() -> None:
    """Its fingerprint is another, and the coins of the honest vault are foreign to it."""
    swapped = replace(CARD, vaults=(INTAKE, replace(COLD, keys=(*INTAKE.keys, *COLD.keys[:2]))))
    assert card_fingerprint(swapped) != card_fingerprint(CARD)
    view = look(FILE, swapped)
    assert codes(view) == ["ZK-CUSTODY-029"]
    assert [item.vault for item in view.inputs] == ["", ""]


def test_a_card_of_another_chain_and_a_vault_that_it_does_not_have() -> None:
    """A regtest instruction on a card of signet; a spend from a vault that this signer does not know."""
    assert codes(look(FILE, replace(CARD, chain="signet"))) == ["ZK-CUSTODY-024"]
    assert codes(look(FILE, replace(CARD, vaults=(INTAKE,)))) == ["ZK-CUSTODY-010"]


def test_a_clock_that_is_set_back_or_on() -> None:
    """Before the proposal, and after its end."""
    assert codes(view_spend(FILE, CARD, NOW - timedelta(hours=1))) == ["ZK-CUSTODY-042"]
    assert codes(view_spend(FILE, CARD, NOW + timedelta(hours=48))) == ["ZK-CUSTODY-042"]


def test_a_limit_of_the_card_holds_whatever_was_approved() -> None:
    """More sats than one spend may move, or a fee above the ceiling of the card."""
    assert codes(look(FILE, with_policy(sweep_limit_sats=PAID_SATS - 1))) == ["ZK-CUSTODY-042"]
    assert set(codes(look(FILE, with_policy(fee_limit_sats=9_999)))) == {"ZK-CUSTODY-042", "ZK-CUSTODY-034"}


def test_amounts_that_the_psbt_lies_about_where_it_carries_the_previous_transaction() -> None:
    """The witness UTXO says a third of what the whole previous transaction does."""
    script = bytes.fromhex(PLAIN.places[0].script_hex)
    maps = with_input_field(PLAIN.maps, 0, WITNESS_UTXO, utxo_field(700_000, script))
    assert codes(look(replace(FILE, psbt=text_of(maps))))[0] in {"ZK-CUSTODY-041", "ZK-CUSTODY-021", "ZK-CUSTODY-022"}


def test_amounts_that_cannot_be_known_are_said_to_be_unknown() -> None:
    """Without previous transactions the amounts are as told: the spend may be signed, and the doubt stands there."""
    maps = PLAIN.maps
    for number in range(2):
        maps = with_input_field(maps, number, NON_WITNESS_UTXO, None)
    view = look(replace(FILE, psbt=text_of(maps)))
    assert codes(view) == []
    assert [item.is_whole for item in view.inputs] == [False, False]
    doubt = [finding for finding in view.findings if "amounts of 2 of 2 coins" in finding.sentence]
    assert [finding.standing for finding in doubt] == [Standing.UNKNOWN]
    assert "BIP-143" in doubt[0].sentence


def test_bytes_that_no_decoder_reads_show_nothing() -> None:
    """No amounts, no picture, one reason."""
    view = look(replace(FILE, psbt=FILE.psbt[:-8]))
    assert codes(view)[0] in {"ZK-CUSTODY-021", "ZK-CUSTODY-022"}
    assert (view.inputs, view.outputs, view.fee_sats) == ((), (), None)


def test_a_signature_that_covers_nothing_is_never_asked_for() -> None:
    """SIGHASH_NONE in the PSBT."""
    maps = with_input_field(PLAIN.maps, 0, SIGHASH_TYPE, (2).to_bytes(4, "little"))
    assert codes(look(replace(FILE, psbt=text_of(maps)))) == ["ZK-CUSTODY-037"]


def test_words_cannot_paint_over_what_was_found() -> None:
    """A purpose with escape sequences and turned letters is spelled out; a long one is cut."""
    assert plain_words("pay\x1b[2J\x1b[1;1H ok") == "pay\\u001b[2J\\u001b[1;1H ok"
    assert plain_words("grid\u202ecompany") == "grid\\u202ecompany"
    assert plain_words("a" * 300) == "a" * 200 + "... (300 characters)"
    assert plain_words("بجلی کمپنی") == "بجلی کمپنی"
    said = replace(PLAIN.instruction, from_vault="x\x1b[2J")
    view = look(replace(FILE, instruction=said))
    assert all(item.message.isprintable() for item in view.differences)


@pytest.mark.parametrize("template", TEMPLATES)
def test_what_may_be_signed_is_signed_by_the_rules_of_the_software_signer(template: str) -> None:
    """The view and the signer judge alike: with the policy of the card, the honest spend is signed."""
    spend: Spend = honest_spend(template)
    file, policy = spend_file(spend), policy_of_card(card_of(spend))
    rules = SigningRules("cold-1", seed_of(COLD, 1), CHAIN, policy.vaults, lambda: SOON, policy)
    signed = rules.sign_spend(file.psbt, file.instruction, file.approvals, policy)
    view = look(replace(file, psbt=signed), card_of(spend))
    assert codes(view) == []
    assert all(len(item.signed_by) == 1 for item in view.inputs)


def test_the_cards_policy_is_as_strict_as_the_programmes() -> None:
    """A card of a tighter policy refuses what the looser one allowed."""
    tight = card_of_policy(replace(make_policy(fee_limit_sats=5_000), vaults=PLAIN.policy.vaults), CHAIN)
    assert "ZK-CUSTODY-034" in codes(look(FILE, tight))


@pytest.mark.parametrize("template", ["decaying", "recovery"])
def test_the_recovery_path_is_shown_and_signed_by_its_own_signers(template: str) -> None:
    """An aged coin moves by the second quorum: its signer signs, a signer of the first one does not."""
    vault = vault_of(template)
    policy = replace(PLAIN.policy, vaults=(INTAKE, vault))
    held = held_coins(vault, (5_000_000,))
    paid = (Payment(PLAIN.payee.address, 4_997_000),)
    said = replace(PLAIN.instruction, payments=paid, inputs=(held[0].coin.outpoint,), path=RECOVERY)
    psbt = build_psbt(said, held, policy)
    approvals, version = (approve("amina", said), approve("chand", said)), policy_hash(policy)
    file = SpendFile(said, proposal_signature(said), approvals, psbt, rule=IMPLIED, policy_hash=version)
    card = card_of_policy(policy, CHAIN)
    assert codes(look(file, card)) == []
    known = policy_of_card(card)
    heir = SigningRules("intake-1", seed_of(INTAKE, 1), CHAIN, known.vaults, lambda: SOON, known)
    signed = heir.sign_spend(psbt, said, file.approvals, known)
    assert all(item.signed_by for item in look(replace(file, psbt=signed), card).inputs)
    first = SigningRules("cold-1", seed_of(COLD, 1), CHAIN, known.vaults, lambda: SOON, known)
    with pytest.raises(KeyOutsideVault, match="recovery path"):
        first.sign_spend(psbt, said, file.approvals, known)
    lone = SigningRules("intake-2", seed_of(INTAKE, 2), CHAIN, (vault,), lambda: SOON, None)
    assert [item.id for item in lone.own_vaults()] == ["cold"]


@pytest.mark.parametrize("template", TEMPLATES)
def test_an_anchor_is_seen_as_data_that_moves_nothing(template: str) -> None:
    """The output is the approved head, in words; whether the chain has it there is said to be unknown here."""
    spend = anchored_spend(template)
    view = look(spend_file(spend), card_of(spend))
    assert codes(view) == []
    (data,) = view.outputs_of(Role.DATA)
    assert (data.anchor, data.amount_sats, data.address, data.vault) == (ANCHOR, 0, "", "")
    told = {item.standing: item.sentence for item in view.findings if "anchors" in item.sentence}
    assert "at position 12,345, hash abab" in told[Standing.VERIFIED]
    assert "moves nothing" in told[Standing.VERIFIED]
    assert "has this hash at this position" in told[Standing.UNKNOWN]


def test_an_anchor_that_nobody_approved_is_strange() -> None:
    """The coordinator hangs another head on an approved spend, or an anchor where none was approved."""
    spend = anchored_spend("sortedmulti")
    other = Anchor(ANCHOR.position, "cd" * 32)
    maps = with_output(spend.maps, 2, 0, bytes.fromhex("6a2c" + other.data))
    view = look(spend_file(spend, maps), card_of(spend))
    assert codes(view) == ["ZK-CUSTODY-193"]
    assert [output.anchor for output in view.outputs_of(Role.STRANGE)] == [other]
    plain = look(replace(FILE, psbt=text_of(under(spend.maps, PLAIN.instruction))))
    assert codes(plain) == ["ZK-CUSTODY-191"]
    assert [output.anchor for output in plain.outputs_of(Role.STRANGE)] == [ANCHOR]
    assert plain.outputs_of(Role.DATA) == ()


def test_an_anchor_edited_after_approval_has_no_signature() -> None:
    """Bytes and instruction agree on another head; the officers signed the first one."""
    spend = anchored_spend("sortedmulti")
    said = replace(spend.instruction, anchor=Anchor(7, "cd" * 32).data)
    maps = with_output(spend.maps, 2, 0, bytes.fromhex("6a2c" + said.anchor))
    view = look(replace(spend_file(spend), instruction=said, psbt=text_of(under(maps, said))))
    assert codes(view) == ["ZK-FLOWS-077", "ZK-CUSTODY-042"]
