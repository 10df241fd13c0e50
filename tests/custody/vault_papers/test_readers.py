"""What the readers of papers take in other programs' spelling, and what they refuse, each with its code."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from embit.bip32 import HDKey
from embit.descriptor.checksum import add_checksum
from embit.networks import NETWORKS

from paper_drill import RECORDS, SIGNERS, request_of, taking_of
from zakhira.custody.descriptor import vault_descriptor
from zakhira.custody.refusals import (
    BadVault,
    MalformedDescriptor,
    PrivateKeyInVault,
    RepeatedKey,
    UnsupportedDescriptor,
    WrongNetworkKey,
)
from zakhira.custody.vault_papers.descriptor_forms import branch_descriptor
from zakhira.custody.vault_papers.kinds import read_vault_paper, write_vault_paper
from zakhira.custody.vault_papers.paper import ReadPaper, Taking
from zakhira.custody.vault_papers.refusals import OtherPaper
from zakhira.custody.vault_papers.text import MAX_PAPER_BYTES
from zakhira.custody.vault_refusals import (
    BadWalletPolicy,
    FormatCannotCarry,
    UnreadableWalletFile,
    WalletFileDisagrees,
)
from zakhira.kernel.errors import ZakhiraError

VAULT = RECORDS["sortedmulti"].vault
TEXT = vault_descriptor(VAULT)
RECEIVE_TEXT, CHANGE_TEXT = (branch_descriptor(VAULT, branch) for branch in (0, 1))
STRANGER = Taking("vault-a", "cold", "regtest")


def read(text: str, taking: Taking | None = None) -> ReadPaper:
    return read_vault_paper(text.encode(), taking or taking_of("sortedmulti"))


def written(kind: str, name: str = "sortedmulti") -> str:
    return write_vault_paper(kind, request_of(name)).data.decode()


def edited(kind: str, **changes: Any) -> str:  # noqa: ANN401  # any JSON
    """A JSON paper with members changed; None takes one out."""
    found = json.loads(written(kind)) | changes
    return json.dumps({name: value for name, value in found.items() if value is not None})


def slip132(text: str) -> str:
    """The text with its tpubs spelled as Vpub, as Specter and Electrum write them."""
    for key in VAULT.keys:
        xpub = key.xpub[key.xpub.index("]") + 1 :]
        text = text.replace(xpub, HDKey.from_base58(xpub).to_base58(version=NETWORKS["test"]["Zpub"]))
    return text


SPELLINGS = {
    "one line without its end": TEXT,
    "with a byte order mark and line ends of Windows": f"\ufeff{TEXT}\r\n",
    "apostrophes for hardened steps": add_checksum(TEXT.partition("#")[0].replace("h/", "'/").replace("h]", "']")),
    "a fingerprint in capitals": add_checksum(TEXT.partition("#")[0].replace("[ce3dfc2c", "[CE3DFC2C")),
    "branches apart": f"{RECEIVE_TEXT}\n{CHANGE_TEXT}\n",
    "change first": f"{CHANGE_TEXT}\n\n{RECEIVE_TEXT}",
    "the receiving branch alone": RECEIVE_TEXT,
    "wrapped over lines": "\n".join(TEXT[at : at + 60] for at in range(0, len(TEXT), 60)),
    "Zpub keys": add_checksum(slip132(TEXT.partition("#")[0])),
    "one object for importdescriptors": json.dumps({"desc": TEXT, "timestamp": "now"}),
    "listdescriptors": json.dumps(
        {
            "wallet_name": "cold",
            "descriptors": [
                {"desc": RECEIVE_TEXT, "internal": False, "next": 3},
                {"desc": CHANGE_TEXT, "internal": True},
            ],
        }
    ),
    "Specter's older backup": json.dumps({"name": "cold", "recv_descriptor": RECEIVE_TEXT}),
    "Specter without its checksum": json.dumps({"label": "cold", "descriptor": RECEIVE_TEXT.partition("#")[0]}),
    "Specter with plain names of devices": json.dumps(
        {"label": "c", "descriptor": RECEIVE_TEXT, "devices": ["a", "b"]}
    ),
    "Coldcard's own export": written("coldcard").replace(
        "Derivation: m/48'/1'/0'/2'\n", "Derivation: m/48h/1h/0h/2h\n"
    ),
    "Coldcard's policy with a stroke": written("coldcard").replace("3 of 5", "3/5").replace("Policy", "policy"),
    "Coldcard with Zpub": slip132(written("coldcard")),
    "Sparrow's remark for a derivation": written("coldcard").replace("Derivation:", "# derivation:"),
    "BSMS of Sparrow": written("bsms").replace("/**", "/<0;1>/*"),
    "a policy under Coldcard's names": written("wallet-policy")
    .replace("descriptor_template", "desc_template")
    .replace("keys_info", "keys"),
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_other_programs_spellings_are_the_same_vault(spelling: str) -> None:
    """However a program writes it, it is our vault, key by key."""
    assert read(spelling).vault == VAULT


@pytest.mark.parametrize("name", ["Zpub keys", "Coldcard with Zpub"])
def test_a_conversion_of_keys_is_said(name: str) -> None:
    """SLIP-132's spelling becomes xpub or tpub, and the reader tells."""
    assert "SLIP-132" in " ".join(read(SPELLINGS[name]).notes)


