"""A vault's life in the books: no step is skipped, no key is taken on somebody's word, and two writers do not mix."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from governing_drill import accept_vault
from register_drill import CHAIN, COLD_SIGNERS, HEIRS, PHRASE, REGISTER, REQUESTS, SORTED
from watch_drill import START, make_treasury
from zakhira.adapters.drill_keys import signer_seed, signer_xpub
from zakhira.custody.message import sign_message
from zakhira.custody.refusals import RepeatedKey, WrongNetworkKey
from zakhira.custody.vault_creation import VaultRequest
from zakhira.custody.vault_refusals import (
    ChallengeRefused,
    RepeatedInRegister,
    UnknownSigner,
    VaultIdTaken,
    VaultNotTested,
    WrongVaultState,
)
from zakhira.custody.vault_state import DESIGNED, IN_USE, RETIRED, TESTED
from zakhira.flows.accepted_vaults import VaultNotAccepted
from zakhira.flows.registered_keys import (
    ADDED,
    UNCHANGED,
    UPDATED,
    KeyInUse,
    key_register,
    plan_registration,
    register_keys,
)
from zakhira.flows.reservations import reserve_address
from zakhira.flows.treasury import Treasury, policy_in_force, vault_records
from zakhira.flows.vaults import (
    BadVaultName,
    ChangedMeanwhile,
    NoSuchVault,
    NotTheDesign,
    SuccessorUnfit,
    UnregisteredKeys,
    create_vault,
    design,
    import_vault,
    issue_challenge,
    plan_challenge,
    plan_import,
    plan_test_signing,
    record_test_signing,
    retire_vault,
    vault_record,
)
from zakhira.kernel.errors import Faults
from zakhira.simulator.books import SimulatedBooks
from zakhira.simulator.chain import SimulatedChain
from zakhira.simulator.coin_store import SimulatedCoins
from zakhira.simulator.follow import SimulatedFollower

NEXT = tuple(
    replace(key, signer=f"next-{number}", xpub=signer_xpub(PHRASE, "next", f"next-{number}"))
    for number, key in enumerate(REGISTER[:5], 1)
)
"""Keys for a successor."""


def desk() -> Treasury:
    """A treasury of twins whose register holds the drill's keys."""
    books = SimulatedBooks()
    treasury = make_treasury(books, SimulatedCoins(books), SimulatedFollower(SimulatedChain()))
    register_keys(books, (*REGISTER, *NEXT), CHAIN, "dara", START)
    return treasury


def later(treasury: Treasury, days: int) -> Treasury:
    return replace(treasury, now=treasury.now + timedelta(days=days), seed=treasury.seed + days)


def let_sign(treasury: Treasury, name: str, signers: tuple[str, ...], path: str = "main", owner: str = "cold") -> None:
    """These signers sign one challenge; each file comes back by itself."""
    vault = vault_record(treasury.books, name).vault
    challenge, psbt = plan_challenge(treasury, name, path)
    issue_challenge(treasury, challenge, "dara")
    for signer in signers:
        back = sign_message(psbt, (vault,), CHAIN, signer_seed(PHRASE, owner, signer))
        record_test_signing(treasury, name, back, "dara")


def codes(faults: Faults) -> set[str]:
    return {fault.code for fault in faults.faults}


def test_from_the_register_to_the_first_address() -> None:
    """Designed, tested key by key, in use; the register learns of each proof, the policy in force of the vault."""
    treasury = desk()
    create_vault(treasury, SORTED, "dara")
    assert vault_record(treasury.books, "vault-a").state == DESIGNED
    with pytest.raises(VaultNotTested, match="cold-5"):
        reserve_address(treasury, "vault-a", "pool", "royalty", key="k", by="dara")
    let_sign(treasury, "vault-a", COLD_SIGNERS[:4])
    with pytest.raises(VaultNotTested, match="1 of 5 keys"):
        reserve_address(treasury, "vault-a", "pool", "royalty", key="k", by="dara")
    let_sign(treasury, "vault-a", COLD_SIGNERS[4:])
    assert vault_record(treasury.books, "vault-a").state == TESTED
    with pytest.raises(VaultNotAccepted, match="vault-a"):
        reserve_address(treasury, "vault-a", "pool", "royalty", key="k", by="dara")
    accept_vault(treasury.books, treasury.policy, treasury.now, "vault-a")
    reserve_address(treasury, "vault-a", "pool", "royalty", key="k", by="dara")
    assert vault_record(treasury.books, "vault-a").state == IN_USE
    alive = {key.signer for key in key_register(treasury.books) if key.last_proof_of_life == START.date()}
    assert alive == set(COLD_SIGNERS)
    assert [vault.id for vault in policy_in_force(treasury).vaults] == ["vault-a"]
    assert treasury.books.breaks() == ()


