"""The surplus years of a programme, generated from its power system and written where programme.toml names them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zakhira.adapters.power_system_files import load_power_system, surplus_parquet, write_files
from zakhira.adapters.programme_folder import load_programme_file
from zakhira.energy.generation import GeneratedYear, generate_year
from zakhira.energy.generation_years import generate_other_year
from zakhira.energy.power_system import PowerSystem, SystemYear
from zakhira.kernel.errors import InvalidInput
from zakhira.programme.model import SurplusYear

PARQUET = ".parquet"
WEIGHT_ROUNDING = 1e-9


class YearsDiffer(InvalidInput):
    """system/years.csv and programme.toml do not name the same years, weights and Parquet files."""

    code = "ZK-ENERGY-134"


@dataclass(frozen=True)
class GeneratedYears:
    """The reference and the other years: ``files`` has the place of each of ``others`` in the programme's folder."""

    reference: GeneratedYear
    others: tuple[tuple[SystemYear, GeneratedYear], ...]
    files: tuple[str, ...]


def generate_years(folder: Path, seed: int) -> GeneratedYears:
    """Generate every year of ``folder``/system/years.csv; nothing is written.

    Raises:
        NoPowerSystem, Faults: the facts or the programme file are missing or wrong.
        YearsDiffer: the programme has other years than the power system.
        DemandNotServed, SolarAboveUse: a year cannot be.
    """
    programme, _ = load_programme_file(folder)
    system = load_power_system(folder)
    files = _files(system, programme.surplus_years)
    others = tuple((year, generate_other_year(system, year, seed)) for year in system.years)
    return GeneratedYears(generate_year(system, seed), others, files)


def write_years(folder: Path, years: GeneratedYears) -> tuple[Path, ...]:
    """Write the surplus of every other year; the reference is left alone.

    Raises:
        SeriesNotWritten: the disk or the folder refuses.
    """
    series = (year.series for _, year in years.others)
    return write_files(folder, {name: surplus_parquet(one) for name, one in zip(years.files, series, strict=True)})


def _files(system: PowerSystem, named: tuple[SurplusYear, ...]) -> tuple[str, ...]:
    """The file of each year of the system, if the programme names exactly these years."""
    ours, theirs = {year.id for year in system.years}, {year.id: year for year in named}
    if not ours:
        raise YearsDiffer("There are no years in system/years.csv.", "Add the table, with a row for each year.")
    odd = sorted(ours ^ theirs.keys())
    if odd:
        where = "system/years.csv" if odd[0] in ours else "programme.toml"
        other = "programme.toml" if odd[0] in ours else "system/years.csv"
        raise YearsDiffer(f"The year {odd[0]!r} of {where} is not in {other}.", "Name the same years in both.")
    for year in system.years:
        weight = theirs[year.id].weight_share
        if abs(weight - year.weight_share) > WEIGHT_ROUNDING:
            message = f"{year.id!r} weighs {year.weight_share:g} in system/years.csv and {weight:g} in programme.toml."
            raise YearsDiffer(message, "Give it one weight.")
        if not theirs[year.id].file.endswith(PARQUET):
            message = f"The file {theirs[year.id].file!r} of the year {year.id!r} is no Parquet file."
            raise YearsDiffer(message, f"Name it series/surplus-{year.id}{PARQUET}.")
    return tuple(theirs[year.id].file for year in system.years)
