"""A made-up run whose figures fit together: dispatch adds up, coins tie, the ledger balances."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np

from zakhira.dispatch.schedule import Dispatch, ShedReason
from zakhira.kernel.ids import derive_id, seeded_rng
from zakhira.kernel.interval import HOUR, HourRange
from zakhira.kernel.money import Amount, Commodity, sats, split_units
from zakhira.ledger.balances import fold_balances
from zakhira.ledger.entry import Entry, Lot, Posting
from zakhira.ledger.statement import statement
from zakhira.planning.allocation import Basis, Certificate, ClassResult, Grant, Plan, ShadowPrice, Spread
from zakhira.programme.model import (
    AccountSpec,
    Assumption,
    Drill,
    ForecastQuality,
    HallClass,
    Licensee,
    Link,
    MachineClass,
    Network,
    Officer,
    Policy,
    Pool,
    Prices,
    Programme,
    Site,
    Vault,
    VaultKey,
    Zone,
)
from zakhira.programme.series import Floats
from zakhira.reports.facts import (
    VERIFIED,
    CalibrationFact,
    CheckFact,
    DayProfile,
    HorizonSurplus,
    ReservePoint,
    RunFacts,
    StatementRow,
    SweepApproval,
    SweepFact,
    VerdictFact,
)
from zakhira.settlement.day import LicenseeDay, SettledDay

START = datetime(2025, 12, 31, 19, tzinfo=UTC)
SWEEP_EVERY_DAYS = 7
SWEEP_FEE_SATS = 2_310
PLACES = (
    ("sahiwal", "Sahiwal", 30.7, 73.2, 220.0),
    ("port-qasim", "Port Qasim", 24.8, 67.4, 400.0),
    ("hub", "Hub", 24.9, 66.7, 310.0),
    ("thar-2", "Thar Block II", 24.8, 70.4, 420.0),
    ("thar-1", "Thar Block I", 24.7, 70.2, 380.0),
    ("karachi", "Karachi K-2, K-3", 24.8, 66.8, 60.0),
    ("chashma", "Chashma", 32.4, 71.5, 40.0),
    ("jhimpir", "Jhimpir-Gharo", 25.0, 68.0, 150.0),
    ("haveli", "Haveli Bahadur Shah", 31.2, 72.1, 0.0),
    ("balloki", "Balloki-Bhikki", 31.4, 73.9, 0.0),
    ("tarbela", "Tarbela", 34.1, 72.7, 7.5),
    ("mangla", "Mangla-Karot", 33.3, 73.6, 0.0),
)
ACCOUNTS = (
    AccountSpec("assets:vault:intake", "BTC", "asset"),
    AccountSpec("assets:vault:cold", "BTC", "asset"),
    AccountSpec("income:royalty", "BTC", "income"),
    AccountSpec("liabilities:community", "BTC", "liability"),
    AccountSpec("expenses:community", "BTC", "expense"),
    AccountSpec("expenses:network-fees", "BTC", "expense"),
    AccountSpec("assets:receivable:energy", "PKR", "asset"),
    AccountSpec("income:energy", "PKR", "income"),
    AccountSpec("assets:receivable:rent", "USD", "asset"),
    AccountSpec("income:rent", "USD", "income"),
)
MACHINE = MachineClass("s21", "S21 17.5 J/TH", 17.5, 8.0, 450_000.0, 1.06, 0.95, 5.0, 40.0, 47.0, 4.0, 0.5, 3_000.0)
HALL = HallClass("h100", "H100 hall", 1.7, 2.25, 0.7, 35e6, 40.0, 0.9998, 5.0, 1.0, 50.0)


def sample_programme(zones: int = len(PLACES), days: int = 30) -> Programme:
    """A programme with one site, one fleet and, in every fourth zone, one hall."""
    places = PLACES[:zones]
    key = "ab" * 32
    officers = tuple(
        Officer(f"officer-{i}", f"Officer {i}", role, key)
        for i, role in enumerate(("treasury-officer", "comptroller", "governor", "auditor"))
    )
    vaults = tuple(
        Vault(purpose, purpose, need, tuple(VaultKey(f"signer-{i}", f"[00000000/48h]tpub{i}") for i in range(of)))
        for purpose, need, of in (("intake", 2, 3), ("cold", 3, 5))
    )
    policy = Policy(
        roles=("treasury-officer", "comptroller", "governor", "auditor"),
        officers=officers,
        vaults=vaults,
        propose_role="treasury-officer",
        approve_roles=("comptroller", "governor"),
        sweep_signers=3,
        sweep_every_days=SWEEP_EVERY_DAYS,
        sweep_limit_sats=5_000_000_000,
        fee_limit_sats=100_000,
        fee_rate_sat_per_vb=2,
        confirmations=6,
        approval_hours=24,
        community_share=0.05,
        clause="Reserve policy, clause 4: coins in intake go to cold every seven days",
    )
    return Programme(
        format_version=1,
        id="sample",
        name="Sample programme, 2,000 MW",
        time_zone="Asia/Karachi",
        horizon=HourRange(START, 24 * days),
        run_start=START,
        cap_mw=2_000.0,
        chain="regtest",
        block_minutes=10,
        zones=tuple(Zone(z, name, lat, lon, f"{z}-bus", 0.01, 900.0) for z, name, lat, lon, _ in places),
        links=tuple(
            Link(a, b, limit, 0.02)
            for a, b, limit in (("thar-2", "haveli", 2_600.0), ("port-qasim", "jhimpir", 800.0))
            if {a, b} <= {place[0] for place in places}
        ),
        machines=(MACHINE,),
        halls=(HALL,),
        pools=(Pool("pool-a", "Pool A", 0.01, 0.005), Pool("pool-b", "Pool B", 0.02, 0.004)),
        licensees=(
            Licensee("indus", "Indus Mining", 1_200.0, "pool-a", 0.1, 0.05),
            Licensee("mehran", "Mehran Compute", 800.0, "pool-b", 0.125, 0.04),
        ),
        sites=tuple(
            Site(f"{z}-site", "indus" if i % 2 else "mehran", z, 500.0, 0.2) for i, (z, *_) in enumerate(places)
        ),
        prices=Prices(date(2026, 6, 26), 60_500.0, 283.0, 22.98, 0.5, 0.1, 2e9),
        network=Network(date(2026, 6, 26), 955_584, 984.0, 0.01),
        forecast=ForecastQuality(0.15, 0.8),
        policy=policy,
        accounts=ACCOUNTS,
        drill=Drill("a phrase for drills"),
        assumptions=sample_assumptions(zones),
        surplus_file="series/surplus.parquet",
        temperature_file="series/ambient.parquet",
        digest=derive_id("digest", 1) + derive_id("digest", 2),
    )


def sample_assumptions(zones: int) -> tuple[Assumption, ...]:
    """Assumptions of each tag, with and without bounds; the source of one needs escaping in HTML."""
    day = date(2026, 6, 26)
    fixed = (
        Assumption(
            "prices.btc_usd",
            60_500.0,
            "USD",
            40_000.0,
            120_000.0,
            "hashprice <28.68 USD/PH/day> & difficulty",
            day,
            "D",
        ),
        Assumption("prices.pkr_per_usd", 283.0, "PKR/USD", 275.0, 310.0, "October 2025", date(2025, 10, 1), "D"),
        Assumption("network.hashrate_eh_per_s", 984.0, "EH/s", 850.0, 1_200.0, "7-day mean", day, "S"),
        Assumption("machine[0].efficiency_j_per_th", 17.5, "J/TH", 9.5, 21.5, "data sheet", None, "K"),
        Assumption("hall[0].sold_share", 0.7, "share", 0.5, 0.9, "", None, "E"),
        Assumption("policy.community_share", 0.05, "share", None, None, "", None, "E"),
    )
    return fixed + tuple(
        Assumption(f"zone[{i}].loss_share", 0.01, "share", 0.0, 0.02, "plant bus", None, "E") for i in range(zones)
    )


def sample_plan(programme: Programme) -> Plan:
    """Mining MW as the places say, and 20 MW of hall in every fourth zone."""
    granted = {place[0]: place[4] for place in PLACES}
    grants, results = [], []
    for i, site in enumerate(programme.sites):
        pairs = [(MACHINE.id, False, granted[site.zone])]
        if i % 4 == 0:
            pairs.append((HALL.id, True, 4.0))
        for class_id, is_hall, power_mw in pairs:
            if power_mw > 0:
                grants.append(Grant(site.id, site.zone, site.licensee, class_id, is_hall, power_mw))
            results.append(_class_result(site.zone, class_id, is_hall=is_hall, power_mw=power_mw))
    value = sum(result.value_usd for result in results)
    return Plan(
        programme_digest=programme.digest,
        cap_mw=programme.cap_mw,
        grants=tuple(grants),
        results=tuple(results),
        certificate=Certificate("cutting planes over hourly merit orders", value, value * (1 + 3e-9), 14, 0.62),
        shadow_prices=(
            ShadowPrice("cap_mw", "MW", 18_400.0, "One more MW of allocation is worth USD 18 400 a year."),
            ShadowPrice("zone thar-2", "MW", 31_250.0, "One more MW in Thar Block II is worth USD 31 250 a year."),
        ),
        basis=Basis("value", "none", 0.3, 1, 0.0, 0.05, "programme and licensees"),
        spread=Spread(value, value, value, value, value),
    )


def _class_result(zone: str, class_id: str, *, is_hall: bool, power_mw: float) -> ClassResult:
    mwh = power_mw * 8_760 * (0.7 if is_hall else 0.55)
    return ClassResult(
        zone=zone,
        class_id=class_id,
        is_hall=is_hall,
        power_mw=power_mw,
        surplus_mwh=mwh * 0.6 if is_hall else mwh,
        firm_mwh=mwh * 0.4 if is_hall else 0.0,
        btc=0.0 if is_hall else mwh * 1.05e-3,
        gpu_hours=mwh * 588.0 if is_hall else 0.0,
        revenue_usd=mwh * (1_300.0 if is_hall else 64.0),
        energy_cost_usd=mwh * 35.0,
        opex_usd=mwh * 5.0,
        capital_usd=power_mw * (35e6 if is_hall else 0.9e6),
        annualised_capital_usd=power_mw * (9e6 if is_hall else 0.1e6),
        jobs=power_mw * (1.0 if is_hall else 0.5),
        tag="E" if is_hall else "D",
    )


def sample_dispatch(programme: Programme, plan: Plan, days: int, seed: int) -> Dispatch:
    """Halls first, then the fleet, never above the surplus; what does not run gets reasons that add up."""
    rng = seeded_rng(seed, "sample dispatch")
    hours = HourRange(START, 24 * days)
    zones = tuple(zone.id for zone in programme.zones)
    hour = np.arange(hours.count) % 24
    midday = np.exp(-(((hour - 12.5) / 4.0) ** 2))
    weather = rng.uniform(0.7, 1.1, size=(len(zones), days)).repeat(24, axis=1)
    base = np.array([place[4] for place in PLACES[: len(zones)]])[:, None]
    surplus = np.maximum(0.0, (1.6 * base + 60.0) * (midday - 0.05) * weather)
    shape = (len(plan.grants), hours.count)
    used, firm, shed = np.zeros(shape), np.zeros(shape), np.zeros((*shape, len(ShedReason)))
    left = surplus.copy()
    reasons = list(ShedReason)
    for i, grant in sorted(enumerate(plan.grants), key=lambda pair: not pair[1].is_hall):
        zone = zones.index(grant.zone)
        ready = grant.power_mw * (0.7 if grant.is_hall else 0.95)
        used[i] = np.minimum(ready, left[zone])
        left[zone] -= used[i]
        if grant.is_hall:
            firm[i] = ready - used[i]
        missing = np.maximum(ready - used[i] - firm[i], 0.0)
        shed[i, :, reasons.index(ShedReason.UPKEEP)] = grant.power_mw - ready
        shed[i, :, reasons.index(ShedReason.NO_SURPLUS)] = 0.85 * missing
        shed[i, :, reasons.index(ShedReason.RAMP)] = 0.1 * missing
        shed[i, :, reasons.index(ShedReason.OFF_FORECAST)] = 0.05 * missing
    return Dispatch(
        hours=hours,
        grant_keys=tuple(f"{grant.site}/{grant.class_id}" for grant in plan.grants),
        zones=zones,
        planned_mw=used * 1.02,
        used_mw=used,
        firm_mw=firm,
        shed_mw=shed,
        energy_cost_pkr=used * 10_500.0,
        surplus_mw=surplus,
        forecast_mw=surplus * 1.05,
    )


def sample_days(programme: Programme, plan: Plan, run: Dispatch, days: int) -> tuple[SettledDay, ...]:
    """Each licensee's day: coins by its mining MWh, with rejects and fee of its pool."""
    pools = {pool.id: pool for pool in programme.pools}
    settled = []
    for day in range(days):
        cut = slice(24 * day, 24 * day + 24)
        rows = []
        for licensee in programme.licensees:
            mine = [i for i, g in enumerate(plan.grants) if g.licensee == licensee.id and not g.is_hall]
            hall = [i for i, g in enumerate(plan.grants) if g.licensee == licensee.id and g.is_hall]
            mwh = float(run.used_mw[mine, cut].sum())
            gpu_hours = 588.0 * float((run.used_mw[hall, cut] + run.firm_mw[hall, cut]).sum())
            pool = pools[licensee.pool]
            expected = round(mwh * 104_000)
            paid = round(expected * (1 - pool.reject_share) * (1 - pool.fee_share))
            royalty = round(paid * licensee.royalty_share)
            rows.append(
                LicenseeDay(
                    licensee=licensee.id,
                    pool=pool.id,
                    energy_mwh=mwh,
                    work_hashes=mwh * 2e20,
                    expected_sats=expected,
                    paid_sats=paid,
                    royalty_sats=royalty,
                    licensee_sats=paid - royalty,
                    energy_paisa=round(mwh * 11_000 * 100),
                    gpu_hours=gpu_hours,
                    rent_cents=round(gpu_hours * 225 * licensee.rent_share),
                )
            )
        settled.append(SettledDay(day, 137.4e12 + 1e11 * day, 955_584 + 144 * day, tuple(rows)))
    return tuple(settled)


