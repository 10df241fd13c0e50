"""What the documents name exists: commands with their options, files behind links, settings, exit codes, examples."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from zakhira.cli.commands import zakhira
from zakhira.cli.door import Exit
from zakhira.wiring.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
PROGRAMMES = (ROOT / "programmes" / "small", ROOT / "programmes" / "pakistan-2000mw")
MORE = (*sorted(ROOT.glob("programmes/**/*.md")), *sorted(ROOT.glob("changelog.d/*.md")))
LINK = re.compile(r"\]\(([^)\s]+)\)")


def name_of(path: Path) -> str:
    """How a test names a document."""
    return str(path.relative_to(ROOT))


def command_lines(path: Path) -> Iterator[str]:
    """The ``zakhira`` commands that a document tells its reader to type.

    They stand in indented lines, in back-quotes, and in console blocks behind ``$``.
    """
    page = path.read_text(encoding="utf-8")
    for line in page.splitlines():
        typed = line[4:] if line.startswith("    zakhira ") else ""
        quoted = re.findall(r"`(zakhira [a-z][^`]*)`", line)
        yield from (re.split(r"\s+(?:#|&)", text)[0].strip() for text in (typed, *quoted) if text)
    for block in re.findall(r"```console\n\$ ((?:[^\n]*\\\n)*[^\n]*)", page):
        parts = re.split(r";\s+", block.replace("\\\n", " "))
        yield from (re.split(r' [|>] | "\$\(', part)[0] for part in parts if part.startswith("zakhira "))


def check_command(text: str) -> None:
    """Fail unless the program has the command, its options, and arguments as many as it takes."""
    command: click.Command = zakhira
    words = shlex.split(text)[1:]
    while words and isinstance(command, click.Group):
        names = words.pop(0).split("|")
        for name in names:
            assert name in command.commands, f"{text!r}: no command {name!r}"
        if len(names) > 1:
            return
        command = command.commands[names[0]]
    options = {name: option for option in command.params if isinstance(option, click.Option) for name in option.opts}
    given = 0
    while words:
        word = words.pop(0)
        if word.startswith("-") and word not in {"-h", "--help"}:
            assert word in options, f"{text!r}: no option {word!r}"
            if not options[word].is_flag and words:
                words.pop(0)
        else:
            given += 1
    arguments = [parameter for parameter in command.params if isinstance(parameter, click.Argument)]
    takes = 99 if any(argument.nargs < 0 for argument in arguments) else len(arguments)
    assert given <= takes, f"{text!r}: {given} arguments, {takes} are taken"


@pytest.mark.parametrize("path", [*DOCUMENTS, *MORE], ids=name_of)
def test_commands_exist(path: Path) -> None:
    """Every command that a document shows can be typed."""
    for text in command_lines(path):
        check_command(text)


def test_the_guides_show_every_command() -> None:
    """The guides leave no command out, and the README shows what a programme or a reserve needs."""
    commands = set(zakhira.commands)
    guides = (
        "tutorial",
        "walk",
        "recovery",
        "policy",
        "governance",
        "drills",
        "audit-chain",
        "watchtower",
        "operations",
        "ledger",
        "payouts",
        "reconciliation",
        "database",
    )
    taught = [ROOT / "docs" / f"{name}.md" for name in guides]
    shown = {text.split()[1] for path in taught for text in command_lines(path) if " " in text}
    assert commands <= shown
    readme = {text.split()[1] for text in command_lines(ROOT / "README.md") if " " in text}
    assert commands - {"surplus", "series", "scenarios"} <= readme


@pytest.mark.parametrize("text", ["zakhira fly", "zakhira run x --weeks 3", "zakhira check a b"])
def test_a_wrong_command_would_be_found(text: str) -> None:
    """The check itself can fail."""
    with pytest.raises(AssertionError):
        check_command(text)


@pytest.mark.parametrize("path", [*DOCUMENTS, *MORE], ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    """Every relative link is to a file that exists, and no picture lacks a description."""
    text = path.read_text(encoding="utf-8")
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:|#", target):
            continue
        assert (path.parent / target.partition("#")[0]).exists(), f"{name_of(path)}: {target}"
    assert "![](" not in text


def test_the_index_names_every_document() -> None:
    """docs/README.md leads to every document, and docs/decisions/README.md to every record."""
    for folder in (ROOT / "docs", ROOT / "docs" / "decisions"):
        index = (folder / "README.md").read_text(encoding="utf-8")
        pages = {path.name for path in folder.glob("*.md")} - {"README.md"}
        assert pages <= set(LINK.findall(index)), folder


def test_the_readme_names_every_setting_and_exit_code() -> None:
    """The table of settings is that of the code, and so are the exit codes."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    settings = set(re.findall(r"ZAKHIRA_[A-Z_]+", Settings.__doc__ or ""))
    assert len(settings) == len(Settings.__dataclass_fields__)
    assert settings == set(re.findall(r"`(ZAKHIRA_[A-Z_]+)`", text))
    assert {int(code) for code in re.findall(r"(?m)^\| (\d+) \|", text)} == {int(code) for code in Exit}


def test_examples_are_those_of_the_shipped_programmes() -> None:
    """Every line of TOML or CSV in docs/files.md stands in a shipped programme, whose files are checked elsewhere."""
    files = [path for folder in PROGRAMMES for path in folder.rglob("*") if path.suffix in {".toml", ".csv"}]
    known = {line for path in files for line in path.read_text(encoding="utf-8").splitlines()}
    text = (ROOT / "docs" / "files.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```(?:toml|csv)\n(.*?)```", text, re.DOTALL)
    lines = {line for block in blocks for line in block.splitlines()}
    assert len(blocks) > 10
    assert lines - known == set()


def test_every_dependency_has_its_reason() -> None:
    """Each package that pyproject.toml names is in docs/dependencies.md (C24)."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[\[<>=~! ]", requirement)[0] for requirement in wanted}
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    assert {
        name for name in names if re.search(rf"\b{re.escape(name.removeprefix('types-'))}\b", text) is None
    } == set()


def test_the_architecture_names_every_room() -> None:
    """The table of rooms is that of the source, rank and all."""
    rooms = {path.name for path in (ROOT / "src" / "zakhira").iterdir() if (path / "__init__.py").exists()}
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert rooms == set(re.findall(r"(?m)^\| \d \| `([a-z]+)` \|", text))


@pytest.mark.parametrize("path", [*DOCUMENTS, *MORE], ids=name_of)
def test_documents_are_about_the_project_alone(path: Path) -> None:
    """No path of the machine on which a document was written."""
    assert not re.search(r"/(?:work|tmp|home|root)/", path.read_text(encoding="utf-8"))
