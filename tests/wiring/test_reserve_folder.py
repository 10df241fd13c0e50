"""The terms of a reserve are read as they were written, and every fault in them is told with its line."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from zakhira.flows.ports.coin_store import Depth
from zakhira.kernel.errors import Faults
from zakhira.wiring.reserve_folder import (
    BadReserveFile,
    NodeAddress,
    NotAReserve,
    ReserveExists,
    ReserveFolder,
    ReserveTerms,
    default_depth,
    read_terms,
    require_new,
    terms_text,
    write_terms,
)

TERMS = ReserveTerms(
    "ab" * 16,
    Path('/programmes/a "quoted" folder'),
    "main",
    NodeAddress("http://user:secret@127.0.0.1:8332", None),
    NodeAddress("http://10.0.0.2:8332", Path("/cookies/second")),
    Depth((0, 10**9, 10**11), (3, 6, 12), 100),
    is_drill=False,
)


def test_terms_are_read_as_they_were_written(tmp_path: Path) -> None:
    """Both nodes, quotes in a path, the table of depths; and nobody else may read a password."""
    folder = ReserveFolder(tmp_path)
    write_terms(folder, TERMS)
    assert read_terms(tmp_path) == (folder, TERMS)
    assert stat.S_IMODE(folder.terms_file.stat().st_mode) == 0o600


def test_paths_are_relative_to_the_reserve(tmp_path: Path) -> None:
    """A reserve that is moved together with its programme goes on."""
    text = terms_text(TERMS).replace('"/programmes/a \\"quoted\\" folder"', '"../programme"')
    (tmp_path / "reserve.toml").write_text(text)
    assert read_terms(tmp_path)[1].programme == tmp_path / "../programme"


def test_depths_never_fall_below_the_programmes_own() -> None:
    """A programme that asks for ten has ten for small coins as well."""
    assert default_depth(2).confirmations == (2, 6, 12)
    assert default_depth(10).confirmations == (10, 10, 12)


@pytest.mark.parametrize(
    ("old", "new", "key", "line"),
    [
        ("format = 1", "format = 2", "format", 2),
        ('chain = "main"', 'chain = "mainnet"', "chain", 5),
        ('chain = "main"', "", "chain", 0),
        ("drill = false", 'drill = "no"', "drill", 6),
        ("drill = false", "drill = false\nspare = 1", "spare", 7),
        ('from = "0 BTC"', 'from = "0"', "depth.0.from", 19),
        ('from = "0 BTC"', 'from = "5 sat"', "depth", 18),
        ('from = "10 BTC"', 'from = "5 USD"', "depth.1.from", 22),
        ("confirmations = 3", "confirmations = 0", "depth.0.confirmations", 20),
        ("confirmations = 100", "confirmations = 99", "coinbase.confirmations", 30),
        ("[[depth]]", "[[other]]", "depth", 0),
        ("cookie =", "biscuit =", "second_node", 11),
    ],
)
def test_every_fault_has_its_line(tmp_path: Path, old: str, new: str, key: str, line: int) -> None:
    """Another format, chain or word, an amount without unit or of money, too few confirmations, unknown keys."""
    text = terms_text(TERMS)
    assert old in text
    (tmp_path / "reserve.toml").write_text(text.replace(old, new))
    with pytest.raises(Faults) as raised:
        read_terms(tmp_path)
    found = {(fault.key, fault.line) for fault in raised.value.faults if fault.code == BadReserveFile.code}
    assert (key, line) in found


def test_what_is_no_reserve_is_said_so(tmp_path: Path) -> None:
    """An empty folder, a file, and a file that is not TOML."""
    with pytest.raises(NotAReserve, match="holds no"):
        read_terms(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(NotAReserve):
        read_terms(tmp_path / "file")
    (tmp_path / "reserve.toml").write_text("format = ")
    with pytest.raises(Faults):
        read_terms(tmp_path)


def test_a_reserve_is_made_in_a_new_folder_alone(tmp_path: Path) -> None:
    """Not over another reserve, not among foreign files; what an interrupted init left is used again."""
    assert require_new(tmp_path / "new").root == tmp_path / "new"
    (tmp_path / "keys").mkdir()
    require_new(tmp_path)
    (tmp_path / "letters").mkdir()
    with pytest.raises(ReserveExists, match="letters"):
        require_new(tmp_path)
    (tmp_path / "letters").rmdir()
    write_terms(ReserveFolder(tmp_path), TERMS)
    with pytest.raises(ReserveExists, match="reserve already"):
        require_new(tmp_path)
    with pytest.raises(NotAReserve):
        require_new(tmp_path / "reserve.toml")
