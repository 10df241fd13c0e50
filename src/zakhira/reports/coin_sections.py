"""From coins to vault: expected against received, the reserve over time, the books' identity, and the sweeps."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from zakhira.kernel.money import SATS_PER_BTC
from zakhira.reports.document import Column, Kind, Row, Section, Table
from zakhira.reports.energy_sections import name_list, plural
from zakhira.reports.facts import RunFacts, StatementRow, SweepFact
from zakhira.reports.numbers import (
    amount,
    btc,
    btc_prose,
    local_time,
    percent,
    prose,
    whole,
    with_unit,
)
from zakhira.reports.plot_spec import Layer, LinePlot, Role, StackPlot
from zakhira.reports.totals import CoinDay, TieOut

CREDIT_KINDS = ("income", "liability")
"""Kinds of account that grow by credits: shown with the sign that a reader expects."""


def _in_btc(values: tuple[int, ...]) -> tuple[float, ...]:
    return tuple(value / SATS_PER_BTC for value in values)


def _run_dates(facts: RunFacts) -> tuple[str, ...]:
    zone = ZoneInfo(facts.programme.time_zone)
    return tuple(f"{facts.hours.at(24 * day.day).astimezone(zone):%Y-%m-%d}" for day in facts.settled)


def coin_section(facts: RunFacts, days: tuple[CoinDay, ...], source: str) -> Section:
    """Royalty that the difficulty formula expects against what the node shows as received, for each day's work."""
    expected = sum(day.expected_royalty_sats for day in days)
    received = sum(day.received_sats for day in days)
    royalty = sum(day.royalty_sats for day in days)
    if expected > 0:
        title = (
            f"{btc_prose(received)} of royalty arrived, {percent(received / expected)} of the {btc_prose(expected)} "
            "that the formula expects"
        )
    else:
        title = "No coins were expected, since nothing was mined"
    mined = sum(day.expected_sats for day in days)
    paid = sum(day.paid_sats for day in days)
    words = [
        (
            f"All the work was worth {btc_prose(mined)} by the difficulty formula; pools paid {btc_prose(paid)} for it "
            "after rejected work and their fee. The programme's royalty is a share of what pools pay, never of what is "
            "expected."
        )
    ]
    if royalty != received:
        words.append(_lag_words(royalty - received))
    dates = _run_dates(facts)
    plot = LinePlot(
        id="coins",
        title=title,
        description=f"Two lines of BTC a day over {plural(len(days), 'day')}: royalty expected and royalty received.",
        x_name="day (local)",
        x_labels=tuple(date[5:] for date in dates),
        unit="BTC",
        y_name="royalty for a day's work",
        lines=(
            Layer("expected", Role.MINING, _in_btc(tuple(day.expected_royalty_sats for day in days)), estimate=True),
            Layer("received", Role.COINS, _in_btc(tuple(day.received_sats for day in days))),
        ),
        stepped=True,
    )
    return Section("coins", title, tuple(words), source, plot, (_coin_table(dates, days),))


def _lag_words(behind_sats: int) -> str:
    if behind_sats > 0:
        return f"{btc(behind_sats)} BTC of royalty was settled but not confirmed in intake at the end."
    return f"{btc(-behind_sats)} BTC more was received than was settled: this is NOT explained."


def _coin_table(dates: tuple[str, ...], days: tuple[CoinDay, ...]) -> Table:
    columns = (
        Column("day", number=False),
        Column("expected for all work", "BTC"),
        Column("paid by pools", "BTC"),
        Column("royalty expected", "BTC"),
        Column("royalty settled", "BTC"),
        Column("royalty received", "BTC"),
        Column("difficulty"),
    )

    def cells(day: CoinDay) -> tuple[str, ...]:
        figures = (day.expected_sats, day.paid_sats, day.expected_royalty_sats, day.royalty_sats, day.received_sats)
        return tuple(btc(figure) for figure in figures)

    rows = [
        Row((date, *cells(day), with_unit(prose(day.difficulty / 1e12, 5), "T")))
        for date, day in zip(dates, days, strict=True)
    ]
    total = CoinDay(
        expected_sats=sum(day.expected_sats for day in days),
        paid_sats=sum(day.paid_sats for day in days),
        expected_royalty_sats=sum(day.expected_royalty_sats for day in days),
        royalty_sats=sum(day.royalty_sats for day in days),
        received_sats=sum(day.received_sats for day in days),
        difficulty=0.0,
    )
    rows.append(Row(("all days", *cells(total), ""), Kind.TOTAL))
    return Table("Coins by day", columns, tuple(rows), folded=True)


