"""What a table says is text: nothing in it is read as the drawing library's own language."""

from __future__ import annotations

import pytest

from zakhira.cli.answer import Answer, Table
from zakhira.cli.terminal import print_answer

TEXTS = ("[E]", "[bold]", "[/bold]", "a [red]b[/red] c", "[link=x]y[/link]", "back\\", "\\[E]", ":warning:", "[[E]]")


@pytest.mark.parametrize("text", TEXTS)
def test_brackets_are_shown_as_they_are(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A tag, a style, one that was never opened, a link, an escape: in the title, a head, a cell and a note."""
    table = Table(f"title {text}", (f"head {text}", "number"), ((f"cell {text}", "1"),), (1,), (f"note {text}",))
    print_answer(Answer((table,), {}, f"sentence {text}"), as_json=False)
    shown = capsys.readouterr().out
    for place in ("sentence", "title", "head", "cell", "note"):
        assert f"{place} {text}" in shown


def test_columns_stay_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    """Brackets take their own width: the numbers of three rows end in the same place."""
    rows = (("[E]", "1"), ("plain", "22"), ("[bold]", "333"))
    print_answer(Answer((Table("t", ("tag", "n"), rows, (1,)),), {}, ""), as_json=False)
    lines = capsys.readouterr().out.splitlines()
    ends = {len(line.rstrip()) for line in lines if line.rstrip().endswith(("1", "22", "333"))}
    assert len(ends) == 1
