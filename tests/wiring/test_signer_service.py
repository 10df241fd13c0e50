"""A signer's machine: files, pictures, keys and devices, from what is typed to what is written."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from adapters.hwi.fake_device import plugged_in
from custody_drill import CHAIN, COLD, seed_of
from eyes_drill import PLAIN, SOON, card_of, edited, paying, spend_file
from hostile_drill import NON_WITNESS_UTXO, TEMPLATES, honest_spend, text_of, with_input_field
from zakhira.adapters.hwi.refusals import BeyondHwi
from zakhira.adapters.qr.bbqr import split_bbqr
from zakhira.adapters.qr.collect import MessageReader
from zakhira.adapters.qr.frames import Protocol, animation, make_frames
from zakhira.adapters.qr.message import Kind, Message
from zakhira.adapters.qr.refusals import MissingFrames, MixedFrames, NoCodeFound
from zakhira.adapters.software_signer import create_signer
from zakhira.cli.answer import Answer, Word
from zakhira.cli.signer_services import Knowledge, Look, SignOrder
from zakhira.custody.decoders import decode_psbt
from zakhira.custody.descriptor import vault_descriptor
from zakhira.custody.psbt_version import receive_psbt
from zakhira.custody.signing import combine_signatures, finalise, root_fingerprint
from zakhira.flows.signer_card import card_fingerprint, card_text
from zakhira.flows.signer_view import NothingToSign
from zakhira.flows.spend_file import NotASpendFile, SpendFileDamaged, spend_file_bytes, spend_file_of
from zakhira.wiring.code_service import CodeDesk
from zakhira.wiring.device_service import DeviceDesk
from zakhira.wiring.settings import Settings
from zakhira.wiring.signer_answer import NOT_KNOWN
from zakhira.wiring.signer_files import FileUnreadable, OutputExists, OutputUnwritable, write_new
from zakhira.wiring.signer_service import NotConfirmed, SignerDesk

FILE = spend_file(PLAIN)
LIGHT = 2**4
DESK = SignerDesk(Settings(passphrase="drill"), lambda: SOON)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The signer's machine: spend file, card, descriptors and officers, three key files."""
    text = card_text(card_of(PLAIN))
    (tmp_path / "spend.json").write_bytes(spend_file_bytes(FILE))
    (tmp_path / "card.toml").write_text(text)
    (tmp_path / "officers.toml").write_text(text[: text.index("[[vault]]")])
    (tmp_path / "vault.txt").write_text(vault_descriptor(COLD) + "\n")
    for number in (1, 2, 3):
        create_signer(tmp_path / f"{number}.key", f"cold-{number}", seed_of(COLD, number), "drill", work_factor=LIGHT)
    return tmp_path


def look(folder: Path, *files: str) -> Look:
    """A look at these files with the card."""
    return Look(tuple(folder / file for file in files or ("spend.json",)), Knowledge(folder / "card.toml"))


def say(word: bool) -> Callable[[Answer], bool]:  # noqa: FBT001
    """Somebody who answers so, but never to what disagrees."""
    return lambda answer: word and answer.word is Word.YES


def ask() -> str:
    """Nobody is asked for a passphrase: the setting has it."""
    raise AssertionError


def test_the_answer_has_everything_from_the_bytes(folder: Path) -> None:
    """Sentence, picture, who says so, findings and the card; the same facts for a machine; a picture as file."""
    answer = DESK.show(replace(look(folder), picture=folder / "spend.svg", every_output=True))
    assert answer.word is Word.YES
    assert [table.title for table in answer.tables] == [
        "What the bytes do",
        "Every coin",
        "Every output",
        "Who says so",
        "What was looked at, and what this machine cannot know",
        "The card",
    ]
    shown = " ".join(cell for table in answer.tables for row in table.rows for cell in row)
    assert PLAIN.payee.address in shown
    assert card_fingerprint(card_of(PLAIN)) in shown
    facts = json.loads(json.dumps(answer.facts))
    assert (facts["may_sign"], facts["fee_sats"], facts["differences"]) == (True, 10_000, [])
    assert [item["amount_sats"] for item in facts["outputs"]] == [1_000_000, 3_990_000]
    assert "<title" in (folder / "spend.svg").read_text()