def sample_entries(
    programme: Programme, settled: tuple[SettledDay, ...], sweeps: tuple[SweepFact, ...]
) -> tuple[Entry, ...]:
    """The ledger's entries of the run: invoices, royalties and sweeps."""
    entries = []
    for day in settled:
        at = START + (day.day + 1) * 24 * HOUR - HOUR
        for row in day.licensees:
            outpoint = f"{derive_id('royalty', day.day, row.licensee) * 2}:0"
            lot = Lot(outpoint, f"royalty of {row.licensee}")
            owed = Lot(outpoint, "owed to the community")
            community, _ = split_units(row.royalty_sats, [5, 95])
            energy, rent = Amount(row.energy_paisa, Commodity.PKR), Amount(row.rent_cents, Commodity.USD)
            entries.append(
                Entry(
                    derive_id("entry", day.day, row.licensee),
                    at,
                    f"Day {day.day} of {row.licensee}",
                    f"settlement {day.day}",
                    (
                        Posting("assets:vault:intake", sats(row.royalty_sats), lot),
                        Posting("income:royalty", sats(-row.royalty_sats), lot),
                        Posting("expenses:community", sats(community), owed),
                        Posting("liabilities:community", sats(-community), owed),
                        Posting("assets:receivable:energy", energy),
                        Posting("income:energy", -energy),
                        Posting("assets:receivable:rent", rent),
                        Posting("income:rent", -rent),
                    ),
                )
            )
    for sweep in sweeps:
        lot = Lot(f"{sweep.txid}:0", "sweep")
        entries.append(
            Entry(
                sweep.id,
                sweep.at,
                "Sweep to cold",
                sweep.txid,
                (
                    Posting("assets:vault:cold", sats(sweep.amount_sats), lot),
                    Posting("expenses:network-fees", sats(sweep.fee_sats), lot),
                    Posting("assets:vault:intake", sats(-sweep.amount_sats - sweep.fee_sats), lot),
                ),
            )
        )
    return tuple(entries)


