"""Every fault of a programme file, caused by a change to the small programme, with its code, key and line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from zakhira.kernel.errors import Fault
from zakhira.programme.faults import Cause
from zakhira.programme.model import Programme

Parse = Callable[[str], tuple[Programme | None, list[Fault]]]
LINK = '[[link]]\nfrom_zone = "south"\nto_zone = "north"\n'
SPAN = 'horizon_hours = 168                       # one week\nrun_start = "2026-01-04'
SHORT = SPAN.replace("168", "40").replace("04", "05")
BETA_QUOTA = 'name = "Licensee Beta"\nquota_mw = 16\n'


class Change:
    """One change to the text and the fault that it must cause, at the line of ``at`` in the changed text."""

    def __init__(self, cause: Cause, old: str, new: str, at: str, key: str, words: str = "") -> None:
        self.cause, self.old, self.new, self.at, self.key, self.words = cause, old, new, at, key, words

    def apply(self, text: str) -> str:
        assert self.old in text, f"{self.old!r} is not in the small programme"
        return text.replace(self.old, self.new, 1)

    def line(self, text: str) -> int:
        """The line of the last line of ``at``, which may be told apart by the lines before it."""
        assert self.at in text, f"{self.at!r} is not in the changed text"
        return text[: text.index(self.at) + len(self.at.rstrip("\n"))].count("\n") + 1


C = Change
CHANGES = [
    # What is not TOML, and files of another version
    C(Cause.TOML_SYNTAX, "cap_mw = 40", "cap_mw = ", "cap_mw = ", "", "Invalid value"),
    C(Cause.NEWER_FORMAT, "format_version = 1", "format_version = 2", "format_version", "programme.format_version"),
    # Tables and keys
    C(Cause.UNKNOWN_TABLE, "[forecast]", "[forcast]", "[forcast]", "forcast", "Did you mean 'forecast'?"),
    C(Cause.UNKNOWN_TABLE, "[programme]", "cap_mw = 1\n[programme]", "cap_mw = 1", "cap_mw"),
    C(Cause.UNKNOWN_KEY, "grid_node = ", "grid_nod = ", "grid_nod", "zone.south.grid_nod", "Did you mean 'grid_node'?"),
    C(Cause.UNKNOWN_KEY, 'purpose = "cold"', 'purpose = "cold"\nkeys = 1', "keys = 1", "vault.cold.keys"),
    C(Cause.UNKNOWN_KEY, "{ value = 60000,", "{ value = 60000, hi = 1,", "btc_usd", "prices.btc_usd.hi"),
    C(Cause.WRONG_UNIT, "max_mw = 30", "max_kw = 30000", "max_kw", "zone.south.max_kw", "'max_mw'"),
    C(Cause.WRONG_UNIT, "max_mw = 30", "max = 30", "max = 30", "zone.south.max", "'max_mw'"),
    C(
        Cause.WRONG_UNIT,
        "pkr_per_kwh = 22.4",
        "pkr_per_mwh = 22400",
        "firm_",
        "prices.firm_tariff_pkr_per_mwh",
        "PKR/kWh",
    ),
    C(
        Cause.WRONG_UNIT,
        "gpu_hour_usd = 2.5",
        "gpu_hour_pkr = 700",
        "gpu_hour",
        "hall.hall.gpu_hour_pkr",
        "USD/GPU-hour",
    ),
    C(Cause.MISSING_TABLE, "[prices]", "[price]", "", "prices", "[prices]"),
    C(
        Cause.MISSING_KEY,
        'grid_node = "NORTH-220"\n',
        "",
        "loss_share = 0.02\nmax_mw = 30\n\n[[zone]]",
        "zone.north.grid_node",
    ),
    C(Cause.MISSING_KEY, 'id = "north"\n', "", "max_mw = 30\n\n[[zone]]", "zone[2].id"),
    C(Cause.MISSING_KEY, "{ value = 60000, low", "{ low", "btc_usd", "prices.btc_usd.value"),
    # Types
    C(Cause.WRONG_TYPE, "cap_mw = 40", 'cap_mw = "40 MW"', "cap_mw", "programme.cap_mw", "number of MW"),
    C(Cause.WRONG_TYPE, "cap_mw = 40", "cap_mw = true", "cap_mw", "programme.cap_mw"),
    C(Cause.WRONG_TYPE, "horizon_hours = 168", "horizon_hours = 168.0", "horizon_hours", "programme.horizon_hours"),
    C(Cause.WRONG_TYPE, 'name = "Small', 'name = 1 # "Small', "name = 1", "programme.name"),
    C(Cause.WRONG_TYPE, 'id = "small"', "id = 1", "id = 1", "programme.id"),
    C(Cause.WRONG_TYPE, 'time_zone = "Asia/Karachi"', "time_zone = 5", "time_zone", "programme.time_zone"),
    C(Cause.WRONG_TYPE, "as_of = 2026-01-01", 'as_of = "2026-01-01"', "as_of", "prices.as_of"),
    C(Cause.WRONG_TYPE, 'chain = "regtest"', "chain = 1", "chain = 1", "programme.chain"),
    C(Cause.WRONG_TYPE, 'roles = ["treasury', 'roles = 1 # ["treasury', "roles = 1", "policy.roles"),
    C(
        Cause.WRONG_TYPE,
        'approve_roles = ["comptroller", "director"]',
        "approve_roles = []",
        "approve_roles",
        "policy.approve_roles",
    ),
    C(Cause.WRONG_TYPE, 'surplus = "series', 'surplus = 1 # "series', "surplus = 1", "series.surplus"),
    C(Cause.WRONG_TYPE, 'xpub = "', 'xpub = 1 # "', "xpub = 1", "vault.intake.key.intake-1.xpub"),
    C(Cause.WRONG_TYPE, "[[link]]", "[link]", "[link]", "link", "[[link]]"),
    C(Cause.WRONG_TYPE, "[prices]", "[[prices]]", "[[prices]]", "prices", "[prices]"),
    # Numbers
    C(Cause.NOT_FINITE, "cap_mw = 40", "cap_mw = nan", "cap_mw", "programme.cap_mw"),
    C(Cause.NOT_FINITE, "cap_mw = 40", "cap_mw = inf", "cap_mw", "programme.cap_mw"),
    C(Cause.NOT_FINITE, "{ value = 60000", "{ value = -inf", "btc_usd", "prices.btc_usd"),
    C(Cause.OUT_OF_RANGE, "loss_share = 0.02", "loss_share = 1", "loss_share = 1", "zone.south.loss_share", "below 1"),
    C(Cause.OUT_OF_RANGE, "loss_share = 0.02", "loss_share = -0.1", "loss_share = -0.1", "zone.south.loss_share"),
    C(Cause.OUT_OF_RANGE, "cap_mw = 40", "cap_mw = 0", "cap_mw", "programme.cap_mw", "above 0"),
    C(Cause.OUT_OF_RANGE, "cap_mw = 40", f"cap_mw = {10**400}", "cap_mw", "programme.cap_mw"),
    C(Cause.OUT_OF_RANGE, "height = 955584", f"height = {10**400}", "height = ", "network.height"),
    C(Cause.OUT_OF_RANGE, "latitude_deg = 25", "latitude_deg = 91", "latitude_deg = 91", "zone.south.latitude_deg"),
    C(Cause.OUT_OF_RANGE, "format_version = 1", "format_version = 0", "format_version", "programme.format_version"),
    C(Cause.OUT_OF_RANGE, "2026-01-04T19:00:00Z", "9999-12-31T23:00:00Z", "horizon_start", "programme.horizon_start"),
    C(Cause.BAD_AMOUNT, '"5 BTC"', '"5"', "sweep_limit_sats", "policy.sweep_limit_sats", "unit"),
    C(Cause.BAD_AMOUNT, '"5 BTC"', '"5 PKR"', "sweep_limit_sats", "policy.sweep_limit_sats", "bitcoin"),
    C(Cause.BAD_AMOUNT, '"5 BTC"', '"0.123456789 BTC"', "sweep_limit_sats", "policy.sweep_limit_sats", "decimals"),
    C(Cause.OUT_OF_RANGE, '"5 BTC"', '"21000001 BTC"', "sweep_limit_sats", "policy.sweep_limit_sats"),
    C(Cause.WRONG_TYPE, '"5 BTC"', "5e8", "sweep_limit_sats", "policy.sweep_limit_sats"),
    # Texts
    C(Cause.BAD_TEXT, 'id = "small"', 'id = "Small One"', 'id = "Small One"', "programme.id"),
    C(Cause.BAD_TEXT, 'clause = "', 'clause = "\\u0007', "clause", "policy.clause"),
    C(Cause.BAD_TEXT, '"series/surplus.csv"', '"../surplus.csv"', "surplus = ", "series.surplus"),
    C(Cause.BAD_TEXT, '"series/surplus.csv"', '"series/surplus.xlsx"', "surplus = ", "series.surplus"),
    C(Cause.BAD_TEXT, '"income:rent"', '"Rent"', '"Rent"', "account[10].code"),
    C(
        Cause.BAD_TEXT,
        '"comptroller", "director"]',
        '"comptroller", "The Director"]',
        "approve_roles",
        "policy.approve_roles",
    ),
    C(Cause.UNKNOWN_CHOICE, 'chain = "regtest"', 'chain = "bitcoin"', "chain = ", "programme.chain", "main, test"),
    C(Cause.UNKNOWN_TIME_ZONE, "Asia/Karachi", "Asia/Lahore", "time_zone", "programme.time_zone"),
    C(Cause.UNKNOWN_TIME_ZONE, "Asia/Karachi", "Asia", "time_zone", "programme.time_zone"),
    C(Cause.UNKNOWN_TIME_ZONE, "Asia/Karachi", "../Karachi", "time_zone", "programme.time_zone"),
    C(
        Cause.BAD_INSTANT,
        'run_start = "2026-01-04T19:00:00Z"',
        'run_start = "2026-01-04 19:00"',
        "run_start",
        "programme.run_start",
    ),
    C(
        Cause.BAD_INSTANT,
        'run_start = "2026-01-04T19:00:00Z"',
        "run_start = 2026-01-04",
        "run_start",
        "programme.run_start",
    ),
    C(
        Cause.BAD_INSTANT,
        'run_start = "2026-01-04T19:00:00Z"',
        "run_start = 2026-01-04T19:00:00",
        "run_start",
        "programme.run_start",
    ),
    # Keys
    C(Cause.BAD_PUBLIC_KEY, 'public_key = "d3', 'public_key = "D3', "public_key", "officer.treasury-1.public_key"),
    C(Cause.BAD_PUBLIC_KEY, 'public_key = "d3', 'public_key = "', "public_key", "officer.treasury-1.public_key"),
    C(Cause.BAD_XPUB, 'xpub = "[8b49bc32/48h/1h/0h/2h]', 'xpub = "', "xpub", "vault.intake.key.intake-1.xpub"),
    C(Cause.BAD_XPUB, "CWP3", "CWP4", "xpub", "vault.intake.key.intake-1.xpub", "damaged"),
    # Provenance
    C(Cause.BAD_PROVENANCE, "low = 40000", "low = 70000", "btc_usd", "prices.btc_usd.low"),
    C(Cause.BAD_PROVENANCE, "high = 120000", "high = 50000", "btc_usd", "prices.btc_usd.high"),
    C(Cause.BAD_PROVENANCE, "low = 40000", "low = nan", "btc_usd", "prices.btc_usd.low"),
    C(Cause.BAD_PROVENANCE, "low = 40000", 'low = "40000"', "btc_usd", "prices.btc_usd.low"),
    C(Cause.BAD_PROVENANCE, 'tag = "E"', 'tag = "X"', "btc_usd", "prices.btc_usd.tag", "(sourced)"),
    C(Cause.BAD_PROVENANCE, "date = 2026-01-01", 'date = "today"', "btc_usd", "prices.btc_usd.date"),
    C(Cause.BAD_PROVENANCE, 'source = "round', 'source = "\\nround', "btc_usd", "prices.btc_usd.source"),
    # Names and references
    C(Cause.REPEATED_ID, 'id = "north"', 'id = "south"', 'max_mw = 30\n\n[[zone]]\nid = "south"', "zone.south.id"),
    C(Cause.REPEATED_ID, 'signer = "cold-2"', 'signer = "cold-1"', "", "vault.cold.key.cold-1.signer"),
    C(
        Cause.UNKNOWN_REFERENCE,
        '\nzone = "north"',
        '\nzone = "nord"',
        '\nzone = "nord"',
        "site.alpha-north.zone",
        "'north'",
    ),
    C(Cause.UNKNOWN_REFERENCE, 'licensee = "beta"', 'licensee = "gamma"', '"gamma"', "site.beta-south.licensee"),
    C(Cause.UNKNOWN_REFERENCE, 'pool = "pool-b"', 'pool = "pool-c"', '"pool-c"', "licensee.beta.pool"),
    C(Cause.UNKNOWN_REFERENCE, 'to_zone = "north"', 'to_zone = "east"', '"east"', "link[1].to_zone"),
    C(Cause.UNKNOWN_REFERENCE, 'role = "auditor"', 'role = "guest"', '"guest"', "officer.auditor-1.role"),
    C(
        Cause.UNKNOWN_REFERENCE,
        '"comptroller", "director"]',
        '"comptroller", "chief"]',
        "approve_roles",
        "policy.approve_roles",
    ),
    C(Cause.UNKNOWN_REFERENCE, 'propose_role = "t', 'propose_role = "x', "propose_role", "policy.propose_role"),
    # Power
    C(
        Cause.QUOTA_ABOVE_CAP,
        BETA_QUOTA,
        BETA_QUOTA.replace("16", "16.001"),
        "quota_mw = 16.001",
        "licensee.beta.quota_mw",
    ),
    C(Cause.HEAT_LIMITS, "stop_at_c = 47", "stop_at_c = 40", "stop_at_c = 40", "machine.m20.stop_at_c"),
    C(Cause.LINK_TO_ITSELF, 'to_zone = "north"', 'to_zone = "south"', "to_zone", "link[1].to_zone"),
    C(Cause.REPEATED_LINK, LINK, LINK + "limit_mw = 1\n" + LINK, "limit_mw = 1\n[[link]]", "link[2]"),
    # Times
    C(
        Cause.RUN_START_OUTSIDE,
        'run_start = "2026-01-04',
        'run_start = "2026-01-03',
        "run_start",
        "programme.run_start",
    ),
    C(
        Cause.RUN_START_OUTSIDE,
        'run_start = "2026-01-04',
        'run_start = "2026-01-11',
        "run_start",
        "programme.run_start",
    ),
    C(
        Cause.RUN_START_OUTSIDE,
        SPAN,
        SHORT,
        "run_start",
        "programme.run_start",
        "less than",
    ),
    C(Cause.RUN_START_NOT_MIDNIGHT, "Asia/Karachi", "Asia/Dubai", "run_start", "programme.run_start", "23:00"),
    C(Cause.HORIZON_NOT_ON_HOUR, "04T19:00:00Z", "04T18:30:00Z", "horizon_start", "programme.horizon_start"),
    C(Cause.UNEVEN_BLOCKS, "block_minutes = 60", "block_minutes = 45", "block_minutes", "programme.block_minutes"),
    # Vaults and policy
    C(Cause.QUORUM_TOO_LARGE, "threshold = 3", "threshold = 6", "threshold = 6", "vault.cold.threshold", "5 keys"),
    C(Cause.VAULT_PURPOSE, 'purpose = "cold"', 'purpose = "intake"', 'id = "cold"\npurpose', "vault.cold.purpose"),
    C(Cause.SWEEP_SIGNERS, "sweep_signers = 3", "sweep_signers = 4", "sweep_signers", "policy.sweep_signers"),
    C(Cause.SWEEP_SIGNERS, "sweep_signers = 3", "sweep_signers = 1", "sweep_signers", "policy.sweep_signers"),
    C(Cause.ROLE_WITHOUT_OFFICER, 'role = "director"', 'role = "auditor"', "approve_roles", "policy.approve_roles"),
    C(Cause.ROLE_WITHOUT_OFFICER, '"treasury-officer"\napp', '"spare"\napp', "propose_role", "policy.propose_role"),
    C(
        Cause.PERSON_COUNTS_TWICE,
        '"comptroller", "director"]',
        '"director", "director"]',
        "approve_roles",
        "policy.approve_roles",
    ),
    C(
        Cause.PERSON_COUNTS_TWICE,
        'role = "treasury-officer"\napp',
        'role = "director"\napp',
        "approve_roles",
        "policy.approve_roles",
    ),
    C(Cause.OTHER_NETWORK_KEY, 'chain = "regtest"', 'chain = "main"', "xpub", "vault.intake.key.intake-1.xpub", "main"),
    C(Cause.DRILL_ON_REAL_CHAIN, 'chain = "regtest"', 'chain = "signet"', "[drill]", "drill", "signet"),
    # Accounts
    C(Cause.MISSING_ACCOUNT, '"income:rent"', '"income:lease"', "", "account.income:lease", "income:rent"),
    C(Cause.ACCOUNT_KIND, 'kind = "liability"', 'kind = "asset"', "", "account.liabilities:community.kind"),
    C(Cause.ACCOUNT_KIND, 'commodity = "USD"', 'commodity = "PKR"', "", "account.assets:receivable:rent.commodity"),
]


def prepared(text: str, change: Change) -> str:
    """Some changes need a role that nobody uses."""
    return text.replace('"auditor"]', '"auditor", "spare"]', 1) if "spare" in change.new else text


@pytest.mark.parametrize("change", CHANGES, ids=lambda c: f"{c.cause.name}-{c.key}")
def test_each_fault_is_found_at_its_place(change: Change, small_text: str, parse: Parse) -> None:
    """The fault is among those found, at the line of the change, with its code and something to do."""
    text = change.apply(prepared(small_text, change))
    programme, faults = parse(text)
    assert programme is None
    found = [fault for fault in faults if fault.code == change.cause.code and fault.key == change.key]
    assert found, faults
    fault = found[0]
    assert fault.file == "p.toml"
    assert fault.remedy
    assert change.words in fault.message + fault.remedy
    if change.at:
        assert fault.line == change.line(text), (fault, change.line(text))


def test_every_cause_of_the_programme_file_is_caused_by_a_test() -> None:
    """C17. A planner's tables (42 to 48), series files (49 and up) and DRILL_KEY_DIFFERS have tests of their own."""
    caused = {change.cause for change in CHANGES} | {
        Cause.REPEATED_KEY,
        Cause.REPEATED_OFFICER_KEY,
        Cause.TOO_MANY_KEYS,
    }
    first_of_planning = Cause.YEARS_WEIGH_TOO_MUCH.value[0]
    assert {cause for cause in Cause if cause.value[0] < first_of_planning} - caused == {Cause.DRILL_KEY_DIFFERS}


def test_codes_are_unique() -> None:
    codes = [cause.code for cause in Cause]
    assert len(set(codes)) == len(codes)
    assert all(cause.meaning and cause.remedy for cause in Cause)


def test_all_faults_are_found_at_once_and_sorted(small_text: str, parse: Parse) -> None:
    """A TOML parser that stops at the first fault would cost a planner one run for each."""
    text = small_text
    for change in CHANGES:
        if change.cause in {Cause.WRONG_UNIT, Cause.UNKNOWN_REFERENCE, Cause.HEAT_LIMITS, Cause.QUORUM_TOO_LARGE}:
            text = text.replace(change.old, change.new, 1)
    _, faults = parse(text)
    assert faults == sorted(faults)
    assert {Cause.WRONG_UNIT.code, Cause.UNKNOWN_REFERENCE.code, Cause.QUORUM_TOO_LARGE.code} <= {
        f.code for f in faults
    }
    assert len(faults) > 8
