"""A vault is designed only of keys that no person, site or vendor could bring together, and used only once tested."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from register_drill import CHAIN, COLD_SIGNERS, HEIRS, MADE_AT, MADE_ON, REGISTER, REQUESTS, SORTED
from zakhira.adapters.drill_keys import signer_xpub
from zakhira.custody.key_register import RegisteredKey
from zakhira.custody.vault_creation import RecoveryRequest, VaultRequest, design_vault
from zakhira.custody.vault_refusals import VaultNotTested, VaultRetired, WrongVaultState
from zakhira.custody.vault_state import (
    DESIGNED,
    IN_USE,
    RETIRED,
    TESTED,
    ProofOfLife,
    VaultRecord,
    put_in_use,
    record_json,
    record_of,
    require_usable,
    retire,
    with_test_sign,
)
from zakhira.kernel.canonical import canonical_bytes
from zakhira.kernel.errors import Faults
from zakhira.programme.vault_text import vault_json, vault_of

PLAIN = design_vault(SORTED, REGISTER, CHAIN)


def found(request: VaultRequest, register: tuple[RegisteredKey, ...] = REGISTER, chain: str = CHAIN) -> list[str]:
    """The codes of everything that speaks against a request."""
    with pytest.raises(Faults) as caught:
        design_vault(request, register, chain, height=1)
    return [fault.code for fault in caught.value.faults]


@pytest.mark.parametrize("name", REQUESTS)
def test_each_template_is_designed_as_asked(name: str) -> None:
    """The vault has the keys in the order asked, and the books give it back."""
    request = REQUESTS[name]
    vault = design_vault(request, REGISTER, CHAIN).vault
    assert [key.signer for key in vault.keys] == list(COLD_SIGNERS)
    assert (vault.template, vault.threshold, vault.held_until_height) == (
        request.template,
        request.threshold,
        request.held_until_height,
    )
    assert (vault.recovery is None) == (request.recovery is None)
    assert vault_of(vault_json(vault)) == vault


@pytest.mark.parametrize(("field", "word"), [("vendor", "vendor"), ("site", "site"), ("holder", "person")])
def test_one_vendor_site_or_person_that_could_complete_a_quorum(field: str, word: str) -> None:
    """Three of five keys share it, under two spellings: refused by name, with the signers."""
    spelled = ("One Name", "one  name", "ONE NAME ")
    keys = tuple(replace(key, **{field: spelled[n]}) if n < 3 else key for n, key in enumerate(REGISTER))  # type: ignore[arg-type]
    with pytest.raises(Faults, match=f"One {word}, One Name, has cold-1, cold-2, cold-3") as caught:
        design_vault(SORTED, keys, CHAIN)
    assert [fault.code for fault in caught.value.faults] == ["ZK-CUSTODY-095"]


def test_two_of_a_threshold_of_three_may_be_alike() -> None:
    """The register's vendors repeat, but never three times in the main path."""
    assert max(Counter(key.vendor for key in REGISTER[:5]).values()) == 2
    assert PLAIN.cautions == ()


def test_the_recovery_path_is_counted_too() -> None:
    """Nobody completes the main path; one site has two of the three heirs."""
    keys = tuple(replace(key, site="Multan") if key.signer in HEIRS[:2] else key for key in REGISTER)
    with pytest.raises(Faults, match="One site, Multan, has heir-1, heir-2"):
        design_vault(REQUESTS["decaying"], keys, CHAIN)


@given(
    holders=st.lists(st.integers(0, 3), min_size=5, max_size=5),
    threshold=st.integers(1, 5),
)
def test_a_quorum_is_refused_exactly_if_somebody_could_complete_it(holders: list[int], threshold: int) -> None:
    """Whoever holds what: it is refused if and only if one holder has as many keys as the threshold."""
    keys = tuple(
        replace(key, holder=f"holder {holders[n]}", vendor=f"vendor {n}") if n < 5 else key
        for n, key in enumerate(REGISTER)
    )
    request = replace(SORTED, threshold=threshold)
    most = Counter(holders).most_common(1)[0][1]
    if most >= threshold:
        assert set(found(request, keys)) == {"ZK-CUSTODY-095"}
    else:
        assert design_vault(request, keys, CHAIN).vault.threshold == threshold


