"""The watchtower's folder: ``watch.toml``, which a person can read and change, and the copy of policy and vaults."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import cast

from zakhira.adapters.notify.mail import MailSettings
from zakhira.custody.vault_state import record_json, record_of
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import Fault, Faults, InvalidInput, OutsideFailure, ZakhiraError
from zakhira.programme.policy_text import policy_hash, policy_json, policy_of
from zakhira.programme.toml_source import TomlSource, parse_toml
from zakhira.watch.alarm import Telling
from zakhira.watch.terms import KeyShown, Limits, WatchTerms
from zakhira.wiring.reserve_folder import NodeAddress
from zakhira.wiring.run_folder import write_whole

WATCH_FILE, COPY_FILE, STATE_FILE = "watch.toml", "copy.json", "state.sqlite"
FORMAT = 1
_HOUR_S, _MINUTE_S = 3600, 60


class NotAWatch(InvalidInput):
    """The folder holds no watch."""

    code = "ZK-WIRING-090"


class WatchExists(InvalidInput):
    """The folder holds a watch, or other things, already."""

    code = "ZK-WIRING-091"


class BadWatchFile(InvalidInput):
    """A line of watch.toml is missing, unknown or has not the form it needs."""

    code = "ZK-WIRING-092"


class WatchUnreadable(OutsideFailure):
    """A file of the watch is there and cannot be read or written."""

    code = "ZK-WIRING-093"


@dataclass(frozen=True)
class WebhookSettings:
    """Where a webhook listens, and the file that holds the shared secret."""

    name: str
    url: str
    secret_file: Path


@dataclass(frozen=True)
class MailBox:
    """A mail notifier, and the file of its password where the server asks for one."""

    settings: MailSettings
    password_file: Path | None = None


@dataclass(frozen=True)
class WatchSettings:
    """What ``watch.toml`` says. Exactly one of ``database`` (an address) and ``folder`` names the source."""

    chain: str
    node: NodeAddress
    second_node: NodeAddress | None = None
    database: str = ""
    folder: Path | None = None
    poll_s: float = 0.5
    look_ahead: int = 200
    limits: Limits = field(default_factory=Limits)
    telling: Telling = field(default_factory=Telling)
    webhooks: tuple[WebhookSettings, ...] = ()
    mails: tuple[MailBox, ...] = ()


def _quoted(value: object) -> str:
    return json.dumps(str(value), ensure_ascii=False)


def settings_text(settings: WatchSettings) -> str:
    """``watch.toml`` of these settings, with what each part means and how notifiers are added."""
    limits, telling = settings.limits, settings.telling
    lines = [
        "# What the watchtower goes by. Paths are absolute, or relative to this folder. Change it and start again.",
        f"format = {FORMAT}",
        f"chain = {_quoted(settings.chain)}",
        "",
        "# The watchtower's own node: not the coordinator's, or both are blind at once.",
        *_node_lines("node", settings.node),
        "# A second opinion:" if settings.second_node else "# A second opinion, if there is one:\n# [second_node]",
        *(_node_lines("second_node", settings.second_node) if settings.second_node else []),
        "",
        "# Where signed instructions are read: a database as zakhira_watchtower, or a folder of exported files.",
        "[source]",
        f"database = {_quoted(settings.database)}" if settings.database else f"folder = {_quoted(settings.folder)}",
        "",
        "[watch]",
        "# How often nodes and source are looked at; how many addresses are watched behind the last used one.",
        f"poll_seconds = {settings.poll_s}",
        f"look_ahead = {settings.look_ahead}",
        "",
        "[limits]",
        "# Estimates [E]: set them as your rules say. 0 hours for tip_hours: the age of the tip is not looked at.",
        f"silent_minutes = {int(limits.silent_after.total_seconds() // _MINUTE_S)}",
        f"near_blocks = {limits.near_blocks}",
        f"proof_days = {limits.proof_after_days}",
        f"behind_blocks = {limits.behind_blocks}",
        f"tip_hours = {int(limits.tip_older_than.total_seconds() // _HOUR_S)}",
        "",
        "[telling]",
        "# An alarm that still holds is told again after so many hours; one that was gone for so many seconds is over.",
        f"repeat_hours = {int(telling.repeat_after.total_seconds() // _HOUR_S)}",
        f"quiet_seconds = {int(telling.quiet_for.total_seconds())}",
        "",
        *_notifier_lines(settings),
    ]
    return "\n".join(lines) + "\n"


def _node_lines(name: str, node: NodeAddress) -> list[str]:
    cookie = [f"cookie = {_quoted(node.cookie)}"] if node.cookie is not None else []
    return [f"[{name}]", f"url = {_quoted(node.url)}", *cookie]


def _notifier_lines(settings: WatchSettings) -> list[str]:
    lines = [
        "# Who is told. Any number of each; the secret file holds at least 16 bytes that the receiver knows as well.",
        '# [[webhook]]\n# name = "duty"\n# url = "https://alarms.example.org/zakhira"\n# secret_file = "duty.secret"',
        '# [[mail]]\n# name = "board"\n# host = "mail.example.org"\n# port = 587\n# security = "starttls"',
        '# sender = "watch@example.org"\n# to = ["board@example.org"]',
        '# user = "watch"\n# password_file = "mail.secret"',
    ]
    for hook in settings.webhooks:
        lines += ["[[webhook]]", f"name = {_quoted(hook.name)}", f"url = {_quoted(hook.url)}"]
        lines.append(f"secret_file = {_quoted(hook.secret_file)}")
    for box in settings.mails:
        told = box.settings
        lines += ["[[mail]]", f"name = {_quoted(told.name)}", f"host = {_quoted(told.host)}", f"port = {told.port}"]
        lines += [f"security = {_quoted(told.security)}", f"sender = {_quoted(told.sender)}"]
        lines.append(f"to = {json.dumps(list(told.recipients))}")
        if told.user:
            lines += [f"user = {_quoted(told.user)}", f"password_file = {_quoted(box.password_file)}"]
    return lines


def copy_json(terms: WatchTerms) -> Json:
    """The copy as plain data: policy, vaults, how far addresses were given out, proofs of life."""
    return {
        "format": FORMAT,
        "chain": terms.chain,
        "policy": policy_json(terms.policy),
        "policy_hash": policy_hash(terms.policy),
        "vaults": [record_json(record) for record in terms.vaults],
        "start_height": terms.start_height,
        "last_places": {f"{vault}/{branch}": place for (vault, branch), place in terms.last_places.items()},
        "keys": {key.signer: key.on.isoformat() if key.on else "" for key in terms.keys},
    }


def _terms_of(body: Mapping[str, Json]) -> WatchTerms:
    places = cast("Mapping[str, int]", body["last_places"])
    keys = cast("Mapping[str, str]", body["keys"])
    return WatchTerms(
        policy=policy_of(body["policy"]),
        chain=str(body["chain"]),
        vaults=tuple(record_of(item) for item in cast("list[Mapping[str, Json]]", body["vaults"])),
        start_height=cast("int", body["start_height"]),
        last_places={(name.rpartition("/")[0], int(name.rpartition("/")[2])): place for name, place in places.items()},
        keys=tuple(KeyShown(name, date.fromisoformat(on) if on else None) for name, on in keys.items()),
    )


def write_watch(root: Path, settings: WatchSettings | None, terms: WatchTerms) -> None:
    """Write the copy, and the settings where some are given; for the owner's eyes, since a URL may hold a password."""
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(root / COPY_FILE, json.dumps(copy_json(terms), indent=1, ensure_ascii=False) + "\n")
        if settings is not None:
            write_whole(root / WATCH_FILE, settings_text(settings))
            os.chmod(root / WATCH_FILE, 0o600)  # noqa: PTH101 - beside the other calls of os on one path
    except OSError as error:
        raise WatchUnreadable(f"{root} cannot be written: {error.strerror}.", "Look at its rights.") from None


