"""A desk of payouts: twins, the drill's officers, participants with accounts, and campaigns that are open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from custody_drill import NOW, PHRASE, make_policy
from zakhira.adapters.drill_keys import officer_key
from zakhira.adapters.iso20022.files import Iso20022Files
from zakhira.adapters.payout_file import read_payouts
from zakhira.flows.paying.approving import approve_payout
from zakhira.flows.paying.campaign_record import CampaignRecord
from zakhira.flows.paying.campaigns import approve_campaign, propose_campaign
from zakhira.flows.paying.desk import PayoutDesk
from zakhira.flows.paying.executing import Released, enter_total, release_part
from zakhira.flows.paying.known import PARTICIPANT
from zakhira.flows.paying.payout_record import PayoutRecord
from zakhira.flows.paying.preparing import PayoutOrder, Prepared, prepare
from zakhira.flows.policy_authority import PolicyAuthority
from zakhira.flows.ports.books import Books, Record, Write
from zakhira.flows.ports.ledger_books import Backing, LedgerBooks
from zakhira.flows.ports.movement_store import MovementStore
from zakhira.kernel.money import Amount, Commodity, parse_amount
from zakhira.programme.model import AccountSpec, Policy
from zakhira.programme.policy import Quorum, Rule, Window
from zakhira.settlement.payouts.campaign import Campaign, Way
from zakhira.settlement.payouts.entries import participant_account
from zakhira.simulator.books import SimulatedBooks
from zakhira.simulator.ledger import SimulatedLedger
from zakhira.simulator.movements import SimulatedMovements
from zakhira.simulator.signer import SimulatedOfficer

BOTH = (Quorum(1, ("treasury",)), Quorum(1, ("audit",)))
GOVERN = Rule("govern", "Rule 1: campaigns", ("policy-change", "thaw"), propose_roles=("operations",), quorums=BOTH)
RUPEES = Rule(
    "rupees",
    "Rule 2: payouts in rupees",
    ("payout",),
    below_amount=parse_amount("5000000 PKR"),
    propose_roles=("operations",),
    quorums=BOTH,
    execute_roles=("treasury",),
)
COINS = replace(RUPEES, id="coins", clause="Rule 3: payouts in coin", below_amount=parse_amount("2 BTC"))
DOLLARS = replace(RUPEES, id="dollars", clause="Rule 4: payouts in dollars", below_amount=parse_amount("400000000 USD"))
RULES = (GOVERN, RUPEES, COINS, DOLLARS)
SOURCE = "minute 14/2026"


def officer(name: str) -> SimulatedOfficer:
    """The officer's key."""
    return SimulatedOfficer(name, officer_key(PHRASE, name).private_bytes_raw())


def payout_policy(*rules: Rule) -> Policy:
    """The drill's policy with rules for payouts: dara prepares, amina and chand approve, bilal is the second person."""
    return replace(make_policy(), rules=rules or RULES)


def campaign(**told: object) -> Campaign:
    """A campaign of stipends in rupees, with whatever is told otherwise."""
    made = Campaign(
        id="stipend-2026",
        title="Stipends for trainees",
        budget=parse_amount("620000 PKR"),
        most_per_payee=parse_amount("60000 PKR"),
        lowest=parse_amount("1000 PKR"),
        highest=parse_amount("50000 PKR"),
        way=Way.ACCOUNTS,
        reasons=("stipend", "promotion", "refund", "salary", "royalty"),
        part_minutes=10,
    )
    return replace(made, **told)  # type: ignore[arg-type]  # fields of a campaign


def limited(told: Campaign, commodity: str, lowest: str, highest: str, most: str, budget: str) -> Campaign:
    """The campaign with these amounts in one commodity."""

    def amount(number: str) -> Amount:
        return parse_amount(f"{number} {commodity}")

    return replace(
        told,
        lowest=amount(lowest),
        highest=amount(highest),
        most_per_payee=amount(most),
        budget=amount(budget),
    )


