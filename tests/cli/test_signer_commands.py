"""What is typed becomes what is asked; nobody is asked about a spend that disagrees, and silence is no."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from zakhira.cli import signer_commands
from zakhira.cli.answer import Answer, Word
from zakhira.cli.commands import zakhira
from zakhira.cli.signer_services import Confirm, Knowledge, Look, SignOrder


class Recorder:
    """Stands where the program's services are, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.shown = Answer((), {}, "what was seen")
        self.signers = self.codes = self.devices = self

    def _note(self, *what: object) -> Answer:
        self.asked.append(what)
        return Answer((), {"done": True}, "done")

    def card(self, folder: Path, out: Path) -> Answer:
        return self._note("card", folder, out)

    def show(self, look: Look) -> Answer:
        return self._note(look)

    def sign(self, order: SignOrder, confirm: Confirm, _ask: object) -> Answer:
        return self._note(order, confirm(self.shown))

    def write(self, file: Path, folder: Path, protocol: str, version: int) -> Answer:
        return self._note("write", file, folder, protocol, version)

    def read(self, pictures: tuple[Path, ...], out: Path) -> Answer:
        return self._note("read", pictures, out)

    def list(self, chain: str) -> Answer:
        return self._note("list", chain)

    def key(self, fingerprint: str, chain: str, path: str) -> Answer:
        return self._note("key", fingerprint, chain, path)

    def show_address(self, fingerprint: str, known: Knowledge, vault: str, branch: int, index: int) -> Answer:
        return self._note("address", fingerprint, known, vault, branch, index)


def typed(line: str, recorder: Recorder) -> int:
    """The exit code of `zakhira LINE`."""
    return CliRunner().invoke(zakhira, line.split(), obj=recorder).exit_code


CARD = Knowledge(Path("c.toml"))
PLAIN = Knowledge(None, Path("d"), Path("o"))


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("signer card res --out c", ("card", Path("res"), Path("c"))),
        ("signer show s --card c.toml", (Look((Path("s"),), CARD),)),
        ("signer show s --descriptor d --officers o", (Look((Path("s"),), PLAIN),)),
        ("signer show a b --card c.toml --picture p --all", (Look((Path("a"), Path("b")), CARD, Path("p"), True),)),
        ("qr write f dir", ("write", Path("f"), Path("dir"), "bbqr", 20)),
        ("qr write f dir --format ur --size 8", ("write", Path("f"), Path("dir"), "ur", 8)),
        ("qr read a b --out f", ("read", (Path("a"), Path("b")), Path("f"))),
        ("keys hwi list", ("list", "main")),
        ("keys hwi xpub ab --chain test --path m/1h", ("key", "ab", "test", "m/1h")),
        ("keys hwi address ab --card c.toml --vault v --index 3", ("address", "ab", CARD, "v", 0, 3)),
        ("keys hwi address ab --card c.toml --vault v --index 3 --change", ("address", "ab", CARD, "v", 1, 3)),
    ],
)
def test_a_command_asks_what_was_typed(line: str, asked: tuple[object, ...]) -> None:
    """Each command, with and without its options."""
    recorder = Recorder()
    assert typed(line, recorder) == 0
    assert recorder.asked == [asked]


@pytest.mark.parametrize(
    "line",
    [
        "signer show s",
        "signer show s --officers o",
        "signer show s --card c --descriptor d",
        "signer show --card c",
        "signer sign s --card c",
        "signer sign s --card c --key k --hwi ab --out o",
        "qr write f dir --format other",
        "qr write f dir --size 41",
        "qr read --out f",
        "keys hwi list --chain moon",
        "keys hwi address ab --vault v --index 3",
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_asked(line: str) -> None:
    """Nothing known, too much, nowhere to write, two ways to sign."""
    recorder = Recorder()
    assert typed(line, recorder) == 2
    assert recorder.asked == []


def test_signing_is_confirmed_by_a_word_alone() -> None:
    """--yes is a yes; no terminal is a no."""
    order = SignOrder(Look((Path("s"),), CARD), out=Path("o"))
    for more, word in (("--yes", True), ("", False)):
        recorder = Recorder()
        assert typed(f"signer sign s --card c.toml --out o {more}", recorder) == 0
        assert recorder.asked == [(order, word)]


@pytest.mark.parametrize("answer", [True, False])
def test_somebody_at_a_terminal_is_asked(answer: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    """What was seen is shown first, and the answer is theirs."""
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(click, "confirm", lambda *_words, **_more: answer)
    assert signer_commands._confirm(Answer((), {}, "seen"), yes=False, as_json=False) is answer


def test_a_spend_that_disagrees_is_never_asked_about(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even --yes makes a yes of it; it is shown all the same."""

    def never(*_words: object, **_more: object) -> bool:
        raise AssertionError

    monkeypatch.setattr(click, "confirm", never)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    bad = Answer((), {}, "Sign nothing.", Word.NO)
    assert signer_commands._confirm(bad, yes=True, as_json=False) is False
    assert "Sign nothing." in capsys.readouterr().out
