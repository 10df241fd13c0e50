"""A drill's reserve from its birth to its backup: each command as a person types it, real node, real database."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from conftest import PROJECT
from zakhira.adapters.drill_keys import signer_xpub
from zakhira.adapters.software_signer import SoftwareSigner
from zakhira.cli.commands import zakhira
from zakhira.cli.vault_commands import PAPERS
from zakhira.custody.descriptor import derive_address, vault_descriptor
from zakhira.custody.vault_papers.kinds import PAPER_KINDS
from zakhira.flows.vaults import vault_record
from zakhira.programme.model import Vault, VaultKey
from zakhira.wiring.reserve_desk import open_reserve
from zakhira.wiring.services import ProgramServices
from zakhira.wiring.settings import Settings

SMALL = PROJECT / "programmes" / "small"
COLD = tuple(f"cold-{number}" for number in range(1, 6))
NEXT = tuple(f"cold-next-{number}" for number in range(1, 6))


@dataclass(frozen=True)
class Desk:
    """A terminal in front of a reserve."""

    settings: Settings
    folder: Path

    def type(self, *words: str, piped: str | None = None) -> Result:
        """Run a command in this process, as the program's entry point does."""
        return CliRunner().invoke(zakhira, words, obj=ProgramServices(self.settings), input=piped)

    def ask(self, *words: str, exit_code: int = 0) -> Any:  # noqa: ANN401 - JSON
        """The facts of a command that ends with this code."""
        result = self.type(*words, "--json")
        assert result.exit_code == exit_code, result.output
        return json.loads(result.stdout)

    def key(self, signer: str) -> tuple[str, str]:
        """The option that names a signer's key file."""
        return "--key", str(self.folder / "keys" / f"{signer}.key")

    def create(self, vault: str, threshold: int, signers: tuple[str, ...], *more: str, exit_code: int = 0) -> Any:  # noqa: ANN401
        """Ask for a vault of these signers."""
        named = [word for signer in signers for word in ("--signer", signer)]
        quorum = ("--purpose", "cold", "--threshold", str(threshold), *named)
        return self.ask("vault", "create", str(self.folder), vault, *quorum, *more, exit_code=exit_code)

    def test(self, vault: str, signers: tuple[str, ...], *more: str) -> Any:  # noqa: ANN401 - JSON
        """These signers' key files test-sign."""
        keys = [word for signer in signers for word in self.key(signer)]
        return self.ask("vault", "test-sign", str(self.folder), vault, *keys, *more)

    def reserve(self, *more: str, vault: str = "cold", exit_code: int = 0) -> Any:  # noqa: ANN401 - JSON
        """Ask for an address of Pool A's royalties."""
        words = ("--payer", "Pool A", "--purpose", "royalty", *more)
        return self.ask("address", "reserve", str(self.folder), vault, *words, exit_code=exit_code)


def code_of(result: Result) -> str:
    """The code of the error that a command ended with."""
    return result.stderr.split(maxsplit=1)[0]


@pytest.fixture(scope="module")
def desk(reserves_folder: Path) -> Iterator[Desk]:
    """A drill's reserve with its register, its node and database kept up as ``zakhira reserve node`` does."""
    folder = reserves_folder / "reserve"
    settings = Settings(tools=PROJECT / ".tools")
    terminal = Desk(settings, folder)
    dry = terminal.ask("reserve", "init", str(folder), "--programme", str(SMALL), "--drill", "--dry-run")
    assert dry["dry_run"]
    assert not folder.exists()
    made = terminal.ask("reserve", "init", str(folder), "--programme", str(SMALL), "--drill")
    assert made["node"] == "private"
    assert made["files"] == dry["files"]
    with open_reserve(settings, folder):
        register = str(folder / "keys" / "register.toml")
        planned = terminal.ask("keys", "register", str(folder), register, "--dry-run")
        assert {change["what"] for change in planned["changes"]} == {"added"}
        assert terminal.ask("keys", "list", str(folder))["keys"] == []
        terminal.ask("keys", "register", str(folder), register)
        yield terminal


