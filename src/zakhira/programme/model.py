"""The programme as plain, frozen data: what every room reads its own part of."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from zakhira.kernel.interval import HourRange
from zakhira.kernel.money import Amount
from zakhira.programme.policy import Deputy, Holiday, Payee, Rule, Statute
from zakhira.programme.reconciliation import BankAccountSpec, Reconciliation


@dataclass(frozen=True)
class Assumption:
    """One figure with where it comes from. ``tag``: S sourced, D derived, K general knowledge, E estimate.

    ``key`` is ``prices.btc_usd`` for a single table, ``zone.thar.loss_share`` for a record with an id,
    ``vault.cold.key.s1.xpub`` inside another record and ``link[1].limit_mw`` (counted from 1) for one without an id.
    """

    key: str
    value: float
    unit: str
    low: float | None
    high: float | None
    source: str
    date: date | None
    tag: str


@dataclass(frozen=True)
class Zone:
    """A place with surplus power and a grid connection."""

    id: str
    name: str
    latitude_deg: float
    longitude_deg: float
    grid_node: str
    loss_share: float
    """Lost between the plant's bus and the plug, as a share of what leaves the bus."""
    max_mw: float
    """The most that may be allocated in the zone, at the plug."""
    firm_limit_mw: float = 1e6
    """The most firm supply that the grid can give the zone's AI halls."""


@dataclass(frozen=True)
class Link:
    """A line between two zones."""

    from_zone: str
    to_zone: str
    limit_mw: float
    loss_share: float
    wheeling_mw: float = 1e6
    """What the grid lets the programme move over the line, if that is less than ``limit_mw``."""


@dataclass(frozen=True)
class Battery:
    """A battery at a zone's plug, charged from surplus and full again at the horizon's end as at its start."""

    zone: str
    power_mw: float
    energy_mwh: float
    round_trip_share: float


@dataclass(frozen=True)
class Backup:
    """Generation behind a zone's halls that runs on fuel when surplus and firm supply are not enough."""

    zone: str
    power_mw: float
    fuel_usd_per_mwh: float


@dataclass(frozen=True)
class LoadWindow:
    """Hours of the local day in which a hall class draws another share of its mean load (1 outside every window)."""

    hall: str
    from_hour: int
    to_hour: int
    """The first hour after the window; a window may run over midnight."""
    load_share: float


@dataclass(frozen=True)
class MachineClass:
    """A class of mining machines. MW are at the plug, cooling included (machine power x ``pue``)."""

    id: str
    name: str
    efficiency_j_per_th: float
    price_usd_per_th: float
    infrastructure_usd_per_mw: float
    pue: float
    availability_share: float
    opex_usd_per_mwh: float
    derate_from_c: float
    """Ambient temperature from which power falls linearly ..."""
    stop_at_c: float
    """... to nothing here."""
    life_years: float
    jobs_per_mw: float
    limit_mw: float
    """What the market can deliver."""
    module_mw: float = 0.0
    """Fleets come in whole containers of this size; 0: any size."""
    lead_years: int = 0
    """Years from the order to the first year of work."""


@dataclass(frozen=True)
class HallClass:
    """A class of AI halls. MW are at the plug, facility included."""

    id: str
    name: str
    kw_per_gpu: float
    gpu_hour_usd: float
    sold_share: float
    """Share of the GPU-hours that is sold; the load follows it."""
    capex_usd_per_mw: float
    opex_usd_per_mwh: float
    availability_share: float
    life_years: float
    jobs_per_mw: float
    limit_mw: float
    module_mw: float = 0.0
    """Halls come in whole units of this size; 0: any size."""
    lead_years: int = 0
    """Years from the order to the first year of work."""
    service_share: float = 0.99
    """The share of each month's load that must be served."""
    unserved_usd_per_mwh: float = 0.0
    """Penalty for load that is not served, beside the revenue lost."""
    interruptible_share: float = 0.0
    """The share of the load that may be interrupted without penalty ..."""
    event_hours: int = 3
    """... for so many hours in a row ..."""
    events_per_month: int = 0
    """... and so many times a month."""


@dataclass(frozen=True)
class Pool:
    """A mining pool that pays licensees for accepted work (full pay per share)."""

    id: str
    name: str
    fee_share: float
    reject_share: float
    """Share of the work that the pool rejects as stale or wrong."""


@dataclass(frozen=True)
class Licensee:
    """A company that may use surplus power, up to its quota."""

    id: str
    name: str
    quota_mw: float
    pool: str
    royalty_share: float
    """Share of the mined coins that the pool pays to the programme."""
    rent_share: float
    """Share of the AI revenue that the licensee owes the programme, in US dollars."""