def reserve_section(facts: RunFacts, source: str) -> Section:
    """The balance of both vaults over time, as the node shows it."""
    zone = ZoneInfo(facts.programme.time_zone)
    last = facts.reserve[-1]
    held = last.intake_sats + last.cold_sats
    if held > 0 and last.cold_sats == 0:
        title = f"The reserve holds {btc_prose(held)}, all of it still in intake"
    elif held > 0:
        share = last.cold_sats / held
        title = f"The reserve holds {btc_prose(held)}, {percent(share)} of it in the cold vault"
    else:
        title = "The reserve is empty"
    labels = tuple(f"{point.at.astimezone(zone):%m-%d}" for point in facts.reserve)
    moved, swept = sum(sweep.amount_sats for sweep in facts.sweeps), plural(len(facts.sweeps), "sweep")
    words = (
        (
            f"{f'{swept} moved {btc_prose(moved)}' if facts.sweeps else 'No sweep moved coins'} from intake to cold. "
            f"The last balance is of {local_time(last.at, zone)}; coins in the mempool are not counted."
        ),
    )
    layers = (
        Layer("cold vault", Role.COINS, _in_btc(tuple(point.cold_sats for point in facts.reserve))),
        Layer("intake", Role.INTAKE, _in_btc(tuple(point.intake_sats for point in facts.reserve))),
    )
    plot = StackPlot(
        id="reserve",
        title=title,
        description=f"Stacked bars over time: coins in the cold vault and in intake, {btc_prose(held)} at the end.",
        x_name="end of day (local), the first bar is the opening balance",
        x_labels=labels,
        unit="BTC",
        y_name="confirmed coins",
        layers=tuple(layer for layer in layers if any(layer.values)),
    )
    columns = (Column("at", number=False), Column("intake", "BTC"), Column("cold", "BTC"), Column("both", "BTC"))
    rows = tuple(
        Row(
            (
                local_time(point.at, zone),
                btc(point.intake_sats),
                btc(point.cold_sats),
                btc(point.intake_sats + point.cold_sats),
            )
        )
        for point in facts.reserve
    )
    return Section("reserve", title, words, source, plot, (Table("Vaults over time", columns, rows, folded=True),))


def tie_out_words(tie: TieOut) -> str:
    """The identity in one line, to the satoshi."""
    opening = f"{btc(tie.opening_sats)} opening + " if tie.opening_sats else ""
    return (
        f"{opening}{btc(tie.received_sats)} received \u2212 {btc(tie.fees_sats)} fees = "
        f"{btc(tie.intake_sats)} intake + {btc(tie.cold_sats)} cold = {btc(tie.ledger_sats)} ledger "
        "(BTC)"
    )


def ledger_section(facts: RunFacts, tie: TieOut, source: str) -> Section:
    """The identity that ties chain and books, and the statement of every account."""
    if tie.holds:
        title = "Coins and books tie to the satoshi: received less fees is in vaults and ledger, and cold is proven"
    else:
        title = f"Coins and books do NOT tie: {name_list(tie_out_breaks(tie))}"
    words = (
        tie_out_words(tie) + ".",
        f"Cold {btc(tie.cold_sats)} BTC, proven {btc(tie.proven_sats)} BTC.",
    )
    return Section("ledger", title, words, source, None, (_tie_out_table(tie), _statement_table(facts.statement)))


def tie_out_breaks(tie: TieOut) -> list[str]:
    """Which of the sums differ, with the difference in sats; empty when everything ties and is proven."""
    apart = tie.differences()
    if not tie.proven:
        apart = (*apart, ("what is proven is not what is in cold", tie.proven_sats - tie.cold_sats))
    return [f"{words} ({with_unit(whole(off), 'sat')} apart)" for words, off in apart]