def accept_cold_next(desk: Desk) -> None:
    """Officers decide that the successor is ours: refused before, shown whole, in force with the last word."""
    folder, keys = str(desk.folder), desk.folder / "keys"
    rotating = ("vault", "rotate", folder, "cold", "--to", "cold-next", "--fee-rate", "2", "--dry-run")
    assert desk.ask(*rotating, exit_code=1)["error"]["code"] == "ZK-FLOWS-140"
    reserving = ("address", "reserve", folder, "cold-next", "--payer", "Pool A", "--purpose", "royalty")
    assert desk.ask(*reserving, exit_code=1)["error"]["code"] == "ZK-FLOWS-140"
    ours = {item["vault"]: item["is_accepted"] for item in desk.ask("vault", "list", folder)["vaults"]}
    assert ours == {"cold": True, "cold-next": False}, "cold is the programme's own from the start"
    said = desk.type("vault", "show", folder, "cold-next").stdout
    assert "not accepted" in said
    accepting = ("vault", "accept", folder, "cold-next", "--succeeds", "cold", "--reason", "minutes 7")
    key = ("--key", str(keys / "officer-treasury-1.key"))
    dry = desk.type(*accepting, *key, "--dry-run").stdout
    assert all(word in dry for word in (*NEXT, "3 of 5", "fingerprint", "Its keys"))
    moved = desk.ask(*accepting, *key)
    for name in ("comptroller-1", "director-1", "auditor-1"):
        officer = ("--key", str(keys / f"officer-{name}.key"))
        moved = desk.ask("policy", "approve", folder, moved["motion"], *officer)
    assert moved["state"] == "in force"
    shown = desk.ask("vault", "show", folder, "cold-next")
    assert shown["accepted"] == f"accepted by motion {moved['motion'][:12]}, succeeds cold"
    assert shown["fingerprint"] == moved["signed"]["vault_hash"]


@pytest.fixture(scope="module")
def walked(desk: Desk) -> Desk:
    """The reserve with a tested vault that was paid once, and a tested successor."""
    folder = str(desk.folder)
    assert desk.create("cold", 3, COLD, "--drill", "--dry-run")["dry_run"]
    assert desk.ask("vault", "list", folder)["vaults"] == []
    assert desk.create("cold", 3, COLD, "--drill")["is_drill"]
    assert desk.reserve(exit_code=1)["error"]["code"] == "ZK-CUSTODY-100"
    assert desk.test("cold", COLD[:2])["untested"] == list(COLD[2:])
    assert desk.test("cold", COLD[2:])["state"] == "tested"
    desk.create("cold-next", 3, NEXT, "--drill")
    desk.test("cold-next", NEXT)
    accept_cold_next(desk)
    address = desk.reserve("--expect", "0.5 BTC", "--qr", str(desk.folder / "qr"))
    assert Path(address["qr"]).read_text().startswith("<svg")
    desk.ask("reserve", "mine", folder, "--blocks", "1", "--pay", address["address"], "0.5 BTC")
    first = desk.ask("reserve", "follow", folder, "--once")
    assert [(item["payer"], item["amount_sats"]) for item in first["arrivals"]] == [("Pool A", 50_000_000)]
    desk.ask("reserve", "mine", folder, "--blocks", "6")
    assert desk.ask("reserve", "follow", folder, "--once")["judged"] == {"announced": 1, "suspense": 0}
    return desk


def test_the_reserve_says_what_it_holds(walked: Desk) -> None:
    """Settled, the tip and its age, the vaults; in words and as facts."""
    folder = str(walked.folder)
    facts = walked.ask("reserve", "status", folder)
    held = {vault["vault"]: vault["settled_sats"] for vault in facts["vaults"]}
    assert (held["cold"], held["cold-next"]) == (50_000_000, 0)
    assert facts["chain"]["tip_height"] == facts["chain"]["followed_height"]
    assert facts["keys_without_proof_of_life"] == []
    said = walked.type("reserve", "status", folder).stdout
    assert "0.500 000 00 BTC settled" in said
    assert "in use (drill)" in said
    assert max(map(len, said.splitlines())) <= 100
    listed = walked.ask("address", "list", folder, "--vault", "cold")["addresses"]
    assert [(item["received_sats"], item["payments"]) for item in listed if item["expected_sats"]] == [(50_000_000, 1)]