def _reserve(
    settled: tuple[SettledDay, ...], received: tuple[int, ...]
) -> tuple[tuple[ReservePoint, ...], tuple[SweepFact, ...]]:
    points = [ReservePoint(START, 0, 0)]
    sweeps: list[SweepFact] = []
    intake = cold = 0
    for day, amount in zip(settled, received, strict=True):
        at = START + (day.day + 1) * 24 * HOUR
        if (day.day + 1) % SWEEP_EVERY_DAYS == 0 and intake > SWEEP_FEE_SATS:
            moved = intake - SWEEP_FEE_SATS
            sweeps.append(_sweep(len(sweeps), at - timedelta(hours=3), moved))
            cold, intake = cold + moved, 0
        intake += amount
        points.append(ReservePoint(at, intake, cold))
    return tuple(points), tuple(sweeps)


def _sweep(number: int, at: datetime, amount_sats: int) -> SweepFact:
    return SweepFact(
        id=f"sweep-{number}",
        at=at,
        amount_sats=amount_sats,
        fee_sats=SWEEP_FEE_SATS,
        proposed_by="officer-0",
        approvals=(
            SweepApproval("officer-1", "comptroller", at - timedelta(hours=2)),
            SweepApproval("officer-2", "governor", at - timedelta(hours=1)),
        ),
        signers=("signer-0", "signer-1", "signer-2"),
        txid=derive_id("tx", number) * 2,
        height=1_000 * (number + 1),
    )


