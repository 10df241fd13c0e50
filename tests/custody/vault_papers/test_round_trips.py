"""Every paper of every template comes back as the vault that it was written from, or is refused by name."""

from __future__ import annotations

import json

import pytest

from paper_drill import CARRIED, RECORDS, REFUSED, golden, request_of, taking_of
from register_drill import CHAIN, REQUESTS
from zakhira.custody.descriptor import derive_address
from zakhira.custody.vault_papers.kinds import PAPER_KINDS, read_vault_paper, write_vault_paper
from zakhira.custody.vault_papers.refusals import BadToken, SealBroken, UnknownPaperKind
from zakhira.custody.vault_refusals import FormatCannotCarry

TOKENS = ("a54044308ceac9b7", "108a2360adb302774eb521daebbeda5e", "11907592390080907703")


@pytest.mark.parametrize(("name", "kind"), CARRIED)
def test_a_paper_comes_back_as_its_vault(name: str, kind: str) -> None:
    """Template, thresholds, locks, order of keys and names of signers: all as before; recognised without being told."""
    written = write_vault_paper(kind, request_of(name))
    read = read_vault_paper(written.data, taking_of(name))
    assert (read.kind, read.vault) == (kind, RECORDS[name].vault)
    assert read.first_address == derive_address(RECORDS[name].vault, 0, 0, CHAIN).address
    assert written.name.startswith("vault-a")


@pytest.mark.parametrize(("name", "kind"), CARRIED)
def test_the_bytes_are_those_of_the_golden_file(name: str, kind: str) -> None:
    """What other programs were given yesterday they are given today (ZAKHIRA_UPDATE_GOLDEN=1 writes anew)."""
    written = write_vault_paper(kind, request_of(name))
    assert written.data == golden(f"vault_papers/{name}{PAPER_KINDS[kind].suffix}", written.data)


@pytest.mark.parametrize(("name", "kind"), REFUSED)
def test_a_format_without_words_for_a_template_is_refused_by_name(name: str, kind: str) -> None:
    """No file is written that another program would read as a different vault; the remedy names those that can."""
    with pytest.raises(FormatCannotCarry, match=kind) as caught:
        write_vault_paper(kind, request_of(name))
    assert "descriptor, bitcoin-core" in caught.value.remedy


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("token", TOKENS)
def test_a_sealed_record_opens_with_its_token_alone(name: str, token: str) -> None:
    """STANDARD and EXTENDED, told in hex or in decimal; without the token, or with another, nothing is read."""
    written = write_vault_paper("bsms", request_of(name, token))
    assert written.name.endswith(".dat")
    assert read_vault_paper(written.data, taking_of(name, token)).vault == RECORDS[name].vault
    with pytest.raises(BadToken):
        read_vault_paper(written.data, taking_of(name))
    with pytest.raises(SealBroken):
        read_vault_paper(written.data, taking_of(name, "00" * 8))
    changed = written.data[:-1] + (b"0" if written.data[-1:] != b"0" else b"1")
    with pytest.raises(SealBroken):
        read_vault_paper(changed, taking_of(name, token))


def test_the_kinds_are_told_in_a_line_each() -> None:
    """What the command line lists: a name, a line, and which templates it carries."""
    for name, kind in PAPER_KINDS.items():
        assert kind.name == name
        assert 20 < len(kind.description) <= 120
        assert set(kind.templates) <= {request.template for request in REQUESTS.values()}
        assert kind.can_be_read


def test_an_unknown_kind_is_refused_with_those_that_there_are() -> None:
    """A typing error is answered with the list."""
    with pytest.raises(UnknownPaperKind, match="'electron'") as caught:
        write_vault_paper("electron", request_of("sortedmulti"))
    assert "specter" in caught.value.remedy


def test_timestamp_range_and_height_are_what_was_asked_for() -> None:
    """A later timestamp would hide coins: it is the vault's creation unless an earlier moment is given."""
    record = RECORDS["sortedmulti"]
    entries = json.loads(write_vault_paper("bitcoin-core", request_of("sortedmulti")).data)
    assert [entry["timestamp"] for entry in entries] == [int(record.created_at.timestamp())] * 2
    assert [(entry["internal"], entry["active"], entry["range"]) for entry in entries] == [
        (False, True, [0, 999]),
        (True, True, [0, 999]),
    ]
    specter = json.loads(write_vault_paper("specter", request_of("sortedmulti")).data)
    assert specter["blockheight"] == 800_000
    assert [device["type"] for device in specter["devices"]] == ["coldcard", "ledger", "bitbox02", "coldcard", "ledger"]