def test_a_challenge_goes_out_and_comes_back_as_a_file(walked: Desk) -> None:
    """Written, signed elsewhere, taken back: first as a dry run; the file's name says nothing of who signed."""
    folder, out = str(walked.folder), walked.folder / "challenge.psbt"
    written = walked.ask("vault", "test-sign", folder, "cold", "--out", str(out))
    assert "moves no coins" in written["challenge"]
    assert out.read_bytes().startswith(b"psbt\xff")
    unsigned = walked.type("vault", "test-sign", folder, "cold", "--signed", str(out))
    assert (unsigned.exit_code, code_of(unsigned)) == (1, "ZK-CUSTODY-103")
    back = walked.folder / "signed-by-cold-1.psbt"
    back.write_text(_sign(walked, out.read_bytes(), "cold-4"))
    for more in (("--dry-run",), ()):
        taken = walked.ask("vault", "test-sign", folder, "cold", "--signed", str(back), *more)
        assert taken["signers"] == ["cold-4"]
    again = walked.type("vault", "test-sign", folder, "cold", "--out", str(out))
    assert (again.exit_code, code_of(again)) == (2, "ZK-WIRING-041")


def _sign(desk: Desk, psbt: bytes, signer: str) -> str:
    """What a signer's own machine does with the file."""
    with open_reserve(desk.settings, desk.folder) as opened:
        vault = vault_record(opened.treasury.books, "cold").vault
    passphrase = (desk.folder / "keys" / "passphrase").read_text()
    device = SoftwareSigner.open(desk.folder / "keys" / f"{signer}.key", passphrase, "regtest", (vault,))
    return device.sign_message_psbt(base64.b64encode(psbt).decode())


@pytest.mark.parametrize(
    "kind", ["descriptor", "bitcoin-core", "wallet-policy", "bsms", "coldcard", "sparrow", "specter"]
)
def test_a_vault_goes_out_and_comes_back(walked: Desk, kind: str, tmp_path: Path) -> None:
    """Every paper is read back as the same vault; under the same keys it is refused as one that exists already."""
    folder = str(walked.folder)
    dry = walked.ask("vault", "export", folder, "cold", "--format", kind, "--out", str(tmp_path), "--dry-run")
    assert list(tmp_path.iterdir()) == []
    facts = walked.ask("vault", "export", folder, "cold", "--format", kind, "--out", str(tmp_path))
    assert facts["file"] == dry["file"]
    words = ("vault", "import", folder, facts["file"], "--as", "again", "--purpose", "cold", "--drill", "--dry-run")
    refused = walked.ask(*words, exit_code=2)
    assert {fault["code"] for fault in refused["error"]["faults"]} == {"ZK-CUSTODY-097"}


def test_a_vault_of_another_program_comes_with_its_past(walked: Desk, tmp_path: Path) -> None:
    """Its keys are registered, so it is taken over; a coin that was paid before anybody watched it is found."""
    keys = [key for key in walked.ask("keys", "list", str(walked.folder))["keys"] if key["signer"].startswith("heir-")]
    quorum = tuple(VaultKey("somebody", key["xpub"]) for key in keys)
    other = Vault("other", "cold", 2, quorum)
    paper, folder = tmp_path / "other.txt", str(walked.folder)
    paper.write_text(vault_descriptor(other))
    address = derive_address(other, 0, 0, "regtest").address
    walked.ask("reserve", "mine", folder, "--blocks", "6", "--pay", address, "0.2 BTC")
    walked.ask("reserve", "follow", folder, "--once")
    words = ("vault", "import", folder, str(paper), "--as", "taken-over", "--purpose", "cold", "--from-height", "100")
    assert walked.ask(*words, exit_code=2)["error"]["faults"][0]["code"] == "ZK-CUSTODY-096", "the keys are a drill's"
    taken = walked.ask(*words, "--drill")
    assert (taken["first_address"], taken["coins_found"]) == (address, 1)
    assert walked.ask("vault", "show", folder, "taken-over")["untested"] == ["heir-1", "heir-2", "heir-3"]
    held = {vault["vault"]: vault["settled_sats"] for vault in walked.ask("reserve", "status", folder)["vaults"]}
    assert held["taken-over"] == 20_000_000


