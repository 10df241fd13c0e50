"""Every template by every path: built, signed by its quorum in any order, gathered, final."""

from __future__ import annotations

import base64
from dataclasses import replace
from itertools import combinations, permutations

import pytest
from embit.script import Script
from embit.transaction import Transaction, TransactionInput, TransactionOutput

from custody_drill import CHAIN, INTAKE, held_coins
from spend_drill import CASES, FEE_SATS, Case, case_spend, payment_of, seed_for, vault_in
from zakhira.custody.checks import check_against, coins_as_told
from zakhira.custody.coin import MAIN, RECOVERY, Coin, Payment
from zakhira.custody.decoders import decode_psbt, decode_transaction
from zakhira.custody.descriptor import derive_address, derive_place, vault_descriptor
from zakhira.custody.gathering import gather
from zakhira.custody.psbt_fields import OUT_TAP_TREE
from zakhira.custody.psbt_maps import read_maps, write_maps
from zakhira.custody.psbt_version import to_v2
from zakhira.custody.refusals import KeyOutsideVault, NoSuchPath, TooFewSignatures
from zakhira.custody.signer_keys import is_quorum_reached, quorum_of, signer_shares
from zakhira.custody.signing import check_and_sign, combine_signatures, finalise, sign_scopes
from zakhira.custody.signing_refusals import NoPreviousTransaction
from zakhira.custody.spend import HeldCoin
from zakhira.custody.weight import spend_vsize

by_name = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@by_name
def test_every_quorum_of_a_path_makes_the_approved_transaction(case: Case) -> None:
    """Any quorum, gathered in any order, gives one PSBT and one final transaction, no larger than was estimated."""
    spend = case_spend(case, coins=4)
    psbt = spend.build()
    threshold, keys = quorum_of(spend.vault, case.path)
    signed = dict(zip(keys, spend.sign(psbt, keys), strict=True))
    for quorum in combinations(keys, threshold):
        orders = permutations(quorum) if quorum[0] == keys[1] else (quorum, quorum[::-1])
        psbts = {combine_signatures(psbt, [signed[key] for key in order], CHAIN) for order in orders}
        (combined,) = psbts
        final = decode_transaction(finalise(combined, CHAIN))
        assert final.txid == decode_psbt(psbt, CHAIN).txid
        estimate = spend_vsize(spend.vault, 4, [34, 34], case.path)
        assert estimate - 2 * 4 <= final.vsize <= estimate
        short = combine_signatures(psbt, [signed[key] for key in quorum[1:]], CHAIN)
        with pytest.raises(TooFewSignatures):
            finalise(short, CHAIN)


@by_name
def test_who_has_signed(case: Case) -> None:
    """The shares name the path's signers alone, and the quorum is reached with the last signature that it needs."""
    spend = case_spend(case)
    psbt = spend.build()
    threshold, keys = quorum_of(spend.vault, case.path)
    signed = spend.sign(psbt, keys[::-1][:threshold])
    for count in range(threshold + 1):
        decoded = decode_psbt(combine_signatures(psbt, signed[:count], CHAIN), CHAIN)
        shares = signer_shares(decoded, spend.vault, case.path)
        assert [(share.signer, share.signed, share.inputs) for share in shares] == [
            (key.signer, 3 if key in keys[::-1][:count] else 0, 3) for key in keys
        ]
        assert is_quorum_reached(decoded, spend.vault, case.path) == (count == threshold)


@by_name
def test_gathering_says_who_gave_how_many(case: Case) -> None:
    """Signatures are counted by master key; a second gathering of the same ones adds nothing."""
    spend = case_spend(case)
    psbt = spend.build()
    keys = quorum_of(spend.vault, case.path)[1][:2]
    signed = spend.sign(psbt, keys)
    first = gather(psbt, signed, CHAIN)
    assert first.signed_by == tuple(sorted((key.xpub[1:9], 3) for key in keys))
    again = gather(first.psbt, signed, CHAIN)
    assert (again.signed_by, again.psbt, again.dropped) == ((), first.psbt, ())


