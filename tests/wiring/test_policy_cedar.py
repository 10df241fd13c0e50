"""Cedar text of a programme's own is checked with the policy, each fault at its line in the file."""

from __future__ import annotations

from dataclasses import replace

import pytest

from zakhira.kernel.errors import Faults
from zakhira.programme.model import Policy
from zakhira.programme.toml_source import TomlSource, parse_toml
from zakhira.wiring.policy_check import check_answer, own_text_faults
from zakhira.wiring.policy_source import PolicySource

HEAD = b'[programme]\nid = "x"\n\n[policy]\nconfirmations = 1\n'


def source(text: str, written: bytes) -> PolicySource:
    """A policy with this text, and the file where it stands."""
    policy = Policy((), (), (), "", (), 1, 1, 1, 1, 1, 1, 1, 0.0, "", authorization=text)
    lines = parse_toml(HEAD + written, "programme.toml")
    assert isinstance(lines, TomlSource)
    return PolicySource(policy, "regtest", "programme.toml", lines)


def test_faults_stand_at_their_lines() -> None:
    """The text begins on line 7 of the file, after its key; its second policy is on line 9."""
    text = "// eve\nforbid(principal, action, resource) when { context.frozen };\npermit(principal) ;\n"
    found = source(text, b'authorization = """\n' + text.encode() + b'"""\n')
    faults = own_text_faults(found)
    assert [(fault.line, fault.key, fault.code) for fault in faults] == [(9, "policy.authorization", "ZK-CONTROLS-022")]
    with pytest.raises(Faults) as raised:
        check_answer(found, is_strict=False)
    assert faults[0] in raised.value.faults


def test_text_on_one_line_and_text_without_a_file() -> None:
    """The key's own line, and none at all."""
    found = source("permit(principal) ;", b'authorization = "permit(principal) ;"\n')
    assert [fault.line for fault in own_text_faults(found)] == [6]
    assert [fault.line for fault in own_text_faults(replace(found, lines=None))] == [0]
    assert own_text_faults(source("", b"")) == []