def test_the_help_names_every_format() -> None:
    """What can be exported is what the papers' room can write."""
    assert tuple(PAPER_KINDS) == PAPERS


def test_a_backup_sheet_is_a_pdf(walked: Desk, tmp_path: Path) -> None:
    """One file, with the descriptor in its facts; nothing on a dry run."""
    out = tmp_path / "sheet.pdf"
    walked.ask("vault", "backup", str(walked.folder), "cold", "--out", str(out), "--dry-run")
    assert not out.exists()
    facts = walked.ask("vault", "backup", str(walked.folder), "cold", "--out", str(out))
    assert out.read_bytes().startswith(b"%PDF")
    assert facts["descriptor"].startswith("wsh(sortedmulti(3,")


def test_an_advisory_names_the_vault(walked: Desk) -> None:
    """The firmware that made keys of the vault is found; another is not; a range that is none is refused."""
    folder = str(walked.folder)
    facts = walked.ask("keys", "at-risk", folder, "--vendor", "Drillworks", "--firmware", "<2.0")
    assert {risk["vault"]: risk["urgency"] for risk in facts["vaults"]}["cold"] == "soon"
    assert walked.ask("keys", "at-risk", folder, "--vendor", "Drillworks", "--firmware", ">3")["keys"] == []
    wrong = walked.type("keys", "at-risk", folder, "--vendor", "Drillworks", "--firmware", "newest")
    assert (wrong.exit_code, code_of(wrong)) == (2, "ZK-CUSTODY-109")


def test_a_rotation_is_shown_before_it_begins(walked: Desk) -> None:
    """The steps with their bound, and what is refused: a successor that is none, a step without its unit."""
    folder = str(walked.folder)
    words = ("vault", "rotate", folder, "cold", "--to", "cold-next", "--fee-rate", "2", "--dry-run")
    facts = walked.ask(*words, "--step", "0.3 BTC")
    assert [step["total_sats"] for step in facts["steps"]] == [50_000_000]
    assert walked.ask("vault", "show", folder, "cold")["state"] == "in use"
    assert walked.ask(*words, "--step", "0.3", exit_code=2)["error"]["code"] == "ZK-KERNEL-011"
    assert walked.ask(*words, "--step", "6 BTC", exit_code=2)["error"]["code"] == "ZK-FLOWS-037"
    assert walked.ask(*words[:-3], "--dry-run", exit_code=3)["error"]["code"] == "ZK-CUSTODY-125", "no estimates here"
    assert walked.ask(*words[:-1], exit_code=2)["error"]["code"] == "ZK-WIRING-037"
    itself = walked.ask("vault", "rotate", folder, "cold", "--to", "cold", *words[-3:], exit_code=1)
    assert itself["error"]["code"] == "ZK-CUSTODY-102"


def test_an_address_of_a_pool_is_renewed_and_papers_go_with_a_purchase(walked: Desk) -> None:
    """The same question gives the same address until it was paid N times; a purchase has its four facts or none."""
    pool = ("--renew-after", "1", "--purpose", "pool payouts")
    first = walked.reserve(*pool)
    assert walked.reserve(*pool)["address"] == first["address"]
    assert walked.reserve()["address"] != walked.reserve()["address"]
    bought = ("--purchase", "--counterparty", "Desk", "--price", "30250 USD", "--number", "77", "--on", "2026-01-05")
    assert walked.reserve(*bought)["deal"]["price"] == "30250.00 USD"
    for bad in (bought[:-2], ("--counterparty", "Desk"), (*bought[:4], "1 BTC", *bought[5:])):
        assert walked.reserve(*bad, exit_code=2)["error"]["code"] == "ZK-WIRING-035"