@by_name
def test_answers_in_every_form_and_version(case: Case) -> None:
    """One signer answers in binary of version 2, one in hex, one in base64 with line ends: all are taken."""
    spend = case_spend(case)
    psbt = spend.build()
    threshold, keys = quorum_of(spend.vault, case.path)
    raws = [base64.b64decode(text) for text in spend.sign(psbt, keys[:threshold])]
    forms = [
        write_maps(to_v2(read_maps(raws[0]))),
        raws[1].hex().encode() + b"\n",
        *(base64.encodebytes(raw) for raw in raws[2:]),
    ]
    gathered = gather(psbt, forms, CHAIN)
    assert gathered.dropped == ()
    assert finalise(gathered.psbt, CHAIN) == finalise(combine_signatures(psbt, raws, CHAIN), CHAIN)


@pytest.mark.parametrize("form", ["decaying", "taproot_recovery"])
def test_a_signer_of_one_path_alone_does_not_sign_the_other(form: str) -> None:
    """A main key that is no recovery key, and the other way round; a key of both signs with that of the path."""
    main, recovery = case_spend(Case(form, MAIN)), case_spend(Case(form, RECOVERY))
    only_main, only_recovery, both = main.vault.keys[1], quorum_of(main.vault, RECOVERY)[1][1], main.vault.keys[0]
    for spend, stranger in ((recovery, only_main), (main, only_recovery)):
        with pytest.raises(KeyOutsideVault, match="path"):
            spend.sign(spend.build(), [stranger])
    signatures = []
    for spend in (main, recovery):
        (signed,) = spend.sign(spend.build(), [both])
        shares = signer_shares(decode_psbt(signed, CHAIN), spend.vault, spend.instruction.path)
        assert [share.is_done for share in shares if share.signer == both.signer] == [True]
        signatures.append(decode_psbt(signed, CHAIN).inputs[0])
    assert all(len(given.signatures) + len(given.taproot.signatures) == 1 for given in signatures)


@pytest.mark.parametrize("form", ["sortedmulti", "held", "taproot"])
def test_a_vault_without_a_recovery_has_no_such_path(form: str) -> None:
    """An instruction that names a path that the vault has not is not built."""
    spend = case_spend(Case(form, MAIN))
    with pytest.raises(NoSuchPath):
        replace(spend, instruction=replace(spend.instruction, path=RECOVERY)).build()


def test_control_blocks_carry_the_parity_of_the_output() -> None:
    """Of sixteen outputs some are odd and some even; the finaliser, which verifies both, takes all (BIP-341)."""
    spend = case_spend(Case("taproot_recovery", RECOVERY), coins=16)
    descriptor = vault_descriptor(spend.vault)
    places = [derive_place(descriptor, 0, index, CHAIN) for index in range(16)]
    assert {place.leaves[0].control_block_hex[:2] for place in places} == {"c0", "c1"}
    assert {place.leaves[0].control_block_hex[:2] == place.leaves[1].control_block_hex[:2] for place in places} == {
        True
    }
    psbt = spend.build()
    signed = spend.sign(psbt, quorum_of(spend.vault, RECOVERY)[1][:2])
    assert finalise(combine_signatures(psbt, signed, CHAIN), CHAIN)


@by_name
def test_whole_previous_transactions_travel_without_their_witnesses(case: Case) -> None:
    """What the node tells of the coins is put in whole, and still signed and made final; a missing one is named."""
    vault = vault_in(case.form)
    address = derive_address(vault, 0, 3, CHAIN)
    script = Script(bytes.fromhex(address.script_hex))
    outputs = [TransactionOutput(sats, script) for sats in (1_500_000, 700_000)]
    funding = Transaction(vin=[TransactionInput(b"\x11" * 32, 0)], vout=outputs)
    funding.vin[0].witness.items = [b"\x01" * 70]
    txid = funding.txid().hex()
    held = [
        HeldCoin(Coin(f"{txid}:{n}", sats, address.script_hex, 7, ""), address)
        for n, sats in ((0, 1_500_000), (1, 700_000))
    ]
    spend = payment_of(vault, held, case.path)
    with pytest.raises(NoPreviousTransaction, match=txid):
        spend.build({})
    with pytest.raises(NoPreviousTransaction, match="no transaction"):
        spend.build({txid: "00"})
    psbt = spend.build({txid: funding.serialize().hex()})
    assert {given.previous for given in decode_psbt(psbt, CHAIN).inputs} == {
        (txid, 1_500_000, address.script_hex),
        (txid, 700_000, address.script_hex),
    }
    assert (b"\x01" * 70) not in base64.b64decode(psbt)
    threshold, keys = quorum_of(vault, case.path)
    assert finalise(combine_signatures(psbt, spend.sign(psbt, keys[:threshold]), CHAIN), CHAIN)


