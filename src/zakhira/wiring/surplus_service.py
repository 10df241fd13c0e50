"""``zakhira surplus generate``: the sample's series out of the facts of its power system."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from zakhira.adapters.power_system_files import generate_series, write_series
from zakhira.adapters.power_system_years import generate_years, write_years
from zakhira.cli.answer import Answer, Table
from zakhira.energy.calibration import CalibrationRow
from zakhira.energy.generation import GeneratedYear
from zakhira.energy.power_system import SystemYear
from zakhira.kernel.canonical import Json

MWH_PER_TWH = 1e6


def generate(folder: Path, seed: int, *, write: bool) -> Answer:
    """Generate the series and hold them against the published figures; they are written only when asked for."""
    generated = generate_series(folder, seed)
    written = [str(path) for path in write_series(folder, generated)] if write else []
    rows = generated.calibration.rows
    facts: dict[str, Json] = {
        "written": written,
        "calibration": [
            {
                "label": row.label,
                "unit": row.unit,
                "published": row.published,
                "generated": row.generated,
                "difference_share": row.difference_share,
                "tag": row.tag,
            }
            for row in rows
        ],
    }
    notes = tuple(f"Written: {name}" for name in written) or (
        "Nothing was written. Add --write to replace the series.",
    )
    table = Table(
        "Generated against published",
        ("figure", "unit", "published", "generated", "off by", "tag"),
        tuple(_cells(row) for row in rows),
        right=(2, 3, 4),
        notes=notes,
    )
    worst = max(rows, key=lambda row: abs(row.difference_share))
    sentence = f"{len(rows)} figures compared; the largest difference is {worst.difference_share:+.1%} ({worst.label})."
    return Answer((table,), facts, sentence)


def _cells(row: CalibrationRow) -> tuple[str, ...]:
    off = f"{row.difference_share:+.1%}"
    return row.label, row.unit, f"{row.published:,.0f}", f"{row.generated:,.0f}", off, row.tag


def generate_all_years(folder: Path, seed: int, *, write: bool) -> Answer:
    """Generate the programme's other years of surplus beside that of reference, which is left alone."""
    years = generate_years(folder, seed)
    written = [str(path) for path in write_years(folder, years)] if write else []
    reference = SystemYear("reference", "As the series say", 1.0, 1.0, 1.0, 1.0)
    rest = 1.0 - sum(year.weight_share for year, _ in years.others)
    rows = [(replace(reference, weight_share=rest), years.reference), *years.others]
    base_twh = float(years.reference.series.surplus_mw.sum()) / MWH_PER_TWH
    facts: dict[str, Json] = {"written": written, "years": [_year_facts(year, made) for year, made in rows]}
    notes = tuple(f"Written: {name}" for name in written) or ("Nothing was written. Add --write to write the years.",)
    table = Table(
        "Years of surplus",
        ("year", "what differs", "water", "demand", "solar", "weight", "TWh", "to reference"),
        tuple(_year_cells(year, made, base_twh) for year, made in rows),
        right=(2, 3, 4, 5, 6, 7),
        notes=notes,
    )
    mean_twh = sum(year.weight_share * float(made.series.surplus_mw.sum()) for year, made in rows) / MWH_PER_TWH
    sentence = f"{len(rows)} years with the reference: {mean_twh:.1f} TWh of surplus in the mean of their weights [E]."
    return Answer((table,), facts, sentence)


def _year_facts(year: SystemYear, made: GeneratedYear) -> dict[str, Json]:
    return {**asdict(year), "surplus_twh": float(made.series.surplus_mw.sum()) / MWH_PER_TWH}


def _year_cells(year: SystemYear, made: GeneratedYear, base_twh: float) -> tuple[str, ...]:
    factors = (f"{factor:.2f}" for factor in (year.hydro_factor, year.demand_factor, year.solar_factor))
    twh = float(made.series.surplus_mw.sum()) / MWH_PER_TWH
    return year.id, year.name, *factors, f"{year.weight_share:.1%}", f"{twh:.1f}", f"{twh / base_twh - 1.0:+.0%}"
