"""``zakhira audit``: what an officer signs, an auditor verifies, and a forger leaves behind, over real books."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from books_bench import shared_template
from conftest import PROJECT
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.software_signer import create_officer, utc_now
from zakhira.cli.answer import Word
from zakhira.cli.audit_services import ChainEvidence
from zakhira.cli.commands import zakhira
from zakhira.cli.custody_services import ReserveOrder
from zakhira.controls.chain.audit_evidence import HeadFaulty
from zakhira.flows.audit_heads import HeadByStranger
from zakhira.flows.ports.books import Record, Write
from zakhira.kernel.interval import exact_utc_text
from zakhira.wiring.audit_service import AuditDesk, EvidenceUnreadable
from zakhira.wiring.reserve_desk import open_archive
from zakhira.wiring.reserve_init import init_reserve
from zakhira.wiring.services import ProgramServices
from zakhira.wiring.settings import Settings
from zakhira.wiring.signer_files import FileUnreadable, OutputExists

NONE = ChainEvidence()


@dataclass(frozen=True)
class Reserve:
    """A drill's reserve on a database of its own."""

    folder: Path
    settings: Settings
    dsn: str

    @property
    def desk(self) -> AuditDesk:
        """The service behind the commands."""
        return AuditDesk(self.settings)

    def key(self, officer: str) -> Path:
        """An officer's key file."""
        return self.folder / "keys" / f"officer-{officer}.key"

    def write(self, *names: str) -> None:
        """Writes by the desk; they are sealed when the books close."""
        with open_archive(self.settings, self.folder) as archive:
            for name in names:
                archive.books.commit(Write(name, "desk", "note", utc_now(), records=(Record("note", name, name),)))

    def alter(self, *statements: str) -> None:
        """What the owner of the database can do with its guards off."""
        with psycopg.connect(self.dsn, autocommit=True) as owner:
            owner.execute("SET session_replication_role = replica")
            for statement in statements:
                assert owner.execute(statement.encode()).rowcount


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A reserve that was just made, and its database, to copy."""
    folder, database = tmp_path_factory.mktemp("audit") / "r", shared_template().fresh_database()
    settings = Settings(database_url=shared_template().server.dsn(database), tools=PROJECT / ".tools")
    init_reserve(settings, ReserveOrder(folder, PROJECT / "programmes" / "small", is_drill=True), dry_run=False)
    yield folder, database
    shared_template().drop(database)


@pytest.fixture
def reserve(template: tuple[Path, str]) -> Iterator[Reserve]:
    """A copy of it."""
    folder, database = template
    server = shared_template().server
    copy = f"{database}_copy"
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {copy} TEMPLATE {database}".encode())
    yield Reserve(folder, Settings(database_url=server.dsn(copy), tools=PROJECT / ".tools"), server.dsn(copy))
    shared_template().drop(copy)


def quiet(_stage: str, _done: float, _total: float, _note: str) -> None:
    """No bars."""


def no_passphrase() -> str:
    """A drill's passphrase lies beside its keys."""
    raise AssertionError("nobody is asked")


def test_signed_exported_and_verified(reserve: Reserve, tmp_path: Path) -> None:
    """An officer signs the head, the chain is exported, and an outsider verifies the file against the head."""
    reserve.write("a", "b")
    head, chain = tmp_path / "head.json", tmp_path / "chain.txt"
    signed = reserve.desk.sign(reserve.folder, reserve.key("treasury-1"), head, no_passphrase, dry_run=False)
    answer = reserve.desk.verify(reserve.folder, NONE, quiet, with_node=False)
    assert (answer.word, answer.facts["signed_heads"], answer.facts["breaks"]) == (Word.YES, 1, [])
    reserve.desk.export(reserve.folder, chain, quiet, dry_run=False)
    evidence = ChainEvidence((head,))
    checked = reserve.desk.verify_file(chain, evidence, quiet)
    assert (checked.word, checked.facts["position"]) == (Word.YES, answer.facts["position"])
    shown = reserve.desk.show(reserve.folder, 3)
    newest = shown.facts["newest"]
    assert isinstance(newest, list)
    assert [one["action"] for one in newest if isinstance(one, dict)] == ["note", "note", "sign audit head"]
    assert (shown.facts["unsealed"], shown.facts["is_late"]) == (0, False)
    assert json.loads(head.read_text())["position"] == signed.facts["head"]["position"]  # type: ignore[index,call-overload]
    with pytest.raises(OutputExists):
        reserve.desk.export(reserve.folder, chain, quiet, dry_run=False)
    chain.write_bytes(chain.read_bytes().replace(b'"body":"a"', b'"body":"A"'))
    spoilt = reserve.desk.verify_file(chain, evidence, quiet)
    assert (spoilt.word, spoilt.facts["breaks"]) == (
        Word.NO,
        ["position 3 (a): its content is not what its header says."],
    )