def test_what_bears_no_checksum_is_said() -> None:
    """Nothing would reveal a changed letter: the first address must be compared."""
    for name in ("Specter without its checksum", "Coldcard's own export"):
        assert "first address" in " ".join(read(SPELLINGS[name]).notes)


def test_signers_are_named_by_the_register_the_paper_or_their_fingerprint() -> None:
    """The register comes first; Specter's devices name the rest; a name that two keys would share is not taken."""
    specter = read(written("specter"), STRANGER)
    assert [key.signer for key in specter.vault.keys] == ["cold-1", "cold-2", "cold-3", "cold-4", "cold-5"]
    assert specter.label == "vault-a"
    same = edited("specter", devices=[{"label": "x"}] * 5)
    assert [key.signer for key in read(same, STRANGER).vault.keys] == [key.xpub[1:9] for key in VAULT.keys]
    first = {VAULT.keys[0].xpub: "cold-1"}
    clash = edited("specter", devices=[{"label": label} for label in ("b", "cold-1", "c", "d", "e")])
    assert [key.signer for key in read(clash, replace(STRANGER, signers=first)).vault.keys] == [
        "cold-1",
        *(key.xpub[1:9] for key in VAULT.keys[1:]),
    ]


OTHER_CHANGE = branch_descriptor(replace(VAULT, keys=VAULT.keys[:4]), 1)
LONE_KEY = VAULT.keys[0].xpub + "/<0;1>/*"
BAD_PAPERS: dict[str, tuple[str, type[ZakhiraError]]] = {
    "nothing": ("", UnreadableWalletFile),
    "blanks": (" \n ", UnreadableWalletFile),
    "no checksum": (TEXT.partition("#")[0], MalformedDescriptor),
    "a wrong checksum": (TEXT[:-1] + ("q" if TEXT[-1] != "q" else "p"), MalformedDescriptor),
    "a changed letter": (TEXT.replace("sortedmulti(3", "sortedmulti(2"), MalformedDescriptor),
    "change alone": (CHANGE_TEXT, MalformedDescriptor),
    "change of another vault": (f"{RECEIVE_TEXT}\n{OTHER_CHANGE}", WalletFileDisagrees),
    "two vaults": (f"{TEXT}\n{vault_descriptor(RECORDS['held'].vault)}", WalletFileDisagrees),
    "a single key": (add_checksum(f"wpkh({LONE_KEY})"), UnsupportedDescriptor),
    "multi without sorting": (add_checksum(TEXT.partition("#")[0].replace("sorted", "")), MalformedDescriptor),
    "nested": (add_checksum(f"sh({TEXT.partition('#')[0]})"), UnsupportedDescriptor),
    "a key twice": (
        add_checksum(TEXT.partition("#")[0].replace(VAULT.keys[1].xpub, VAULT.keys[0].xpub)),
        RepeatedKey,
    ),
    "words": ("correct horse battery staple", MalformedDescriptor),
    "receive and change confused": (
        json.dumps([{"desc": RECEIVE_TEXT, "internal": True}, {"desc": CHANGE_TEXT, "internal": False}]),
        WalletFileDisagrees,
    ),
    "an array of numbers": ("[1, 2]", UnreadableWalletFile),
    "an empty array": ("[]", UnreadableWalletFile),
    "many descriptors": (json.dumps([{"desc": TEXT}] * 65), UnreadableWalletFile),
    "descriptors that are a number": ('{"descriptors": 3}', UnreadableWalletFile),
    "a descriptor that is a number": ('[{"desc": 3}]', UnreadableWalletFile),
    "broken JSON": (written("specter")[:-3], UnreadableWalletFile),
    "a name given twice": ('{"descriptor": "a", "descriptor": "b"}', UnreadableWalletFile),
    "JSON that nests too deep": ("[" * 100_000, UnreadableWalletFile),
    "JSON of something else": ('{"version": 2}', UnreadableWalletFile),
    "a number without end": ('{"descriptor": ' + "9" * 5000 + "}", UnreadableWalletFile),
    "devices that are no list": (edited("specter", devices=7), UnreadableWalletFile),
    "a label instead of a descriptor": (edited("specter", descriptor=None), UnreadableWalletFile),
    "Specter's label in its place": (edited("specter", descriptor=" "), UnreadableWalletFile),
    "a policy without keys": (edited("wallet-policy", keys_info=None), BadWalletPolicy),
    "a policy with a key too many": (
        edited("wallet-policy", keys_info=[*SIGNERS][:6]),
        BadWalletPolicy,
    ),
    "a policy whose key is a number": (edited("wallet-policy", keys_info=[1, 2, 3, 4, 5]), BadWalletPolicy),
    "a policy that is a number": (edited("wallet-policy", descriptor_template=5), UnreadableWalletFile),
    "a policy of one key": (
        json.dumps({"descriptor_template": "wpkh(@0/**)", "keys_info": [VAULT.keys[0].xpub]}),
        UnsupportedDescriptor,
    ),
    "BSMS of another version": (written("bsms").replace("1.0", "2.0"), UnreadableWalletFile),
    "BSMS with another first address": (
        "\n".join([*written("bsms").split("\n")[:3], written("bsms", "held").split("\n")[3]]),
        WalletFileDisagrees,
    ),
    "BSMS with another threshold": (written("bsms").replace("multi(3", "multi(2"), WalletFileDisagrees),
    "BSMS with other restrictions": (written("bsms").replace("/0/*,/1/*", "/9/*"), UnreadableWalletFile),
    "BSMS of a template without restrictions": (
        written("bsms").replace("/0/*,/1/*", "No path restrictions"),
        WalletFileDisagrees,
    ),
    "BSMS of three lines": ("\n".join(written("bsms").split("\n")[:3]), UnreadableWalletFile),
    "BSMS of five lines": (written("bsms") + "more", UnreadableWalletFile),
    "a signer's key record": (f"BSMS 1.0\n00\n{VAULT.keys[0].xpub}\nkey 1", OtherPaper),
    "Coldcard's nested format": (written("coldcard").replace("P2WSH", "P2SH-P2WSH"), FormatCannotCarry),
    "Coldcard's old format": (written("coldcard").replace("P2WSH", "p2sh"), FormatCannotCarry),
    "Coldcard without a format": (written("coldcard").replace("Format: P2WSH\n", ""), UnreadableWalletFile),
    "Coldcard without keys": (written("coldcard").partition("Derivation")[0], UnreadableWalletFile),
    "Coldcard of more keys than it says": (written("coldcard").replace("of 5", "of 4"), WalletFileDisagrees),
    "Coldcard that asks for too many": (written("coldcard").replace("3 of 5", "6 of 5"), BadVault),
    "Coldcard of two policies": (written("coldcard") + "Policy: 2 of 5\n", UnreadableWalletFile),
    "Coldcard of no policy": (written("coldcard").replace("3 of 5", "most of them"), UnreadableWalletFile),
    "Coldcard without derivations": (
        written("coldcard").replace("Derivation: m/48'/1'/0'/2'\n", ""),
        UnreadableWalletFile,
    ),
    "Coldcard of a path that is none": (
        written("coldcard").replace("m/48'/1'/0'/2'", "m/48/1/0/2"),
        UnreadableWalletFile,
    ),
    "Coldcard with a strange label": (written("coldcard") + "Miner: no\n", UnreadableWalletFile),
    "Coldcard with a line that says nothing": (written("coldcard") + "hello\n", UnreadableWalletFile),
}