def test_a_drill_may_and_is_marked_for_ever() -> None:
    """On regtest one person may hold everything; the mark and the cautions say so, in every later version too."""
    keys = tuple(replace(key, holder="Amina", site="desk", vendor="none", is_drill=True) for key in REGISTER)
    design = design_vault(replace(SORTED, is_drill=True), keys, CHAIN)
    assert design.vault.is_drill
    assert [caution.topic for caution in design.cautions] == ["drill", "drill-quorum", "drill-quorum", "drill-quorum"]
    record = VaultRecord(design.vault, CHAIN, "dara", MADE_AT)
    assert record_of(record_json(retire(record, ""))).vault.is_drill


def test_drills_stay_on_regtest_and_among_themselves() -> None:
    """A drill on another chain, and a drill's key in a vault that is none, are refused."""
    drill = replace(SORTED, is_drill=True)
    assert found(drill, chain="signet") == ["ZK-CUSTODY-096"]
    keys = (replace(REGISTER[0], is_drill=True), *REGISTER[1:])
    assert found(SORTED, keys) == ["ZK-CUSTODY-096"]


def test_everything_is_told_at_once() -> None:
    """A wrong network, an unknown signer, a threshold out of reach, a delay too long: four faults, four codes."""
    request = VaultRequest("x", "cold", 9, (*COLD_SIGNERS, "nobody"), "decaying", RecoveryRequest(2, HEIRS, 65_536))
    codes = found(request, chain="main")
    assert Counter(codes) == {"ZK-CUSTODY-001": 1, "ZK-CUSTODY-004": 8, "ZK-CUSTODY-094": 1, "ZK-CUSTODY-065": 1}


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (replace(SORTED, template="magic"), "ZK-CUSTODY-001"),
        (replace(SORTED, threshold=0), "ZK-CUSTODY-001"),
        (replace(SORTED, recovery=RecoveryRequest(2, HEIRS, 10)), "ZK-CUSTODY-065"),
        (replace(SORTED, template="decaying"), "ZK-CUSTODY-065"),
        (replace(REQUESTS["decaying"], recovery=RecoveryRequest(2, HEIRS, 0)), "ZK-CUSTODY-065"),
        (replace(REQUESTS["held"], held_until_height=1), "ZK-CUSTODY-065"),
        (replace(REQUESTS["held"], held_until_height=500_000_000), "ZK-CUSTODY-065"),
        (replace(SORTED, held_until_height=5), "ZK-CUSTODY-065"),
    ],
)
def test_forms_that_no_vault_has(request_: VaultRequest, code: str) -> None:
    """Template, threshold and timelocks outside what scripts can say."""
    assert code in found(request_)


def test_a_chain_that_does_not_exist() -> None:
    """It is named, and not taken for one of the others."""
    assert "ZK-CUSTODY-008" in found(SORTED, chain="moon")


def test_repeated_keys_within_and_across_vaults() -> None:
    """One key twice, one device with two accounts, and a key of another vault (even a retired one)."""
    twice = found(replace(SORTED, threshold=4, signers=(*COLD_SIGNERS[:4], "cold-1")))
    assert twice == ["ZK-CUSTODY-002"]
    first = REGISTER[0].xpub
    other = REGISTER[1].xpub
    mixed = first[: first.index("]") + 1] + other[other.index("]") + 1 :]
    assert found(SORTED, (REGISTER[0], replace(REGISTER[1], xpub=mixed), *REGISTER[2:])) == ["ZK-CUSTODY-002"]
    with pytest.raises(Faults, match="stands in vault vault-a") as caught:
        design_vault(replace(SORTED, id="vault-b"), REGISTER, CHAIN, existing=(PLAIN.vault,))
    assert [fault.code for fault in caught.value.faults] == ["ZK-CUSTODY-097"] * 5
    with pytest.raises(Faults, match="Another vault has this name"):
        design_vault(SORTED, REGISTER, CHAIN, existing=(PLAIN.vault,))


def topics(request: VaultRequest, register: tuple[RegisteredKey, ...] = REGISTER) -> list[str]:
    return [caution.topic for caution in design_vault(request, register, CHAIN).cautions]


