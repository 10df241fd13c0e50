"""Errors say what was wrong, with which value, and what to do."""

from __future__ import annotations

from zakhira.kernel.errors import Fault, Faults, ZakhiraError


def test_a_fault_says_where_it_is() -> None:
    """Code, file, line, key, message and remedy stand in one line."""
    fault = Fault("zones.csv", 14, "surplus_mw", "ZK-PROGRAMME-007", "-3.2 is below 0.", "Use 0.")
    assert str(fault) == "ZK-PROGRAMME-007 zones.csv line 14, key surplus_mw: -3.2 is below 0. Use 0."
    assert str(Fault("a.toml", 0, "", "ZK-X-001", "Not TOML.")) == "ZK-X-001 a.toml: Not TOML."


def test_faults_are_sorted_and_counted() -> None:
    """All faults come together, by place."""
    late, early = Fault("a", 9, "k", "ZK-X-001", "m."), Fault("a", 2, "k", "ZK-X-001", "m.")
    faults = Faults([late, early])
    assert faults.faults == (early, late)
    assert faults.message == "2 faults found."
    assert Faults([late]).message == "1 fault found."


def test_an_error_carries_its_code() -> None:
    """The text of an error starts with its stable code."""
    assert str(ZakhiraError("Wrong.", "Mend it.")) == "ZK-KERNEL-000 Wrong. Mend it."