def test_labels_go_out_and_come_in(walked: Desk, tmp_path: Path) -> None:
    """The coin's paper is in the file; a remark that is brought in goes before ours; nonsense is told line by line."""
    folder, out, back = str(walked.folder), tmp_path / "labels.jsonl", tmp_path / "back.jsonl"
    walked.ask("labels", "export", folder, str(out), "--dry-run")
    assert not out.exists()
    walked.ask("labels", "export", folder, str(out))
    coin = next(label for label in map(json.loads, out.read_text().splitlines()) if label["type"] == "output")
    assert "Pool A" in coin["label"]
    brought = json.dumps({"type": "output", "ref": coin["ref"], "label": "first royalty"})
    (tmp_path / "in.jsonl").write_text(brought)
    words = ("labels", "import", folder, str(tmp_path / "in.jsonl"))
    assert walked.ask(*words, "--dry-run")["written"] == 1
    assert [walked.ask(*words)["written"] for _ in range(2)] == [1, 0]
    walked.ask("labels", "export", folder, str(back))
    assert '"first royalty"' in back.read_text()
    (tmp_path / "in.jsonl").write_text("nonsense\n" + brought)
    faults = walked.ask(*words, exit_code=2)["error"]["faults"]
    assert [(fault["code"], fault["line"]) for fault in faults] == [("ZK-CUSTODY-150", 1)]


@pytest.mark.parametrize(
    ("words", "exit_code", "code"),
    [
        (("vault", "show", "DIR", "gold"), 2, "ZK-FLOWS-030"),
        (("vault", "test-sign", "DIR", "cold"), 2, "ZK-WIRING-032"),
        (("vault", "test-sign", "DIR", "cold", "--signed", "nowhere.psbt"), 2, "ZK-WIRING-040"),
        (("vault", "export", "DIR", "cold", "--format", "stone"), 2, "ZK-CUSTODY-160"),
        (("vault", "import", "DIR", "SMALL/trust.keys", "--as", "x", "--purpose", "cold"), 2, "ZK-CUSTODY"),
        (("vault", "rotate", "DIR", "cold", "--to", "gold", "--fee-rate", "2"), 2, "ZK-FLOWS-030"),
        (
            ("address", "reserve", "DIR", "cold", "--payer", "P", "--purpose", "p", "--expect", "0.5"),
            2,
            "ZK-KERNEL-011",
        ),
        (
            ("address", "reserve", "DIR", "cold", "--payer", "P", "--purpose", "p", "--expect", "5 USD"),
            2,
            "ZK-WIRING-030",
        ),
        (("address", "reserve", "DIR", "gold", "--payer", "P", "--purpose", "p"), 2, "ZK-FLOWS-030"),
        (("address", "list", "DIR", "--vault", "gold"), 2, "ZK-FLOWS-030"),
        (("keys", "register", "DIR", "SMALL/programme.toml"), 2, "ZK-"),
        (("reserve", "mine", "DIR", "--blocks", "1", "--pay", "nowhere", "1 BTC"), 2, "ZK-CUSTODY-063"),
        (("reserve", "init", "DIR", "--programme", "SMALL", "--drill"), 2, "ZK-WIRING-021"),
        (("reserve", "status", "SMALL"), 2, "ZK-WIRING-020"),
    ],
)
def test_wrong_input_is_told_with_its_code(walked: Desk, words: tuple[str, ...], exit_code: int, code: str) -> None:
    """Unknown vaults and formats, amounts without their unit or of money, folders and files that are others."""
    named = [word.replace("DIR", str(walked.folder)).replace("SMALL", str(SMALL)) for word in words]
    result = walked.type(*named)
    assert result.exit_code == exit_code, result.output
    assert code in result.stderr


def test_a_wrong_passphrase_opens_no_key(walked: Desk) -> None:
    """Exit 1: the answer is no; the file of an officer is no signer's either."""
    other = Desk(Settings(tools=PROJECT / ".tools", passphrase="not this one at all"), walked.folder)
    words = ("vault", "test-sign", str(walked.folder), "cold", *walked.key("cold-1"))
    refused = other.type(*words)
    assert (refused.exit_code, code_of(refused)) == (1, "ZK-KEYSTORE-004")
    officer = walked.type(*words[:4], *walked.key("officer-auditor-1"))
    assert (officer.exit_code, code_of(officer)) == (2, "ZK-KEYSTORE-006")
    stranger = walked.type(*words[:4], *walked.key("heir-1"))
    assert (stranger.exit_code, code_of(stranger)) == (1, "ZK-CUSTODY-043")