@by_name
def test_change_is_described_to_signers(case: Case) -> None:
    """The change output carries its keys and its script or tree, and nothing else does; the fee is what was planned."""
    spend = case_spend(case)
    psbt = spend.build()
    decoded = decode_psbt(psbt, CHAIN)
    paid, change = sorted(decoded.outputs, key=lambda output: output.script_hex == spend.change[0].address.script_hex)
    place = derive_place(vault_descriptor(spend.vault), 1, 0, CHAIN)
    assert (paid.key_origins, change.key_origins) == ((), place.origins)
    assert (change.witness_script_hex, change.taproot.internal_key) == (place.witness_script_hex, place.internal_key)
    assert sorted(script for _, _, script in change.taproot.tree) == sorted(leaf.script_hex for leaf in place.leaves)
    assert any(key == OUT_TAP_TREE for entries in read_maps(base64.b64decode(psbt)).outputs for key, _ in entries) == (
        place.is_taproot
    )
    assert decoded.fee_sats == FEE_SATS


@by_name
def test_signing_adds_signatures_and_changes_no_other_byte(case: Case) -> None:
    """The signed PSBT less its signatures is the PSBT that came, byte for byte; signing again changes nothing."""
    spend = case_spend(case)
    psbt = spend.build()
    key = quorum_of(spend.vault, case.path)[1][0]
    (signed,) = spend.sign(psbt, [key])
    maps = read_maps(base64.b64decode(signed))
    bare = replace(
        maps,
        inputs=tuple(
            tuple(entry for entry in entries if entry[0][:1] not in {b"\x02", b"\x14"}) for entries in maps.inputs
        ),
    )
    assert write_maps(bare) == base64.b64decode(psbt)
    assert check_and_sign(signed, spend.instruction, spend.policy, CHAIN, seed_for(key)) == signed
    decoded = decode_psbt(signed, CHAIN)
    check_against(decoded, spend.instruction, coins_as_told(decoded), spend.policy, CHAIN)


@pytest.mark.parametrize("form", ["decaying", "taproot_recovery"])
def test_without_a_path_a_seed_signs_with_every_key_it_has(form: str) -> None:
    """A message over an address has no path: a holder of a main and a recovery key signs with what is shown of both."""
    spend = case_spend(Case(form, MAIN))
    psbt = spend.build()
    signed = decode_psbt(sign_scopes(psbt, decode_psbt(psbt, CHAIN), seed_for(spend.vault.keys[0]), CHAIN), CHAIN)
    counts = {len(given.signatures) + len(given.taproot.signatures) for given in signed.inputs}
    # In taproot the PSBT shows the leaf of its path alone.
    assert counts == {2 if form == "decaying" else 1}


@pytest.mark.parametrize("form", ["sortedmulti", "taproot"])
def test_a_payout_of_thousands_in_one_transaction(form: str) -> None:
    """2,500 payments, some alike, from two coins: built, signed, final, each of them there and in BIP-69 order."""
    vault = vault_in(form)
    spend = payment_of(vault, held_coins(vault, (200_000_000, 200_000_000)), MAIN, fee_sats=500_000)
    places = [derive_address(INTAKE, 0, index, CHAIN).address for index in range(50)]
    payments = tuple(Payment(places[number % 50], 100_000 + number // 100) for number in range(2_500))
    left_sats = 400_000_000 - sum(payment.amount_sats for payment in payments) - 500_000
    instruction = replace(spend.instruction, payments=payments, fee_limit_sats=500_000)
    policy = replace(spend.policy, fee_limit_sats=500_000)
    payout = replace(
        spend, instruction=instruction, policy=policy, change=(replace(spend.change[0], amount_sats=left_sats),)
    )
    psbt = payout.build()
    final = decode_transaction(finalise(combine_signatures(psbt, payout.sign(psbt, vault.keys[:3]), CHAIN), CHAIN))
    assert len(final.outputs) == 2_501
    assert [(sats, script) for script, sats in final.outputs] == sorted(
        (sats, script) for script, sats in final.outputs
    )
