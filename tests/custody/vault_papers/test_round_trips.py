"""Every paper of every template comes back as the vault that it was written from, or is refused by name."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from embit.bip32 import HDKey
from embit.networks import NETWORKS

from paper_drill import CARRIED, RECORDS, REFUSED, golden, request_of, taking_of
from register_drill import CHAIN, REQUESTS
from zakhira.adapters.drill_keys import signer_xpub
from zakhira.custody.descriptor import derive_address
from zakhira.custody.vault_papers.kinds import PAPER_KINDS, read_vault_paper, write_vault_paper
from zakhira.custody.vault_papers.paper import PaperRequest, Taking
from zakhira.custody.vault_papers.refusals import BadToken, SealBroken, UnknownPaperKind
from zakhira.custody.vault_refusals import FormatCannotCarry
from zakhira.programme.model import Vault, VaultKey

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


def test_coldcard_takes_fifteen_keys() -> None:
    """A 16th key is refused by name, before a file is written that no device takes."""
    keys = tuple(VaultKey(f"s{n}", signer_xpub("many", "many", f"s{n}")) for n in range(16))
    record = replace(RECORDS["sortedmulti"], vault=Vault("many", "cold", 9, keys))
    with pytest.raises(FormatCannotCarry, match="15 keys"):
        write_vault_paper("coldcard", PaperRequest(record))
    fifteen = replace(record, vault=replace(record.vault, keys=keys[:15]))
    written = write_vault_paper("coldcard", PaperRequest(fifteen))
    read = read_vault_paper(written.data, Taking("many", "cold", CHAIN, {key.xpub: key.signer for key in keys}))
    assert read.vault == fifteen.vault


def test_keys_at_different_paths_keep_them_in_coldcard_s_file() -> None:
    """A derivation line before each key whose path differs, and back."""
    root = HDKey.from_seed(b"3" * 32)
    paths = ("48h/1h/0h/2h", "48h/1h/7h/2h", "48h/1h/7h/2h", "")
    keys = tuple(
        VaultKey(f"s{n}", key_at(HDKey.from_seed(bytes([n]) * 32) if n else root, path)) for n, path in enumerate(paths)
    )
    record = replace(RECORDS["sortedmulti"], vault=Vault("mixed", "cold", 2, keys))
    written = write_vault_paper("coldcard", PaperRequest(record))
    assert written.data.count(b"Derivation:") == 3
    names = {key.xpub: key.signer for key in keys}
    assert read_vault_paper(written.data, Taking("mixed", "cold", CHAIN, names)).vault == record.vault


def key_at(root: HDKey, path: str) -> str:
    """A key of a root with its origin; an empty path is the root itself."""
    key = root.derive(f"m/{path}") if path else root
    origin = "/".join([root.my_fingerprint.hex(), *([path] if path else [])])
    return f"[{origin}]{key.to_public().to_base58(version=NETWORKS['test']['xpub'])}"


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