def _tie_out_table(tie: TieOut) -> Table:
    columns = (Column("line", number=False), Column("", "BTC"), Column("", "sat"), Column("witness", number=False))
    lines = (
        ("opening balance", tie.opening_sats, "node", Kind.NORMAL),
        ("+ royalty received in intake", tie.received_sats, "node", Kind.NORMAL),
        ("\u2212 network fees of sweeps", tie.fees_sats, "ledger, and the sweeps' transactions", Kind.NORMAL),
        (
            "= should be held",
            tie.opening_sats + tie.received_sats - tie.fees_sats,
            "arithmetic",
            Kind.TOTAL,
        ),
        ("intake", tie.intake_sats, "node", Kind.NORMAL),
        ("+ cold", tie.cold_sats, "node", Kind.NORMAL),
        ("= is held", tie.held_sats, "arithmetic", Kind.TOTAL),
        ("royalty booked", tie.booked_sats, "ledger", Kind.NORMAL),
        ("held by the ledger", tie.ledger_sats, "ledger", Kind.TOTAL),
        ("proven in cold", tie.proven_sats, "proof pack", Kind.TOTAL),
    )
    rows = tuple(Row((name, btc(value), whole(value), witness), kind) for name, value, witness, kind in lines)
    return Table("The identity of the reserve", columns, rows)


def _statement_table(statement: tuple[StatementRow, ...]) -> Table:
    columns = (
        Column("account", number=False, code=True),
        Column("kind", number=False),
        Column("unit", number=False),
        Column("opening"),
        Column("increase"),
        Column("decrease"),
        Column("closing"),
    )
    rows = []
    for row in statement:
        credit = row.kind in CREDIT_KINDS
        opening, closing = (-row.opening, -row.closing) if credit else (row.opening, row.closing)
        up, down = (row.outflow, row.inflow) if credit else (row.inflow, row.outflow)
        cells = (amount(opening), amount(up), amount(down), amount(closing))
        rows.append(Row((row.account, row.kind, row.closing.commodity.value, *cells)))
    return Table(
        "Statement of the ledger; each currency is booked in itself, nothing is converted", columns, tuple(rows)
    )


def sweep_section(facts: RunFacts, source: str) -> Section:
    """The sweeps, with who approved and who signed."""
    policy = facts.programme.policy
    sweeps = facts.sweeps
    moved = sum(sweep.amount_sats for sweep in sweeps)
    short = [sweep.id for sweep in sweeps if lacking_roles(sweep, policy.approve_roles)]
    if not sweeps:
        title = "No sweep was due, and no coin left intake"
    elif short:
        title = f"{plural(len(short), 'sweep')} lacks an approval that the policy asks for: {name_list(short)}"
    else:
        fewest = min(len(sweep.signers) for sweep in sweeps)
        title = (
            f"{plural(len(sweeps), 'sweep')} moved {btc_prose(moved)} to cold, each approved by "
            f"{plural(len(policy.approve_roles), 'role')} and signed by at least {plural(fewest, 'signer')}"
        )
    words = (
        (
            f"The policy: proposed by {policy.propose_role}, approved by {name_list(policy.approve_roles)}, one person "
            f"never counting twice; at most {btc(policy.sweep_limit_sats)} BTC and "
            f"{with_unit(whole(policy.fee_limit_sats), 'sat')} "
            f"of fee a sweep. Clause: {policy.clause.rstrip('.')}."
        ),
    )
    zone = ZoneInfo(facts.programme.time_zone)
    columns = (
        Column("proposed", number=False),
        Column("to cold", "BTC"),
        Column("fee", "sat"),
        Column("proposed by", number=False),
        Column("approved by (role)", number=False),
        Column("signed by", number=False),
        Column("block"),
        Column("txid", number=False, code=True),
    )
    rows = [
        Row(
            (
                local_time(sweep.at, zone),
                btc(sweep.amount_sats),
                whole(sweep.fee_sats),
                sweep.proposed_by,
                "\n".join(f"{yes.officer} ({yes.role})" for yes in sweep.approvals),
                "\n".join(sweep.signers),
                whole(sweep.height),
                sweep.txid,
            )
        )
        for sweep in sweeps
    ]
    fees = sum(sweep.fee_sats for sweep in sweeps)
    rows.append(Row(("all sweeps", btc(moved), whole(fees), "", "", "", "", ""), Kind.TOTAL))
    return Section(
        "sweeps", title, words, source, None, (Table("Confirmed sweeps from intake to cold", columns, tuple(rows)),)
    )


def lacking_roles(sweep: SweepFact, roles: tuple[str, ...]) -> list[str]:
    """The roles of the policy for which nobody approved this sweep, one officer counting once."""
    given: dict[str, str] = {}
    for yes in sweep.approvals:
        given.setdefault(yes.officer, yes.role)
    return [role for role in roles if role not in given.values()]