def require_new(root: Path) -> None:
    """A new or empty folder. Raises WatchExists, NotAWatch."""
    if root.exists() and not root.is_dir():
        raise NotAWatch(f"{root} is no folder.", "Give a new or empty folder.")
    found = sorted(child.name for child in root.iterdir()) if root.exists() else []
    if WATCH_FILE in found:
        raise WatchExists(f"{root} holds a watch already.", "Renew its copy of policy and vaults with: --renew")
    if found:
        raise WatchExists(f"{root} holds {', '.join(found[:5])}.", "Give a new or empty folder.")


def read_watch(root: Path) -> tuple[WatchSettings, WatchTerms]:
    """Settings and copy of a watch.

    Raises:
        NotAWatch: there is no watch.toml.
        WatchUnreadable: a file cannot be read, or the copy is none.
        Faults: everything that is wrong in watch.toml, with its line.
    """
    try:
        source = (root / WATCH_FILE).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        remedy = f"Make one with: zakhira watch init {root} --reserve DIR"
        raise NotAWatch(f"{root} holds no {WATCH_FILE}.", remedy) from None
    except OSError as error:
        raise WatchUnreadable(f"{root / WATCH_FILE} cannot be read: {error.strerror}.", "Look at its rights.") from None
    parsed = parse_toml(source, str(root / WATCH_FILE))
    if isinstance(parsed, Fault):
        raise Faults([parsed])
    settings = _Reading(parsed, root).settings()
    terms = _read_copy(root / COPY_FILE)
    if terms.chain != settings.chain:
        raise WatchUnreadable(f"{COPY_FILE} is of {terms.chain}, {WATCH_FILE} of {settings.chain}.", "Make them agree.")
    return settings, WatchTerms(
        terms.policy,
        terms.chain,
        terms.vaults,
        terms.start_height,
        terms.last_places,
        terms.keys,
        settings.limits,
        settings.telling,
    )


