"""The folder of a reserve: what lies where, and ``reserve.toml``, which says what the commands work with."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from zakhira.custody.descriptor import bdk_network
from zakhira.flows.ports.coin_store import Depth
from zakhira.kernel.errors import Fault, Faults, InvalidInput, OutsideFailure, ZakhiraError
from zakhira.kernel.money import SATS_PER_BTC, Commodity, parse_amount
from zakhira.programme.toml_source import TomlSource, parse_toml
from zakhira.wiring.run_folder import MAX_PATH_BYTES

RESERVE_FILE = "reserve.toml"
_LEFT_OVER = {"keys", "database", "database-keys", ".database.lock", "database-users.lock", "node"}
"""What an interrupted ``init`` may have made before the terms, which come last: it is used again."""
FORMAT = 1
COINBASE_CONFIRMATIONS = 100
"""A coinbase may be spent in the 100th block after its own (Bitcoin Core, consensus/consensus.h)."""
MAX_CONFIRMATIONS = 10_000
"""More than two months of blocks is a slip of the pen."""
_MIDDLE_SATS, _LARGE_SATS = 10 * SATS_PER_BTC, 1_000 * SATS_PER_BTC
_MIDDLE_CONFIRMATIONS, _LARGE_CONFIRMATIONS = 6, 12
"""[E] Who would reorganise a chain for a coin of that size gives up the blocks' own reward: 6 blocks earn about
19 BTC in 2026, so 6 confirmations (low 3, high 12) from 10 BTC on, and twice as many (low 6, high 144) from 1,000."""


class NotAReserve(InvalidInput):
    """The folder holds no reserve."""

    code = "ZK-WIRING-020"


class ReserveExists(InvalidInput):
    """The folder holds a reserve, or other things, already."""

    code = "ZK-WIRING-021"


class BadReserveFile(InvalidInput):
    """A line of reserve.toml is missing, unknown or has not the form it needs."""

    code = "ZK-WIRING-022"


class ReserveUnreadable(OutsideFailure):
    """A file of the reserve is there and cannot be read or written."""

    code = "ZK-WIRING-023"


@dataclass(frozen=True)
class NodeAddress:
    """Where a node's RPC answers, and the cookie that opens it (or user and password in the URL)."""

    url: str
    cookie: Path | None


@dataclass(frozen=True)
class ReserveTerms:
    """What ``reserve.toml`` says. ``node`` is None where the reserve has a private regtest node of its own.

    ``id`` stands in the database as well, so that no reserve ever writes into the books of another.
    """

    id: str
    programme: Path
    chain: str
    node: NodeAddress | None
    second_node: NodeAddress | None
    depth: Depth
    is_drill: bool


@dataclass(frozen=True)
class ReserveFolder:
    """Paths of a reserve."""

    root: Path

    @property
    def terms_file(self) -> Path:
        """What the commands work with."""
        return self.root / RESERVE_FILE

    @property
    def database(self) -> Path:
        """The embedded database's data."""
        return self.root / "database"

    @property
    def node(self) -> Path:
        """The private node's data, where the reserve has one."""
        return self.root / "node"

    @property
    def keys(self) -> Path:
        """A drill's encrypted key files, and the passphrase made for them."""
        return self.root / "keys"

    @property
    def register(self) -> Path:
        """A drill's key register."""
        return self.keys / "register.toml"


def default_depth(confirmations: int) -> Depth:
    """Confirmations by amount, never below the programme's own; estimates, to be changed in the file."""
    steps = ((0, 1), (_MIDDLE_SATS, _MIDDLE_CONFIRMATIONS), (_LARGE_SATS, _LARGE_CONFIRMATIONS))
    return Depth(
        tuple(amount for amount, _ in steps),
        tuple(max(confirmations, least) for _, least in steps),
        COINBASE_CONFIRMATIONS,
    )


def _text(value: str) -> str:
    """A string of TOML: JSON's escapes are among TOML's."""
    return json.dumps(value, ensure_ascii=False)


def _amount_text(amount_sats: int) -> str:
    whole, rest = divmod(amount_sats, SATS_PER_BTC)
    return f"{amount_sats} sat" if rest else f"{whole} BTC"


