"""A pack's folder appears whole or not at all, and is read without following links."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from zakhira.adapters import pack_folder
from zakhira.adapters.pack_folder import (
    PackExists,
    PackNotPlain,
    PackTooLarge,
    PackUnreadable,
    PackUnwritable,
    read_pack,
    write_pack,
)

FILES = {"statement.json": b"{}", "coins.json": b"[]"}


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """The bytes come back as they were, and nothing else lies in the parent folder."""
    write_pack(tmp_path / "packs" / "one", FILES)
    assert read_pack(tmp_path / "packs" / "one") == FILES
    assert sorted(path.name for path in (tmp_path / "packs").iterdir()) == ["one"]


def test_the_same_pack_may_be_written_again_and_no_other(tmp_path: Path) -> None:
    """A run that was interrupted repeats the write; another content is refused and changes nothing."""
    write_pack(tmp_path / "one", FILES)
    write_pack(tmp_path / "one", FILES)
    with pytest.raises(PackExists):
        write_pack(tmp_path / "one", {"statement.json": b"[]"})
    assert read_pack(tmp_path / "one") == FILES


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fills up at the second file."""
    written: list[Path] = []

    def fill(path: Path, data: bytes) -> None:
        if written:
            raise OSError(28, "No space left on device")
        written.append(path)
        path.write_bytes(data)

    monkeypatch.setattr(pack_folder, "_write_file", fill)
    with pytest.raises(PackUnwritable, match="No space"):
        write_pack(tmp_path / "one", FILES)
    assert sorted(path.name for path in tmp_path.iterdir()) == []


def test_the_draft_of_a_killed_run_is_replaced(tmp_path: Path) -> None:
    """A draft lies there from a run that was killed; the pack is written all the same."""
    (tmp_path / ".one.draft").mkdir()
    (tmp_path / ".one.draft" / "statement.json").write_bytes(b"half")
    write_pack(tmp_path / "one", FILES)
    assert read_pack(tmp_path / "one") == FILES
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one"]


def test_links_and_folders_are_refused(tmp_path: Path) -> None:
    """A link could make the verifier read another file than the one that was published."""
    write_pack(tmp_path / "one", FILES)
    (tmp_path / "one" / "link").symlink_to(tmp_path / "one" / "coins.json")
    with pytest.raises(PackNotPlain, match="link"):
        read_pack(tmp_path / "one")
    (tmp_path / "one" / "link").unlink()
    (tmp_path / "one" / "folder").mkdir()
    with pytest.raises(PackNotPlain, match="folder"):
        read_pack(tmp_path / "one")


def test_a_device_is_not_waited_for(tmp_path: Path) -> None:
    """A named pipe in place of a file would block a reader for ever."""
    (tmp_path / "one").mkdir()
    os.mkfifo(tmp_path / "one" / "coins.json")
    with pytest.raises(PackNotPlain):
        read_pack(tmp_path / "one")


def test_files_too_large_or_too_many_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a huge file nor a folder of something else is read in."""
    write_pack(tmp_path / "one", FILES)
    monkeypatch.setattr(pack_folder, "MAX_FILE_BYTES", 1)
    with pytest.raises(PackTooLarge, match="more than 1 bytes"):
        read_pack(tmp_path / "one")
    monkeypatch.setattr(pack_folder, "MAX_FILES", 1)
    with pytest.raises(PackTooLarge, match="holds 2 files"):
        read_pack(tmp_path / "one")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """The path is wrong, or names a file."""
    with pytest.raises(PackUnreadable):
        read_pack(tmp_path / "none")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(PackUnreadable):
        read_pack(tmp_path / "file")
