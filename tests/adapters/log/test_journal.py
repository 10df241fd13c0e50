"""No log lets a secret through: real ones in every field, nested, in names, in errors and in the middle of words."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from embit import bip32, bip39, ec
from embit.networks import NETWORKS
from hypothesis import given, settings
from hypothesis import strategies as st

from zakhira.adapters.log.journal import Journal, make_journal
from zakhira.adapters.log.scrubbing import MAX_READ, MAX_TEXT, Scrubber
from zakhira.adapters.log.secrets_in_text import HIDDEN
from zakhira.adapters.software_signer import create_officer
from zakhira.kernel.errors import Fault, Faults, Refused

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
TXID = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"
SEEDS = st.binary(min_size=32, max_size=32)
FEW = settings(max_examples=25)
"""Each example is looked for in a dozen places."""
ODD = st.text(alphabet=st.characters(codec="utf-8"), max_size=20)


def logged(say: Callable[[Journal], None], *known: str) -> str:
    """The lines that saying something wrote."""
    lines: list[str] = []

    def write(line: str) -> bool:
        lines.append(line)
        return True

    say(make_journal(write, lambda: NOW, Scrubber(known)))
    assert all(json.loads(line)["time"] == "2026-11-28T12:00:00.000+00:00" for line in lines)
    return "\n".join(lines)


def entry(say: Callable[[Journal], None], *known: str) -> Any:  # noqa: ANN401 - JSON
    """The one entry."""
    return json.loads(logged(say, *known))


def shown_of(text: str) -> str:
    """What is shown of a text."""
    return str(entry(lambda journal: journal.info("x", a=text))["a"])


def root_of(seed: bytes) -> bip32.HDKey:
    """A BIP-32 root."""
    return bip32.HDKey.from_seed(seed)


def wif_of(seed: bytes, network: str) -> str:
    """The seed as a private key in WIF."""
    key = ec.PrivateKey((int.from_bytes(seed, "big") % (2**250) + 1).to_bytes(32, "big"), network=NETWORKS[network])
    return str(key.wif())


def slip_132(seed: bytes, letters: str) -> str:
    """A private root with other letters."""
    version = {"y": b"\x04\x9d\x78\x78", "z": b"\x04\xb2\x43\x0c", "v": b"\x04\x5f\x18\xbc", "t": b"\x04\x35\x83\x94"}
    return str(root_of(seed).to_base58(version[letters]))


MAKERS: dict[str, Callable[[bytes], str]] = {
    "xprv": lambda seed: str(root_of(seed).to_base58()),
    "child xprv": lambda seed: str(root_of(seed).derive("m/48h/1h/0h/2h").to_base58()),
    "tprv": lambda seed: slip_132(seed, "t"),
    "yprv": lambda seed: slip_132(seed, "y"),
    "zprv": lambda seed: slip_132(seed, "z"),
    "vprv": lambda seed: slip_132(seed, "v"),
    "WIF": lambda seed: wif_of(seed, "main"),
    "test WIF": lambda seed: wif_of(seed, "regtest"),
    "12 words": lambda seed: str(bip39.mnemonic_from_bytes(seed[:16])),
    "24 words": lambda seed: str(bip39.mnemonic_from_bytes(seed)),
    "cookie": lambda seed: f"__cookie__:{seed.hex()}",
    "basic": lambda seed: "Basic " + base64.b64encode(b"user:" + seed).decode(),
    "bearer": lambda seed: "Bearer " + base64.urlsafe_b64encode(seed).decode(),
}
"""Secrets that are known by their form alone; each is made of a seed."""


def core_of(kind: str, secret: str) -> str:
    """The part of a secret that must not be seen."""
    if kind.endswith("words"):
        return " ".join(secret.split()[2:8])
    return secret[-40:] if kind in {"cookie", "basic", "bearer"} else secret[6:]


@pytest.mark.parametrize("kind", MAKERS)
@FEW
@given(seed=SEEDS, before=ODD, after=ODD, name=ODD)
def test_a_key_is_hidden_by_its_form_wherever_it_stands(
    kind: str, seed: bytes, before: str, after: str, name: str
) -> None:
    """As an event, a value, a name, nested, in an error, in a fault, bound, in a path."""
    secret = MAKERS[kind](seed)
    blank = "" if "words" not in kind else " "
    text = f"{before}{blank}{secret}{blank}{after}"

    def say(journal: Journal) -> None:
        journal.info(text)
        journal.bind(bound=text).warning("x", **{f"n{name}": text})
        journal.error("x", deep={"a": [{"b": (text, {text: 1})}]}, path=Path(text.replace("\0", "")))
        journal.failure(Refused(text, text))
        journal.failure(Faults([Fault(text, 1, text, "ZK-X-001", text)]))

    assert core_of(kind, secret) not in logged(say)


@FEW
@given(seed=SEEDS, letters=st.text("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz123456789", max_size=60))
def test_letters_around_a_wif_hide_nothing(seed: bytes, letters: str) -> None:
    """A private key that another text runs into is found by its checksum."""
    secret = wif_of(seed, "main")
    assert secret not in logged(lambda journal: journal.info(letters + secret + letters[::-1]))


@pytest.mark.parametrize("joint", [" ", "\n", ", ", '", "', "\n 12. ", "  "])
@FEW
@given(seed=SEEDS)
def test_a_mnemonic_is_hidden_however_its_words_are_parted(joint: str, seed: bytes) -> None:
    """Also as a list of words, in capitals, and shortened to four letters."""
    words = bip39.mnemonic_from_bytes(seed).split()
    for spelt in (words, [word.upper() for word in words], [word[:4] for word in words]):
        assert shown_of(joint.join(spelt)).startswith(HIDDEN)
    assert entry(lambda journal: journal.info("x", a=[*words, 7]))["a"] == [HIDDEN] * len(words) + [7]


@FEW
@given(seed=SEEDS)
def test_a_secret_in_pieces_is_hidden(seed: bytes) -> None:
    """A word in each field, in each value of a table, and a key as a list of its bytes."""
    words = bip39.mnemonic_from_bytes(seed).split()
    names = [f"word_{chr(97 + number)}" for number in range(len(words))]
    shown = entry(lambda journal: journal.info("x", **dict(zip(names, words, strict=True))))
    assert {shown[name] for name in names} == {HIDDEN}
    assert (shown["level"], shown["time"][:4]) == ("info", "2026")
    beside = entry(
        lambda journal: journal.info(
            "x", other=MAKERS["xprv"](seed), long="m " * 5_000, **dict(zip(names, words, strict=True))
        )
    )
    assert {beside[name] for name in names} == {HIDDEN}
    nested = entry(lambda journal: journal.info("x", a=[dict(zip(names, words, strict=True))]))
    assert set(nested["a"][0].values()) == {HIDDEN}
    assert entry(lambda journal: journal.info("x", a=list(seed)))["a"] == HIDDEN
    heights = list(range(800_000, 800_020))
    assert entry(lambda journal: journal.info("x", a=heights))["a"] == heights


NAMES = (
    "passphrase", "Pass-Phrase", "password", "db_password", "private_key", "privkey", "secret", "webhook_secret",
    "seed", "mnemonic", "Authorization", "rpc_cookie", "api-key", "apikey", "access_token", "wif", "hmac_key",
    "key_file", "database_url", "dsn", "webhook", "entropy", "ciphertext", "credentials", "SSH_PRIVATE_KEY",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@FEW
@given(seed=SEEDS)
def test_what_is_named_a_secret_is_hidden_whatever_it_is(name: str, seed: bytes) -> None:
    """64 hex digits are a hash, unless the name of the field, or the word before them, says that they are a secret."""
    digits = seed.hex()

    def say(journal: Journal) -> None:
        journal.info("x", **{name: digits})
        journal.info("x", deep=[{name: {"part": digits}}, {name: [1, digits]}], **{name: int(digits, 16)})
        for joint in ("=", ": ", ' is "', "': '", " was ", " ", " (", ' "'):
            journal.info(f"the {name}{joint}{digits} of it")
            journal.failure(Refused(f'{{"{name}"{joint}"{digits}", "more": 1}}'))

    if name not in {"dsn", "webhook", "database_url"}:
        assert digits not in logged(say)
    assert digits not in logged(lambda journal: journal.info("x", **{name: digits}))


PASSWORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=4, max_size=30)


@FEW
@given(password=PASSWORDS)
def test_a_password_in_an_address_is_hidden(password: str) -> None:
    """Of a database, of a node, of a proxy: as it is written and as addresses write it; the host is shown."""
    for spelt in (quote(password, safe=""), password.replace("/", "").replace(":", "")):
        if len(spelt) < 4 or spelt in "postgresql://HIDDEN@host:5432/zakhira info level user [redacted] event time":
            continue
        for scheme in ("postgresql", "http", "https"):
            text = shown_of(f"x {scheme}://user:{spelt}@host:5432/zakhira")
            assert text == f"x {scheme}://{HIDDEN}@host:5432/zakhira"
    assert HIDDEN in logged(lambda journal: journal.info("x", a="https://ghp_abcdef@host/x"))


@FEW
@given(passphrase=st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=8, max_size=40))
def test_a_known_passphrase_is_hidden_in_every_writing(passphrase: str) -> None:
    """A passphrase has no form: who is told of it finds it, also quoted by repr, JSON, an address, base64 or hex."""
    core = passphrase.strip()
    if len(core) < 8:
        return
    writings = (core, repr(core), json.dumps(core), quote(core), core.encode().hex())
    for text in (*writings, base64.b64encode(core.encode()).decode()):

        def say(journal: Journal, text: str = text) -> None:
            journal.info(f"x{text}y", a=text, b={text: [text]})
            journal.failure(Refused(f"It is {text}"))

        shown = json.loads(logged(say, passphrase).splitlines()[0])
        assert shown["event"] in {f"x{HIDDEN}y", f"x'{HIDDEN}'y", f'x"{HIDDEN}"y'} or core not in shown["event"]
        assert core not in json.dumps(shown, ensure_ascii=False)


def test_an_officers_key_file_and_its_key_are_hidden(tmp_path: Path) -> None:
    """The whole file as text, its parts as fields, and the key inside it as a PEM block."""
    key = Ed25519PrivateKey.generate()
    path = tmp_path / "amina.key"
    create_officer(path, "amina", key, "drill passphrase", work_factor=2)
    text = path.read_text(encoding="utf-8")
    told = json.loads(text)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    raw = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())

    def say(journal: Journal) -> None:
        journal.info("read " + text, a=told, b=pem, c=f"secret={raw.hex()}", d=raw)
        journal.guard(raw.hex())
        journal.info(f"now {raw.hex()}")

    shown = logged(say)
    assert told["ciphertext"] not in shown
    assert pem.splitlines()[1] not in shown
    assert raw.hex() not in shown
    assert "<bytes>" in shown


@pytest.mark.parametrize(
    "text",
    [
        "https://hooks.slack.example/services/T000/B000/abcdefghijk",
        "https://chat.example/api/webhooks/1234/abcdefghijk",
        "https://api.telegram.example/bot123456789:AAabcdefghijklmnopqrstuvwxyz/send",
        "host=db password='a b c abcdefghijk' user=z",
        "X-Signature secret: abcdefghijk",
        "Cookie: session=abcdefghijk",
        "eyJhbGciOiJIUzI1NiJ9.eyJabcdefghijk.abcdefghijk",
        "AGE-SECRET-KEY-1ABCDEFGHIJKabcdefghijk",
        "ms10testsxxxxxxxxxxxxxxxxxxxxxxxxxxxx4nzvca9cmczlwabcdefghijk",
    ],
)
def test_tokens_of_other_kinds_are_hidden(text: str) -> None:
    """What a webhook, a mail server or a proxy is opened with."""
    shown = logged(lambda journal: journal.info(f"sent to {text}"))
    assert "abcdefghijk" not in shown
    assert HIDDEN in shown


def test_what_is_no_secret_is_shown() -> None:
    """Hashes, addresses, public keys, amounts, times and errors' own words are what a log is for."""
    xpub = str(root_of(b"7" * 32).to_public().to_base58())
    address = "bcrt1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qzf4jry"
    plain = {
        "txid": TXID,
        "xpub": xpub,
        "address": address,
        "amount_sats": 2_100_000_000_000_000,
        "message": "The node at http://127.0.0.1:18443 has no cookie file, so it is not running.",
        "url": "http://127.0.0.1:9100/metrics",
        "psbt": base64.b64encode(bytes(range(200))).decode(),
        "share": 0.25,
        "is_private": True,
        "none": None,
        "reason": "The policy wants the word of two officers; only one of them has given it so far.",
    }
    shown = entry(lambda journal: journal.info("followed", **plain))
    assert shown == {"time": "2026-11-28T12:00:00.000+00:00", "level": "info", "event": "followed", **plain}