def _node_lines(name: str, node: NodeAddress | None) -> Iterator[str]:
    if node is not None:
        yield f"\n[{name}]"
        yield f"url = {_text(node.url)}"
        if node.cookie is not None:
            yield f"cookie = {_text(str(node.cookie))}"


def terms_text(terms: ReserveTerms) -> str:
    """``reserve.toml`` of these terms, with what each part means."""
    lines = [
        "# What the commands of this reserve work with. Paths are absolute, or relative to this folder.",
        f"format = {FORMAT}",
        f"id = {_text(terms.id)}",
        f"programme = {_text(str(terms.programme))}",
        f"chain = {_text(terms.chain)}",
        f"drill = {'true' if terms.is_drill else 'false'}",
    ]
    if terms.node is None:
        lines.append("# No [node]: the commands start a private regtest node in node/ when they need it.")
    lines += _node_lines("node", terms.node)
    lines += _node_lines("second_node", terms.second_node)
    lines += [
        "\n# How deep a coin must lie before it counts, by its amount. Estimates [E]: a reorganisation costs whoever",
        "# makes it the blocks' own reward, about 3 BTC each. 6 (low 3, high 12) from 10 BTC on, 12 (low 6, high 144)",
        "# from 1,000 BTC on, and never fewer than the programme's own confirmations. Change them as your rules say.",
    ]
    for amount_sats, confirmations in zip(terms.depth.amounts_sats, terms.depth.confirmations, strict=True):
        lines += ["[[depth]]", f'from = "{_amount_text(amount_sats)}"', f"confirmations = {confirmations}"]
    lines += ["\n[coinbase]", "# Consensus asks for 100.", f"confirmations = {terms.depth.coinbase_confirmations}", ""]
    return "\n".join(lines)


def write_terms(folder: ReserveFolder, terms: ReserveTerms) -> None:
    """Write ``reserve.toml``, whole or not at all, for its owner's eyes: a node's URL may hold a password."""
    draft = folder.root / f".{RESERVE_FILE}.{os.getpid()}"
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(terms_text(terms))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(folder.terms_file)
    except OSError as error:
        raise ReserveUnreadable(f"{folder.terms_file} cannot be written: {error.strerror}.", "Look at it.") from None
    finally:
        draft.unlink(missing_ok=True)


def require_new(root: Path) -> ReserveFolder:
    """The folder for a reserve to be: new or empty.

    Raises:
        ReserveExists: it holds something already.
        NotAReserve: its path is a file or too long.
    """
    folder = ReserveFolder(root.absolute())
    if (root.exists() or root.is_symlink()) and not root.is_dir():
        raise NotAReserve(f"{root} is no folder.", "Give a new or empty folder.")
    if len(os.fsencode(folder.root)) > MAX_PATH_BYTES:
        raise NotAReserve(f"The path {str(root)[:60]}... is too long.", f"Use at most {MAX_PATH_BYTES} bytes.")
    if folder.terms_file.exists():
        raise ReserveExists(f"{root} holds a reserve already.", f"See it with: zakhira reserve status {root}")
    foreign = sorted({child.name for child in root.iterdir()} - _LEFT_OVER) if root.exists() else []
    if foreign:
        raise ReserveExists(f"{root} holds {', '.join(foreign[:5])}.", "Give a new or empty folder.")
    return folder


def read_terms(root: Path) -> tuple[ReserveFolder, ReserveTerms]:
    """The reserve in a folder and its terms.

    Raises:
        NotAReserve: there is no reserve.toml.
        ReserveUnreadable: it is there and cannot be read.
        Faults: everything that is wrong in it, with its line.
    """
    folder = ReserveFolder(root.absolute())
    try:
        source = folder.terms_file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise NotAReserve(
            f"{root} holds no {RESERVE_FILE}.", f"Make a reserve with: zakhira reserve init {root} --programme DIR"
        ) from None
    except OSError as error:
        raise ReserveUnreadable(
            f"{folder.terms_file} cannot be read: {error.strerror}.", "Look at its rights."
        ) from None
    parsed = parse_toml(source, str(folder.terms_file))
    if isinstance(parsed, Fault):
        raise Faults([parsed])
    return folder, _Reading(parsed, folder).terms()