def test_cautions_say_what_owners_must_know() -> None:
    """A hold by script cannot rotate; a recovery path wants a refresh; one model from one source; an odd path."""
    held = design_vault(REQUESTS["held"], REGISTER, CHAIN).cautions
    assert [caution.topic for caution in held] == ["hold-by-script"]
    assert "hold by policy is the default" in held[0].text
    decaying = design_vault(REQUESTS["decaying"], REGISTER, CHAIN).cautions
    assert [caution.topic for caution in decaying] == ["refresh"]
    assert "52560 blocks (about 365 days)" in decaying[0].text
    no_easier = replace(REQUESTS["decaying"], recovery=RecoveryRequest(3, COLD_SIGNERS, 100))
    assert topics(no_easier) == ["refresh", "recovery-no-easier"]
    model = replace(SORTED, threshold=2)
    keys = tuple(replace(key, vendor=f"{n}") for n, key in enumerate(REGISTER))
    assert topics(model, keys) == []
    assert topics(replace(model, is_drill=True)) == ["drill", "drill-quorum", "drill-quorum", "entropy", "entropy"]


def test_a_loss_that_would_stop_a_path_is_named() -> None:
    """Four keys with two on one site that ask for three: nobody could complete it there, and its loss would stop it."""
    four = replace(SORTED, signers=COLD_SIGNERS[:4])
    assert topics(four) == []
    shared = (REGISTER[0], replace(REGISTER[1], site=" islamabad "), *REGISTER[2:])
    (caution,) = design_vault(four, shared, CHAIN).cautions
    assert (caution.topic, "without one site: Islamabad." in caution.text) == ("loss", True)
    everybody = design_vault(replace(SORTED, threshold=5), REGISTER, CHAIN).cautions
    assert [caution.topic for caution in everybody] == ["loss", "loss"]
    assert "without one person: Amina, Bilal, Chand, Dara, Ehsan." in everybody[1].text


def test_keys_off_the_usual_path_are_named() -> None:
    """A tpub at mainnet's coin type works here, and some signers refuse it."""
    text = signer_xpub("another phrase", "cold", "odd").replace("/1h/", "/0h/")
    assert topics(SORTED, (replace(REGISTER[0], xpub=text), *REGISTER[1:])) == ["path"]


def proven(record: VaultRecord, count: int) -> VaultRecord:
    """The record after so many of its signers have test-signed."""
    for signer in record.signers[:count]:
        record = with_test_sign(record, ProofOfLife(signer, MADE_ON, "00" * 32))
    return record


NEW = VaultRecord(design_vault(REQUESTS["decaying"], REGISTER, CHAIN).vault, CHAIN, "dara", MADE_AT)


def test_no_address_before_every_key_has_test_signed() -> None:
    """Seven of eight keys, the recovery's among them, are not enough; the message names the one that is missing."""
    with pytest.raises(VaultNotTested, match=r"1 of 8 keys have not test-signed: heir-3"):
        require_usable(proven(NEW, 7))
    with pytest.raises(VaultNotTested):
        put_in_use(NEW)
    ready = proven(NEW, 8)
    require_usable(ready)
    assert (NEW.state, proven(NEW, 7).state, ready.state, put_in_use(ready).state) == (
        DESIGNED,
        DESIGNED,
        TESTED,
        IN_USE,
    )


def test_a_later_proof_renews_and_changes_no_state() -> None:
    """Proof of life of a vault in use."""
    used = put_in_use(proven(NEW, 8))
    renewed = with_test_sign(used, ProofOfLife("cold-2", date(2026, 7, 5), "11" * 32))
    assert renewed.state == IN_USE
    assert [item.on for item in renewed.test_signed if item.signer == "cold-2"] == [date(2026, 7, 5)]
    assert [item.signer for item in renewed.test_signed] == list(renewed.signers)


def test_a_retired_vault_hands_out_nothing_and_names_its_successor() -> None:
    """Steps that its state does not allow are refused."""
    used = put_in_use(proven(NEW, 8))
    with pytest.raises(WrongVaultState):
        retire(used, "")
    with pytest.raises(WrongVaultState):
        retire(used, "vault-a")
    gone = retire(used, "vault-b")
    assert gone.state == RETIRED
    with pytest.raises(VaultRetired, match="vault-b"):
        require_usable(gone)
    with pytest.raises(WrongVaultState):
        retire(gone, "vault-c")
    with pytest.raises(WrongVaultState):
        with_test_sign(gone, ProofOfLife("cold-1", MADE_ON, "00" * 32))
    with pytest.raises(WrongVaultState):
        with_test_sign(used, ProofOfLife("stranger", MADE_ON, "00" * 32))


@pytest.mark.parametrize("record", [NEW, proven(NEW, 3), retire(put_in_use(proven(NEW, 8)), "vault-b")])
def test_the_books_give_every_state_back(record: VaultRecord) -> None:
    """The record survives its canonical encoding."""
    assert canonical_bytes(record_json(record))
    assert record_of(record_json(record)) == record
