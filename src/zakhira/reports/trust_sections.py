"""What can be trusted and how far: the verdict of the proof, the assumptions, and what is not known or not proven."""

from __future__ import annotations

from collections import Counter
from zoneinfo import ZoneInfo

from zakhira.programme.model import Assumption, Programme
from zakhira.reports.coin_sections import tie_out_breaks
from zakhira.reports.document import Column, Kind, Row, Section, Table
from zakhira.reports.energy_sections import name_list, plural
from zakhira.reports.facts import RunFacts
from zakhira.reports.numbers import btc, fixed, local_time, percent, prose, whole
from zakhira.reports.totals import TieOut

PASSED = "passed"
FAILED = "failed"
_ICONS = {PASSED: "\u2713", FAILED: "\u2717"}
_ORIGINS = {"node": "from the node", "pack": "from the pack", "trust": "on trusted keys"}
ESTIMATE_TAG = "E"
TAG_WORDS = "S sourced, D derived from sourced figures, K general knowledge, E estimate"


def proof_section(facts: RunFacts, source: str) -> Section:
    """Each check of the proof with its outcome and what it rests on."""
    verdict = facts.verdict
    outcomes = Counter(check.outcome for check in verdict.checks)
    origins = Counter(check.source for check in verdict.checks if check.outcome == PASSED)
    passed = outcomes[PASSED]
    rests = name_list([f"{count} {_ORIGINS.get(origin, origin)}" for origin, count in origins.items()])
    if verdict.verified:
        title = f"{verdict.word}: {passed} of {plural(len(verdict.checks), 'check')} passed ({rests})"
    else:
        wrong = [check.words for check in verdict.checks if check.outcome != PASSED]
        title = f"{verdict.word}: {passed} of {plural(len(verdict.checks), 'check')} passed; not {name_list(wrong)}"
    words = (
        (
            f"The pack speaks for block {whole(verdict.height)}: {btc(verdict.proven_sats)} BTC "
            f"proven in the cold vault, {btc(verdict.claims_sats)} BTC of claims against it."
        ),
        (
            "A check from the node can be repeated on anybody's own node, one from the pack with the pack alone; one "
            "from trust rests on keys that the reader knows from elsewhere."
        ),
    )
    columns = (
        Column("outcome", number=False),
        Column("check", number=False),
        Column("rests on", number=False),
        Column("detail", number=False),
    )
    rows = tuple(
        Row((f"{_ICONS.get(check.outcome, '?')} {check.outcome}", check.words, check.source, check.detail))
        for check in verdict.checks
    )
    return Section("proof", title, words, source, None, (Table("Checks of the proof pack", columns, rows),))


def _group(assumption: Assumption) -> str:
    return assumption.key.split(".", 1)[0].split("[", 1)[0]


def assumption_section(programme: Programme, source: str) -> Section:
    """Every figure behind the report, with unit, bounds, tag, source and date."""
    tags = Counter(a.tag for a in programme.assumptions)
    count = len(programme.assumptions)
    title = f"{count} figures stand behind this report, and {tags[ESTIMATE_TAG]} of them are estimates"
    words = (
        f"Tags: {TAG_WORDS}. "
        + name_list([f"{tags[tag]} {tag}" for tag in "SDKE" if tags[tag]])
        + ". An estimate carries its low and high where the programme gives them.",
    )
    columns = (
        Column("figure", number=False, code=True),
        Column("value"),
        Column("unit", number=False),
        Column("low"),
        Column("high"),
        Column("tag", number=False),
        Column("date", number=False),
        Column("source", number=False),
    )
    groups: dict[str, list[Row]] = {}
    for a in programme.assumptions:
        kind = Kind.ESTIMATE if a.tag == ESTIMATE_TAG else Kind.NORMAL
        low, high = ("\u2013" if bound is None else _figure(bound) for bound in (a.low, a.high))
        cells = (a.key, _figure(a.value), a.unit, low, high, a.tag, f"{a.date}" if a.date else "\u2013", a.source)
        groups.setdefault(_group(a), []).append(Row(cells, kind))
    tables = tuple(
        Table(f"{name}: {plural(len(rows), 'figure')}", columns, tuple(rows), folded=True)
        for name, rows in groups.items()
    )
    return Section("assumptions", title, words, source, None, tables)


def _figure(value: float) -> str:
    """A figure of the programme as exactly as it was given, up to 12 digits."""
    return prose(value, 12) if value % 1 else fixed(value)


def unknown_section(facts: RunFacts, tie: TieOut, source: str) -> Section:
    """What this report does not prove and does not know, said first."""
    points = (
        *(f"The books do not tie: {line}." for line in tie_out_breaks(tie)),
        *_chain_points(facts),
        *_energy_points(facts),
        *_figure_points(facts.programme),
    )
    title = f"{plural(len(points), 'thing')} that this report does not prove or does not know"
    return Section("unknown", title, (), source, points=points, prominent=True)