CHECKS = (
    CheckFact("files", "every file of the pack has the hash that the manifest lists", "pack", "passed", "9 files"),
    CheckFact("signatures", "the manifest is signed by known keys", "trust", "passed", "officer-2, officer-3"),
    CheckFact("chain", "the node is on the pack's chain", "node", "passed", "regtest"),
    CheckFact("block", "the pack's block is in the best chain", "node", "passed", "block 4 320"),
    CheckFact("coins", "each coin was created as the pack says", "node", "passed", "4 coins"),
    CheckFact("unspent", "each coin was unspent at the block", "node", "passed", "asked with gettxout"),
    CheckFact("control", "each coin has a BIP-322 proof of its signers", "pack", "passed", "4 proofs, 3 of 5 each"),
    CheckFact("claims", "claims are at most the coins", "pack", "passed", ""),
)


def sample_horizon(programme: Programme) -> HorizonSurplus:
    """A year with a winter midday surplus in the south."""
    months = tuple(f"{2025 + (6 + i) // 12}-{(6 + i) % 12 + 1:02d}" for i in range(12))
    hour = np.arange(24)
    midday = np.exp(-(((hour - 12.5) / 4.0) ** 2)) + 0.1
    winter = np.array([0.2, 0.2, 0.4, 0.8, 1.1, 1.3, 1.4, 1.2, 0.9, 0.6, 0.4, 0.2])
    size = np.array([zone.max_mw * (0.6 if zone.latitude_deg < 28 else 0.2) for zone in programme.zones])
    mean: Floats = size[:, None, None] * winter[None, :, None] * midday[None, None, :]
    days = (31, 31, 30, 31, 30, 31, 31, 28, 31, 30, 31, 30)
    return HorizonSurplus(tuple(z.id for z in programme.zones), months, mean, tuple(24 * d for d in days))


