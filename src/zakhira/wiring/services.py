"""The use cases behind the commands, put together from their parts when they are asked for."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zakhira.cli.answer import Answer, Finding, Progress, ServedNode, Table
from zakhira.cli.services import NetworkImport, PlanOrder, SeriesImport
from zakhira.wiring.settings import Settings, read_settings

if TYPE_CHECKING:
    from zakhira.cli.command_log import CommandLog
    from zakhira.wiring.address_service import AddressDesk
    from zakhira.wiring.anchor_service import AnchorDesk
    from zakhira.wiring.audit_service import AuditDesk
    from zakhira.wiring.code_service import CodeDesk
    from zakhira.wiring.database_desk import DatabaseDesk
    from zakhira.wiring.device_service import DeviceDesk
    from zakhira.wiring.drill_service import DrillDesk
    from zakhira.wiring.governing_service import GoverningDesk
    from zakhira.wiring.keys_service import KeyDesk
    from zakhira.wiring.ledger_service import LedgerDesk
    from zakhira.wiring.participant_service import ParticipantDesk
    from zakhira.wiring.payout_service import PayoutOffice
    from zakhira.wiring.policy_service import PolicyDesk
    from zakhira.wiring.reconcile_service import ReconcileDesk
    from zakhira.wiring.reserve_service import ReserveDesk
    from zakhira.wiring.signer_service import SignerDesk
    from zakhira.wiring.spend_service import SpendDesk
    from zakhira.wiring.vault_service import VaultDesk
    from zakhira.wiring.watch_service import WatchDesk


class ProgramServices:
    """Implements ``cli.services.Services``. Each method imports what it needs, so that the rest stays light."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or read_settings()
        self._command_log: CommandLog | None = None

    @property
    def command_log(self) -> CommandLog | None:
        """Where commands are written down, if ZAKHIRA_LOG names a log; raises LogUnwritable."""
        if self._command_log is None and self._settings.log:
            from zakhira.wiring.command_journal import CommandJournal
            from zakhira.wiring.journals import open_journal

            self._command_log = CommandJournal(open_journal(self._settings, self._settings.log))
        return self._command_log

    def doctor(self) -> Sequence[Finding]:
        """Look at what is installed and reachable."""
        from zakhira.wiring.doctor import examine

        return examine(self._settings)

    def init(self, folder: Path) -> Answer:
        """Write a programme folder that ``run`` accepts, with drill keys of its own."""
        from zakhira.adapters.programme_scaffold import write_scaffold

        written = write_scaffold(folder, f"drill {secrets.token_hex(8)}")
        names = [str(path) for path in written]
        table = Table("Written", ("file",), tuple((name,) for name in names))
        sentence = f"A programme is in {folder}. Next: zakhira check {folder}"
        return Answer((table,), {"files": names}, sentence)

    def check(self, folder: Path) -> Answer:
        """Validate a programme folder."""
        from zakhira.adapters.programme_folder import load_programme
        from zakhira.wiring.check_answer import check_answer

        programme, series = load_programme(folder)
        if programme.surplus_years:
            from zakhira.adapters.surplus_years import load_surplus_years

            load_surplus_years(folder, programme, series)
        return check_answer(programme)

    def plan(self, order: PlanOrder, progress: Progress) -> Answer:
        """Allocate the megawatts."""
        from zakhira.adapters.programme_folder import load_programme
        from zakhira.wiring.plan_answer import plan_answer
        from zakhira.wiring.plan_service import as_ordered, plan_as_ordered, plan_beside

        loaded, series = load_programme(order.folder)
        programme = as_ordered(order, loaded)
        if order.frontier:
            from zakhira.wiring.plan_views import frontier_answer

            return frontier_answer(order, programme, series, progress)
        plan = plan_as_ordered(order, programme, series, progress)
        answer = plan_answer(plan, programme, plan_beside(order, programme, series, plan))
        if order.explain or order.break_even or order.out:
            from zakhira.wiring.plan_views import with_views

            return with_views(order, programme, series, plan, answer)
        return answer

    def plan_to_network(self, folder: Path, path: Path) -> Answer:
        """Write the price taker's problem as a PyPSA network."""
        from zakhira.wiring.pypsa_service import plan_to_network

        return plan_to_network(folder, path)

    def run(self, folder: Path, days: int, seed: int, out: Path, progress: Progress) -> Answer:
        """Run the whole chain, or carry on where it stopped."""
        from zakhira.wiring.run_service import run_programme

        return run_programme(self._settings, folder, days, seed, out, progress)

    def compare(self, before: Path, after: Path) -> Answer:
        """Set two plans side by side."""
        from zakhira.wiring.compare_service import compare_files

        return compare_files(before, after)

    def verify(self, pack: Path, node_url: str, cookie: Path | None, trust: Path) -> Answer:
        """Check a pack against a node and trusted keys."""
        from zakhira.wiring.verdict_answer import verdict_answer
        from zakhira.wiring.verify_service import verify_folder

        return verdict_answer(verify_folder(pack, node_url, cookie, trust))

    def serve_node(self, out: Path, announce: Callable[[ServedNode], None]) -> None:
        """Start the private node of a finished run and wait until interrupted."""
        from zakhira.wiring.run_service import serve_node

        serve_node(self._settings, out, announce)

    def generate_surplus(self, folder: Path, seed: int, *, years: bool, write: bool) -> Answer:
        """Generate the series of a programme, or its other years, from the facts of its power system."""
        from zakhira.wiring.surplus_service import generate, generate_all_years

        return generate_all_years(folder, seed, write=write) if years else generate(folder, seed, write=write)

    def import_series(self, order: SeriesImport, progress: Progress) -> Answer:
        """Turn a planner's own files into a series of a programme."""
        from zakhira.wiring.series_service import import_files

        return import_files(order, progress)

    def surplus_from_network(self, order: NetworkImport) -> Answer:
        """Make a programme out of the surplus of a solved PyPSA network."""
        from zakhira.wiring.pypsa_service import from_network

        return from_network(order)

    def scenarios(self, folder: Path, count: int, seed: int, out: Path) -> Answer:
        """Draw scenarios of the future and write them."""
        from zakhira.wiring.scenarios_service import draw_scenarios

        return draw_scenarios(folder, count, seed, out)

    @property
    def reserves(self) -> ReserveDesk:
        """Reserve folders."""
        from zakhira.wiring.reserve_service import ReserveDesk

        return ReserveDesk(self._settings)

    @property
    def vaults(self) -> VaultDesk:
        """Vaults of a reserve."""
        from zakhira.wiring.vault_service import VaultDesk

        return VaultDesk(self._settings)

    @property
    def keys(self) -> KeyDesk:
        """Keys of officers and signers."""
        from zakhira.wiring.keys_service import KeyDesk

        return KeyDesk(self._settings)

    @property
    def addresses(self) -> AddressDesk:
        """Addresses of vaults, and labels."""
        from zakhira.wiring.address_service import AddressDesk

        return AddressDesk(self._settings)

    @property
    def spends(self) -> SpendDesk:
        """Spends of a reserve."""
        from zakhira.wiring.spend_service import SpendDesk

        return SpendDesk(self._settings)

    @property
    def audits(self) -> AuditDesk:
        """The audit chain."""
        from zakhira.wiring.audit_service import AuditDesk

        return AuditDesk(self._settings)

    @property
    def database(self) -> DatabaseDesk:
        """The database."""
        from zakhira.wiring.database_desk import DatabaseDesk

        return DatabaseDesk(self._settings)

    @property
    def anchors(self) -> AnchorDesk:
        """Heads of the audit chain in Bitcoin."""
        from zakhira.wiring.anchor_service import AnchorDesk

        return AnchorDesk(self._settings)

    @property
    def signers(self) -> SignerDesk:
        """A signer's own machine."""
        from zakhira.wiring.signer_service import SignerDesk

        return SignerDesk(self._settings)

    @property
    def codes(self) -> CodeDesk:
        """QR codes."""
        from zakhira.wiring.code_service import CodeDesk

        return CodeDesk()

    @property
    def devices(self) -> DeviceDesk:
        """Hardware signers on USB."""
        from zakhira.wiring.device_service import DeviceDesk

        return DeviceDesk()

    @property
    def policies(self) -> PolicyDesk:
        """The policy: shown, checked, explained, compared and simulated."""
        from zakhira.wiring.policy_service import PolicyDesk

        return PolicyDesk(self._settings)

    @property
    def governing(self) -> GoverningDesk:
        """Authority over time."""
        from zakhira.wiring.governing_service import GoverningDesk

        return GoverningDesk(self._settings)

    @property
    def watches(self) -> WatchDesk:
        """The watchtower."""
        from zakhira.wiring.watch_service import WatchDesk

        return WatchDesk(self._settings)

    @property
    def drills(self) -> DrillDesk:
        """Drills."""
        from zakhira.wiring.drill_service import DrillDesk

        return DrillDesk(self._settings)

    @property
    def reconciling(self) -> ReconcileDesk:
        """Books against the world."""
        from zakhira.wiring.reconcile_service import ReconcileDesk

        return ReconcileDesk(self._settings)

    @property
    def ledger(self) -> LedgerDesk:
        """The books."""
        from zakhira.wiring.ledger_service import LedgerDesk

        return LedgerDesk(self._settings)

    @property
    def participants(self) -> ParticipantDesk:
        """Who holds claims."""
        from zakhira.wiring.participant_service import ParticipantDesk

        return ParticipantDesk(self._settings)

    @property
    def payouts(self) -> PayoutOffice:
        """Payouts."""
        from zakhira.wiring.payout_service import PayoutOffice

        return PayoutOffice(self._settings)
