"""How the public vectors of descriptors, miniscript and PSBTs fare with rust-miniscript, embit and our own readers."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bdkpython
from embit import ec
from embit.descriptor import Descriptor
from embit.descriptor.checksum import add_checksum

from zakhira.custody.decoders import decode_psbt
from zakhira.custody.descriptor import EMBIT_ERRORS, read_descriptor
from zakhira.custody.psbt_version import receive_psbt
from zakhira.custody.read_by_bdk import BDK_ERRORS, psbt_by_bdk
from zakhira.custody.read_by_embit import parse_psbt, psbt_by_embit
from zakhira.kernel.errors import ZakhiraError

FOLDER = Path(__file__).resolve().parent / "vectors"
AGREES, DIFFERS, REFUSES, ACCEPTS, NOT_GIVEN = "as the vector", "otherwise", "refused", "taken", "not given"
RUST_ERRORS = (*BDK_ERRORS, bdkpython.DescriptorError, bdkpython.DescriptorKeyError, bdkpython.MiniscriptError)
DEADLY = re.compile(r"\*['h]|[xt]pub\w+(?:/\w+)*/\d+['h]")
"""rust-miniscript panics on a hardened wildcard and on a hardened step after an extended public key, and takes the
whole process down: it is never given one. Our reader refuses both before any library sees them."""

Scripts = list[str]


@dataclass(frozen=True)
class Row:
    """One group of vectors: how many there are, and what each reader makes of them."""

    bip: str
    group: str
    count: int
    rust: str
    embit: str
    ours: str


def load(bip: str) -> dict[str, Any]:
    """The vectors of a BIP."""
    loaded: dict[str, Any] = json.loads((FOLDER / f"bip{bip}.json").read_text(encoding="utf-8"))
    return loaded


def scripts_by_rust(descriptor: str, count: int) -> Scripts:
    """The first output scripts as rust-miniscript derives them; raises RUST_ERRORS."""
    read = bdkpython.Descriptor(descriptor, bdkpython.NetworkKind.MAIN)
    network = bdkpython.Network.BITCOIN
    return [read.derive_address(index, network).script_pubkey().to_bytes().hex() for index in range(count)]


def scripts_by_embit(descriptor: str, count: int) -> Scripts:
    """The first output scripts as embit derives them; raises EMBIT_ERRORS."""
    read = Descriptor.from_string(descriptor)
    return [read.derive(index).script_pubkey().data.hex() for index in range(count)]


def verdict(derive: Callable[[str, int], Scripts], descriptor: str, scripts: Scripts | None) -> str:
    """What a library makes of a descriptor; ``scripts`` None: any derivation is taking it."""
    errors = RUST_ERRORS if derive is scripts_by_rust else EMBIT_ERRORS
    if derive is scripts_by_rust and DEADLY.search(descriptor):
        return NOT_GIVEN
    try:
        derived = derive(descriptor, len(scripts) if scripts is not None else 1)
    except errors:
        return REFUSES
    if scripts is None:
        return ACCEPTS
    return AGREES if derived == scripts else DIFFERS


def our_verdict(descriptor: str) -> str:
    """Our reader's answer to a descriptor: taken, or the code of the refusal."""
    try:
        read_descriptor(descriptor)
    except ZakhiraError as error:
        return error.code
    return ACCEPTS


def counted(verdicts: Iterable[str]) -> str:
    """``3 as the vector, 1 refused``."""
    return ", ".join(f"{count} {verdict}" for verdict, count in sorted(Counter(verdicts).items()))


def descriptor_row(bip: str, group: str, cases: list[tuple[str, Scripts | None]]) -> Row:
    """The row of a group of descriptors, each with the scripts that the vector gives it."""
    return Row(
        bip,
        group,
        len(cases),
        counted(verdict(scripts_by_rust, text, scripts) for text, scripts in cases),
        counted(verdict(scripts_by_embit, text, scripts) for text, scripts in cases),
        counted(our_verdict(text if "#" in text else checksummed(text)) for text, _ in cases),
    )


def checksummed(text: str) -> str:
    """The text with a right checksum, if it has one at all."""
    try:
        return str(add_checksum(text))
    except EMBIT_ERRORS:
        return text


def letters_as_keys(miniscript: str) -> str:
    """BIP-379's letters A to Z are the public keys of the secrets 1 to 26."""

    def key(match: re.Match[str]) -> str:
        secret = ec.PrivateKey((ord(match[1]) - ord("A") + 1).to_bytes(32, "big"))
        return str(secret.get_public_key().sec().hex())

    return re.sub(r"(?<=[(,])([A-Z])(?=[,)])", key, miniscript)


def p2wsh(script_hex: str) -> str:
    """The output script of a witness script (BIP-141)."""
    return "0020" + hashlib.sha256(bytes.fromhex(script_hex)).hexdigest()


def miniscript_rows() -> Iterator[Row]:
    """BIP-379, each expression inside ``wsh()``."""
    found = load("379")
    edges = [letters_as_keys(text) for text in found["edge_cases"]]
    yield descriptor_row("379", "edge cases", [(f"wsh({text})", None) for text in edges])
    for group in ("valid", "invalid", "mixed_timelocks"):
        yield descriptor_row("379", group.replace("_", " "), [(f"wsh({text})", None) for text in found[group]])
    scripts = [(f"wsh({case['miniscript']})", [p2wsh(case["script"])]) for case in found["scripts"]]
    yield descriptor_row("379", "scripts", list(scripts))