class _Reading:
    """Reads the parsed file, noting every fault with its line."""

    _KNOWN = frozenset({"format", "id", "programme", "chain", "drill", "node", "second_node", "depth", "coinbase"})

    def __init__(self, source: TomlSource, folder: ReserveFolder) -> None:
        self._source = source
        self._folder = folder
        self._faults: list[Fault] = []

    def terms(self) -> ReserveTerms:
        """The terms, or Faults."""
        values = self._source.values
        for name in sorted(set(values) - self._KNOWN):
            self._fault((name,), f"{name[:40]!r} is no key of a reserve.")
        if values.get("format") != FORMAT:
            self._fault(("format",), f"format is {values.get('format')!r}; this Zakhira reads {FORMAT}.")
        identity = self._words(values, (), "id")
        programme = self._words(values, (), "programme")
        chain = self._words(values, (), "chain")
        try:
            bdk_network(chain)
        except ZakhiraError as error:
            self._fault(("chain",), error.message)
        drill = values.get("drill", False)
        if not isinstance(drill, bool):
            self._fault(("drill",), "drill is neither true nor false.")
        node, second = self._node("node"), self._node("second_node")
        if node is None and chain != "regtest" and "node" not in values:
            self._fault(
                ("node",), f"There is no [node]; only regtest can have a private one, and the chain is {chain}."
            )
        depth = self._depth(values)
        if self._faults:
            raise Faults(self._faults)
        return ReserveTerms(identity, self._path(programme), chain, node, second, depth, bool(drill))

    def _fault(self, path: tuple[str | int, ...], message: str) -> None:
        key = ".".join(map(str, path))
        remedy = "Mend the line; `zakhira reserve init` in another folder shows the form."
        line = self._source.line(path)
        self._faults.append(Fault(self._source.file, line, key, BadReserveFile.code, message, remedy))

    def _path(self, text: str) -> Path:
        return self._folder.root / Path(text).expanduser()

    def _words(self, table: Mapping[str, object], where: tuple[str | int, ...], name: str) -> str:
        value = table.get(name)
        if not isinstance(value, str) or not value.strip():
            self._fault((*where, name), f"{name} is missing or no text.")
            return ""
        return value

    def _count(self, table: Mapping[str, object], where: tuple[str | int, ...], name: str, least: int) -> int:
        value = table.get(name)
        if type(value) is not int or not least <= value <= MAX_CONFIRMATIONS:
            self._fault((*where, name), f"{name} is no whole number from {least} to {MAX_CONFIRMATIONS}.")
            return least
        return value

    def _node(self, name: str) -> NodeAddress | None:
        table = self._source.values.get(name)
        if table is None:
            return None
        if not isinstance(table, dict) or set(table) - {"url", "cookie"}:
            self._fault((name,), f"[{name}] holds something else than url and cookie.")
            return None
        cookie = self._words(table, (name,), "cookie") if "cookie" in table else ""
        return NodeAddress(self._words(table, (name,), "url"), self._path(cookie) if cookie else None)

    def _depth(self, values: Mapping[str, object]) -> Depth:
        tables, coinbase = values.get("depth"), values.get("coinbase")
        if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
            self._fault(("depth",), "There are no [[depth]] tables.")
            tables = []
        if not isinstance(coinbase, dict):
            self._fault(("coinbase",), "There is no [coinbase] table.")
            coinbase = {"confirmations": COINBASE_CONFIRMATIONS}
        steps = []
        for number, table in enumerate(tables):
            where = ("depth", number)
            steps.append((self._amount(table, where), self._count(table, where, "confirmations", 1)))
        amounts = [amount for amount, _ in steps]
        if amounts and (amounts[0] != 0 or amounts != sorted(set(amounts))):
            self._fault(("depth",), "The amounts of [[depth]] do not rise from 0 sat.")
        least = self._count(coinbase, ("coinbase",), "confirmations", COINBASE_CONFIRMATIONS)
        return Depth(tuple(amounts), tuple(count for _, count in steps), least)

    def _amount(self, table: Mapping[str, object], where: tuple[str | int, ...]) -> int:
        text = self._words(table, where, "from")
        if not text:
            return 0
        try:
            amount = parse_amount(text)
        except ZakhiraError as error:
            self._fault((*where, "from"), error.message)
            return 0
        if amount.commodity is not Commodity.BTC or amount.units < 0:
            self._fault((*where, "from"), f"{text!r} is no amount of bitcoin from 0 on.")
        return amount.units