def test_amounts_that_nothing_proves_are_said_so_in_the_first_sentence(folder: Path) -> None:
    """The previous transactions were left out: the fee is as told, and the answer begins with that."""
    assert NOT_KNOWN not in DESK.show(look(folder)).sentence
    maps = PLAIN.maps
    for number in range(2):
        maps = with_input_field(maps, number, NON_WITNESS_UTXO, None)
    (folder / "spend.json").write_bytes(spend_file_bytes(replace(FILE, psbt=text_of(maps))))
    answer = DESK.show(look(folder))
    assert answer.word is Word.YES
    assert NOT_KNOWN in answer.sentence


def test_bybit_the_answer_is_no_and_names_the_thief(folder: Path) -> None:
    """What the coordinator claims is nowhere shown as paid; where the bytes pay is, and nothing is signed."""
    lie = replace(FILE, psbt=text_of(paying(PLAIN.maps, 0, PLAIN.stranger.script_hex)))
    (folder / "spend.json").write_bytes(spend_file_bytes(lie))
    answer = DESK.show(look(folder))
    assert answer.word is Word.NO
    assert answer.sentence.startswith("Sign nothing. ZK-CUSTODY-030")
    picture = next(table for table in answer.tables if table.title == "What the bytes do")
    words = [row[2] for row in picture.rows]
    assert PLAIN.stranger.address in words
    assert PLAIN.payee.address not in words
    assert "NOT APPROVED:" in words
    order = SignOrder(look(folder), key=folder / "1.key", out=folder / "out.psbt")
    with pytest.raises(NothingToSign, match="ZK-CUSTODY-030"):
        DESK.sign(order, lambda _answer: True, ask)
    assert not (folder / "out.psbt").exists()


def test_dmm_the_request_was_altered_on_the_way(folder: Path) -> None:
    """The vendor in between edits the amount and makes the checksum fit again."""
    (folder / "spend.json").write_bytes(
        edited(FILE, lambda body: body["instruction"]["payments"][0].update(amount_sats=450_290_000_000))
    )
    answer = DESK.show(look(folder))
    assert answer.word is Word.NO
    codes = [item["code"] for item in json.loads(json.dumps(answer.facts))["differences"]]
    assert codes == ["ZK-FLOWS-077", "ZK-CUSTODY-042", "ZK-CUSTODY-023"]
    assert "claimed, not proven" in {cell for table in answer.tables for row in table.rows for cell in row}


def test_three_signers_sign_and_the_quorum_is_reached(folder: Path) -> None:
    """Each on its own, in any order; what they wrote joins to the final transaction. Repeating writes the same."""
    for number in (3, 1, 2, 2):
        order = SignOrder(look(folder), key=folder / f"{number}.key", out=folder / f"{number}.psbt")
        answer = DESK.sign(order, say(word=True), ask)
        assert answer.facts["signed_by"] == f"cold-{number}"
    signed = [(folder / f"{number}.psbt").read_bytes() for number in (1, 2, 3)]
    assert finalise(combine_signatures(FILE.psbt, signed, CHAIN), CHAIN)


def test_nothing_is_signed_without_a_yes(folder: Path) -> None:
    """Shown, asked, no."""
    order = SignOrder(look(folder), key=folder / "1.key", out=folder / "out.psbt")
    with pytest.raises(NotConfirmed):
        DESK.sign(order, say(word=False), ask)
    assert not (folder / "out.psbt").exists()


def test_the_plain_form_shows_and_signs_too(folder: Path) -> None:
    """A descriptor without a name and the officers; the software signer is known by its key's fingerprint."""
    known = Knowledge(None, folder / "vault.txt", folder / "officers.toml")
    assert DESK.show(Look((folder / "spend.json",), known)).word is Word.YES
    order = SignOrder(Look((folder / "spend.json",), known), key=folder / "2.key", out=folder / "2.psbt")
    assert DESK.sign(order, say(word=True), ask).facts["signed_by"] == "cold-2"


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_is_handed_to_a_device_by_file(template: str, folder: Path) -> None:
    """Without a key the checked PSBT goes out as it came, for a device that shows it once more."""
    spend = honest_spend(template)
    file = spend_file(spend)
    (folder / "spend.json").write_bytes(spend_file_bytes(file))
    (folder / "card.toml").write_text(card_text(card_of(spend)))
    answer = DESK.sign(SignOrder(look(folder), out=folder / "o.psbt"), say(word=True), ask)
    assert (folder / "o.psbt").read_bytes() == base64.b64decode(file.psbt)
    assert answer.facts["signed_by"] == ""
    assert "not signed" in answer.sentence