def test_the_outsider_needs_sha256_alone(reserve: Reserve, tmp_path: Path) -> None:
    """The shell script of docs/audit-chain.md says yes to the file, and no to an altered one."""
    reserve.write("a", "b")
    chain = tmp_path / "chain.txt"
    reserve.desk.export(reserve.folder, chain, quiet, dry_run=False)
    document = (PROJECT / "docs" / "audit-chain.md").read_text(encoding="utf-8")
    script = document.partition("```bash\n")[2].partition("```")[0]
    assert "sha256sum" in script
    for data, code in ((chain.read_bytes(), 0), (chain.read_bytes().replace(b'"body":"b"', b'"body":"B"'), 1)):
        chain.write_bytes(data)
        run = subprocess.run(["bash", "-c", script, "check", str(chain)], capture_output=True, text=True, check=False)
        assert run.returncode == code, run.stdout + run.stderr


def test_a_chain_cut_by_its_owner_is_found_by_the_signed_head(reserve: Reserve, tmp_path: Path) -> None:
    """The newest writes are taken out with every trace in the database; the head that somebody kept tells."""
    head = tmp_path / "head.json"
    reserve.write("a")
    reserve.desk.sign(reserve.folder, reserve.key("auditor-1"), head, no_passphrase, dry_run=True)
    assert not head.exists()
    reserve.desk.sign(reserve.folder, reserve.key("auditor-1"), head, no_passphrase, dry_run=False)
    assert reserve.desk.verify(reserve.folder, ChainEvidence((head,)), quiet, with_node=False).word is Word.YES
    reserve.alter(
        "DELETE FROM zakhira.record WHERE sequence > 2",
        "DELETE FROM zakhira.audit WHERE sequence > 2",
        "DELETE FROM zakhira.seal WHERE position > 2",
        "UPDATE zakhira.audit_head SET position = 2, hash = (SELECT hash FROM zakhira.seal WHERE position = 2)",
        "UPDATE zakhira.sealing SET written_through = (SELECT max(written_at) FROM zakhira.audit)",
    )
    assert reserve.desk.verify(reserve.folder, NONE, quiet, with_node=False).word is Word.YES
    found = reserve.desk.verify(reserve.folder, ChainEvidence((head,)), quiet, with_node=False)
    assert found.word is Word.NO
    assert any("position 2: the chain ends here" in str(one) for one in found.facts["breaks"])  # type: ignore[union-attr]


def test_anchors_written_down(reserve: Reserve, tmp_path: Path) -> None:
    """A list by hand, or what zakhira audit anchors --json told: an old block cannot hold what is dated today."""
    reserve.write("a")
    with open_archive(reserve.settings, reserve.folder) as archive:
        position, hash_ = archive.books.chain_head()
    anchor = {"position": position, "hash": hash_, "height": 900_000, "block_time": exact_utc_text(utc_now())}
    path = tmp_path / "anchors.json"
    path.write_text(json.dumps([anchor]))
    given = ChainEvidence(anchors=path)
    good = reserve.desk.verify(reserve.folder, given, quiet, with_node=False)
    assert (good.word, good.facts["anchors"]) == (Word.YES, 1)
    old = {**anchor, "block_time": exact_utc_text(utc_now() - timedelta(days=3))}
    told = {"anchors": [{"head_hash": old.pop("hash"), **old}]}
    path.write_text(json.dumps(told))
    bad = reserve.desk.verify(reserve.folder, given, quiet, with_node=False)
    assert bad.word is Word.NO
    assert "after the block that holds it" in str(bad.facts["breaks"])


