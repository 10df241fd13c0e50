"""Faults between the planner's values, each planted in the small programme and found at its key and line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from zakhira.kernel.errors import Fault
from zakhira.programme.faults import Cause
from zakhira.programme.model import Programme

Parse = Callable[[str], tuple[Programme | None, list[Fault]]]


def year(name: str, weight: float, file: str = "") -> str:
    return f'[[surplus_year]]\nid = "{name}"\nname = "N"\nfile = "{file or name}.csv"\nweight_share = {weight}\n'


def phase(name: str, number: int) -> str:
    return f'[[phase]]\nid = "{name}"\nyear = {number}\ncap_mw = 20\ncapital_budget_usd = 1000000\n'


def window(first: int, end: int) -> str:
    return f'[[load_window]]\nhall = "hall"\nfrom_hour = {first}\nto_hour = {end}\nload_share = 1.2\n'


BATTERY = '[[battery]]\nzone = "south"\npower_mw = 5\nenergy_mwh = 20\n'
BACKUP = '[[backup]]\nzone = "south"\npower_mw = 5\n'
SITE_2 = "connection_mw = 15\n"
SITE_3 = 'zone = "south"\nconnection_mw = 20\nramp_share_per_5min = 0.2\n'
HALL_LIMIT = "jobs_per_mw = 1\nlimit_mw = 2\n"
FAULTS = [
    ("weights above one", "", year("dry", 0.6) + year("wet", 0.5), 42, "surplus_year.wet.weight_share", "1.1"),
    ("file of the reference", "", year("dry", 0.1, "series/surplus"), 43, "surplus_year.dry.file", "[series]"),
    ("one file twice", "", year("dry", 0.1) + year("wet", 0.1, "dry"), 43, "surplus_year.wet.file", "'dry'"),
    ("one year twice", "", year("dry", 0.1) + year("dry", 0.1, "x"), 20, "surplus_year.dry.id", ""),
    ("no first year", "", phase("a", 1), 44, "phase.a.year", "year 1"),
    ("years fall", "", phase("a", 0) + phase("b", 3) + phase("c", 2), 44, "phase.c.year", "follows year 3"),
    ("years repeat", "", phase("a", 0) + phase("b", 0), 44, "phase.b.year", "follows year 0"),
    ("one phase twice", "", phase("a", 0) + phase("a", 1), 20, "phase.a.id", ""),
    ("no hours", "", window(5, 5), 45, "load_window[1].to_hour", "no hours"),
    ("overlap", "", window(8, 12) + window(11, 14), 45, "load_window[2].from_hour", "Hour 11"),
    ("overlap past midnight", "", window(22, 6) + window(0, 1), 45, "load_window[2].from_hour", "window 1"),
    ("two batteries", "", BATTERY + BATTERY, 46, "battery[2].zone", "'south'"),
    ("two backups", "", BACKUP + BACKUP, 46, "backup[2].zone", "'south'"),
    ("no such zone", "", BATTERY.replace("south", "east"), 21, "battery[1].zone", "'east'"),
    ("promise and connection", SITE_2, SITE_2 + "hall_min_mw = 16\n", 47, "site.alpha-north.hall_min_mw", "15 MW"),
    ("promise and market", SITE_3, SITE_3 + "hall_min_mw = 2.5\n", 47, "site.beta-south.hall_min_mw", "hall classes"),
    ("promise and quota", SITE_3, SITE_3 + "hall_min_mw = 17\n", 47, "site.beta-south.hall_min_mw", "'beta' is 16"),
    ("wheeling", "wheeling_mw = 0 ", "wheeling_mw = 11 ", 48, "link[1].wheeling_mw", "11 MW"),
    (
        "interrupted never",
        HALL_LIMIT,
        HALL_LIMIT + "interruptible_share = 0.2\n",
        48,
        "hall.hall.interruptible_share",
        "",
    ),
    ("interrupts nothing", HALL_LIMIT, HALL_LIMIT + "events_per_month = 2\n", 48, "hall.hall.events_per_month", "none"),
    (
        "longer than a month",
        HALL_LIMIT,
        HALL_LIMIT + "interruptible_share = 0.2\nevents_per_month = 30\nevent_hours = 23\n",
        48,
        "hall.hall.events_per_month",
        "28 days",
    ),
]


def with_change(text: str, old: str, new: str) -> str:
    """The text with ``old`` replaced, or with ``new`` at its end if there is no ``old``."""
    assert old in text
    return text.replace(old, new, 1) if old else text + "\n" + new


@pytest.mark.parametrize(
    ("old", "new", "number", "key", "words"), [fault[1:] for fault in FAULTS], ids=[f[0] for f in FAULTS]
)
def test_each_fault_is_found_at_its_place(
    small_text: str, parse: Parse, old: str, new: str, number: int, key: str, words: str
) -> None:
    """The planted fault has its code, key, line and words; nothing is built."""
    text = with_change(small_text, old, new)
    programme, faults = parse(text)
    assert programme is None
    found = [fault for fault in faults if (fault.code, fault.key) == (f"ZK-PROGRAMME-{number:03d}", key)]
    assert found, faults
    assert any(words in fault.message for fault in found)
    assert found[0].remedy
    assert key.rpartition(".")[2] in text.splitlines()[found[0].line - 1]


def test_every_cause_of_these_rules_is_caused() -> None:
    """C17. Causes 42 to 48 are those of a planner's tables."""
    numbers = {cause.value[0] for cause in Cause if cause.value[0] in range(42, 49)}
    assert numbers == {fault[3] for fault in FAULTS} & set(range(42, 49)) == set(range(42, 49))


def test_promises_of_a_zone_are_summed_over_its_sites(small_text: str, parse: Parse) -> None:
    """Two sites of the south promise 20 and 16 MW, each within its connection: together above the zone's 30 MW."""
    text = small_text.replace(HALL_LIMIT, "jobs_per_mw = 1\nlimit_mw = 100\n")
    text = text.replace("ramp_share_per_5min = 0.05\n", "ramp_share_per_5min = 0.05\nhall_min_mw = 20\n", 1)
    text = text.replace(SITE_3, SITE_3 + "hall_min_mw = 16\n")
    _, faults = parse(text)
    assert [(fault.code, fault.key) for fault in faults] == [
        (Cause.PROMISE_TOO_LARGE.code, "site.beta-south.hall_min_mw")
    ]
    assert "36 MW" in faults[0].message
    assert "30 MW" in faults[0].message


def test_values_that_just_fit_are_no_fault(small_text: str, parse: Parse) -> None:
    """Weights of 0.1, 0.2 and 0.7, windows that touch, wheeling and a promise at their limits."""
    more = year("a", 0.1) + year("b", 0.2) + year("c", 0.7) + phase("p", 0) + phase("q", 3)
    more += window(22, 6) + window(6, 8) + window(8, 22) + BATTERY + BATTERY.replace("south", "north") + BACKUP
    text = small_text.replace("wheeling_mw = 0 ", "wheeling_mw = 10 ", 1)
    text = text.replace(SITE_3, SITE_3 + "hall_min_mw = 2\n")
    text = text.replace(HALL_LIMIT, HALL_LIMIT + "interruptible_share = 0.2\nevents_per_month = 4\n")
    programme, faults = parse(f"{text}\n{more}")
    assert faults == []
    assert programme is not None
    assert [surplus.weight_share for surplus in programme.surplus_years] == [0.1, 0.2, 0.7]
    assert programme.links[0].wheeling_mw == 10
    assert programme.sites[2].hall_min_mw == 2
