"""Which bitcoind is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from zakhira.adapters.bitcoind.program import bitcoind_version, find_bitcoind
from zakhira.flows.ports.chain_errors import NodeMissing


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\necho A daemon version v1\n")
    path.chmod(0o755)
    return path


def test_the_setting_comes_first_then_path_then_tools(tmp_path: Path) -> None:
    own = program(tmp_path / "tools/bitcoind/bin/bitcoind")
    on_path = program(tmp_path / "path/bitcoind")
    named = program(tmp_path / "named/bitcoind")
    tools, search_path = tmp_path / "tools", str(on_path.parent)
    assert find_bitcoind(str(named), tools, search_path) == named
    assert find_bitcoind(None, tools, search_path) == on_path
    assert find_bitcoind(None, tools, str(tmp_path)) == own
    assert bitcoind_version(own) == "A daemon version v1"


def test_no_program_is_said_with_what_to_do(tmp_path: Path) -> None:
    """A setting that names nothing is not passed over in silence for another program."""
    on_path = program(tmp_path / "path/bitcoind")
    for setting, tools in ((str(tmp_path / "nothing"), None), (None, None), (None, tmp_path / "tools")):
        with pytest.raises(NodeMissing, match=r"fetch_bitcoind\.sh"):
            find_bitcoind(setting, tools, str(on_path.parent) if setting else str(tmp_path))


def test_a_program_that_does_not_run_is_no_bitcoind(tmp_path: Path) -> None:
    broken = program(tmp_path / "bitcoind")
    broken.write_text("#!/bin/sh\nexit 127\n")
    with pytest.raises(NodeMissing, match="does not run"):
        bitcoind_version(broken)