def sample_statement(programme: Programme, entries: tuple[Entry, ...], end: datetime) -> tuple[StatementRow, ...]:
    """The ledger's own statement, row by row."""
    drawn = statement(entries, programme.accounts, START, end)
    return tuple(StatementRow(a.account, a.kind, a.opening, a.debits, a.credits, a.closing) for a in drawn.accounts)


def sample_run(days: int = 30, zones: int = len(PLACES), seed: int = 7) -> RunFacts:
    """The facts of a finished run in which everything ties."""
    programme = sample_programme(zones, days)
    plan = sample_plan(programme)
    run = sample_dispatch(programme, plan, days, seed)
    settled = sample_days(programme, plan, run, days)
    received = tuple(sum(row.royalty_sats for row in day.licensees) for day in settled)
    reserve, sweeps = _reserve(settled, received)
    entries = sample_entries(programme, settled, sweeps)
    balances = fold_balances(entries, programme.accounts)
    cold = reserve[-1].cold_sats
    return RunFacts(
        programme=programme,
        plan=plan,
        seed=seed,
        days=days,
        block_minutes_used=10,
        block_minutes_reason="as the programme asks",
        dispatch=run,
        settled=settled,
        received_sats=received,
        reserve=reserve,
        sweeps=sweeps,
        balances=balances,
        statement=sample_statement(programme, entries, run.hours.end + HOUR),
        verdict=VerdictFact(VERIFIED, CHECKS, 4_320, derive_id("block") * 2, cold, cold // 20),
        node_version="Bitcoin Knots 29.4",
        database_version="PostgreSQL 18.3",
        program_version="0.1.0",
        calibration=(
            CalibrationFact(
                "generation, January 2026", "GWh", 9_140.0, 9_140.0, 0.0, "S", "NEPRA, January 2026", "scaled"
            ),
            CalibrationFact("hydel, January 2026", "GWh", 713.0, 724.2, 0.0157, "S", "NEPRA, January 2026", "fitted"),
            CalibrationFact(
                "imported coal, January 2026", "GWh", 1_580.0, 1_493.1, -0.055, "S", "NEPRA, January 2026", "result"
            ),
            CalibrationFact(
                "January day, minimum", "MW", 8_650.0, 8_702.0, 0.006, "S", "press, January 2026", "result"
            ),
        ),
        january_profile=DayProfile(
            tuple(12_000 + 3_400 * float(np.sin((h - 15) / 24 * 4 * np.pi)) for h in range(24)),
            ((13, 8_650.0), (18, 15_669.0)),
        ),
        horizon=sample_horizon(programme),
    )


def broken_run() -> RunFacts:
    """A run whose proof fails, whose books are a satoshi apart and whose plan is not closed."""
    facts = sample_run(days=8, zones=3)
    checks = (
        replace(CHECKS[0], outcome="failed", detail="coins.json has another hash"),
        *CHECKS[1:5],
        replace(CHECKS[5], outcome="not possible here", detail="The node needs -blockfilterindex=1."),
        *CHECKS[6:],
    )
    first, *rest = facts.received_sats
    certificate = replace(facts.plan.certificate, upper_bound_usd=facts.plan.certificate.lower_bound_usd * 1.05)
    return replace(
        facts,
        received_sats=(first + 1, *rest),
        verdict=replace(facts.verdict, word="NOT VERIFIED", checks=checks),
        plan=replace(facts.plan, certificate=certificate),
        block_minutes_used=60,
        block_minutes_reason="the time target allows no more",
        calibration=(),
        january_profile=None,
        horizon=None,
    )
