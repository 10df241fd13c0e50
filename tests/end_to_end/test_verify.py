"""Anybody with a node and keys known from elsewhere checks the pack; whoever changes a byte of it is found out."""

from __future__ import annotations

import json
import random
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from end_to_end.conftest import ROOT, SMALL, Ended, FinishedRun, command, zakhira
from zakhira.adapters.drill_keys import officer_key
from zakhira.kernel.signatures import signing_bytes
from zakhira.proofs.pack import manifest_hash
from zakhira.proofs.statement import MANIFEST_FILE, SIGNATURES_FILE

TRUST = SMALL / "trust.keys"


@dataclass(frozen=True)
class ServedNode:
    """The private node of the finished run, started again as a reader would."""

    url: str
    cookie: Path

    def verify(self, pack: Path, trust: Path = TRUST) -> Ended:
        """Run ``zakhira verify`` against it."""
        return zakhira(
            "verify", str(pack), "--node", self.url, "--cookie", str(self.cookie), "--trust", str(trust), "--json"
        )


@pytest.fixture(scope="module")
def node(undisturbed: FinishedRun) -> Iterator[ServedNode]:
    """``zakhira node`` on the run's folder, stopped with Ctrl-C afterwards."""
    with subprocess.Popen(
        command("node", str(undisturbed.out)), stdout=subprocess.PIPE, text=True, bufsize=1, cwd=ROOT
    ) as served:
        assert served.stdout is not None
        words = served.stdout.readline().split()
        yield ServedNode(
            next(word for word in words if word.startswith("http")).rstrip(";"),
            Path(next(word for word in words if word.endswith(".cookie.")).rstrip(".")),
        )
        served.terminate()
        assert served.wait(60) == 0


def test_the_pack_is_verified(undisturbed: FinishedRun, node: ServedNode) -> None:
    """With the officers' keys and the node, every check passes, and each says where its answer comes from."""
    ended = node.verify(undisturbed.out / "pack")
    assert ended.code == 0, ended.out + ended.err
    facts = ended.facts
    assert facts["verdict"] == "VERIFIED"
    assert facts["proven_sats"] == undisturbed.ended.facts["summary"]["cold_sats"]
    assert {check["source"] for check in facts["checks"]} == {"pack", "node", "trust"}
    assert facts["moved_since"] == {}


def test_one_changed_byte_anywhere_is_found(undisturbed: FinishedRun, node: ServedNode, tmp_path: Path) -> None:
    """A seeded byte in every file of the pack: exit 1, and what failed is named."""
    dice = random.Random(11)  # noqa: S311  # seeded on purpose
    for path in sorted((undisturbed.out / "pack").iterdir()):
        broken = tmp_path / path.stem
        shutil.copytree(undisturbed.out / "pack", broken)
        data = bytearray((broken / path.name).read_bytes())
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        (broken / path.name).write_bytes(bytes(data))
        ended = node.verify(broken)
        assert ended.code == 1, (path.name, ended.out, ended.err)
        failed = [check for check in ended.facts["checks"] if check["outcome"] == "failed"]
        assert any(path.name in check["detail"] for check in failed), (path.name, failed)


def test_a_pack_signed_by_another_key_fails(undisturbed: FinishedRun, node: ServedNode, tmp_path: Path) -> None:
    """Whoever re-signs a pack with keys of his own is not trusted."""
    forged = tmp_path / "forged"
    shutil.copytree(undisturbed.out / "pack", forged)
    digest = manifest_hash({MANIFEST_FILE: (forged / MANIFEST_FILE).read_bytes()})
    signatures = json.loads((forged / SIGNATURES_FILE).read_text(encoding="utf-8"))
    for signature in signatures:
        foreign = officer_key("somebody else's phrase", signature["officer"])
        signature["signature"] = foreign.sign(signing_bytes("pack", digest)).hex()
    (forged / SIGNATURES_FILE).write_bytes(json.dumps(signatures, separators=(",", ":"), sort_keys=True).encode())
    ended = node.verify(forged)
    assert ended.code == 1
    assert [check["id"] for check in ended.facts["checks"] if check["outcome"] == "failed"] == ["signatures"]


def test_a_reader_who_trusts_others_is_not_convinced(
    undisturbed: FinishedRun, node: ServedNode, tmp_path: Path
) -> None:
    """The same pack, other keys in the trust file: no."""
    other = tmp_path / "trust.keys"
    other.write_text(f"auditor-1 {'11' * 32}\n", encoding="utf-8")
    assert node.verify(undisturbed.out / "pack", other).code == 1


def test_wrong_input_is_said_to_be_wrong_input(undisturbed: FinishedRun, node: ServedNode, tmp_path: Path) -> None:
    """No pack, no keys, or a file of keys that is none: exit 2, never 1."""
    assert node.verify(tmp_path / "nowhere").code in {2, 3}
    assert node.verify(undisturbed.out / "pack", tmp_path / "nokeys").code == 2
    garbage = tmp_path / "garbage"
    garbage.write_text("not a key\n", encoding="utf-8")
    assert node.verify(undisturbed.out / "pack", garbage).code == 2


def test_a_wrong_password_is_wrong_input(undisturbed: FinishedRun, node: ServedNode) -> None:
    """The node refuses: exit 2 with what to do, and the password is not repeated."""
    port = node.url.rsplit(":", 1)[1]
    ended = zakhira(
        "verify",
        str(undisturbed.out / "pack"),
        "--node",
        f"http://me:hunter2@127.0.0.1:{port}",
        "--trust",
        str(TRUST),
    )
    assert ended.code == 2, ended.out
    assert "ZK-CHAIN-002" in ended.err
    assert "hunter2" not in ended.out + ended.err


def test_a_node_that_is_away_is_an_outside_failure(undisturbed: FinishedRun) -> None:
    """Nobody listens: exit 3, never "no"."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ended = zakhira(
        "verify", str(undisturbed.out / "pack"), "--node", f"http://a:b@127.0.0.1:{port}", "--trust", str(TRUST)
    )
    assert ended.code == 3, ended.out
