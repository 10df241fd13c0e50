"""``watch.toml`` and the copy: written, read again the same, and every slip of the pen told with its line."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from custody_drill import COLD, NOW, make_policy
from zakhira.adapters.notify.mail import MailSettings
from zakhira.custody.vault_state import ProofOfLife, VaultRecord
from zakhira.kernel.errors import Faults
from zakhira.programme.policy_text import policy_hash
from zakhira.watch.alarm import Telling
from zakhira.watch.terms import KeyShown, Limits, WatchTerms
from zakhira.wiring.reserve_folder import NodeAddress
from zakhira.wiring.watch_folder import (
    MailBox,
    NotAWatch,
    WatchExists,
    WatchSettings,
    WatchUnreadable,
    WebhookSettings,
    read_watch,
    require_new,
    settings_text,
    write_watch,
)

RECORD = VaultRecord(COLD, "regtest", "dara", NOW, "in use", (ProofOfLife("cold-1", NOW.date(), "00" * 32),))
TERMS = WatchTerms(
    policy=replace(make_policy(), vaults=()),
    chain="regtest",
    vaults=(RECORD,),
    start_height=12,
    last_places={("cold", 0): 7, ("cold", 1): -1},
    keys=(KeyShown("cold-1", NOW.date()), KeyShown("cold-2", None)),
)


def settings(root: Path) -> WatchSettings:
    """Everything that can be set, set."""
    return WatchSettings(
        chain="regtest",
        node=NodeAddress("http://127.0.0.1:18443", root / "cookie"),
        second_node=NodeAddress("http://u:p@127.0.0.1:1", None),
        database="postgresql://tower@db/zakhira",
        poll_s=0.25,
        look_ahead=20,
        limits=Limits(timedelta(minutes=3), 100, 90, 2, timedelta(0)),
        telling=Telling(timedelta(hours=2), timedelta(seconds=5)),
        webhooks=(WebhookSettings("duty", "https://a.example.org/x", root / "duty.secret"),),
        mails=(
            MailBox(MailSettings("board", "mail.example.org", 465, "w@e.org", ("b@e.org",), "tls", "w"), root / "pw"),
        ),
    )


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    """Settings, policy, vaults, places and keys; the limits of the settings are those of the terms."""
    root = tmp_path / "watch"
    write_watch(root, settings(root), TERMS)
    found, terms = read_watch(root)
    assert found == settings(root)
    assert terms == replace(TERMS, limits=found.limits, telling=found.telling)
    assert policy_hash(terms.policy) == policy_hash(TERMS.policy)
    assert (root / "watch.toml").stat().st_mode & 0o077 == 0


def test_a_folder_as_the_source(tmp_path: Path) -> None:
    """Relative to the watch's own folder."""
    root = tmp_path / "watch"
    write_watch(root, replace(settings(root), database="", folder=root / "signed"), TERMS)
    text = (root / "watch.toml").read_text(encoding="utf-8").replace(str(root / "signed"), "signed")
    (root / "watch.toml").write_text(text, encoding="utf-8")
    assert read_watch(root)[0].folder == root / "signed"


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("format = 1", "format = 2", "format"),
        ('chain = "regtest"', 'chain = ""', "chain"),
        ("poll_seconds = 0.25", "poll_seconds = 0", "watch.poll_seconds"),
        ("look_ahead = 20", 'look_ahead = "20"', "watch.look_ahead"),
        ("silent_minutes = 3", "silent_minutes = true", "limits.silent_minutes"),
        ("near_blocks = 100", "near_block = 100", "limits"),
        ("[telling]", "[teling]", "teling"),
        ('database = "postgresql://tower@db/zakhira"', "", "source"),
        ("secret_file = ", "secretfile = ", "webhook"),
        ('to = ["b@e.org"]', "to = []", "mail.0"),
        ('name = "board"', 'name = "duty"', "webhook"),
    ],
)
def test_a_slip_of_the_pen_is_told_with_its_place(tmp_path: Path, old: str, new: str, key: str) -> None:
    """One wrong line at a time."""
    root = tmp_path / "watch"
    write_watch(root, settings(root), TERMS)
    text = settings_text(settings(root))
    assert text.count(old) >= 1
    before, _, after = text.rpartition(old)
    (root / "watch.toml").write_text(f"{before}{new}{after}", encoding="utf-8")
    with pytest.raises(Faults) as caught:
        read_watch(root)
    assert key in {fault.key for fault in caught.value.faults}
    assert {fault.code for fault in caught.value.faults} == {"ZK-WIRING-092"}


def test_a_folder_that_is_no_watch(tmp_path: Path) -> None:
    """Empty, taken, damaged, or of two chains."""
    with pytest.raises(NotAWatch):
        read_watch(tmp_path)
    require_new(tmp_path / "new")
    write_watch(tmp_path, settings(tmp_path), TERMS)
    with pytest.raises(WatchExists, match="already"):
        require_new(tmp_path)
    (tmp_path / "copy.json").write_text("{}", encoding="utf-8")
    with pytest.raises(WatchUnreadable):
        read_watch(tmp_path)
    write_watch(tmp_path, None, replace(TERMS, chain="signet"))
    with pytest.raises(WatchUnreadable, match="signet"):
        read_watch(tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thing").touch()
    with pytest.raises(WatchExists, match="thing"):
        require_new(tmp_path / "other")