def csv_of(*rows: str, head: str = "payee,amount,reason") -> bytes:
    """A file of these rows."""
    return ("\n".join((head, *rows)) + "\n").encode()


def payee(number: int) -> str:
    """The id of a participant of the drill."""
    return f"p-{number:06d}"


class UncountedLedger(SimulatedLedger):
    """The twin's answers where no coins are followed: nothing is said of what stands behind claims."""

    backed_by: Backing | None = None

    def backing(self, commodity: Commodity) -> Backing | None:
        """What a test says."""
        return self.backed_by if commodity is Commodity.BTC else None


@dataclass
class PayoutDrill:
    """A desk with a clock."""

    books: Books
    ledger: LedgerBooks
    movements: MovementStore
    policy: Policy = field(default_factory=payout_policy)
    now: datetime = NOW
    found: Sequence[str] = ()
    """what reconciliation finds"""

    @property
    def desk(self) -> PayoutDesk:
        """The desk at this moment."""
        authority = PolicyAuthority(self.movements)
        return PayoutDesk(
            self.books, self.ledger, authority, self.policy, self.now, lambda *_: self.found, Iso20022Files()
        )

    def wait(self, minutes: int = 10) -> None:
        """Let time pass."""
        self.now += timedelta(minutes=minutes)

    def enter(self, count: int, *assets: str) -> None:
        """Participants 1 to ``count``, each with an account in each of these."""
        names = [payee(number) for number in range(1, count + 1)]
        specs = (
            AccountSpec(participant_account(name, asset), asset, "liability") for name in names for asset in assets
        )
        self.books.open_accounts(tuple(specs))
        records = tuple(Record(PARTICIPANT, name, {"name": f"Trainee {name}"}) for name in names)
        self.books.commit(Write(f"participants {count}", "desk", "participants entered", self.now, records=records))

    def opened(self, told: Campaign) -> CampaignRecord:
        """A campaign that dara puts forward and two officers approve."""
        propose_campaign(self.desk, told, officer("dara"))
        approve_campaign(self.desk, told.id, officer("amina"))
        return approve_campaign(self.desk, told.id, officer("chand"))

    def prepared(self, told: Campaign, content: bytes, name: str = "batch-1") -> Prepared:
        """A batch that dara prepares."""
        rows = read_payouts(content, "batch.csv")
        return prepare(self.desk, PayoutOrder(name, told.id, SOURCE, rows, "batch.csv"), officer("dara"))

    def approved(self, name: str = "batch-1") -> PayoutRecord:
        """Both approvals."""
        approve_payout(self.desk, name, officer("amina"))
        return approve_payout(self.desk, name, officer("chand"))

    def entered(self, total: str, name: str = "batch-1") -> PayoutRecord:
        """Bilal reads the total in the minute."""
        return enter_total(self.desk, name, officer("bilal"), total, SOURCE)

    def part(self, name: str = "batch-1") -> Released:
        """The next part, by bilal."""
        return release_part(self.desk, name, officer("bilal"))

    def paid(self, told: Campaign, content: bytes, total: str, name: str = "batch-1") -> PayoutRecord:
        """All the way from the file to the last part."""
        self.prepared(told, content, name)
        self.approved(name)
        payout = self.entered(total, name)
        for _ in payout.parts:
            payout = self.part(name).payout
            self.wait(told.part_minutes)
        return payout

    def held(self, code: str) -> int:
        """Units of a liability, as a positive number."""
        state = self.ledger.account(code)
        assert state is not None, code
        return -state.balance.units


def twin_drill(participants: int = 5, *assets: str, policy: Policy | None = None) -> PayoutDrill:
    """A drill of twins with participants who have accounts in rupees and coin, unless told otherwise."""
    books = SimulatedBooks()
    drill = PayoutDrill(books, UncountedLedger(books), SimulatedMovements(books), policy or payout_policy())
    drill.enter(participants, *(assets or ("PKR", "BTC")))
    return drill


def windowed(rule: Rule, *windows: Window) -> Rule:
    """A rule with windows."""
    return replace(rule, windows=windows)