@dataclass(frozen=True)
class Site:
    """One licensee's plant in a zone."""

    id: str
    licensee: str
    zone: str
    connection_mw: float
    ramp_share_per_5min: float
    fixed_cost_usd_per_year: float = 0.0
    """What it costs a year to have the site open at all."""
    hall_min_mw: float = 0.0
    """AI capacity that has been promised at the site."""


@dataclass(frozen=True)
class Prices:
    """Money: prices and rates, with their date."""

    as_of: date
    btc_usd: float
    pkr_per_usd: float
    firm_tariff_pkr_per_kwh: float
    """What an AI hall pays the grid for firm supply beyond the surplus."""
    energy_markup_pkr_per_kwh: float
    """Added to the surplus cost in what a licensee is invoiced."""
    discount_share_per_year: float
    capital_budget_usd: float
    system_fuel_pkr_per_kwh: float = 12.18
    """What the fuel of an average unit costs the grid: a firm tariff above it relieves its capacity payments."""


@dataclass(frozen=True)
class Network:
    """The state of the Bitcoin network. Difficulty is derived from the hashrate, not the other way round."""

    as_of: date
    height: int
    hashrate_eh_per_s: float
    """Of everybody else."""
    fee_share: float
    """Transaction fees as a share of the subsidy."""


@dataclass(frozen=True)
class ForecastQuality:
    """How far the day-ahead forecast of surplus is off: a first-order autoregressive relative error."""

    error_share: float
    persistence_share: float


@dataclass(frozen=True)
class Planning:
    """How the allocation is chosen, and how the future is drawn; drifts and volatilities are those of logarithms."""

    objective: str = "value"
    """value, coins, energy or jobs"""
    response: str = "none"
    """How the network answers our work: none (a price taker), share (difficulty adjusts), elastic (others leave)."""
    elasticity: float = 0.3
    """Others' hashrate is proportional to hashprice to this power."""
    risk_weight: float = 0.0
    """0 maximises the mean of the net value; 1 its mean over the worst scenarios."""
    risk_tail_share: float = 0.05
    """The worst scenarios: this share of the weight (1 - alpha)."""
    licensee_losses: str = "refused"
    """refused: no licensee's own net value may be negative; allowed: the sum alone counts."""
    btc_drift_per_year: float = 0.0
    btc_volatility_per_year: float = 0.5
    hashrate_drift_per_year: float = 0.0
    hashrate_volatility_per_year: float = 0.15
    correlation: float = 0.5
    """Of the price's and the hashrate's steps."""
    gpu_volatility: float = 0.25
    """Standard deviation of the logarithm of a GPU-hour's price."""
    efficiency_gain_per_year: float = 0.1
    """By how much the energy of a new machine falls from year to year (share)."""
    machine_price_fall_per_year: float = 0.1
    """By how much the price of a terahash per second falls from year to year (share)."""
    residual_share: float = 1.0
    """What the capital that is not yet repaid is worth when the last phase ends."""


@dataclass(frozen=True)
class SurplusYear:
    """Another year of surplus that the horizon could be: dry or wet, with more demand or more solar."""

    id: str
    name: str
    file: str
    weight_share: float
    """How likely it is; the year of ``[series]`` has what is left of 1."""


@dataclass(frozen=True)
class Phase:
    """A year of the build-up, counted from the horizon: what may stand by then, and what may be spent in it."""

    id: str
    year: int
    cap_mw: float
    capital_budget_usd: float
    surplus_share: float = 1.0
    """How much of the horizon's surplus is still there in that year."""


@dataclass(frozen=True)
class Officer:
    """A person with a role. ``public_key`` is Ed25519, 64 hex digits."""

    id: str
    name: str
    role: str
    public_key: str
    more_roles: tuple[str, ...] = ()
    person: str = ""
    """who the officer is, where one person holds several offices with a key each; empty: the officer's id"""


@dataclass(frozen=True)
class VaultKey:
    """One signer's extended public key with its origin: ``[fingerprint/48h/1h/0h/2h]tpub...``."""

    signer: str
    xpub: str


@dataclass(frozen=True)
class Recovery:
    """A second quorum that may spend a coin once it is ``after_blocks`` blocks old (BIP-68, 1 to 65,535)."""

    threshold: int
    keys: tuple[VaultKey, ...]
    after_blocks: int