def _chain_points(facts: RunFacts) -> tuple[str, ...]:
    programme, verdict = facts.programme, facts.verdict
    points = []
    if programme.chain != "main":
        points.append(
            f"The coins are on a private chain ({programme.chain}) and are worth nothing: pools, payments and signers "
            "are played by the program, at real scale."
        )
    if programme.drill is not None:
        points.append("The keys come from a phrase that anybody may read. They must never hold coins of worth.")
    points += [
        f"Not checked: {check.words}. {check.detail}".rstrip()
        for check in verdict.checks
        if check.outcome not in (PASSED, FAILED)
    ]
    points.append(
        f"The proof shows which coins the signers of the cold vault could move at block {whole(verdict.height)}. It "
        "does not show that nobody else has the keys, nor that the programme owes nothing beyond the claims in its "
        "ledger."
    )
    if facts.block_minutes_used > 10:  # noqa: PLR2004  # the target spacing of Bitcoin's blocks, in minutes
        points.append(
            f"The private chain has a block every {facts.block_minutes_used} minutes of programme time, not every 10: "
            f"{facts.block_minutes_reason}."
        )
    return tuple(points)


def _energy_points(facts: RunFacts) -> tuple[str, ...]:
    programme = facts.programme
    forecast = programme.forecast
    points = [
        "No meter was read: the energy is what dispatch decided, and the work of the machines follows from it.",
        (
            f"The forecast is drawn (error {percent(forecast.error_share)} of the surplus, persistence "
            f"{percent(forecast.persistence_share)}), not taken from a forecaster."
        ),
    ]
    if facts.calibration:
        points.append(
            "The surplus is generated from monthly and daily facts by a seeded model, and calibrated to published "
            "figures; it is not a measured series."
        )
    return (*points, *_line_points(programme), _network_point(facts))


def _line_points(programme: Programme) -> tuple[str, ...]:
    """What is said of lines and batteries: dispatch knows neither."""
    granted = any(min(link.limit_mw, link.wheeling_mw) > 0 for link in programme.links)
    if granted or programme.batteries:
        return ("The plan moves power over lines and through batteries; dispatch keeps each zone to its own surplus.",)
    if not programme.links:
        return ()
    links = plural(len(programme.links), "link")
    return (f"None of the {links} is granted to the programme: plan and dispatch keep each zone to its own surplus.",)


def _network_point(facts: RunFacts) -> str:
    """What the plan takes as given of the network."""
    basis = facts.plan.basis
    if basis.response == "none":
        return (
            "The plan takes the price of bitcoin and the difficulty as given: that so large an entrant lowers "
            "everybody's income, its own as well, is left out of its value (the run's difficulty does respond)."
        )
    others = "others' work is given" if basis.response == "share" else "others leave by a crudely estimated elasticity"
    return (
        f"The plan takes the price of bitcoin as given and lets the network answer our work: difficulty settles on it, "
        f"and {others}. In the run others' work is held."
    )


def _figure_points(programme: Programme) -> tuple[str, ...]:
    prices, network = programme.prices, programme.network
    estimates = sum(a.tag == ESTIMATE_TAG for a in programme.assumptions)
    bare = sum(a.tag == ESTIMATE_TAG and (a.low is None or a.high is None) for a in programme.assumptions)
    return (
        (
            f"Prices are of {prices.as_of} (USD {prose(prices.btc_usd, 6)} a bitcoin, PKR "
            f"{prose(prices.pkr_per_usd, 6)} a "
            f"dollar) and the network of {network.as_of} ({prose(network.hashrate_eh_per_s, 4)} EH/s of others); both "
            "are held for the whole run."
        ),
        f"{estimates} of {len(programme.assumptions)} figures are estimates [E]; {bare} of those without low and high.",
    )


def about_rows(facts: RunFacts) -> tuple[tuple[str, str], ...]:
    """Short facts on the run, for whoever wants to repeat it."""
    zone = ZoneInfo(facts.programme.time_zone)
    return (
        ("programme", facts.programme.id),
        ("digest of programme and series", facts.programme.digest),
        (
            "hours",
            f"{local_time(facts.hours.start, zone)} to {local_time(facts.hours.end, zone)} ({facts.hours.count} h)",
        ),
        ("seed", str(facts.seed)),
        ("chain", facts.programme.chain),
        ("block of the proof", f"{whole(facts.verdict.height)}, {facts.verdict.block_hash}"),
        ("block spacing", f"{facts.block_minutes_used} min of programme time: {facts.block_minutes_reason}"),
        ("node", facts.node_version),
        ("database", facts.database_version),
        ("zakhira", facts.program_version),
    )
