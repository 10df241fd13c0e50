"""Write the drill's keys, the trusted keys and the generated series of programmes/pakistan-2000mw again.

The planner's figures in programme.toml and the facts in system/ are the sources: they are read and left alone.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from zakhira.adapters.drill_keys import officer_public_key, signer_xpub
from zakhira.adapters.power_system_files import generate_series, write_series
from zakhira.adapters.power_system_years import generate_years, write_years

FOLDER = Path(__file__).parent.parent / "programmes" / "pakistan-2000mw"
SEED = 2026
TRUSTED = ("comptroller-1", "auditor-1", "governor-1")


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
    """Write the files and print the comparison."""
    programme = FOLDER / "programme.toml"
    programme.write_text(with_keys(programme.read_text()))
    phrase = tomllib.loads(programme.read_text())["drill"]["phrase"]
    head = "# Public keys of the officers that sign packs, as known from elsewhere: `zakhira verify --trust`.\n"
    keys = "".join(f"{officer} {officer_public_key(phrase, officer)}\n" for officer in TRUSTED)
    (FOLDER / "trust.keys").write_text(head + keys)
    generated = generate_series(FOLDER, SEED)
    for path in (*write_series(FOLDER, generated), *write_years(FOLDER, generate_years(FOLDER, SEED))):
        print(f"{path.relative_to(FOLDER)}  {path.stat().st_size / 1000:.0f} kB")
    for row in generated.calibration.rows:
        sign = " " if row.within else "!"
        print(
            f"{sign} {row.label:42s} {row.published:>10.6g} {row.generated:>10.6g} {row.unit:5s} "
            f"{row.difference_share:+.1%}"
        )


if __name__ == "__main__":
    main()
