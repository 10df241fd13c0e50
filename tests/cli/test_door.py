"""Every outcome has its exit code, and a crash never looks like "no"."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from zakhira.cli.answer import Answer, Finding, Progress, ServedNode, Table, Word
from zakhira.cli.commands import zakhira
from zakhira.cli.services import SeriesImport
from zakhira.kernel.errors import Fault, Faults, InvalidInput, OutsideFailure, Refused, ZakhiraError

ANSWER = Answer(
    (Table("Zones", ("zone", "MW"), (("thar", "120.0"),), right=(1,), notes=("Source: a test.",)),),
    {"zones": [{"zone": "thar", "power_mw": 120.0}]},
    "Thar gets 120 MW.",
)


class Scripted:
    """Services that do whatever the test says, whichever command is called."""

    def __init__(self, act: Callable[[], Answer]) -> None:
        self.act = act

    def doctor(self) -> Sequence[Finding]:
        self.act()
        return [Finding("bitcoind", "missing", "not found", "Run make setup."), Finding("python", "ok", "3.11")]

    def init(self, folder: Path) -> Answer:
        return self.act()

    def check(self, folder: Path) -> Answer:
        return self.act()

    def plan(self, folder: Path, progress: Progress) -> Answer:
        progress("rounds", 1, 2, "gap 1e-3")
        return self.act()

    def run(self, folder: Path, days: int, seed: int, out: Path, progress: Progress) -> Answer:
        return self.act()

    def verify(self, pack: Path, node_url: str, cookie: Path | None, trust: Path) -> Answer:
        return self.act()

    def serve_node(self, out: Path, announce: Callable[[ServedNode], None]) -> None:
        announce(ServedNode(out, "http://127.0.0.1:18443", out / "cookie", out / "pack"))
        self.act()

    def scenarios(self, folder: Path, count: int, seed: int, out: Path) -> Answer:
        return self.act()

    def generate_surplus(self, folder: Path, seed: int, *, years: bool, write: bool) -> Answer:
        return self.act()

    def import_series(self, order: SeriesImport, progress: Progress) -> Answer:
        return self.act()


def call(act: Callable[[], Answer], *words: str) -> Result:
    """Run a command line over scripted services."""
    return CliRunner().invoke(zakhira, words, obj=Scripted(act), standalone_mode=False)


def raising(error: BaseException) -> Callable[[], Answer]:
    """An act that fails in one way."""

    def act() -> Answer:
        raise error

    return act


COMMANDS = [
    ("init", "d"),
    ("check", "p"),
    ("plan", "p"),
    ("run", "p", "--days", "1", "--seed", "7", "--out", "o"),
    ("verify", "k", "--node", "http://n", "--trust", "t"),
    ("surplus", "generate", "p", "--seed", "1"),
    ("series", "import", "f.csv", "--programme", "p"),
]


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_prints_for_people_and_for_machines(words: tuple[str, ...]) -> None:
    """The same facts as a table and as JSON, exit 0."""
    shown = call(lambda: ANSWER, *words)
    assert shown.exit_code == 0
    assert "Thar gets 120 MW." in shown.stdout
    assert "120.0" in shown.stdout
    assert "Source: a test." in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 100
    spoken = call(lambda: ANSWER, *words, "--json")
    assert spoken.exit_code == 0
    assert json.loads(spoken.stdout) == ANSWER.facts


@pytest.mark.parametrize("words", COMMANDS)
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused("No.", "Ask."), 1),
        (InvalidInput("Wrong.", "Mend it."), 2),
        (OutsideFailure("Gone.", "Start it."), 3),
        (ZakhiraError("Broken."), 4),
        (ZeroDivisionError("1/0"), 4),
        (AssertionError("invariant"), 4),
        (OSError(errno.ENOSPC, "full", "x"), 3),
        (OSError(errno.EACCES, "no", "x"), 3),
        (OSError(errno.EINVAL, "odd", "x"), 4),
        (OSError(errno.ENAMETOOLONG, "long", "x"), 2),
        (BrokenPipeError(errno.EPIPE, "the node's end of a socket"), 4),
        (KeyboardInterrupt(), 130),
    ],
)
def test_each_kind_of_end_has_its_code(words: tuple[str, ...], error: BaseException, code: int) -> None:
    """What was raised decides the code, for every command; nothing goes to stdout as if it were a result."""
    ended = call(raising(error), *words)
    assert ended.exit_code == code
    assert not ended.stdout
    assert ended.stderr


def test_an_answer_of_no_is_exit_1() -> None:
    """A proof that fails prints its checks and ends with 1."""
    no = Answer((), {"verdict": "FAILED"}, "FAILED", Word.NO)
    assert call(lambda: no, *COMMANDS[4]).exit_code == 1


def test_not_being_able_to_tell_is_exit_3() -> None:
    """A node that cannot answer makes the answer neither yes nor no."""
    open_answer = Answer((), {"verdict": "NOT VERIFIED"}, "NOT VERIFIED", Word.UNKNOWN)
    assert call(lambda: open_answer, *COMMANDS[4]).exit_code == 3


def test_a_crash_leaves_a_report_to_send() -> None:
    """The report holds the trace; the message names the file."""
    ended = call(raising(ZeroDivisionError("1/0")), "check", "p")
    path = Path(ended.stderr.rsplit("send this report: ", 1)[1].strip())
    try:
        assert "ZeroDivisionError" in path.read_text(encoding="utf-8")
    finally:
        path.unlink()


def test_a_crash_report_holds_no_password() -> None:
    """It is made to be sent: the password in the address of a node or a database stays at home."""
    ended = call(
        raising(ZeroDivisionError("http://user:s3cret@localhost:8332 and postgresql://u:s3cret@h/d")), "check", "p"
    )
    path = Path(ended.stderr.rsplit("send this report: ", 1)[1].strip())
    try:
        said = path.read_text(encoding="utf-8")
        assert "http://[redacted]@localhost:8332" in said
        assert "s3cret" not in said
    finally:
        path.unlink()


@pytest.mark.parametrize(("word", "code"), [(Word.YES, 0), (Word.NO, 1), (Word.UNKNOWN, 3)])
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_reader_who_leaves_changes_no_answer(
    monkeypatch: pytest.MonkeyPatch, word: Word, code: int, form: tuple[str, ...]
) -> None:
    """``verify | head -1`` breaks the pipe: a failed proof still ends with 1 and a good one with 0."""

    def broken(*_words: object, **_options: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(click, "echo", broken)
    answer = Answer(ANSWER.tables, {}, "Said.", word)
    with pytest.raises(SystemExit) as ended:
        zakhira.main([*COMMANDS[4], *form], obj=Scripted(lambda: answer), standalone_mode=False)
    assert ended.value.code == code


def test_faults_are_listed_with_their_place() -> None:
    """Each fault on a line of its own on stderr; with --json also as data."""
    faults = Faults([Fault("programme.toml", 3, "cap_mw", "ZK-PROGRAMME-001", "Missing.", "Add it.")])
    ended = call(raising(faults), "check", "p", "--json")
    assert ended.exit_code == 2
    assert "programme.toml line 3, key cap_mw" in ended.stderr
    assert json.loads(ended.stdout)["error"]["faults"][0]["line"] == 3


def test_the_doctor_says_what_is_missing() -> None:
    """A missing part is exit 3, with its remedy."""
    ended = call(lambda: ANSWER, "doctor")
    assert ended.exit_code == 3
    assert "Run make setup." in ended.stdout
    assert json.loads(call(lambda: ANSWER, "doctor", "--json").stdout)["findings"][0]["state"] == "missing"


def test_the_node_is_announced() -> None:
    """The URL is printed so that verify can be pointed at it."""
    assert "http://127.0.0.1:18443" in call(lambda: ANSWER, "node", "o").stdout
    assert json.loads(call(lambda: ANSWER, "node", "o", "--json").stdout)["url"] == "http://127.0.0.1:18443"


@pytest.mark.parametrize("words", [("run", "p"), ("run", "p", "--days", "0", "--seed", "1", "--out", "o"), ("fly",)])
def test_wrong_usage_is_refused_by_the_door(words: tuple[str, ...]) -> None:
    """Missing options, values out of range and unknown commands never reach a use case."""
    with pytest.raises(click.UsageError):
        zakhira.main(list(words), obj=Scripted(raising(AssertionError("reached"))), standalone_mode=False)


@pytest.mark.parametrize("name", [*sorted(zakhira.commands), ""])
def test_help_ends_with_an_example(name: str) -> None:
    """Every command's help shows a command line that can be copied."""
    shown = call(lambda: ANSWER, *([name] if name else []), "--help")
    assert shown.exit_code == 0
    assert "Example: zakhira" in " ".join(shown.stdout.split())
