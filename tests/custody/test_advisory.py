"""An advisory about a signer: which keys it names, which quorums they complete, and what is moved first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from register_drill import CHAIN, COLD_SIGNERS, HEIRS, MADE_AT, REGISTER
from zakhira.adapters.drill_keys import signer_xpub
from zakhira.custody.advisory import (
    AT_ONCE,
    BEFORE_MATURITY,
    NO_COINS,
    SOON,
    AdvisoryScope,
    advisory_json,
    keys_at_risk,
)
from zakhira.custody.coin import MAIN, RECOVERY
from zakhira.custody.firmware import parse_firmware_range, parse_version
from zakhira.custody.key_register import RegisteredKey
from zakhira.custody.vault_refusals import BadFirmwareRange
from zakhira.custody.vault_state import RETIRED, VaultRecord
from zakhira.kernel.canonical import canonical_bytes
from zakhira.programme.model import Recovery, Vault, VaultKey

PHRASE = "keys for an advisory"
WEAK_FIRMWARE = "4.0.0-5.1.2"


def made(vault: str, number: int, *, coldcard: bool, entropy_source: str = "device") -> RegisteredKey:
    """Signer ``number`` of a vault, on a Coldcard of the advisory or on a Ledger."""
    name = f"{vault}-{number}"
    device = ("Coinkite", "Coldcard Mk4", "5.1.2") if coldcard else ("Ledger", "Stax", "1.6.1")
    xpub = signer_xpub(PHRASE, vault, name)
    return RegisteredKey(name, f"Holder {name}", "custodian", f"Site {name}", *device, entropy_source, xpub)


def keys_of(vault: str, coldcards: int, count: int) -> tuple[RegisteredKey, ...]:
    """Keys of a vault, the first so many on Coldcards."""
    return tuple(made(vault, number, coldcard=number <= coldcards) for number in range(1, count + 1))


def record_of(
    vault: str, threshold: int, keys: tuple[RegisteredKey, ...], recovery: Recovery | None = None
) -> VaultRecord:
    """A record of a vault in use with these keys."""
    template = "decaying" if recovery else "sortedmulti"
    names = tuple(VaultKey(key.signer, key.xpub) for key in keys)
    return VaultRecord(Vault(vault, "cold", threshold, names, template, recovery), CHAIN, "dara", MADE_AT, "in use")


def scope(vendor: str = "Coldcard", firmware: str = WEAK_FIRMWARE, source: str = "") -> AdvisoryScope:
    return AdvisoryScope(vendor, parse_firmware_range(firmware), source)


def test_the_coldcard_advisory_of_2026_07() -> None:
    """Weak entropy in some firmware lines: the quorum that Coldcards complete is left at once, before one with more.

    ``broken`` has three of five keys on Coldcards of those lines, ``heirs`` two of its two recovery keys, ``spread``
    one of three (as a vault that is made here has to be), ``sound`` none, ``spare`` holds nothing.
    """
    broken, spread, sound, spare = (
        keys_of(name, coldcards, count)
        for name, coldcards, count in (("broken", 3, 5), ("spread", 1, 3), ("sound", 0, 3), ("spare", 2, 3))
    )
    heirs = keys_of("heirs", 2, 2)
    main_keys = keys_of("decaying", 0, 3)
    rest = Recovery(2, tuple(VaultKey(key.signer, key.xpub) for key in heirs), 52_560)
    records = [
        record_of("spread", 2, spread),
        record_of("sound", 2, sound),
        record_of("decaying", 2, main_keys, rest),
        record_of("spare", 2, spare),
        record_of("broken", 3, broken),
    ]
    register = (*broken, *spread, *sound, *spare, *heirs, *main_keys, made("drawer", 1, coldcard=True))
    held_sats = {"broken": 1_000, "spread": 9_000_000_000, "sound": 5, "decaying": 2_000}
    advisory = keys_at_risk(register, records, scope(), held_sats)

    assert [(step.vault, step.urgency) for step in advisory.plan] == [
        ("broken", AT_ONCE),
        ("decaying", BEFORE_MATURITY),
        ("spread", SOON),
        ("spare", NO_COINS),
    ]
    assert {key.signer for key in advisory.idle} == {"drawer-1"}
    assert not advisory.unclear
    assert not advisory.mixed
    at_risk = {risk.vault: {path.path: path for path in risk.paths} for risk in advisory.vaults}
    assert at_risk["broken"][MAIN].weak == ("broken-1", "broken-2", "broken-3")
    assert at_risk["broken"][MAIN].is_complete
    assert (at_risk["decaying"][MAIN].weak, at_risk["decaying"][RECOVERY].is_complete) == ((), True)
    assert at_risk["spread"][MAIN].missing == 1
    first = advisory.plan[0]
    assert first.replace == ("broken-1", "broken-2", "broken-3")
    assert first.move_with == ("broken-4", "broken-5", "broken-1")
    told = " ".join(first.instructions)
    assert "new seeds for broken-1, broken-2, broken-3" in told
    assert "an update does not mend a key" in told
    assert "Weak keys must sign the way out too: 2 sound ones are fewer than it takes" in told
    assert "52560 blocks old" in " ".join(advisory.plan[1].instructions)
    assert advisory.plan[1].move_with == ("decaying-1", "decaying-2")
    assert canonical_bytes(advisory_json(advisory))


def test_more_coins_go_first_among_equals() -> None:
    """Of two vaults that weak keys complete, the one that holds more is moved first."""
    poor, rich = keys_of("poor", 2, 3), keys_of("rich", 2, 3)
    records = [record_of("poor", 2, poor), record_of("rich", 2, rich)]
    plan = keys_at_risk((*poor, *rich), records, scope(), {"poor": 1, "rich": 2}).plan
    assert [step.vault for step in plan] == ["rich", "poor"]


@pytest.mark.parametrize("firmware", ["3.9.9", "5.1.3", "5.1.3-rc1"])
def test_firmware_outside_the_range_is_sound(firmware: str) -> None:
    """A key that was made before or after the weak lines is not named."""
    keys = tuple(replace(key, firmware=firmware) for key in keys_of("vault", 3, 3))
    assert not keys_at_risk(keys, [record_of("vault", 2, keys)], scope(), {"vault": 1}).keys


def test_firmware_that_cannot_be_compared_counts_as_weak_and_is_said() -> None:
    """``unknown`` is not taken for sound."""
    keys = tuple(replace(key, firmware="unknown") for key in keys_of("vault", 2, 3))
    advisory = keys_at_risk(keys, [record_of("vault", 2, keys)], scope(), {"vault": 1})
    assert [key.signer for key in advisory.unclear] == ["vault-1", "vault-2"]
    assert advisory.plan[0].urgency == AT_ONCE


def test_a_second_source_of_randomness_is_shown_and_not_counted() -> None:
    """Dice beside the device: named, but the key is not taken for weak; dice alone are not touched at all."""
    keys = (
        made("vault", 1, coldcard=True),
        made("vault", 2, coldcard=True, entropy_source="device and dice"),
        made("vault", 3, coldcard=True, entropy_source="dice"),
    )
    advisory = keys_at_risk(keys, [record_of("vault", 2, keys)], scope(source="device"), {"vault": 1})
    assert [key.signer for key in advisory.keys] == ["vault-1"]
    assert [key.signer for key in advisory.mixed] == ["vault-2"]
    assert advisory.plan[0].urgency == SOON


@pytest.mark.parametrize("vendor", ["Coinkite", "coldcard", "Coldcard Mk4", "COINKITE COLDCARD", ""])
def test_the_vendor_may_be_the_maker_or_the_product(vendor: str) -> None:
    """Advisories name products; a register names makers."""
    keys = keys_of("vault", 1, 2)
    found = keys_at_risk(keys, [], scope(vendor, "*"), {}).keys
    assert "vault-1" in {key.signer for key in found}
    assert (len(found) == 2) == (vendor == "")


def test_part_of_a_product_s_name_is_not_the_product() -> None:
    """``Cold`` names no Coldcard, and ``Coldcard Q`` no Mk4."""
    keys = keys_of("vault", 1, 1)
    for vendor in ("Cold", "Coldcard Q", "Ledger"):
        assert not keys_at_risk(keys, [], scope(vendor, "*"), {}).keys


def test_a_key_is_recognised_under_another_signer_s_name() -> None:
    """A vault that came in as a paper calls its signers by fingerprint; the key is what counts."""
    keys = keys_of("vault", 3, 3)
    renamed = tuple(replace(key, signer=key.xpub[1:9]) for key in keys)
    advisory = keys_at_risk(keys, [record_of("vault", 2, renamed)], scope(), {"vault": 1})
    assert advisory.vaults[0].paths[0].weak == tuple(key.signer for key in renamed)


def test_retired_vaults_count_while_they_hold_coins() -> None:
    """A late payment to a retired vault of weak keys is still at risk; an empty one is left out."""
    keys = keys_of("vault", 2, 3)
    record = replace(record_of("vault", 2, keys), state=RETIRED)
    assert keys_at_risk(keys, [record], scope(), {"vault": 7}).plan[0].urgency == AT_ONCE
    assert not keys_at_risk(keys, [record], scope(), {}).plan


def test_held_coins_cannot_rotate_and_the_plan_says_so() -> None:
    """Until its height nobody moves a held coin, not even to safety."""
    record = record_of("vault", 3, REGISTER[:5])
    held = replace(record, vault=replace(record.vault, template="held", held_until_height=900_000))
    advisory = keys_at_risk(REGISTER, [held], scope("Coinkite", "<=5.4.0"), {"vault": 1})
    assert advisory.vaults[0].held_until_height == 900_000
    assert "Nobody can move these coins before block 900000" in " ".join(advisory.plan[0].instructions)


def test_signers_of_the_drill_are_spread_over_vendors() -> None:
    """The register of the tests keeps the rule that no advisory about one vendor completes a quorum of three."""
    for vendor in {key.vendor for key in REGISTER}:
        found = keys_at_risk(REGISTER, [record_of("vault", 3, REGISTER[:5])], scope(vendor, "*"), {"vault": 1})
        assert not found.vaults[0].paths[0].is_complete
    assert len(COLD_SIGNERS) + len(HEIRS) == len(REGISTER)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("4.0.0-5.1.2", ("4.0.0", "4", "5.1.2", "4.99", "v5.0.7", "5.1.2X"), ("3.9.9", "5.1.3", "5.1.2.1", "6")),
        ("<5.1.3", ("5.1.2", "0", "5.1.3-rc1", "5.1.3beta2"), ("5.1.3", "5.1.10", "5.2")),
        ("<= 5.1", ("5.1", "5.1.0", "5.0.9"), ("5.1.1",)),
        (">=4.0 <5.1.3", ("4", "5.1.2"), ("3.9", "5.1.3")),
        (">4, =3.0.2", ("4.0.1", "3.0.2"), ("4", "3.0.1")),
        ("5.4.0", ("5.4", "v5.4.0", "5.4.0Q"), ("5.4.1",)),
        ("1.3.0Q - 1.3.4Q", ("1.3.4Q", "1.3.2"), ("1.3.5Q",)),
        ("4.0.0..5.1.2", ("4.5",), ("6",)),
        ("*", ("anything", ""), ()),
    ],
)
def test_ranges_as_advisories_write_them(text: str, inside: tuple[str, ...], outside: tuple[str, ...]) -> None:
    """Both ends of a span belong to it; 5.1.10 comes after 5.1.3; a preview comes before its release."""
    found = parse_firmware_range(text)
    assert all(found.touches(version) is True for version in inside)
    assert not any(found.touches(version) for version in outside)


@pytest.mark.parametrize("text", ["", " ", "five", "5.1.2-4.0.0", "<", "5.1 or so", "4.0.0-", ",", "1" * 300, "<5,,>6"])
def test_ranges_that_say_nothing_are_refused(text: str) -> None:
    """An advisory that is read wrongly would leave weak keys in place."""
    with pytest.raises(BadFirmwareRange):
        parse_firmware_range(text)


@given(st.text(alphabet="0123456789.-<>= ,vXrc*", max_size=30))
def test_any_text_is_a_range_or_refused(text: str) -> None:
    """Never another exception than ours."""
    try:
        touched = parse_firmware_range(text).touches("5.1.2")
    except BadFirmwareRange:
        return
    assert touched in {True, False}


@given(st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99)), st.integers(0, 3))
def test_versions_are_ordered_by_their_numbers(numbers: tuple[int, int, int], zeros: int) -> None:
    """The order is that of the numbers, and trailing zeros change nothing."""
    text = ".".join(map(str, numbers))
    assert parse_version(text) == parse_version(text + ".0" * zeros)
    higher = ".".join(map(str, (*numbers[:2], numbers[2] + 1)))
    versions = parse_version(text), parse_version(higher)
    assert versions[0] is not None
    assert versions[1] is not None
    assert versions[0] < versions[1]
