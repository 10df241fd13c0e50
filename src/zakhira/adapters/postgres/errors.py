"""How the embedded server and its schema can fail."""

from __future__ import annotations

from zakhira.kernel.errors import OutsideFailure


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