def test_a_device_that_wants_version_2_gets_it(folder: Path) -> None:
    """The signed PSBT as BIP-370 has it; read again it is the same spend with the same signatures."""
    order = SignOrder(look(folder), key=folder / "1.key", out=folder / "1.psbt")
    plain = DESK.sign(order, say(word=True), ask)
    DESK.sign(replace(order, out=folder / "2.psbt", psbt_version=2), say(word=True), ask)
    received = receive_psbt((folder / "2.psbt").read_bytes())
    assert received.version == 2
    assert decode_psbt(received.base64, CHAIN) == decode_psbt(str(plain.facts["psbt"]), CHAIN)


def test_a_device_on_usb_signs_plain_multisig_and_nothing_else(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its fingerprint; a taproot vault is refused by name before anybody is asked."""
    mark = root_fingerprint(seed_of(COLD, 1))
    with plugged_in(seed_of(COLD, 1), monkeypatch):
        order = SignOrder(look(folder), device=mark, out=folder / "1.psbt")
        assert DESK.sign(order, say(word=True), ask).facts["signed_by"] == mark
        assert DeviceDesk().key(mark, CHAIN, "").facts["key"] == COLD.keys[0].xpub
        assert json.loads(json.dumps(DeviceDesk().list(CHAIN).facts))["devices"][0]["fingerprint"] == mark
    spend = honest_spend("taproot")
    (folder / "spend.json").write_bytes(spend_file_bytes(spend_file(spend)))
    (folder / "card.toml").write_text(card_text(card_of(spend)))
    with pytest.raises(BeyondHwi, match="taproot"):
        DESK.sign(order, ask, ask)  # type: ignore[arg-type]  # it fails if it is called


def gif(data: bytes, protocol: Protocol, kind: Kind = Kind.JSON, version: int = 12) -> bytes:
    """An animation of these bytes."""
    return animation(make_frames(Message(kind, data), protocol, "drill", version), 3)


def stills(animated: bytes, folder: Path, name: str) -> None:
    """Each frame as a picture of its own, with a blurred one among them."""
    folder.mkdir(exist_ok=True)
    picture = Image.open(BytesIO(animated))
    for number in range(getattr(picture, "n_frames", 1)):
        picture.seek(number)
        picture.convert("L").save(folder / f"{name}-{(number * 7) % 10}-{number}.png")
    Image.new("L", (120, 120), 128).save(folder / f"{name}-5-blurred.png")


@pytest.mark.parametrize("protocol", ["bbqr", "ur"])
def test_a_spend_file_comes_by_camera(protocol: Protocol, folder: Path) -> None:
    """One animation, or a folder of pictures in any order with a blurred one among them."""
    animated = gif(spend_file_bytes(FILE), protocol)
    (folder / "frames.gif").write_bytes(animated)
    assert DESK.show(look(folder, "frames.gif")).word is Word.YES
    stills(animated, folder / "photos", "p")
    assert len(list((folder / "photos").iterdir())) > 3
    assert DESK.show(look(folder, "photos")).word is Word.YES


@pytest.mark.parametrize("protocol", ["bbqr", "ur"])
def test_two_animations_mixed_are_no_spend(protocol: Protocol, folder: Path) -> None:
    """Frames of an honest file and of a liar's among them: never put together, whatever the lengths."""
    lie = spend_file_bytes(replace(FILE, psbt=text_of(paying(PLAIN.maps, 0, PLAIN.stranger.script_hex))))
    stills(gif(spend_file_bytes(FILE), protocol), folder / "photos", "a")
    stills(gif(lie, protocol), folder / "photos", "b")
    with pytest.raises(MixedFrames):
        DESK.show(look(folder, "photos"))


def test_halves_of_two_messages_that_bbqr_cannot_tell_apart_are_refused_by_the_file() -> None:
    """BBQr has no checksum: frames of one length and one header join. The file's own checksum finds it out."""
    lie = spend_file_bytes(replace(FILE, psbt=text_of(paying(PLAIN.maps, 0, PLAIN.stranger.script_hex))))
    one, other = (split_bbqr(Message(Kind.JSON, data), 600, "2") for data in (spend_file_bytes(FILE), lie))
    reader = MessageReader()
    for number, frame in enumerate(one):
        reader.add(frame if number % 2 else other[number])
    mixed = reader.message().data
    assert mixed not in {spend_file_bytes(FILE), lie}
    with pytest.raises((SpendFileDamaged, NotASpendFile)):
        spend_file_of(mixed)


def test_frames_that_are_missing_and_pictures_of_nothing(folder: Path) -> None:
    """Half an animation; an empty folder; a folder of grey."""
    stills(gif(spend_file_bytes(FILE), "bbqr"), folder / "photos", "p")
    next(path for path in sorted((folder / "photos").iterdir()) if "blurred" not in path.name).unlink()
    with pytest.raises(MissingFrames):
        DESK.show(look(folder, "photos"))
    (folder / "empty").mkdir()
    with pytest.raises(NoCodeFound):
        DESK.show(look(folder, "empty"))


def test_a_bare_psbt_is_no_spend_file(folder: Path) -> None:
    """As file in both forms and as codes: nothing in it says who approved it."""
    raw = base64.b64decode(FILE.psbt)
    (folder / "a.psbt").write_bytes(raw)
    (folder / "b.txt").write_text(FILE.psbt)
    (folder / "c.gif").write_bytes(gif(raw, "bbqr", Kind.PSBT))
    for name in ("a.psbt", "b.txt", "c.gif"):
        with pytest.raises(NotASpendFile, match="bare"):
            DESK.show(look(folder, name))


def test_a_psbt_travels_as_codes_and_comes_back_byte_for_byte(folder: Path) -> None:
    """`qr write` and `qr read`, both protocols, binary and text alike."""
    raw = base64.b64decode(FILE.psbt)
    (folder / "a.psbt").write_bytes(raw)
    (folder / "a.txt").write_text(f"{FILE.psbt}\n")
    for name in ("a.psbt", "a.txt"):
        for protocol in ("bbqr", "ur"):
            out = folder / f"{name}.{protocol}"
            written = CodeDesk().write(folder / name, out, protocol, 20)
            assert written.facts["kind"] == "psbt"
            back = CodeDesk().read((out,), folder / f"{name}.{protocol}.back")
            assert back.facts["kind"] == "psbt"
            assert (folder / f"{name}.{protocol}.back").read_bytes() == raw


def test_files_that_are_not_there_or_too_large(folder: Path) -> None:
    """A missing file, a folder where a file should be, a hole of 100 MB: refused by its size, unread."""
    with (folder / "large.json").open("wb") as file:
        file.truncate(100_000_000)
    for name in ("none.json", "large.json"):
        with pytest.raises(FileUnreadable):
            DESK.show(look(folder, name))
    with pytest.raises(FileUnreadable):
        DESK.show(Look((folder / "spend.json",), Knowledge(folder)))


def test_nothing_is_written_over(folder: Path) -> None:
    """The spend file named as the output by mistake stays; the same content again is no change."""
    before = (folder / "spend.json").read_bytes()
    order = SignOrder(look(folder), key=folder / "1.key", out=folder / "spend.json")
    with pytest.raises(OutputExists):
        DESK.sign(order, say(word=True), ask)
    assert (folder / "spend.json").read_bytes() == before
    write_new(folder / "spend.json", before)
    with pytest.raises(OutputUnwritable):
        write_new(folder / "none" / "x", b"x")
    assert not [path for path in folder.iterdir() if path.name.endswith(".draft")]


def test_the_clock_is_this_machines_own(folder: Path) -> None:
    """A desk whose clock stands after the end refuses, whatever the file says."""
    late: Callable[[], datetime] = lambda: PLAIN.instruction.expires_at  # noqa: E731  # a clock is a function
    assert SignerDesk(Settings(), late).show(look(folder)).word is Word.NO
