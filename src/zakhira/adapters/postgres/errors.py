"""How the embedded server and its schema can fail."""

from __future__ import annotations

from zakhira.kernel.errors import InvalidInput, OutsideFailure


class ServerMissing(OutsideFailure):
    """The programs of the embedded server are not installed or cannot be run."""

    code = "ZK-POSTGRES-001"


class ServerNotStarted(OutsideFailure):
    """The embedded server ended while it started."""

    code = "ZK-POSTGRES-002"


class ServerNotReady(OutsideFailure):
    """The embedded server runs but did not let anybody in within the time given."""

    code = "ZK-POSTGRES-003"


class DataFolderUnusable(OutsideFailure):
    """The data folder is of another version, of another user or not reachable."""

    code = "ZK-POSTGRES-004"


class SchemaTooNew(OutsideFailure):
    """The database was migrated by a newer Zakhira."""

    code = "ZK-POSTGRES-005"


class SchemaAltered(OutsideFailure):
    """A migration that was applied is not the one that this Zakhira has."""

    code = "ZK-POSTGRES-006"


class RolesMissing(OutsideFailure):
    """The database lacks roles, or the login may not take one on; an administrator must act."""

    code = "ZK-POSTGRES-010"


class SchemaBehind(OutsideFailure):
    """The database has an older schema, and the login at hand may not bring it up to date."""

    code = "ZK-POSTGRES-011"


class PasswordsLost(OutsideFailure):
    """The embedded server's password files are gone or cannot be read."""

    code = "ZK-POSTGRES-012"


class BackupFailed(OutsideFailure):
    """PostgreSQL's program for backups ended with an error, or what it made does not verify."""

    code = "ZK-POSTGRES-013"


class BackupUnreadable(InvalidInput):
    """The folder is no backup, or one of its parts cannot be read."""

    code = "ZK-POSTGRES-014"


class NotInBackup(InvalidInput):
    """The instant or the write that shall be restored is not in the backup."""

    code = "ZK-POSTGRES-015"


class RestoreFailed(OutsideFailure):
    """The restored database did not become ready."""

    code = "ZK-POSTGRES-016"
