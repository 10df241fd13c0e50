"""A planner's scenarios as columns: what is right is read as written, what is wrong is named with its row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zakhira.kernel.errors import Fault
from zakhira.planning.outlook import Outlook
from zakhira.planning.outlook_file import (
    BAD_CELL,
    COLUMNS,
    FAULTS_PER_KIND,
    OTHER_HORIZON,
    ROWS,
    SCENARIO_DIFFERS,
    UNKNOWN_YEAR,
    WEIGHTS,
    WRONG_COLUMNS,
    Labels,
    OutlookColumns,
    check_outlook,
)

YEARS = ("dry", "wet")
PHASES, EPOCHS = 2, 3
SCENARIOS = ("low", "high")


def columns(**changed: Mapping[int, float]) -> OutlookColumns:
    """Two scenarios, low (dry, 0.25) and high (reference, 0.75), over two phases of three epochs; cells changed."""
    scenario = np.repeat([0, 1], PHASES * EPOCHS)
    numbers = {
        "weight": np.where(scenario == 0, 0.25, 0.75),
        "phase": np.tile(np.repeat([1.0, 2.0], EPOCHS), 2),
        "epoch": np.tile([1.0, 2.0, 3.0], 2 * PHASES),
        "btc_usd": 50_000.0 + np.arange(12),
        "others_eh_per_s": 900.0 + np.arange(12),
        "gpu_factor": np.where(scenario == 0, 0.8, 1.1),
    }
    for name, cells in changed.items():
        for row, value in cells.items():
            numbers[name][row] = value
    labels = {
        "scenario": Labels(SCENARIOS, scenario.astype(np.intp)),
        "surplus_year": Labels(("dry",), np.where(scenario == 0, 0, -1).astype(np.intp)),
    }
    return OutlookColumns("s.csv", True, COLUMNS, labels, numbers)


def check(file: OutlookColumns) -> tuple[Outlook | None, list[Fault]]:
    return check_outlook(file, YEARS, PHASES, EPOCHS)


def only(file: OutlookColumns) -> Fault:
    outlook, faults = check(file)
    assert outlook is None
    assert len(faults) == 1, faults
    assert faults[0].remedy
    return faults[0]


def test_what_is_right_is_read_as_written() -> None:
    outlook, faults = check(columns())
    assert faults == []
    assert outlook is not None
    assert outlook.weights.tolist() == [0.25, 0.75]
    assert outlook.surplus_year.tolist() == [1, 0]
    assert outlook.btc_usd[1, 0].tolist() == [50_006.0, 50_007.0, 50_008.0]
    assert outlook.others_eh_per_s[0, 1].tolist() == [903.0, 904.0, 905.0]
    assert outlook.gpu_factor.tolist() == [0.8, 1.1]


@given(st.permutations(range(12)))
def test_the_order_of_the_rows_is_free(order: list[int]) -> None:
    """Shuffled rows give the same scenarios, in the order in which they appear."""
    plain = columns()
    codes = plain.labels["scenario"].code[order]
    names = tuple(SCENARIOS[code] for code in dict.fromkeys(codes.tolist()))
    renumbered = np.array([names.index(SCENARIOS[code]) for code in codes])
    year = plain.labels["surplus_year"]
    labels = {"scenario": Labels(names, renumbered), "surplus_year": Labels(year.names, year.code[order])}
    numbers = {name: values[order] for name, values in plain.numbers.items()}
    shuffled, faults = check(replace(plain, labels=labels, numbers=numbers))
    assert faults == []
    straight, _ = check(plain)
    assert straight is not None
    assert shuffled is not None
    for place, name in enumerate(names):
        assert np.array_equal(shuffled.btc_usd[place], straight.btc_usd[SCENARIOS.index(name)])
        assert shuffled.weights[place] == straight.weights[SCENARIOS.index(name)]


@pytest.mark.parametrize(
    ("name", "cells", "code", "line", "words"),
    [
        ("btc_usd", {4: np.nan}, BAD_CELL, 6, "no number"),
        ("btc_usd", {4: np.inf}, BAD_CELL, 6, "no number"),
        ("btc_usd", {4: 0.0}, BAD_CELL, 6, "0 is not possible"),
        ("others_eh_per_s", {0: -1.0}, BAD_CELL, 2, "-1 is not possible"),
        ("epoch", {3: 1.5}, BAD_CELL, 5, "1.5"),
        ("phase", {3: 0.0}, BAD_CELL, 5, "0 is not possible"),
        ("epoch", {5: 4.0}, OTHER_HORIZON, 7, "4 epochs, the programme's horizon 3"),
        ("phase", dict.fromkeys([3, 4, 5, 9, 10, 11], 1.0), OTHER_HORIZON, 0, "1 phases, the programme's horizon 2"),
        ("gpu_factor", {8: 1.2}, SCENARIO_DIFFERS, 10, "'high'"),
        ("weight", dict.fromkeys(range(6), 0.2), WEIGHTS, 0, "sum to 0.95"),
        ("weight", dict.fromkeys(range(6), 0.25 + 1e-7), WEIGHTS, 0, "sum to 1.0000001"),
    ],
)
def test_each_fault_is_named_with_its_row(name: str, cells: dict[int, float], code: str, line: int, words: str) -> None:
    """NaN, infinity, what cannot be, another horizon, and weights that do not sum to 1."""
    fault = only(columns(**{name: cells}))
    assert (fault.code, fault.line, fault.key, fault.file) == (code, line, name, "s.csv")
    assert words in fault.message


def test_a_row_twice_and_a_row_missing() -> None:
    """Row 5 says epoch 2 where it should say 3: one is there twice, one lacks."""
    _, faults = check(columns(epoch={5: 2.0}))
    assert [(fault.code, fault.line) for fault in faults] == [(ROWS, 7), (ROWS, 0)]
    assert "'low' lacks 1 rows, first phase 2, epoch 3" in faults[1].message


def test_text_is_shown_as_it_stands() -> None:
    file = replace(columns(btc_usd={2: np.nan}), texts={"btc_usd": {2: "sixty thousand"}})
    assert "'sixty thousand' is not a number" in only(file).message


def test_an_unknown_year_is_named_once() -> None:
    plain = columns()
    labels = {**plain.labels, "surplus_year": Labels(("moist",), plain.labels["surplus_year"].code)}
    fault = only(replace(plain, labels=labels))
    assert (fault.code, fault.line) == (UNKNOWN_YEAR, 2)
    assert "'moist' (6 rows)" in fault.message
    assert "dry, wet" in fault.remedy


def test_a_year_that_changes_within_a_scenario() -> None:
    plain = columns()
    code = plain.labels["surplus_year"].code.copy()
    code[2] = -1
    fault = only(replace(plain, labels={**plain.labels, "surplus_year": Labels(("dry",), code)}))
    assert (fault.code, fault.line, fault.key) == (SCENARIO_DIFFERS, 4, "surplus_year")


def test_a_row_without_a_scenario() -> None:
    plain = columns()
    code = plain.labels["scenario"].code.copy()
    code[7] = -1
    fault = only(replace(plain, labels={**plain.labels, "scenario": Labels(SCENARIOS, code)}))
    assert (fault.code, fault.line, fault.key) == (BAD_CELL, 9, "scenario")


def test_columns_that_are_missing_or_unknown_and_no_rows() -> None:
    plain = columns()
    _, faults = check(replace(plain, names=(*COLUMNS[:-1], "gpu")))
    assert [(fault.code, fault.key) for fault in faults] == [(WRONG_COLUMNS, "gpu"), (WRONG_COLUMNS, "gpu_factor")]
    empty = Labels((), np.zeros(0, dtype=np.intp))
    nothing = OutlookColumns(
        "s.parquet",
        False,
        COLUMNS,
        {"scenario": empty, "surplus_year": empty},
        {name: np.zeros(0) for name in plain.numbers},
    )
    assert only(nothing).code == WRONG_COLUMNS


def test_many_faults_are_counted_and_parquet_tells_the_row() -> None:
    """Twenty in words, then how many more there are; a Parquet file has rows instead of lines."""
    count = 40
    number = np.arange(count)
    numbers = {
        name: np.full(count, value)
        for name, value in (("weight", 1 / count), ("phase", 1.0), ("epoch", 1.0), ("gpu_factor", 1.0))
    }
    labels = {
        "scenario": Labels(tuple(str(one) for one in number), number),
        "surplus_year": Labels((), np.full(count, -1)),
    }
    prices = {"btc_usd": np.full(count, np.nan), "others_eh_per_s": np.full(count, 900.0)}
    file = OutlookColumns("s.parquet", False, COLUMNS, labels, {**numbers, **prices})
    _, faults = check_outlook(file, (), 1, 1)
    assert len(faults) == FAULTS_PER_KIND + 1
    assert faults[0].message.startswith("Row 1: ")
    assert faults[0].line == 0
    assert "20 more" in faults[-1].message


@given(st.data())
def test_any_damage_is_named_or_harmless(data: st.DataObject) -> None:
    """Whatever numbers stand in any cells, an outlook comes back or faults with a remedy, and never both."""
    cells = st.sampled_from([np.nan, np.inf, -np.inf, -1.0, 0.0, 0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 1e300, 900.0])
    names = ("weight", "phase", "epoch", "btc_usd", "others_eh_per_s", "gpu_factor")
    changes = data.draw(st.dictionaries(st.sampled_from(names), st.dictionaries(st.integers(0, 11), cells, max_size=3)))
    outlook, faults = check(columns(**changes))
    assert (outlook is None) == bool(faults)
    assert all(fault.remedy and fault.code.startswith("ZK-PLANNING-06") for fault in faults)
    if outlook is not None:
        assert outlook.btc_usd.shape == (2, PHASES, EPOCHS)
