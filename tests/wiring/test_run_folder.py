"""One run at a time has a folder, and a full disk is named whatever failed for it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from zakhira.kernel.errors import InvalidInput, OutsideFailure
from zakhira.wiring.run_folder import MAX_PATH_BYTES, FolderFull, FolderInUse, NotARunFolder, open_run_folder


class Usage(NamedTuple):
    """What ``shutil.disk_usage`` answers, in bytes."""

    total: int
    used: int
    free: int


def fail(error: Exception) -> None:
    """Something outside, or the user, was at fault."""
    raise error


@pytest.mark.parametrize(
    ("free_bytes", "raised", "seen"),
    [
        (0, OutsideFailure("The node said something odd.", ""), FolderFull),
        (10**12, OutsideFailure("The node said something odd.", ""), OutsideFailure),
        (0, InvalidInput("The seed is wrong.", ""), InvalidInput),
    ],
)
def test_a_full_disk_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free_bytes: int, raised: Exception, seen: type[Exception]
) -> None:
    """Only what failed outside, and only when there is no room, is put down to the disk; the cause is kept."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10**12, 0, free_bytes))
    with pytest.raises(seen) as told, open_run_folder(tmp_path / "run"):
        fail(raised)
    assert type(told.value) is seen
    assert str(raised.args[0])[:20] in str(told.value)


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    """The second is refused while the first works, and let in afterwards."""
    with open_run_folder(tmp_path), pytest.raises(FolderInUse), open_run_folder(tmp_path):
        pass
    with open_run_folder(tmp_path):
        pass


def test_what_cannot_be_a_run_folder_is_refused(tmp_path: Path) -> None:
    """A file, a link to nothing, somebody's other files, a path that is too long: nothing is made or touched."""
    file, link, other = tmp_path / "file", tmp_path / "link", tmp_path / "other"
    file.touch()
    link.symlink_to(tmp_path / "nowhere")
    other.mkdir()
    (other / "thesis.odt").touch()
    deep = tmp_path.joinpath(*["x" * 100] * (MAX_PATH_BYTES // 100 + 1))
    for place in (file, link, other, deep):
        with pytest.raises(NotARunFolder), open_run_folder(place):
            pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link", "other"]
