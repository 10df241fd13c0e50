"""Reserved addresses: derived by three programs, given to one payer alone, the same again for the same key."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from custody_drill import COLD, INTAKE
from governing_drill import accept_vault
from watch_drill import all_signed, keep_vaults, place, twin_books, twin_chain, twin_drill
from zakhira.custody.coin import Address
from zakhira.custody.refusals import UnknownVault
from zakhira.custody.vault_refusals import VaultNotTested, VaultRetired
from zakhira.custody.vault_state import VaultRecord
from zakhira.flows import reservations as room
from zakhira.flows.addresses import AddressesDiffer
from zakhira.flows.ports.books import Receipt, Write
from zakhira.flows.ports.books_errors import DatabaseUnreachable
from zakhira.flows.reservations import (
    BlankReservation,
    Deal,
    Reservation,
    ReservationDiffers,
    reservation,
    reservations,
    reserve_address,
    reserve_change,
    reserve_home,
)
from zakhira.flows.treasury import Treasury, vault_records
from zakhira.flows.vaults import retire_vault
from zakhira.kernel.money import Amount, Commodity
from zakhira.simulator.books import BooksFaults
from zakhira.simulator.follow import SimulatedFollower

DEAL = Deal("The court of Karachi", None, "case 12/2026", date(2026, 1, 3))


def test_each_key_has_an_address_of_its_own() -> None:
    """Places are given out one after the other; a key that comes again gives the same; all is read back."""
    drill = twin_drill()
    first = drill.reserve("one", expected_sats=5_000, hold_until=date(2046, 1, 1), deal=DEAL)
    priced = Deal("A. Seller", Amount(1_250_000, Commodity.USD), "order 3", date(2026, 1, 4))
    second = drill.reserve("two", deal=priced)
    assert [one.address for one in (first, second)] == [place(INTAKE, 0), place(INTAKE, 1)]
    assert drill.reserve("one", expected_sats=5_000, hold_until=date(2046, 1, 1), deal=DEAL) == first
    assert list(reservations(drill.treasury.books).values()) == [first, second]
    assert reservation(drill.treasury.books, second.address.script_hex) == second
    assert reservation(drill.treasury.books, "00") is None
    assert vault_records(drill.treasury.books)["intake"].state == "in use"
    assert vault_records(drill.treasury.books)["cold"].state == "tested"


def test_change_and_home_have_places_of_their_own() -> None:
    """Change comes to branch 1, moves between vaults to branch 0 of the other; both are safe to repeat."""
    drill = twin_drill()
    drill.reserve("one")
    treasury = drill.treasury
    assert reserve_change(treasury, "intake", "spend-1") == place(INTAKE, 0, 1)
    assert reserve_change(treasury, "intake", "spend-1", 1) == place(INTAKE, 1, 1)
    assert reserve_change(treasury, "intake", "spend-1") == place(INTAKE, 0, 1)
    assert reserve_home(treasury, "cold", "spend-1") == reserve_home(treasury, "cold", "spend-1") == place(COLD, 0)
    assert reserve_home(treasury, "intake", "spend-1") == place(INTAKE, 1)


@pytest.mark.parametrize(
    "change", [{"expected_sats": 7}, {"hold_until": date(2030, 1, 1)}, {"deal": DEAL}, {"vault": COLD}]
)
def test_a_key_that_means_something_else(change: dict[str, object]) -> None:
    """The key of another reservation is refused, whatever differs."""
    drill = twin_drill()
    drill.reserve("one")
    with pytest.raises(ReservationDiffers):
        drill.reserve("one", **change)  # type: ignore[arg-type]


def test_what_makes_no_sense() -> None:
    """Nobody, nothing, amounts of nothing, purposes that are no account: refused with nothing written."""
    drill = twin_drill()
    wrong: list[dict[str, object]] = [
        {"payer": " "},
        {"purpose": ""},
        {"purpose": "a:b"},
        {"purpose": "Royalty"},
        {"by": ""},
        {"key": ""},
        {"expected_sats": 0},
        {"renew_after": -1},
    ]
    for change in wrong:
        told: dict[str, object] = {"payer": "pool", "purpose": "royalty", "key": "k", "by": "dara", **change}
        with pytest.raises(BlankReservation):
            reserve_address(drill.treasury, "intake", **told)  # type: ignore[arg-type]
    assert reservations(drill.treasury.books) == {}


def test_vaults_that_hand_out_nothing() -> None:
    """Unknown, with keys that have not test-signed, retired."""
    drill = twin_drill(COLD)
    with pytest.raises(UnknownVault):
        drill.reserve("one")
    keep_vaults(drill.treasury.books, VaultRecord(INTAKE, "regtest", "dara", drill.now))
    with pytest.raises(VaultNotTested):
        drill.reserve("one")
    drill.retire(INTAKE, "cold")
    with pytest.raises(VaultRetired):
        drill.reserve("one")
    assert all_signed(COLD).state == "tested"


def test_a_vault_that_is_retired_meanwhile_stays_retired() -> None:
    """Somebody retires the vault between the look at it and the first address: no address, and it stays retired."""
    drill = twin_drill()
    books = twin_books(drill)
    real = books.commit

    def commit(write: Write) -> Receipt:
        if write.action == "put in use":
            books.commit = real  # type: ignore[method-assign]
            retire_vault(drill.treasury, "intake", "intake-next", "dara")
        return real(write)

    keep_vaults(books, replace(all_signed(COLD), vault=replace(COLD, id="intake-next", purpose=INTAKE.purpose)))
    accept_vault(books, drill.treasury.policy, drill.now, "intake-next", succeeds="intake")
    books.commit = commit  # type: ignore[method-assign]
    with pytest.raises(VaultRetired):
        drill.reserve("one")
    assert vault_records(books)["intake"].state == "retired"
    assert reservations(books) == {}


def test_a_node_that_derives_another_address() -> None:
    """An address that one of the three does not derive is never given out, and its place stays free."""
    drill = twin_drill()

    class Liar(SimulatedFollower):
        """Derives the next place instead."""

        def derive_address(self, descriptor: str, branch: int, index: int) -> str:
            return super().derive_address(descriptor, branch, index + 1)

    honest = drill.treasury
    drill.treasury = type(honest)(**{**honest.__dict__, "node": Liar(twin_chain(drill))})
    with pytest.raises(AddressesDiffer):
        drill.reserve("one")
    assert reservations(honest.books) == {}
    drill.treasury = honest
    assert drill.reserve("one").address == place(INTAKE, 0)


@pytest.mark.parametrize("key", ["other", "mine"])
def test_two_who_ask_at_once(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """Another process takes the place, or asks with the same key, in between: no address is shared, no key has two."""
    drill = twin_drill()
    honest = room._next_address  # the moment between reading and writing
    others: list[Reservation] = []

    def crowded(treasury: Treasury, vault: VaultRecord, branch: int) -> Address:
        found = honest(treasury, vault, branch)
        monkeypatch.setattr(room, "_next_address", honest)
        others.append(drill.reserve(key))
        return found

    monkeypatch.setattr(room, "_next_address", crowded)
    mine = drill.reserve("mine")
    (other,) = others
    assert (other == mine) == (key == "mine")
    assert (other.address == mine.address) == (key == "mine")
    assert drill.reserve("mine") == mine
    assert drill.treasury.books.breaks() == ()


@pytest.mark.parametrize("fault", ["unreachable_on", "acknowledgement_lost_on"])
def test_every_call_may_be_the_last(fault: str) -> None:
    """The database goes away at any call: asked again, one address is bound to the key and stays."""
    whole = twin_drill()
    before = twin_books(whole).calls
    whole.reserve("one")
    calls = twin_books(whole).calls - before
    for number in range(1, calls + 1):
        drill = twin_drill()
        twin = twin_books(drill)
        twin.faults = BooksFaults(**{fault: {twin.calls + number}})
        with pytest.raises(DatabaseUnreachable):
            drill.reserve("one")
        found = drill.reserve("one")
        assert drill.reserve("one") == found
        assert drill.reserve("two").address != found.address


def test_the_binding_write_is_the_key() -> None:
    """Who commits the same reservation twice gets the first receipt."""
    drill = twin_drill()
    seen: list[Write] = []
    books, real = twin_books(drill), twin_books(drill).commit

    def commit(write: Write) -> Receipt:
        seen.append(write)
        return real(write)

    books.commit = commit  # type: ignore[method-assign]
    drill.reserve("one")
    assert [write.action for write in seen] == ["put in use", "take place", "reserve address"]
    assert all(real(write).replayed for write in seen)
