"""Write the series, the drill's keys and the trusted keys of programmes/small again, from the rule in its README."""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from pathlib import Path

from zakhira.adapters.drill_keys import officer_public_key, signer_xpub
from zakhira.kernel.interval import parse_utc, utc_text

FOLDER = Path(__file__).parent.parent / "programmes" / "small"
START = parse_utc("2026-01-04T19:00:00Z")
HOURS = 168
MIDDAY = range(8, 16)  # local hours; the week starts on a local midnight
BLOCK_MW = {"south": 20, "north": 10}
COST_PKR_PER_MWH = {"south": (2800, 5600), "north": (2800, 8400)}
AMBIENT_C = {"south": 26, "north": 20}
TRUSTED = ("comptroller-1", "director-1", "auditor-1")


def surplus_lines() -> list[str]:
    """South offers two blocks of 20 MW at midday, north two blocks of 10 MW in every hour."""
    lines = ["zone,start_utc,block,surplus_mw,cost_pkr_per_mwh"]
    for zone, block_mw in BLOCK_MW.items():
        for hour in range(HOURS):
            mw = block_mw if zone == "north" or hour % 24 in MIDDAY else 0
            at = utc_text(START + timedelta(hours=hour))
            lines += [f"{zone},{at},{block},{mw},{cost}" for block, cost in enumerate(COST_PKR_PER_MWH[zone], 1)]
    return lines


def ambient_lines() -> list[str]:
    """One temperature for each zone."""
    hours = [utc_text(START + timedelta(hours=hour)) for hour in range(HOURS)]
    return ["zone,start_utc,ambient_c", *(f"{zone},{at},{c}" for zone, c in AMBIENT_C.items() for at in hours)]


def with_keys(text: str) -> str:
    """The programme with the keys that its drill phrase gives, whatever stood there."""
    phrase = tomllib.loads(text)["drill"]["phrase"]
    officer = re.compile(r'(\[\[officer\]\]\nid = "([^"]+)"\n(?:.+\n)*?public_key = )"[^"]*"')
    text = officer.sub(lambda m: f'{m[1]}"{officer_public_key(phrase, m[2])}"', text)
    parts = re.split(r'(?m)^(?=\[\[vault\]\]\nid = ")', text)
    for number, part in enumerate(parts[1:], 1):
        vault = part.split('"', 2)[1]
        key = re.compile(r'(signer = "([^"]+)"\nxpub = )"[^"]*"')
        parts[number] = key.sub(lambda m, vault=vault: f'{m[1]}"{signer_xpub(phrase, vault, m[2])}"', part)
    return "".join(parts)


def main() -> None:
    """Write the files."""
    (FOLDER / "series").mkdir(parents=True, exist_ok=True)
    (FOLDER / "series" / "surplus.csv").write_text("\n".join(surplus_lines()) + "\n")
    (FOLDER / "series" / "ambient.csv").write_text("\n".join(ambient_lines()) + "\n")
    programme = FOLDER / "programme.toml"
    programme.write_text(with_keys(programme.read_text()))
    phrase = tomllib.loads(programme.read_text())["drill"]["phrase"]
    head = "# Public keys of the officers that sign packs, as known from elsewhere: `zakhira verify --trust`.\n"
    keys = "".join(f"{officer} {officer_public_key(phrase, officer)}\n" for officer in TRUSTED)
    (FOLDER / "trust.keys").write_text(head + keys)


if __name__ == "__main__":
    main()