def _read_copy(path: Path) -> WatchTerms:
    remedy = "Make the copy anew with: zakhira watch init WDIR --reserve DIR --renew"
    try:
        return _terms_of(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise WatchUnreadable(f"{path} cannot be read: {error.strerror}.", remedy) from None
    except (ValueError, KeyError, TypeError, AttributeError, ZakhiraError) as error:
        raise WatchUnreadable(f"{path} is no copy of policy and vaults: {error!r}.", remedy) from None


_REMEDY = "Mend the line; `zakhira watch init` in another folder shows the form."
_TABLES: dict[str, frozenset[str]] = {
    "node": frozenset({"url", "cookie"}),
    "second_node": frozenset({"url", "cookie"}),
    "source": frozenset({"database", "folder"}),
    "watch": frozenset({"poll_seconds", "look_ahead"}),
    "limits": frozenset({"silent_minutes", "near_blocks", "proof_days", "behind_blocks", "tip_hours"}),
    "telling": frozenset({"repeat_hours", "quiet_seconds"}),
}
_WEBHOOK = frozenset({"name", "url", "secret_file"})
_MAIL = frozenset({"name", "host", "port", "security", "sender", "to", "user", "password_file"})
_MOST = 1_000_000


class _Reading:
    """Reads the parsed file, noting every fault with its line."""

    def __init__(self, source: TomlSource, root: Path) -> None:
        self._source = source
        self._root = root
        self._faults: list[Fault] = []

    def settings(self) -> WatchSettings:
        """The settings, or Faults."""
        values = self._source.values
        for name in sorted(set(values) - set(_TABLES) - {"format", "chain", "webhook", "mail"}):
            self._fault((name,), f"{name[:40]!r} is no key of a watch.")
        if values.get("format") != FORMAT:
            self._fault(("format",), f"format is {values.get('format')!r}; this Zakhira reads {FORMAT}.")
        tables = {name: self._table(name, known) for name, known in _TABLES.items()}
        made = WatchSettings(
            chain=self._text(values, (), "chain"),
            node=self._node(tables["node"], "node"),
            second_node=self._node(tables["second_node"], "second_node") if "second_node" in values else None,
            database=self._optional(tables["source"], "source", "database"),
            folder=self._path(tables["source"], "source", "folder"),
            poll_s=self._number(tables["watch"], "watch", "poll_seconds", 0.5, 0.05),
            look_ahead=int(self._number(tables["watch"], "watch", "look_ahead", 200, 1)),
            limits=self._limits(tables["limits"]),
            telling=Telling(
                timedelta(hours=self._number(tables["telling"], "telling", "repeat_hours", 6, 0.01)),
                timedelta(seconds=self._number(tables["telling"], "telling", "quiet_seconds", 60, 0)),
            ),
            webhooks=tuple(self._webhook(*item) for item in self._list("webhook", _WEBHOOK)),
            mails=tuple(box for item in self._list("mail", _MAIL) if (box := self._mail(*item))),
        )
        if bool(made.database) == (made.folder is not None):
            self._fault(("source",), "[source] names not exactly one of database and folder.")
        names = [hook.name for hook in made.webhooks] + [box.settings.name for box in made.mails]
        if len(names) > len(set(names)):
            self._fault(("webhook",), "Two notifiers have one name.")
        if self._faults:
            raise Faults(self._faults)
        return made

    def _fault(self, path: tuple[str | int, ...], message: str) -> None:
        key = ".".join(map(str, path))
        line = self._source.line(path)
        self._faults.append(Fault(self._source.file, line, key, BadWatchFile.code, message, _REMEDY))

    def _table(self, name: str, known: frozenset[str]) -> Mapping[str, object]:
        table = self._source.values.get(name, {})
        if not isinstance(table, dict) or set(table) - known:
            self._fault((name,), f"[{name}] holds something else than {', '.join(sorted(known))}.")
            return {}
        return table

    def _list(self, name: str, known: frozenset[str]) -> list[tuple[Mapping[str, object], tuple[str | int, ...]]]:
        tables = self._source.values.get(name, [])
        if not isinstance(tables, list) or not all(isinstance(one, dict) and set(one) <= known for one in tables):
            self._fault((name,), f"[[{name}]] holds something else than {', '.join(sorted(known))}.")
            return []
        return [(one, (name, number)) for number, one in enumerate(tables)]

    def _text(self, table: Mapping[str, object], where: tuple[str | int, ...], name: str) -> str:
        value = table.get(name)
        if not isinstance(value, str) or not value.strip():
            self._fault((*where, name), f"{name} is missing or no text.")
            return ""
        return value

    def _optional(self, table: Mapping[str, object], where: str, name: str) -> str:
        return self._text(table, (where,), name) if name in table else ""

    def _path(self, table: Mapping[str, object], where: str, name: str) -> Path | None:
        text = self._optional(table, where, name)
        return self._root / Path(text).expanduser() if text else None

    def _number(self, table: Mapping[str, object], where: str, name: str, default: float, least: float) -> float:
        value = table.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= _MOST:
            self._fault((where, name), f"{name} is no number from {least:g} to {_MOST}.")
            return default
        return value

    def _limits(self, table: Mapping[str, object]) -> Limits:
        usual = Limits()

        def number(name: str, default: float, least: float) -> float:
            return self._number(table, "limits", name, default, least)

        return Limits(
            silent_after=timedelta(minutes=number("silent_minutes", 10, 0.01)),
            near_blocks=int(number("near_blocks", usual.near_blocks, 0)),
            proof_after_days=int(number("proof_days", usual.proof_after_days, 1)),
            behind_blocks=int(number("behind_blocks", usual.behind_blocks, 0)),
            tip_older_than=timedelta(hours=number("tip_hours", 3, 0)),
        )

    def _node(self, table: Mapping[str, object], name: str) -> NodeAddress:
        return NodeAddress(self._text(table, (name,), "url"), self._path(table, name, "cookie"))

    def _webhook(self, table: Mapping[str, object], where: tuple[str | int, ...]) -> WebhookSettings:
        name, url = self._text(table, where, "name"), self._text(table, where, "url")
        return WebhookSettings(name, url, self._root / Path(self._text(table, where, "secret_file")).expanduser())

    def _mail(self, table: Mapping[str, object], where: tuple[str | int, ...]) -> MailBox | None:
        port, to = table.get("port", 587), table.get("to")
        if type(port) is not int or not isinstance(to, list) or not all(isinstance(one, str) for one in to):
            self._fault(where, "A mail notifier needs a port (a number) and to (a list of addresses).")
            return None
        user = self._text(table, where, "user") if "user" in table else ""
        file = self._root / self._text(table, where, "password_file") if "password_file" in table else None
        try:
            settings = MailSettings(
                name=self._text(table, where, "name"),
                host=self._text(table, where, "host"),
                port=port,
                sender=self._text(table, where, "sender"),
                recipients=tuple(to),
                security=str(table.get("security", "starttls")),
                user=user,
            )
        except ZakhiraError as error:
            self._fault(where, error.message)
            return None
        if user and file is None:
            self._fault(where, "A mail notifier with a user needs a password_file.")
        return MailBox(settings, file)