def test_heads_that_nobody_may_sign(reserve: Reserve, tmp_path: Path) -> None:
    """A stranger's key is refused; a record made by hand as if somebody had signed is told by the verification."""
    reserve.desk.sign(reserve.folder, reserve.key("treasury-1"), None, no_passphrase, dry_run=False)
    with open_archive(reserve.settings, reserve.folder) as archive:
        ((id_, body),) = archive.books.records("signed audit head").items()
        assert isinstance(body, dict)
        forged = {**body, "hash": "f" * 64}
        record = Record("signed audit head", f"{id_}-forged", forged)
        archive.books.commit(Write("forged", "mallory", "note", utc_now(), records=(record,)))
    for answer in (
        reserve.desk.verify(reserve.folder, NONE, quiet, with_node=False),
        reserve.desk.show(reserve.folder, 0),
    ):
        assert answer.word is Word.NO
        assert "signature" in str(answer.facts)
    path = tmp_path / "head.json"
    path.write_text(json.dumps(forged))
    with pytest.raises(HeadFaulty):
        reserve.desk.verify(reserve.folder, ChainEvidence((path,)), quiet, with_node=False)
    path.write_text("no json")
    with pytest.raises(EvidenceUnreadable):
        reserve.desk.verify(reserve.folder, ChainEvidence((path,)), quiet, with_node=False)
    with pytest.raises(FileUnreadable):
        reserve.desk.verify_file(tmp_path / "nothing", NONE, quiet)


def test_a_key_that_is_no_officers(reserve: Reserve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key file with an officer's name and another key signs no head."""
    path = tmp_path / "stranger.key"
    create_officer(path, "treasury-1", Ed25519PrivateKey.from_private_bytes(b"\1" * 32), "p", work_factor=2**14)
    monkeypatch.setattr("zakhira.wiring.audit_service.passphrase_for", lambda *_: "p")
    with pytest.raises(HeadByStranger):
        reserve.desk.sign(reserve.folder, path, None, no_passphrase, dry_run=False)


def test_what_waits_is_shown_and_sealed(reserve: Reserve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that was killed left a write unsealed: after five seconds show says no, until somebody seals."""
    with closing(PostgresBooks(reserve.dsn)) as books:
        books.commit(Write("late", "desk", "note", utc_now()))
    assert reserve.desk.show(reserve.folder, 0).facts["unsealed"] == 1
    with monkeypatch.context() as later:
        later.setattr("zakhira.wiring.audit_service.utc_now", lambda: utc_now() + timedelta(seconds=6))
        answer = reserve.desk.show(reserve.folder, 0)
    assert (answer.word, answer.facts["unsealed"], answer.facts["is_late"]) == (Word.NO, 1, True)
    assert reserve.desk.verify(reserve.folder, NONE, quiet, with_node=False).word is Word.YES
    assert reserve.desk.seal(reserve.folder, dry_run=True).facts["sealed"] == 1
    assert reserve.desk.seal(reserve.folder, dry_run=False).facts["sealed"] == 1
    assert reserve.desk.seal(reserve.folder, dry_run=False).facts["sealed"] == 0
    assert reserve.desk.show(reserve.folder, 0).word is Word.YES


def test_the_commands_translate(reserve: Reserve, tmp_path: Path) -> None:
    """Each command reaches its use case, --json gives facts, and exit codes say yes or no."""
    services = ProgramServices(reserve.settings)
    chain = tmp_path / "chain.txt"

    def run(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(zakhira, ["audit", *words], obj=services)
        return result.exit_code, result.output

    folder = str(reserve.folder)
    assert run("export", folder, str(chain), "--dry-run", "--json")[0] == 0
    assert not chain.exists()
    assert run("export", folder, str(chain), "--json")[0] == 0
    for words in (("verify", folder), ("verify", "--file", str(chain)), ("show", folder), ("seal", folder)):
        code, output = run(*words, "--json")
        assert code == 0
        assert json.loads(output)["position"] >= 2
    code, output = run("sign", folder, "--key", str(reserve.key("treasury-1")), "--dry-run", "--json")
    assert (code, json.loads(output)["dry_run"]) == (0, True)
    assert run("verify")[0] == run("verify", folder, "--file", str(chain))[0] == 2
    assert run("verify", "--file", str(chain), "--with-node")[0] == 2
    chain.write_bytes(chain.read_bytes()[:-9])
    assert run("verify", "--file", str(chain), "--json")[0] == 1
    assert "holds" in run("verify", folder)[1]