@pytest.mark.parametrize(("text", "error"), BAD_PAPERS.values(), ids=BAD_PAPERS)
def test_a_bad_paper_is_refused_by_its_code(text: str, error: type[ZakhiraError]) -> None:
    """Cut, contradictory, of another sort or of no sort: refused whole, with something to do about it."""
    with pytest.raises(error) as caught:
        read(text)
    assert caught.value.remedy


def test_a_paper_for_another_chain_is_refused() -> None:
    """Keys for tests stand on no paper of the main chain; a BSMS record tells the chain by its first address."""
    for kind in ("descriptor", "specter", "coldcard", "wallet-policy", "bsms"):
        with pytest.raises(WrongNetworkKey):
            read(written(kind), replace(STRANGER, chain="main"))
    with pytest.raises(WalletFileDisagrees, match="another chain"):
        read(written("bsms"), replace(STRANGER, chain="signet"))


def test_too_long_a_paper_is_refused_before_it_is_read() -> None:
    """A film is no paper, nor are bytes that are no text."""
    for data in (b"w" * (MAX_PAPER_BYTES + 1), b"\xff\xfe\x00"):
        with pytest.raises(UnreadableWalletFile):
            read_vault_paper(data, STRANGER)


@pytest.mark.parametrize(
    "kind", ["descriptor", "bitcoin-core", "wallet-policy", "bsms", "coldcard", "sparrow", "specter"]
)
def test_a_private_key_is_refused_and_never_repeated(kind: str) -> None:
    """Somebody exported the secret: refused before anything else, without a letter of it in the message."""
    secret = HDKey.from_seed(b"0" * 32).derive("m/48h/1h/0h/2h").to_base58(version=NETWORKS["test"]["xprv"])
    xpub = VAULT.keys[2].xpub
    with pytest.raises(PrivateKeyInVault) as caught:
        read(written(kind).replace(xpub[xpub.index("]") + 1 :], secret), replace(STRANGER, signers=SIGNERS))
    assert secret[:12] not in str(caught.value)
    assert "known to others" in caught.value.remedy