@pytest.mark.parametrize("name", ["decaying", "decaying-shared", "taproot-recovery"])
def test_the_keys_of_the_recovery_path_test_sign_too(name: str) -> None:
    """A vault with a recovery is not tested before every key of both paths has signed."""
    treasury = desk()
    create_vault(treasury, REQUESTS[name], "dara")
    let_sign(treasury, "vault-a", COLD_SIGNERS)
    if name == "decaying-shared":
        assert vault_record(treasury.books, "vault-a").state == TESTED
        return
    assert vault_record(treasury.books, "vault-a").untested == HEIRS
    let_sign(treasury, "vault-a", HEIRS, "recovery")
    assert vault_record(treasury.books, "vault-a").state == TESTED


def test_a_dry_run_writes_nothing() -> None:
    """Design, plan of a challenge and of a registration leave the books as they were."""
    treasury = desk()
    before = treasury.books.audit_entries()
    design(treasury, SORTED)
    plan_registration(treasury.books, [replace(REGISTER[0], site="Lahore")], CHAIN)
    assert treasury.books.audit_entries() == before
    create_vault(treasury, SORTED, "dara")
    before = treasury.books.audit_entries()
    _, psbt = plan_challenge(treasury, "vault-a")
    vault = vault_record(treasury.books, "vault-a").vault
    with pytest.raises(ChallengeRefused, match="no challenge that was written"):
        plan_test_signing(
            treasury, "vault-a", sign_message(psbt, (vault,), CHAIN, signer_seed(PHRASE, "cold", "cold-1"))
        )
    assert treasury.books.audit_entries() == before


def test_everything_against_a_vault_is_said_at_once() -> None:
    """Unknown signer, a device that counts twice, and a name that is taken; and names that cannot be one."""
    treasury = desk()
    create_vault(treasury, SORTED, "dara")
    request = VaultRequest("vault-a", "cold", 2, ("next-1", "next-1", "stranger"))
    with pytest.raises(Faults) as raised:
        create_vault(treasury, request, "dara")
    assert {VaultIdTaken.code, UnknownSigner.code, RepeatedKey.code} <= codes(raised.value)
    for name in ("Cold", "cold vault", "-cold", "c" * 41, ""):
        with pytest.raises(BadVaultName):
            design(treasury, replace(SORTED, id=name))
    with pytest.raises(NoSuchVault, match="vault-a"):
        vault_record(treasury.books, "vault-b")


def test_a_challenge_is_taken_once_and_never_for_another_vault() -> None:
    """The same file again is no news; another vault's signers and a challenge of that vault prove nothing here."""
    treasury = desk()
    create_vault(treasury, SORTED, "dara")
    create_vault(treasury, VaultRequest("vault-b", "cold", 3, tuple(key.signer for key in NEXT)), "dara")
    vault = vault_record(treasury.books, "vault-a").vault
    challenge, psbt = plan_challenge(treasury, "vault-a")
    issue_challenge(treasury, challenge, "dara")
    back = sign_message(psbt, (vault,), CHAIN, signer_seed(PHRASE, "cold", "cold-1"))
    assert record_test_signing(treasury, "vault-a", back, "dara").is_new
    entries = len(treasury.books.audit_entries())
    again = record_test_signing(treasury, "vault-a", back, "dara")
    assert not again.is_new
    assert again.signers == ("cold-1",)
    assert len(treasury.books.audit_entries()) == entries
    with pytest.raises(ChallengeRefused):
        record_test_signing(treasury, "vault-b", back, "dara")


def test_an_old_challenge_does_not_make_a_proof_of_life_older() -> None:
    """A proof is dated with its challenge; one that comes back late changes nothing."""
    treasury = desk()
    create_vault(treasury, SORTED, "dara")
    vault = vault_record(treasury.books, "vault-a").vault
    old, old_psbt = plan_challenge(treasury, "vault-a")
    issue_challenge(treasury, old, "dara")
    month = later(treasury, 30)
    let_sign(month, "vault-a", ("cold-1",))
    late = sign_message(old_psbt, (vault,), CHAIN, signer_seed(PHRASE, "cold", "cold-1"))
    assert not record_test_signing(month, "vault-a", late, "dara").is_new
    proof = vault_record(treasury.books, "vault-a").test_signed[0]
    assert proof.on == month.now.date()
    assert next(k for k in key_register(treasury.books) if k.signer == "cold-1").last_proof_of_life == month.now.date()