def test_keys_come_pasted_and_as_a_devices_export(walked: Desk, tmp_path: Path) -> None:
    """A pasted block, a bare key with what is known of it, and two keys where one signer was named."""
    folder, xpub = str(walked.folder), signer_xpub("another phrase", "v", "s")
    person = ("--signer", "new-1", "--holder", "Amina", "--site", "Lahore")
    about = (*person, "--vendor", "Exempla", "--device", "Model B", "--firmware", "2.0.1", "--entropy", "dice")
    export = tmp_path / "export.txt"
    export.write_text(xpub)
    words = ("keys", "register", folder, str(export), *about, "--dry-run")
    assert walked.ask(*words)["changes"] == [{"signer": "new-1", "what": "added", "fields": []}]
    export.write_text(f"{xpub}\n{signer_xpub('another phrase', 'v', 't')}\n")
    assert walked.ask(*words, exit_code=2)["error"]["code"] == "ZK-WIRING-034"
    pasted = "signer: new-2\nholder: Bilal\nrole: signer\nsite: Quetta\nvendor: Exempla"
    pasted += f"\ndevice: Model B\nfirmware: 2.0.1\nentropy source: dice\nxpub: {xpub}\n"
    result = walked.type("keys", "register", folder, "-", "--dry-run", piped=pasted)
    assert result.exit_code == 0, result.output
    assert "new-2" in result.stdout


def test_an_officers_key_is_made_once(tmp_path: Path) -> None:
    """With the passphrase of the environment; not over a file, not with a passphrase that is guessed."""
    file = tmp_path / "officer.key"
    terminal = Desk(Settings(passphrase="correct horse battery"), tmp_path)
    assert terminal.ask("keys", "officer", str(file), "--id", "amina", "--dry-run")["dry_run"]
    made = terminal.ask("keys", "officer", str(file), "--id", "amina")
    assert len(made["public_key"]) == 64
    assert terminal.ask("keys", "officer", str(file), "--id", "amina", exit_code=2)["error"]["code"] == "ZK-WIRING-041"
    weak = Desk(Settings(passphrase="short"), tmp_path)
    words = ("keys", "officer", str(tmp_path / "other.key"), "--id", "amina")
    assert weak.ask(*words, exit_code=2)["error"]["code"] == "ZK-WIRING-033"
    unasked = Desk(Settings(), tmp_path).type(*words)
    assert (unasked.exit_code, code_of(unasked)) == (2, "ZK-CLI-005")


def test_a_reserve_in_earnest_names_its_node(desk: Desk, tmp_path: Path) -> None:
    """No node, a node of another chain, twice the same node, and a node that is not there."""
    programme = tmp_path / "earnest"
    programme.mkdir()
    text = (SMALL / "programme.toml").read_text()
    (programme / "programme.toml").write_text(text)
    words = ("reserve", "init", str(tmp_path / "r"), "--programme", str(programme))
    assert desk.ask(*words, exit_code=2)["error"]["code"] == "ZK-WIRING-026"
    with open_reserve(desk.settings, desk.folder) as opened:
        node = opened.node.address
        url, cookie = node.url, str(node.cookie)
        here = ("--node", url, "--cookie", cookie)
        twice = (*here, "--second-node", url, "--second-cookie", cookie)
        assert desk.ask(*words, *twice, exit_code=2)["error"]["code"] == "ZK-WIRING-026"
        nobody = ("--node", "http://127.0.0.1:1", "--cookie", cookie)
        assert desk.ask(*words, *nobody, exit_code=3)["error"]["code"] == "ZK-CHAIN-001"
        signet = text.partition("[drill]")[0].replace('chain = "regtest"', 'chain = "signet"')
        (programme / "programme.toml").write_text(signet)
        assert desk.ask(*words, *here, exit_code=2)["error"]["code"] == "ZK-CHAIN-003"
        assert not (tmp_path / "r").exists()
