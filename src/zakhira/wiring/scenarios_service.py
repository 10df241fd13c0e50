"""``zakhira scenarios``: futures drawn from the programme's drifts and volatilities, written as a planner's file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from zakhira.adapters.outlook_file import write_outlook
from zakhira.adapters.programme_folder import load_programme_file
from zakhira.cli.answer import Answer, Table
from zakhira.kernel.canonical import Json
from zakhira.kernel.ids import seeded_rng
from zakhira.mining.epochs import epochs_of
from zakhira.planning.outlook import Outlook
from zakhira.planning.outlook_draw import draw_outlook, shape_of, year_weights
from zakhira.programme.model import Programme
from zakhira.programme.series import Floats

BLOCKS_PER_DAY = 144
PH_PER_EH = 1000.0
LOW, HIGH = 0.05, 0.95
SUMMARY = ("stated", "mean", "quantile_05", "quantile_95")
NAMES = {
    "btc_usd": "price, USD/BTC",
    "others_eh_per_s": "others' hashrate, EH/s",
    "hashprice_usd_per_ph_day": "hashprice without us, USD/PH/day",
}


def draw_scenarios(folder: Path, count: int, seed: int, out: Path) -> Answer:
    """Draw ``count`` scenarios with a seed, write them to ``out`` and say where price, hashrate and hashprice end."""
    programme, _ = load_programme_file(folder)
    epochs, phases = shape_of(programme)
    weights = year_weights(programme)
    outlook = draw_outlook(programme, epochs, phases, weights, count, seeded_rng(seed, "outlook"))
    write_outlook(out, outlook, programme)
    ends = {key: _summary(start, values) for key, start, values in _ends(programme, outlook, phases)}
    years = _years(programme, outlook)
    facts: dict[str, Json] = {
        "written": str(out),
        "scenarios": count,
        "phases": len(phases),
        "epochs": epochs,
        "end": {key: dict(zip(SUMMARY, row, strict=True)) for key, row in ends.items()},
        "surplus_years": {name: drawn for name, _, drawn in years},
    }
    sentence = f"{count} scenarios of equal weight over {len(phases)} x {epochs} epochs of two weeks are in {out}."
    return Answer((_end_table(ends), _year_table(years, count)), facts, sentence)


def _ends(programme: Programme, outlook: Outlook, phases: tuple[int, ...]) -> Iterator[tuple[str, float, Floats]]:
    """Price, others' hashrate and their hashprice as stated, and in the last epoch of the last phase [scenario]."""
    price, others = outlook.btc_usd[:, -1, -1], outlook.others_eh_per_s[:, -1, -1]
    stated = (programme.prices.btc_usd, programme.network.hashrate_eh_per_s)
    first, last = (epochs_of(programme.network, programme.horizon.count, year) for year in (0, phases[-1]))
    yield "btc_usd", stated[0], price
    yield "others_eh_per_s", stated[1], others
    yield (
        "hashprice_usd_per_ph_day",
        float(_hashprice(float(first.btc_per_block[0]), np.array(stated[0]), np.array(stated[1]))),
        _hashprice(float(last.btc_per_block[-1]), price, others),
    )


def _hashprice(btc_per_block: float, btc_usd: Floats, others_eh_per_s: Floats) -> Floats:
    return btc_per_block * BLOCKS_PER_DAY * btc_usd / (others_eh_per_s * PH_PER_EH)


def _summary(stated: float, values: Floats) -> tuple[float, float, float, float]:
    low, high = np.quantile(values, (LOW, HIGH))
    return stated, float(values.mean()), float(low), float(high)


def _years(programme: Programme, outlook: Outlook) -> list[tuple[str, float, int]]:
    names = ("reference", *(year.id for year in programme.surplus_years))
    drawn = np.bincount(outlook.surplus_year, minlength=len(names))
    return [(name, weight, int(n)) for name, weight, n in zip(names, year_weights(programme), drawn, strict=True)]


def _end_table(ends: dict[str, tuple[float, float, float, float]]) -> Table:
    rows = tuple((NAMES[key], *(_figure(value) for value in row)) for key, row in ends.items())
    note = "Drawn from the drifts, volatilities and correlation of [planning]: estimates, to be changed there."
    return Table(
        "At the end of the last phase", ("figure", "stated", "mean", "5%", "95%"), rows, (1, 2, 3, 4), notes=(note,)
    )


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= PH_PER_EH else f"{value:,.1f}"


def _year_table(years: list[tuple[str, float, int]], count: int) -> Table:
    rows = tuple((name, f"{weight:.1%}", f"{drawn / count:.1%}") for name, weight, drawn in years)
    return Table("Years of surplus", ("year", "weight", "drawn"), rows, (1, 2))
