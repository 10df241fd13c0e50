"""The page about the policy: its tables are read as they stand, and it tells every cause."""

from __future__ import annotations

import re

from policy_corpus_reader import CORPUS, ROOT, parsed, programme_text, with_recovery
from zakhira.controls.analysis.faults import analyse
from zakhira.controls.analysis.finding import PolicyCause

PAGE = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")


def test_its_tables_are_a_policy_without_faults() -> None:
    """Put together behind the people of the corpus they are read, and the analysis finds nothing against them."""
    people = (CORPUS / "clean-plain.toml").read_text(encoding="utf-8").split("[[rule]]")[0]
    tables = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    policy, faults = parsed(programme_text("\n".join((people, *tables))))
    assert faults == []
    assert policy is not None
    assert {rule.id for rule in policy.rules} >= {"payments", "large", "moves", "govern"}
    recovering = with_recovery(policy, "cold", 2, ("cold-1", "cold-2", "cold-3"), 4320)
    assert [(item.cause.code, item.message) for item in analyse(recovering, "regtest").findings] == []


def test_every_cause_is_told() -> None:
    """The table has the codes of the program, and no other."""
    assert re.findall(r"^\| (ZK-CONTROLS-\d+) \|", PAGE, re.MULTILINE) == [cause.code for cause in PolicyCause]
