"""A scaffold is sound as it is, whole or not there at all, and never written over anything."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zakhira.adapters import programme_scaffold
from zakhira.adapters.drill_keys import officer_public_key
from zakhira.adapters.programme_folder import load_programme
from zakhira.adapters.programme_scaffold import (
    BadPhrase,
    FolderNotEmpty,
    ScaffoldNotWritten,
    scaffold_files,
    write_scaffold,
)

PHRASE = "eight words that nobody would ever guess twice"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_scaffold_loads_without_a_fault(tmp_path: Path) -> None:
    files = write_scaffold(tmp_path / "new" / "mine", PHRASE)
    programme, series = load_programme(tmp_path / "new" / "mine")
    assert programme.drill is not None
    assert programme.drill.phrase == PHRASE
    assert len(programme.zones) == 3
    assert series.hours.count == 31 * 24
    assert series.surplus_mw.sum() > 0
    assert sum(licensee.quota_mw for licensee in programme.licensees) <= programme.cap_mw
    assert all(path.is_file() for path in files)
    assert files[0] == tmp_path / "new" / "mine" / "programme.toml"
    assert names(tmp_path / "new") == ["mine"]


def test_the_series_follow_the_rule_that_the_file_states(tmp_path: Path) -> None:
    """The comments say how many MW each zone offers: the series say the same."""
    write_scaffold(tmp_path / "p", PHRASE)
    programme, series = load_programme(tmp_path / "p")
    hydro, wind, plant = series.surplus_mw
    assert [zone.id for zone in programme.zones] == ["hydro", "wind", "plant"]
    assert set(hydro[:, 0]) == {40}
    assert hydro[:, 1].max() == hydro[13, 1] == 20
    assert (wind[:, 0].min(), wind[:, 0].max(), set(wind[:, 1])) == (10, 40, {10})
    assert plant[17:22].sum() == 0
    assert plant[16].tolist() == plant[22].tolist() == [40, 20]
    assert series.cost_pkr_per_mwh[:, 0].tolist() == [[1500, 9000], [500, 8000], [3000, 11000]]


def test_other_phrases_give_other_keys() -> None:
    one, two = scaffold_files(PHRASE), scaffold_files(PHRASE + ".")
    assert one["series/surplus.csv"] == two["series/surplus.csv"]
    keys = re.compile(r'(?:public_key|xpub) = "([^"]+)"')
    first, second = keys.findall(one["programme.toml"]), keys.findall(two["programme.toml"])
    assert len(first) == 5 + 3 + 5
    assert not set(first) & set(second)
    assert f"auditor-1 {officer_public_key(PHRASE, 'auditor-1')}" in one["trust.keys"]


@settings(max_examples=15, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=40))
def test_any_printable_phrase_survives_the_file(tmp_path_factory: pytest.TempPathFactory, phrase: str) -> None:
    """Quotes, backslashes, at signs and other scripts included."""
    folder = tmp_path_factory.mktemp("scaffold") / "p"
    write_scaffold(folder, phrase)
    drill = load_programme(folder)[0].drill
    assert drill is not None
    assert drill.phrase == phrase


@pytest.mark.parametrize("phrase", ["", "  ", "two\nlines", "bell\x07", "x" * 401])
def test_a_phrase_that_is_no_line_of_text_is_refused(tmp_path: Path, phrase: str) -> None:
    with pytest.raises(BadPhrase):
        write_scaffold(tmp_path / "p", phrase)
    assert names(tmp_path) == []


def test_an_empty_folder_is_filled_where_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``zakhira init .`` in a new folder: the folder itself stays the same."""
    monkeypatch.chdir(tmp_path)
    before = tmp_path.stat().st_ino
    write_scaffold(Path(), PHRASE)
    assert tmp_path.stat().st_ino == before
    load_programme(tmp_path)
    assert names(tmp_path) == ["programme.toml", "series", "trust.keys"]


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "keep").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for target in (tmp_path, tmp_path / "keep", tmp_path / "link"):
        with pytest.raises(FolderNotEmpty):
            write_scaffold(target, PHRASE)
    assert names(tmp_path) == ["keep", "link"]
    assert (tmp_path / "keep").read_text() == "mine"


@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize("failing", ["write_text", "rename"])
def test_a_disk_that_fills_up_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str, *, exists: bool
) -> None:
    """The second write or move fails: no file and no partial folder is left."""
    if exists:
        (tmp_path / "p").mkdir()
    sound = getattr(Path, failing)
    calls = []

    def fail(self: Path, *arguments: object, **named: object) -> object:
        calls.append(self)
        if len(calls) == (2 if failing == "write_text" or exists else 1):
            raise OSError(errno.ENOSPC, "No space left on device")
        return sound(self, *arguments, **named)

    monkeypatch.setattr(Path, failing, fail)
    with pytest.raises(ScaffoldNotWritten, match="No space left"):
        write_scaffold(tmp_path / "p", PHRASE)
    monkeypatch.undo()
    assert [path for path in tmp_path.rglob("*") if path.name != "p"] == []
    assert (tmp_path / "p").exists() is exists


def test_a_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ScaffoldNotWritten):
        write_scaffold(tmp_path / "file" / "p", PHRASE)


def test_every_placeholder_of_the_template_is_filled() -> None:
    assert "@" not in scaffold_files("phrase")["programme.toml"]
    assert programme_scaffold.fill_keys("@phrase@", 'a "b"') == '"a \\"b\\""'
