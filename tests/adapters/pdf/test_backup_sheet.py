"""The backup sheet on paper: its code is read back from the rendered page, it tells what it must, and no secret."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from functools import cache
from io import BytesIO
from pathlib import Path

import pypdfium2  # type: ignore[import-untyped]  # ships no types
import pytest
from PIL import Image, ImageFilter

from paper_drill import RECORDS, record_of, taking_of
from register_drill import CHAIN, MADE_AT, REGISTER
from zakhira.adapters.drill_keys import signer_xpub
from zakhira.adapters.pdf.backup import backup_pdf
from zakhira.adapters.pdf.codes import read_sheet_codes, sheet_codes
from zakhira.adapters.qr.refusals import MissingFrames, MixedFrames
from zakhira.custody.descriptor import vault_descriptor
from zakhira.custody.key_origin import parse_key
from zakhira.custody.key_register import RegisteredKey
from zakhira.custody.vault_creation import RecoveryRequest, VaultRequest
from zakhira.custody.vault_papers.kinds import read_vault_paper
from zakhira.custody.vault_state import VaultRecord, retire
from zakhira.programme.model import Vault, VaultKey
from zakhira.reports.backup_sheet import backup_sheet, descriptor_parts, letter_groups
from zakhira.reports.document import Mood

VERSION = "0.1.0"


@cache
def sheet_bytes(record: VaultRecord, register: tuple[RegisteredKey, ...] = REGISTER) -> bytes:
    return backup_pdf(backup_sheet(record, register, MADE_AT, VERSION))


def pages(data: bytes, dots_per_inch: int = 150) -> tuple[Image.Image, ...]:
    """The pages as a printer or a scanner has them."""
    document = pypdfium2.PdfDocument(data)
    return tuple(page.render(scale=dots_per_inch / 72).to_pil().convert("L") for page in document)


def png(picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.save(out, format="PNG")
    return out.getvalue()


def words(data: bytes) -> str:
    """The text of the document, line ends and all blanks made one."""
    found = "".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(data))
    return " ".join(found.replace("\u202f", " ").split())


@cache
def big_register() -> tuple[RegisteredKey, ...]:
    """Keys of two quorums of twelve."""
    return tuple(
        replace(REGISTER[0], signer=name, holder=name, site=name, vendor=name, xpub=signer_xpub("big", "big", name))
        for name in (f"{part}-{number}" for part in ("main", "heir") for number in range(1, 13))
    )


@cache
def big_record() -> VaultRecord:
    """Two quorums of twelve keys: the descriptor is too long for one code."""
    names = tuple(key.signer for key in big_register())
    rest = RecoveryRequest(6, names[12:], 65_535)
    return record_of(VaultRequest("big", "cold", 7, names[:12], "decaying", rest), big_register())


@pytest.mark.parametrize("name", RECORDS)
def test_the_code_on_the_page_restores_the_vault(name: str) -> None:
    """The rendered page is read as a scan of it would be, and gives the vault back."""
    read = read_sheet_codes(map(png, pages(sheet_bytes(RECORDS[name]))[:1]))
    assert read == vault_descriptor(RECORDS[name].vault)
    assert read_vault_paper(read.encode(), taking_of(name)).vault == RECORDS[name].vault


@pytest.mark.parametrize("name", ["sortedmulti", "taproot-recovery"])
def test_a_poor_copy_is_still_read(name: str) -> None:
    """Turned a little, blurred, grey, and with a stain on the code: paper is not a screen."""
    page = pages(sheet_bytes(RECORDS[name]), 200)[0]
    page.paste(90, (180, 740, 210, 770))
    copy = page.rotate(2.5, fillcolor=235, expand=True).filter(ImageFilter.GaussianBlur(0.8))
    copy = copy.point([40 + level * 3 // 4 for level in range(256)])
    assert read_sheet_codes([png(copy)]) == vault_descriptor(RECORDS[name].vault)


def test_a_long_descriptor_takes_several_codes() -> None:
    """Two quorums of twelve keys: BBQr codes, read from one scan or from parts in any order."""
    descriptor = vault_descriptor(big_record().vault)
    codes = sheet_codes(descriptor)
    assert len(codes) > 1
    page = pages(sheet_bytes(big_record()), 200)[0]
    middle = page.width // 2
    left, right = (png(page.crop(box)) for box in ((0, 0, middle, page.height), (middle, 0, page.width, page.height)))
    assert read_sheet_codes([png(page)]) == descriptor
    assert read_sheet_codes([right, left]) == descriptor
    with pytest.raises(MissingFrames):
        read_sheet_codes([left])


def test_codes_of_two_sheets_are_not_mixed() -> None:
    """Two sheets on one table: neither is taken."""
    scans = [png(pages(sheet_bytes(RECORDS[name]))[0]) for name in ("sortedmulti", "held")]
    with pytest.raises(MixedFrames):
        read_sheet_codes(scans)


@pytest.mark.parametrize("name", RECORDS)
def test_the_sheet_tells_what_a_person_needs(name: str) -> None:
    """Name, purpose, chain, quorum in words, holders, sites, devices, origins, addresses, date and version."""
    record = RECORDS[name]
    sheet = backup_sheet(record, REGISTER, MADE_AT, VERSION)
    text = words(sheet_bytes(record))
    assert "vault-a" in text
    assert "purpose: cold" in text
    assert "regtest" in text
    assert "Any 3 of the 5 keys can move the coins" in text
    assert "2026-01-05 12:00 UTC" in text
    assert f"Zakhira {VERSION}" in text
    squeezed = text.replace(" ", "")
    for key in sheet.keys:
        assert {key.holder, key.site, key.fingerprint, key.path} <= set(text.split())
        assert key.device.replace(" ", "") in squeezed
    for found in sheet.addresses:
        assert found.address in text
    assert f"#{sheet.checksum}" in text
    assert len(sheet.keys) == len(record.vault.keys) + (len(record.vault.recovery.keys) if record.vault.recovery else 0)


def test_maturity_and_hold_are_warned_of() -> None:
    """Who keeps the sheet knows when others can move the coins, and when nobody can."""
    decaying, held = (words(sheet_bytes(RECORDS[name])) for name in ("decaying", "held"))
    assert "52 560 blocks (about 365 days)" in decaying
    assert "2 recovery keys alone can move it" in decaying
    assert "Before block 900 000 nobody can move these coins" in held
    assert "recovery" not in words(sheet_bytes(RECORDS["sortedmulti"])).casefold()


def test_no_secret_stands_on_it() -> None:
    """Nothing that could be a private key or a seed, in the text or among the codes."""
    for record in RECORDS.values():
        data = sheet_bytes(record)
        assert "prv" not in words(data)
        assert all("prv" not in code.text for code in sheet_codes(vault_descriptor(record.vault)))


def test_the_text_is_the_descriptor() -> None:
    """The groups that a person types are the descriptor once the blanks are taken out, and the page shows them so."""
    descriptor = vault_descriptor(RECORDS["decaying"].vault)
    parts = descriptor_parts(descriptor)
    assert "".join(parts) == descriptor
    lines = [line for part in parts for line in letter_groups(part, 11)]
    assert "".join(lines).replace(" ", "") == descriptor
    assert descriptor in words(sheet_bytes(RECORDS["decaying"])).replace(" ", "")
    assert read_vault_paper("\n".join(lines).encode(), taking_of("decaying")).vault == RECORDS["decaying"].vault


def test_the_same_sheet_gives_the_same_bytes() -> None:
    """Twice here and in another process with other hashes; another date gives others."""
    record = RECORDS["taproot-recovery"]
    data, again = (backup_pdf(backup_sheet(record, REGISTER, MADE_AT, VERSION)) for _ in range(2))
    assert data == again
    later = backup_pdf(backup_sheet(record, REGISTER, MADE_AT + timedelta(days=1), VERSION))
    assert data != later
    program = (
        "import hashlib, sys; sys.path.insert(0, 'tests')\n"
        "from paper_drill import RECORDS, REGISTER, MADE_AT\n"
        "from zakhira.adapters.pdf.backup import backup_pdf\n"
        "from zakhira.reports.backup_sheet import backup_sheet\n"
        f"sheet = backup_sheet(RECORDS['taproot-recovery'], REGISTER, MADE_AT, {VERSION!r})\n"
        "print(hashlib.sha256(backup_pdf(sheet)).hexdigest())"
    )
    other = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[3],
        env={"PYTHONHASHSEED": "7", "TZ": "Asia/Karachi"},
    )
    assert other.stdout.strip() == hashlib.sha256(data).hexdigest()


def test_states_and_strangers_are_shown() -> None:
    """Keys that have not test-signed, a drill, a retired vault and keys without an entry are said, not passed over."""
    record = RECORDS["sortedmulti"]
    new = replace(record, state="designed", test_signed=record.test_signed[1:])
    assert "cold-1 has not test-signed" in words(sheet_bytes(new))
    drill = replace(record, vault=replace(record.vault, is_drill=True))
    assert "DRILL" in words(sheet_bytes(drill))
    gone = backup_sheet(retire(replace(record, state="in use"), "vault-b"), REGISTER, MADE_AT, VERSION)
    assert [state.mood for state in gone.states] == [Mood.BAD, Mood.GOOD]
    assert "vault-b" in gone.states[0].sentence
    assert words(sheet_bytes(record, ())).count("not registered") == 3 * 5


def test_one_key_alone_reads_as_one() -> None:
    """A vault of one key: no plural, and no talk of seeds that do not suffice."""
    key = REGISTER[0]
    vault = Vault("solo", "drill", 1, (VaultKey(key.signer, key.xpub),))
    text = words(sheet_bytes(VaultRecord(vault, CHAIN, "dara", MADE_AT)))
    assert "The one key can move the coins of this vault" in text
    assert "1 signature, then send" in text
    assert "The seeds alone" not in text


def test_names_that_fill_the_page_and_letters_that_the_type_lacks() -> None:
    """Long names wrap, rows go over to a next page with their heads, and a letter without a shape is said to be one."""
    long = "A very long name of a person or place " * 5
    register = tuple(
        replace(key, holder=long[:200].strip(), site="\u6771\u4eac", device=long[:200].strip())
        for key in big_register()
    )
    data = backup_pdf(backup_sheet(big_record(), register, MADE_AT, VERSION))
    text = words(data)
    assert "stands for a letter that this sheet's type does not have" in text
    assert text.count("Fingerprint") > 2
    assert len(pypdfium2.PdfDocument(data)) > 4
    assert all(parse_key(key.xpub).fingerprint in text for key in big_register())