@dataclass(frozen=True)
class Vault:
    """A descriptor with a purpose; ``template`` says which one (see custody.template)."""

    id: str
    purpose: str
    threshold: int
    keys: tuple[VaultKey, ...]
    template: str = "sortedmulti"
    """``sortedmulti``, ``decaying``, ``held`` or ``taproot``"""
    recovery: Recovery | None = None
    """of a decaying vault always, of a taproot vault if it has one"""
    held_until_height: int = 0
    """of a held vault: the block after which its coins can move (BIP-65); 0 elsewhere"""
    is_drill: bool = False
    """made on regtest of keys that a vault in earnest would refuse (one vendor, site or person): marked for ever"""


@dataclass(frozen=True)
class Policy:
    """Who may do what with coins."""

    roles: tuple[str, ...]
    officers: tuple[Officer, ...]
    vaults: tuple[Vault, ...]
    propose_role: str
    approve_roles: tuple[str, ...]
    """Each of these roles must approve a sweep; one person never counts twice."""
    sweep_signers: int
    """How many signers of the intake vault look at a sweep and sign it; at least the vault's threshold."""
    sweep_every_days: int
    sweep_limit_sats: int
    """The most that one sweep may move."""
    fee_limit_sats: int
    fee_rate_sat_per_vb: int
    confirmations: int
    approval_hours: int
    """How long a proposal may wait for its approvals."""
    community_share: float
    """Share of each royalty that the programme owes to the community that hosts the zone."""
    clause: str
    """The clause that allows a sweep, as the signer sees it."""
    rules: tuple[Rule, ...] = ()
    """First match decides, and what none fits is refused. None at all: the one rule that the fields above amount to."""
    statutes: tuple[Statute, ...] = ()
    deputies: tuple[Deputy, ...] = ()
    payees: tuple[Payee, ...] = ()
    holidays: tuple[Holiday, ...] = ()
    time_zone: str = "UTC"
    """whose days and hours the rules mean"""
    change_lock_hours: int = 48
    """between the quorum for a change of the policy and the moment from which it is in force"""
    listing_hours: int = 48
    """after which a payee that was put on the list can be paid"""
    authorization: str = ""
    """Cedar policies of the programme's own, beside those that follow from the rules (``controls.permissions``)"""

    def vault(self, purpose: str) -> Vault:
        """The vault with this purpose; validation has made sure that there is exactly one."""
        return next(vault for vault in self.vaults if vault.purpose == purpose)


@dataclass(frozen=True)
class AccountSpec:
    """An account of the ledger: ``assets:vault:cold`` counts one commodity."""

    code: str
    commodity: str
    kind: str
    """asset, liability, income, expense, equity or conversion"""
    claim: str = "none"
    """demand or term: somebody's claim; suspense: held, of unknown origin. A liability in coin is one of them."""
    overdraft: str = "none"
    """none or allowed: whether an asset or a liability may fall below 0 (in its natural sign)"""
    ceiling: Amount | None = None
    """the most that it may hold, in its natural sign"""


@dataclass(frozen=True)
class Drill:
    """Keys of a drill are derived from this phrase, which anybody may read. Refused on any chain but regtest."""

    phrase: str


@dataclass(frozen=True)
class Programme:
    """The whole undertaking as one versioned file; its data series are separate (:class:`Series`)."""

    format_version: int
    id: str
    name: str
    time_zone: str
    horizon: HourRange
    run_start: datetime
    """Where ``zakhira run`` starts unless told otherwise (UTC, on a local midnight)."""
    cap_mw: float
    chain: str
    """main, test, signet or regtest"""
    block_minutes: int
    """Programme time between blocks of the private chain: 10 to 60."""
    zones: tuple[Zone, ...]
    links: tuple[Link, ...]
    machines: tuple[MachineClass, ...]
    halls: tuple[HallClass, ...]
    pools: tuple[Pool, ...]
    licensees: tuple[Licensee, ...]
    sites: tuple[Site, ...]
    prices: Prices
    network: Network
    forecast: ForecastQuality
    policy: Policy
    accounts: tuple[AccountSpec, ...]
    drill: Drill | None
    assumptions: tuple[Assumption, ...]
    """Every figure of the file and every default that was used, with its provenance."""
    surplus_file: str
    temperature_file: str
    digest: str
    """SHA-256 over the file and its series: names exactly what a result was computed from."""
    batteries: tuple[Battery, ...] = ()
    backups: tuple[Backup, ...] = ()
    load_windows: tuple[LoadWindow, ...] = ()
    planning: Planning = Planning()
    surplus_years: tuple[SurplusYear, ...] = ()
    phases: tuple[Phase, ...] = ()
    bank_accounts: tuple[BankAccountSpec, ...] = ()
    reconciliation: Reconciliation = field(default_factory=Reconciliation)
