"""Faults in Cedar text of a programme's own: what does not parse, what permits, and what the schema lacks, by line."""

from __future__ import annotations

from collections.abc import Iterator

from cedarpy import PolicySet, validate_policies

from zakhira.controls.engine.permissions import BadAuthorization, cedar_schema, is_permit
from zakhira.kernel.errors import Fault

KEY = "policy.authorization"


def authorization_faults(text: str, file: str = "", line: int = 1) -> list[Fault]:
    """Every policy of the text that cannot be used. ``line`` is where the text begins in its file.

    Each policy is looked at by itself, so that one that cannot be read hides none of the others. Templates are refused:
    nothing fills their slots.
    """
    faults = []
    for first, policy in statements(text):
        place = line + first
        for what in _faults_of(policy):
            remedy = "Mend it; docs/decisions/0017-two-answers.md has the entities and actions that it can name."
            faults.append(Fault(file, place, KEY, BadAuthorization.code, f"{_start(policy)}: {what}.", remedy))
    return faults


def _faults_of(policy: str) -> Iterator[str]:
    try:
        parsed = PolicySet.from_str(policy)
    except ValueError as error:
        yield str(error)
        return
    if parsed.templates():
        yield "it is a template, and nothing fills its slots"
        return
    if is_permit(parsed):
        yield "it permits, and own text may only forbid: who may do what follows from the rules"
    result = validate_policies(policy, cedar_schema())
    for found in result.errors:
        yield str(found.error).removeprefix("for policy `policy0`, ")


def statements(text: str) -> list[tuple[int, str]]:
    """The policies of a Cedar text, each with the number of lines before it; a rest without semicolon is one as well.

    A semicolon ends a policy unless it stands in a string or a comment.
    """
    found, start, place = [], 0, 0
    in_string = False
    while place < len(text):
        char = text[place]
        if in_string:
            place += 1 if char == "\\" else 0
            in_string = char != '"'
        elif char == '"':
            in_string = True
        elif text.startswith("//", place):
            place = _end_of_line(text, place)
        elif char == ";":
            found.append((start, text[start : place + 1]))
            start = place + 1
        place += 1
    found.append((start, text[start:]))
    return [_placed(text, start, part) for start, part in found if _bare(part)]


def _end_of_line(text: str, place: int) -> int:
    end = text.find("\n", place)
    return len(text) if end < 0 else end


def _bare(part: str) -> str:
    """The part without comments and blanks before its first word."""
    rest = part.lstrip()
    while rest.startswith("//"):
        rest = rest[_end_of_line(rest, 0) :].lstrip()
    return rest


def _placed(text: str, start: int, part: str) -> tuple[int, str]:
    bare = _bare(part)
    begin = start + len(part) - len(bare)
    return text.count("\n", 0, begin), bare


def _start(policy: str) -> str:
    """The first words of a policy, as a name for it."""
    words = " ".join(policy.split())
    most = 40
    return repr(words if len(words) <= most else words[:most] + "...")
