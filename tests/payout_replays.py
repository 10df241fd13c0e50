"""Payouts that went wrong elsewhere, as batches of ours: what was meant, and what was entered instead.

Sources: shared facts on custody, section on incidents (press of the days named). Amounts in won, Australian dollars and
other coins are told here in rupees, dollars and bitcoin: the error is the same. Payees, splits and account numbers are
made up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from payout_drill import campaign, limited, payee
from zakhira.kernel.money import Amount, parse_amount
from zakhira.settlement.payouts.batch import PayoutRow
from zakhira.settlement.payouts.campaign import Campaign


@dataclass(frozen=True)
class Replay:
    """One error: the campaign, and rows of payee, what was meant and what was entered."""

    name: str
    happened: str
    campaign: Campaign
    rows: tuple[tuple[str, str, str], ...]
    says: str
    """what the fault tells whoever looks at it"""
    accounts: tuple[tuple[str, str], ...] = ()
    """account numbers of payees"""

    @property
    def reason(self) -> str:
        """What the campaign pays for."""
        return self.campaign.reasons[0]

    def file(self, *, entered: bool = True) -> bytes:
        """The batch as it was entered, or as it was meant."""
        lines = [f"{who},{wrong if entered else meant},{self.reason}" for who, meant, wrong in self.rows]
        return ("\n".join(("payee,amount,reason", *lines)) + "\n").encode()

    def payout_rows(self, *, entered: bool = True) -> tuple[PayoutRow, ...]:
        """The rows as they come out of a form that let everything pass."""
        return tuple(
            PayoutRow(line, who, parse_amount(wrong if entered else meant), self.reason, wrong if entered else meant)
            for line, (who, meant, wrong) in enumerate(self.rows, 2)
        )

    def total(self, *, entered: bool = True) -> Amount:
        """What all rows take together."""
        first, *rest = (row.takes for row in self.payout_rows(entered=entered))
        return sum(rest, start=first)


def _bithumb_rows() -> tuple[tuple[str, str, str], ...]:
    """249 payees, 2,000 to 50,000 each, 620,000 in all: every number meant in money was entered in bitcoin."""
    amounts = [50_000, 50_000, 28_000, *[2_000] * 246]
    assert (len(amounts), sum(amounts)) == (249, 620_000)
    return tuple((payee(number), f"{amount} PKR", f"{amount} BTC") for number, amount in enumerate(amounts, 1))


BITHUMB = Replay(
    "bithumb-2026-02-06",
    "A promotion of KRW 620,000 in all, 2,000 to 50,000 each, was entered as 620,000 BTC and credited to 249 users.",
    limited(
        campaign(id="promotion-2026", title="Promotion", reasons=("promotion",)),
        "PKR",
        "2000",
        "50000",
        "50000",
        "620000",
    ),
    _bithumb_rows(),
    "50,000 BTC is not in PKR, which campaign promotion-2026 pays. Did you mean 50,000 PKR?",
)
BLOCKFI = Replay(
    "blockfi-2021",
    "A promotion in dollars (GUSD) was paid in bitcoin, up to 701 BTC to one customer.",
    limited(campaign(id="bonus-2021", title="Bonus", reasons=("promotion",)), "USD", "10", "1000", "1000", "100000"),
    ((payee(1), "701 USD", "701 BTC"), (payee(2), "20 USD", "20 BTC")),
    "701 BTC is not in USD, which campaign bonus-2021 pays. Did you mean 701 USD?",
)
CRYPTO_COM = Replay(
    "crypto-com-2021",
    "A refund of A$100 was paid as A$10.5 million: the number of an account stood in the field of the amount.",
    limited(campaign(id="refunds-2021", title="Refunds", reasons=("refund",)), "PKR", "10", "5000", "5000", "1000000"),
    ((payee(1), "100 PKR", "10500000 PKR"),),
    "'10500000 PKR' is the number 10500000 of payee p-000001.",
    ((payee(1), "10500000"),),
)
PAXOS = Replay(
    "paxos-2025",
    "300 trillion PYUSD were minted with one key, in place of 300 million.",
    limited(
        campaign(id="issue-2025", title="Issue to the distributor", reasons=("issue",)),
        "USD",
        "100000000",
        "399000000",
        "399000000",
        "399000000",
    ),
    ((payee(1), "300000000 USD", "300000000000000 USD"),),
    "300,000,000,000,000 USD is",
)
SMALL = replace(
    BITHUMB,
    name="100 BTC for PKR 100",
    happened="The same error, so small that the coins behind the claims would cover it.",
    campaign=limited(replace(BITHUMB.campaign, id="small-2026"), "PKR", "10", "1000", "1000", "10000"),
    rows=((payee(1), "100 PKR", "100 BTC"),),
    says="100 BTC is not in PKR, which campaign small-2026 pays. Did you mean 100 PKR?",
)
REPLAYS = (BITHUMB, BLOCKFI, CRYPTO_COM, PAXOS, SMALL)