class Colour(Enum):
    """A state."""

    RED = "red"


class Opaque:
    """Something whose text would show a secret."""

    def __repr__(self) -> str:
        return "Opaque(xprv9s21ZrQH143K)"


def test_only_plain_values_are_written() -> None:
    """Of other things the type is told; what is large is cut after it was looked through, what is endless is ended."""
    loop: list[object] = []
    loop.append(loop)
    secret = MAKERS["xprv"](b"8" * 32)

    def say(journal: Journal) -> None:
        journal.info(
            "x", a=Opaque(), b=b"12", c=Colour.RED, d=NOW.date(), e=float("nan"), f=2**256 - 1, g=loop, h={1: 2},
            i="m " * 4_000, j="m" * (MAX_READ + 1), k="m" * (MAX_TEXT - 20) + secret,
        )  # fmt: skip

    shown = entry(say)
    assert [shown[name] for name in "abcdef"] == ["<Opaque>", "<bytes>", "red", "2026-11-28", "nan", HIDDEN]
    assert str(shown["g"]).count("[") <= 7
    assert shown["h"] == {"1": 2}
    assert len(shown["i"]) == MAX_TEXT + 3
    assert shown["j"] == f"[{MAX_READ + 1} characters]"
    assert "xprv" not in shown["k"]


