"""Every cause of a fault in a programme folder, in one place: its code, what it means and what to do."""

from __future__ import annotations

from enum import Enum

from zakhira.kernel.errors import Fault


class Cause(Enum):
    """A cause with the number of its code, what it means, and the remedy unless the fault knows a better one."""

    TOML_SYNTAX = (1, "the file is not TOML", "Mend the line; TOML 1.0 tells the form.")
    NEWER_FORMAT = (2, "the file was made for a newer version of the program", "Install a newer version of Zakhira.")
    UNKNOWN_TABLE = (3, "a table that the format does not know", "Remove it or mend its name.")
    UNKNOWN_KEY = (4, "a key that its table does not know", "Remove it or mend its name.")
    WRONG_UNIT = (5, "a key whose unit is missing or another", "Convert the value and name the key with its unit.")
    MISSING_TABLE = (6, "a table that is needed is not there", "Add it.")
    MISSING_KEY = (7, "a key that is needed is not there", "Add it.")
    WRONG_TYPE = (8, "a value of the wrong type", "Write it as the data dictionary says.")
    NOT_FINITE = (9, "NaN or infinity", "Give a finite number.")
    OUT_OF_RANGE = (10, "a number that is not possible", "Give one in the range.")
    BAD_TEXT = (11, "a text that has not the form it needs", "Write it in the form.")
    UNKNOWN_CHOICE = (12, "a word that is not one of the choices", "Use one of the choices.")
    BAD_AMOUNT = (13, "an amount of bitcoin that cannot be read", "Write a whole count of sats, or text with its unit.")
    BAD_PUBLIC_KEY = (
        14,
        "a public key that is not 64 hex digits",
        "Ask the officer for the Ed25519 public key in hex.",
    )
    BAD_XPUB = (15, "an extended public key that cannot be read", "Write it like [fingerprint/48h/1h/0h/2h]tpub...")
    OTHER_NETWORK_KEY = (16, "an extended public key of another network", "Export the key for the programme's chain.")
    UNKNOWN_TIME_ZONE = (17, "a time zone that does not exist", "Use a name such as Asia/Karachi.")
    BAD_INSTANT = (18, "an instant that cannot be read", "Write it in UTC, like 2026-01-01T00:00:00Z.")
    BAD_PROVENANCE = (
        19,
        "where a figure comes from is not told rightly",
        "Use value, low, high, source, date and tag.",
    )
    REPEATED_ID = (20, "a name that is given twice", "Give each its own name.")
    UNKNOWN_REFERENCE = (21, "a reference to something that does not exist", "Name something that exists.")
    QUOTA_ABOVE_CAP = (22, "the quotas together exceed the national cap", "Lower quotas or raise cap_mw.")
    QUORUM_TOO_LARGE = (23, "a quorum larger than its keys", "Lower the threshold or add keys.")
    REPEATED_KEY = (24, "a vault holds one key twice", "Give each signer a key of its own.")
    VAULT_PURPOSE = (25, "not exactly one vault for a purpose", "Keep one vault for intake and one for cold storage.")
    SWEEP_SIGNERS = (
        26,
        "the signers of a sweep do not fit the intake vault",
        "Choose from threshold to number of keys.",
    )
    ROLE_WITHOUT_OFFICER = (27, "a role that nobody holds", "Add an officer with this role.")
    PERSON_COUNTS_TWICE = (28, "one person would have to count twice", "Add officers or choose other roles.")
    REPEATED_OFFICER_KEY = (29, "two officers have one public key", "Give each officer a key of their own.")
    RUN_START_OUTSIDE = (30, "the run would start outside the horizon", "Choose a start inside the horizon.")
    RUN_START_NOT_MIDNIGHT = (31, "the run would not start on a local midnight", "Choose a local midnight, in UTC.")
    HORIZON_NOT_ON_HOUR = (32, "the horizon does not start on a full hour", "Choose a full hour in UTC.")
    HEAT_LIMITS = (33, "machines would stop before they derate", "Let stop_at_c lie above derate_from_c.")
    LINK_TO_ITSELF = (34, "a link from a zone to itself", "Name two zones.")
    REPEATED_LINK = (35, "two links between the same zones", "Add their limits into one link.")
    UNEVEN_BLOCKS = (36, "an hour does not hold a whole number of blocks", "Use 10, 12, 15, 20, 30 or 60 minutes.")
    DRILL_ON_REAL_CHAIN = (37, "keys that anybody can derive, on a real chain", "Remove [drill] or use chain regtest.")
    DRILL_KEY_DIFFERS = (38, "a key that the drill's phrase does not give", "Put the derived key in its place.")
    MISSING_ACCOUNT = (39, "the ledger needs an account that is not there", "Add it.")
    ACCOUNT_KIND = (40, "an account of another kind or commodity than its name says", "Mend it.")
    TOO_MANY_KEYS = (41, "more keys than a vault can hold", "Use at most 15 keys.")
    YEARS_WEIGH_TOO_MUCH = (42, "the surplus years weigh more than 1 together", "Lower their weights.")
    SERIES_FILE_TWICE = (43, "two years with one file of surplus", "Give each year a file of its own.")
    PHASE_ORDER = (44, "phases that do not begin with year 0 and ascend", "Sort them by year, from year 0.")
    LOAD_WINDOW = (45, "a load window without hours, or over another of its hall", "Let each hour be in one window.")
    TWO_IN_A_ZONE = (46, "two batteries or two backups in a zone", "Add their power into one.")
    PROMISE_TOO_LARGE = (47, "more AI capacity is promised than can be", "Lower hall_min_mw or raise the limit.")
    CANNOT_APPLY = (48, "two figures of which one can never apply", "Mend one of them.")
    SERIES_MISSING = (49, "a series file that is not there", "Put the file in its place or mend the name.")
    SERIES_UNREADABLE = (50, "a series file that cannot be read", "Write it as plain CSV or Parquet.")
    MISSING_COLUMN = (51, "a column that is needed is not there", "Add it.")
    EXTRA_COLUMN = (52, "a column that the series does not know", "Remove it or mend its name.")
    COLUMN_UNIT = (53, "a column whose unit is missing or another", "Convert it and name the column with its unit.")
    COLUMN_TYPE = (54, "a column of the wrong type", "Write it as the data dictionary says.")
    UNREADABLE_CELL = (55, "a cell that cannot be read", "Mend the cell.")
    CELL_NOT_FINITE = (56, "an empty cell, NaN or infinity", "Give a finite number.")
    NEGATIVE_SURPLUS = (57, "a negative surplus", "Give 0 where there is none.")
    CELL_OUT_OF_RANGE = (58, "a number that is not possible", "Give one in the range.")
    UNKNOWN_ZONE = (59, "a zone that the programme does not know", "Add the zone or remove its rows.")
    MISSING_ZONE = (60, "a zone without a series", "Add its rows.")
    OFF_HOUR = (61, "an instant that is not a full hour", "Give full hours in UTC.")
    OTHER_HORIZON = (62, "the series covers another horizon than the programme", "Mend the horizon or the series.")
    GAP = (63, "hours that are missing", "Add their rows.")
    REPEATED_HOUR = (64, "an hour that is given twice", "Keep one of the rows.")
    COST_DESCENDS = (65, "a later block that costs less than an earlier", "Sort the blocks of an hour by cost.")
    BAD_BLOCK = (66, "a block number that is not possible", "Count the blocks from 1.")
    NO_ROWS = (67, "a series without rows", "Add the rows.")
    TIME_WITHOUT_ZONE = (80, "a local time in a planner's file, and no time zone told", "Add --time-zone.")
    SKIPPED_TIME = (81, "a local time that the clocks skip in spring", "Remove the row, or add --repair dst.")
    REPEATED_TIME = (82, "a local time that the clocks show twice in autumn", "Give the offset, or add --repair dst.")
    RESOLUTION = (83, "rows of a planner's file that do not follow each other by 5 min to 1 h", "Mend the rows.")
    NOT_HOURLY = (84, "rows of a planner's file that are not full hours in UTC", "Add --repair resample.")
    DUPLICATES_DIFFER = (85, "a time that is given twice with different figures", "Keep the row that is right.")
    GAP_TOO_LONG = (86, "a gap longer than may be interpolated", "Add the rows.")
    LAYOUT = (87, "a planner's file whose columns say too little or too much", "Mend its header or the options.")

    RULE_BAND = (88, "a rule whose band of amounts holds none", "Let below_amount lie above from_amount, in one unit.")
    RULE_WITHOUT_QUORUM = (89, "a rule by which one person alone could act", "Add [[rule.quorum]] and propose_roles.")
    WINDOW_WITHOUT_LIMIT = (90, "a window that limits nothing", "Give limit, balance_share or most.")
    DEPUTY_DATES = (91, "a deputy for nobody else or for no day", "Name another officer, and days in their order.")
    STATUTE_TERMS = (92, "a statute whose terms do not say what it asks for", "Give years, or share and window_days.")
    NEVER_OPEN = (93, "a rule whose hours hold none", "Let to_hour differ from from_hour.")
    REPEATED_PAYEE = (94, "one address is listed twice", "Keep one of the payees.")

    @property
    def code(self) -> str:
        """The stable code."""
        return f"ZK-PROGRAMME-{self.value[0]:03d}"

    @property
    def meaning(self) -> str:
        """What is wrong, in general."""
        return self.value[1]

    @property
    def remedy(self) -> str:
        """What to do, unless the fault knows better."""
        return self.value[2]

    def fault(self, file: str, line: int, key: str, message: str, remedy: str = "") -> Fault:
        """A fault of this cause at its place."""
        return Fault(file, line, key, self.code, message, remedy or self.remedy)