def test_two_who_saw_the_same_record_cannot_both_write_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one is told; no proof is lost without a word."""
    treasury = desk()
    create_vault(treasury, SORTED, "dara")
    stale = vault_records(treasury.books)
    let_sign(treasury, "vault-a", ("cold-1",))
    monkeypatch.setattr("zakhira.flows.vaults.vault_records", lambda _books: stale)
    with pytest.raises(ChangedMeanwhile):
        let_sign(later(treasury, 1), "vault-a", ("cold-2",))


def test_a_vault_hands_over_to_a_tested_one_of_its_purpose() -> None:
    """Untested, of another purpose, a drill's, or itself: no successor. Retired, it hands out no address."""
    treasury = desk()
    signers = tuple(key.signer for key in NEXT)
    create_vault(treasury, SORTED, "dara")
    let_sign(treasury, "vault-a", COLD_SIGNERS)
    accept_vault(treasury.books, treasury.policy, treasury.now, "vault-a")
    reserve_address(treasury, "vault-a", "pool", "royalty", key="k", by="dara")
    create_vault(treasury, VaultRequest("vault-b", "cold", 3, signers), "dara")
    with pytest.raises(VaultNotTested):
        retire_vault(treasury, "vault-a", "vault-b", "dara")
    with pytest.raises(WrongVaultState):
        retire_vault(treasury, "vault-a", "vault-a", "dara")
    create_vault(treasury, VaultRequest("other", "intake", 2, HEIRS), "dara")
    let_sign(treasury, "other", HEIRS)
    with pytest.raises(SuccessorUnfit, match="intake"):
        retire_vault(treasury, "vault-a", "other", "dara")
    let_sign(treasury, "vault-b", signers, owner="next")
    with pytest.raises(VaultNotAccepted, match="vault-b"):
        retire_vault(treasury, "vault-a", "vault-b", "dara")
    accept_vault(treasury.books, treasury.policy, treasury.now, "vault-b", "vault-a")
    assert retire_vault(treasury, "vault-a", "vault-b", "dara").state == RETIRED
    assert vault_record(treasury.books, "vault-a").successor == "vault-b"
    with pytest.raises(ChallengeRefused):
        plan_challenge(treasury, "vault-a")


def test_an_imported_vault_has_its_keys_in_the_register() -> None:
    """The same quorum from a paper is taken; a stranger's key is named, another order of registered origins refused."""
    treasury = desk()
    vault = design(treasury, SORTED).vault
    foreign = replace(vault.keys[0], xpub=signer_xpub(PHRASE, "elsewhere", "cold-1"), signer="somebody")
    with pytest.raises(Faults) as raised:
        plan_import(treasury, replace(vault, keys=(foreign, *vault.keys[1:])))
    assert codes(raised.value) == {UnregisteredKeys.code}
    assert "somebody" in raised.value.remedy
    renamed = replace(vault, keys=tuple(replace(key, signer=key.xpub[1:9]) for key in vault.keys))
    import_vault(treasury, renamed, "dara")
    record = vault_record(treasury.books, "vault-a")
    assert record.vault == vault
    assert record.state == DESIGNED
    with pytest.raises(Faults):
        import_vault(treasury, renamed, "dara")


def test_a_paper_that_is_not_the_design_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the design ever differ from the paper, nothing is recorded."""
    treasury = desk()
    vault = design(treasury, SORTED).vault
    other = replace(vault, threshold=4)
    real = design(treasury, replace(SORTED, threshold=4))
    monkeypatch.setattr("zakhira.flows.vaults.design_vault", lambda *_: replace(real, vault=vault))
    with pytest.raises(NotTheDesign):
        import_vault(treasury, other, "dara")
    assert vault_records(treasury.books) == {}


def test_registering_adds_updates_and_repeats() -> None:
    """The same file twice changes nothing; a moved device is an update; a known proof of life is kept."""
    treasury = desk()
    books = treasury.books
    assert {change.what for change in register_keys(books, REGISTER, CHAIN, "dara", START)} == {UNCHANGED}
    proved = replace(REGISTER[0], last_proof_of_life=date(2026, 3, 1))
    assert [change.what for change in register_keys(books, [proved], CHAIN, "dara", START)] == [UPDATED]
    moved = replace(REGISTER[0], site="Hyderabad")
    change = register_keys(books, [moved], CHAIN, "dara", START)[0]
    assert (change.what, change.fields) == (UPDATED, ("site",))
    back = register_keys(books, [REGISTER[0]], CHAIN, "dara", START)[0]
    assert (back.what, back.fields) == (UPDATED, ("site",)), "back to what it was before is a change as well"
    assert key_register(books)[0] == replace(REGISTER[0], last_proof_of_life=date(2026, 3, 1))
    new = replace(REGISTER[0], signer="new", xpub=signer_xpub(PHRASE, "new", "new"))
    assert register_keys(books, [new], CHAIN, "dara", START)[0].what == ADDED


def test_a_key_is_one_signers_for_good() -> None:
    """Another signer with the same key, another network's key, and a new key for a signer whom a vault names."""
    treasury = desk()
    create_vault(treasury, SORTED, "dara")
    twin = replace(REGISTER[0], signer="twin")
    changed = replace(REGISTER[1], xpub=signer_xpub(PHRASE, "new", "cold-2"))
    with pytest.raises(Faults) as raised:
        register_keys(treasury.books, [twin, changed], CHAIN, "dara", START)
    assert codes(raised.value) == {RepeatedInRegister.code, KeyInUse.code}
    with pytest.raises(Faults) as raised:
        register_keys(treasury.books, [REGISTER[0]], "main", "dara", START)
    assert codes(raised.value) == {WrongNetworkKey.code}