def key_rows() -> Iterator[Row]:
    """BIP-380: checksums of ``raw()`` and key expressions, which are read inside ``wpkh()`` or ``pkh()``."""
    found = load("380")
    for group in ("valid", "invalid"):
        checks = found["checksums"][group]
        texts = [check if isinstance(check, str) else check["descriptor"] for check in checks]
        yield descriptor_row("380", f"checksums, {group}", [(text, None) for text in texts])
        keys = [case["key"] for case in found["keys"][group]]
        yield descriptor_row("380", f"keys, {group}", [(f"pkh({key})", None) for key in keys])


def script_rows() -> Iterator[Row]:
    """The BIPs that name descriptors with the scripts they make."""
    for bip in ("381", "382", "383", "384", "385", "386", "387", "390"):
        found = load(bip)
        yield descriptor_row(bip, "valid", [(case["descriptor"], case["scripts"]) for case in found["valid"]])
        if "invalid" in found:
            yield descriptor_row(bip, "invalid", [(case["descriptor"], None) for case in found["invalid"]])


def branches_by_rust(descriptor: str) -> list[str]:
    """The descriptors of each branch as rust-miniscript splits them, without checksum."""
    read = bdkpython.Descriptor(descriptor, bdkpython.NetworkKind.MAIN)
    return [str(branch).partition("#")[0].replace("'", "h") for branch in read.to_single_descriptors()]


def branches_by_embit(descriptor: str) -> list[str]:
    """The descriptors of each branch as embit splits them."""
    read = Descriptor.from_string(descriptor)
    return [read.branch(number).to_string().replace("'", "h") for number in range(read.num_branches)]


def multipath_rows() -> Iterator[Row]:
    """BIP-389: a descriptor splits into those of its branches."""
    found = load("389")

    def split(by: Callable[[str], list[str]], case: dict[str, Any]) -> str:
        try:
            branches = by(case["descriptor"])
        except (*RUST_ERRORS, *EMBIT_ERRORS):
            return REFUSES
        return AGREES if branches == case.get("expands") else ACCEPTS if "expands" not in case else DIFFERS

    for group in ("valid", "invalid"):
        cases = found[group]
        ours = counted(our_verdict(checksummed(case["descriptor"])) for case in cases)
        rust, embit = (counted(split(by, case) for case in cases) for by in (branches_by_rust, branches_by_embit))
        yield Row("389", group, len(cases), rust, embit, ours)


def policy_rows() -> Iterator[Row]:
    """BIP-388: each policy's descriptor on both branches, and whether both libraries derive the same of it."""
    cases = load("388")["valid"]
    found = []
    for case in cases:
        branches = [case["descriptor"].replace("<0;1>", f"{n}").replace("<2;3>", f"{n + 2}") for n in (0, 1)]
        by_rust, by_embit = ([_derived(by, text) for text in branches] for by in (scripts_by_rust, scripts_by_embit))
        alike = by_rust == by_embit or [] in (*by_rust, *by_embit)
        found.append((by_rust, by_embit) if alike else ([[DIFFERS]], [[DIFFERS]]))
    rust, embit = (
        counted(REFUSES if [] in pair[side] else DIFFERS if [DIFFERS] in pair[side] else "alike" for pair in found)
        for side in (0, 1)
    )
    yield Row(
        "388", "valid", len(cases), rust, embit, counted(our_verdict(checksummed(c["descriptor"])) for c in cases)
    )


def _derived(by: Callable[[str, int], Scripts], descriptor: str) -> Scripts:
    """The first scripts, or none where the library refuses the descriptor."""
    try:
        return by(descriptor, 3)
    except (*RUST_ERRORS, *EMBIT_ERRORS):
        return []


def psbt_verdict(read: Callable[[str], object], data: bytes) -> str:
    """What a library makes of a PSBT, after ours has brought it to version 0."""
    try:
        text = receive_psbt(data).base64
    except ZakhiraError:
        return NOT_GIVEN
    try:
        read(text)
    except (ZakhiraError, *RUST_ERRORS, *EMBIT_ERRORS):
        return REFUSES
    return ACCEPTS


def our_psbt_verdict(data: bytes) -> str:
    """Our answer to a PSBT: read alike by both decoders, or the code of the refusal."""
    try:
        decode_psbt(receive_psbt(data).base64, "regtest")
    except ZakhiraError as error:
        return error.code
    return ACCEPTS


def psbt_rows() -> Iterator[Row]:
    """BIP-174, 370 and 371."""
    for bip in ("174", "370", "371"):
        for group, cases in load(bip).items():
            if group == "source":
                continue
            data = [case["psbt"].encode() for case in cases]
            yield Row(
                bip,
                group.replace("_", " "),
                len(data),
                counted(psbt_verdict(lambda text: psbt_by_bdk(text, "regtest"), raw) for raw in data),
                counted(psbt_verdict(lambda text: psbt_by_embit(parse_psbt(text), "regtest"), raw) for raw in data),
                counted(map(our_psbt_verdict, data)),
            )


def rows() -> list[Row]:
    """Every group of every BIP."""
    found = (*psbt_rows(), *miniscript_rows(), *key_rows(), *script_rows(), *multipath_rows(), *policy_rows())
    return sorted(found, key=lambda row: row.bip)


def table() -> str:
    """The table of the documentation, in Markdown."""
    lines = ["| BIP | vectors | count | rust-miniscript, rust-bitcoin | embit | Zakhira |", "|---|---|---|---|---|---|"]
    for row in rows():
        ours = re.sub(r"(ZK-[A-Z]+-\d+)", r"`\1`", row.ours)
        lines.append(f"| {row.bip} | {row.group} | {row.count} | {row.rust} | {row.embit} | {ours} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())  # noqa: T201  # the table for docs/custody-vectors.md
