"""What the terminal door asks of the program. ``wiring`` fulfils it; nothing heavy is imported to name it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from zakhira.cli.anchor_services import AnchorServices
    from zakhira.cli.answer import Answer, Finding, Progress, ServedNode
    from zakhira.cli.audit_services import AuditServices
    from zakhira.cli.custody_services import AddressServices, KeyServices, ReserveServices, VaultServices
    from zakhira.cli.db_services import DatabaseServices
    from zakhira.cli.drill_services import DrillServices
    from zakhira.cli.governing_services import GoverningServices
    from zakhira.cli.ledger_services import LedgerServices, ParticipantServices
    from zakhira.cli.payout_services import PayoutServices
    from zakhira.cli.policy_services import PolicyServices
    from zakhira.cli.reconcile_services import ReconcileServices
    from zakhira.cli.signer_services import CodeServices, DeviceServices, SignerServices
    from zakhira.cli.spend_services import SpendServices
    from zakhira.cli.watch_services import WatchServices


@dataclass(frozen=True)
class SeriesImport:
    """What a planner tells of files that shall become a series; empty text where nothing was told."""

    files: tuple[Path, ...]
    programme: Path
    kind: str = "surplus"
    time_zone: str = ""
    resolution: str = ""
    repairs: tuple[str, ...] = ()
    max_gap_hours: float = 3
    blocks: tuple[int, ...] = ()
    costs_pkr_per_mwh: tuple[float, ...] = ()
    stamps_end: bool = False
    time_column: str = ""
    time_format: str = ""
    delimiter: str = ","
    decimal_comma: bool = False
    write: bool = False


@dataclass(frozen=True)
class PlanOrder:
    """What shall be planned: nothing but the folder plans the programme's own year at its own prices.

    ``scenarios`` of 0 draws none; ``risk`` is the weight of the worst scenarios and their level; ``response`` is the
    programme's where it is empty.
    """

    folder: Path
    scenarios: int = 0
    scenario_file: Path | None = None
    seed: int = 7
    risk: tuple[float, float] | None = None
    response: str = ""
    phases: bool = False
    method: str = "auto"
    engine: str = "local"
    workers: int = 2
    objective: str = ""
    explain: str = ""
    """A zone that shall be explained."""
    frontier: tuple[str, str] | None = None
    points: int = 5
    break_even: bool = False
    out: Path | None = None
    """A folder for plan.json, the report and its plots."""


@dataclass(frozen=True)
class NetworkImport:
    """Which PyPSA network shall become a programme in ``out``, and what its figures mean; rate 0: a new programme's."""

    network: Path
    out: Path
    cost_below: float
    blocks: int
    bus_carriers: tuple[str, ...]
    time_zone: str
    usd_per_unit: float
    pkr_per_usd: float


class Services(Protocol):
    """The use cases behind the commands. All raise ZakhiraError alone on purpose."""

    def doctor(self) -> Sequence[Finding]:
        """Look at what is installed and reachable."""

    def init(self, folder: Path) -> Answer:
        """Write a programme folder that ``run`` accepts."""

    def check(self, folder: Path) -> Answer:
        """Validate a programme folder; raises Faults with every fault."""

    def plan(self, order: PlanOrder, progress: Progress) -> Answer:
        """Allocate the megawatts."""

    def plan_to_network(self, folder: Path, path: Path) -> Answer:
        """Write the price taker's problem as a PyPSA network."""

    def run(self, folder: Path, days: int, seed: int, out: Path, progress: Progress) -> Answer:
        """Run the whole chain, or carry on where it stopped."""

    def compare(self, before: Path, after: Path) -> Answer:
        """Set two plans side by side: what changed and why."""

    def verify(self, pack: Path, node_url: str, cookie: Path | None, trust: Path) -> Answer:
        """Check a pack against a node and trusted keys."""

    def serve_node(self, out: Path, announce: Callable[[ServedNode], None]) -> None:
        """Start the private node of a finished run and wait until interrupted."""

    def generate_surplus(self, folder: Path, seed: int, *, years: bool, write: bool) -> Answer:
        """Generate the series of a programme, or its other years, from the facts of its power system."""

    def import_series(self, order: SeriesImport, progress: Progress) -> Answer:
        """Turn a planner's own files into a series of a programme."""

    def surplus_from_network(self, order: NetworkImport) -> Answer:
        """Make a programme out of the surplus of a solved PyPSA network."""

    def scenarios(self, folder: Path, count: int, seed: int, out: Path) -> Answer:
        """Draw scenarios of the future and write them."""

    @property
    def reserves(self) -> ReserveServices:
        """Reserve folders."""

    @property
    def vaults(self) -> VaultServices:
        """Vaults of a reserve."""

    @property
    def keys(self) -> KeyServices:
        """Keys of officers and signers."""

    @property
    def addresses(self) -> AddressServices:
        """Addresses of vaults, and labels."""

    @property
    def spends(self) -> SpendServices:
        """Spends of a reserve."""

    @property
    def audits(self) -> AuditServices:
        """The audit chain."""

    @property
    def database(self) -> DatabaseServices:
        """The database."""

    @property
    def anchors(self) -> AnchorServices:
        """Heads of the audit chain in Bitcoin."""

    @property
    def signers(self) -> SignerServices:
        """A signer's own machine."""

    @property
    def codes(self) -> CodeServices:
        """QR codes."""

    @property
    def devices(self) -> DeviceServices:
        """Hardware signers on USB."""

    @property
    def policies(self) -> PolicyServices:
        """The policy: shown, checked, explained, compared and simulated."""

    @property
    def governing(self) -> GoverningServices:
        """Authority over time: changes of the policy, a freeze, keys of officers."""

    @property
    def watches(self) -> WatchServices:
        """The watchtower."""

    @property
    def drills(self) -> DrillServices:
        """Drills."""

    @property
    def reconciling(self) -> ReconcileServices:
        """Books against the world."""

    @property
    def ledger(self) -> LedgerServices:
        """The books."""

    @property
    def participants(self) -> ParticipantServices:
        """Who holds claims."""

    @property
    def payouts(self) -> PayoutServices:
        """Payouts: campaigns, batches, approvals, execution and the stop."""