def test_a_crash_tells_where_and_nothing_of_what() -> None:
    """The message of an error that nobody raised on purpose may hold anything."""
    word = secrets.token_hex(8)
    with pytest.raises(ValueError, match=word) as caught:
        int(word + "z")
    shown = entry(lambda journal: journal.crash(caught.value, "ZK-CLI-001"))
    assert word not in json.dumps(shown)
    assert (shown["type"], shown["code"], shown["level"]) == ("ValueError", "ZK-CLI-001", "error")
    assert shown["where"][0].startswith("test_journal.py:")


def test_errors_carry_their_code_and_faults_their_place() -> None:
    """What is raised on purpose is looked up by its code."""
    faults = Faults([Fault("a.toml", 3, "k", "ZK-X-002", "is wrong")])
    shown = entry(lambda journal: journal.bind(command="zakhira check").failure(faults, exit=2))
    assert shown["code"] == "ZK-KERNEL-004"
    assert shown["faults"] == [{"code": "ZK-X-002", "file": "a.toml", "line": 3, "message": "is wrong"}]
    assert (shown["command"], shown["exit"]) == ("zakhira check", 2)


def test_a_line_that_would_still_show_a_key_is_withheld() -> None:
    """A key that comes together only in the finished line: the entry says that it was withheld, and nothing else."""
    first, second = "abandon ability able about", "above absent absorb abstract"
    shown = entry(lambda journal: journal.info("x", **{first: second}))
    assert shown["event"] == "withheld: the entry showed a key"
    assert set(shown) == {"time", "level", "event"}


def test_logs_are_apart() -> None:
    """Nothing is global: what one log was told, another does not know; nothing is written by importing."""
    assert "hunter22" in logged(lambda journal: journal.info("hunter22"))
    assert "hunter22" not in logged(lambda journal: journal.info("hunter22"), "hunter22")
