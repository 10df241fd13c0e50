"""The verdict on a pack: every check with its source and outcome, and one word over all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from zakhira.kernel.errors import InvalidInput
from zakhira.proofs import checking, node_checks, pack_checks
from zakhira.proofs.checking import Case, CheckFails, CheckImpossible, Rule
from zakhira.proofs.node_view import MessageVerifier, NodeView
from zakhira.proofs.reading import Malformed

VERIFIED = "VERIFIED"
FAILED = "FAILED"
NOT_VERIFIED = "NOT VERIFIED"

PASSED_OUTCOME = "passed"
FAILED_OUTCOME = "failed"
IMPOSSIBLE_OUTCOME = "not possible here"


class BadRequirement(InvalidInput):
    """Fewer than one signature was required."""

    code = "ZK-PROOFS-009"


@dataclass(frozen=True)
class Check:
    """One check. ``source`` is pack, trust or node; ``outcome`` is passed, failed or not possible here."""

    id: str
    words: str
    source: str
    outcome: str
    detail: str


@dataclass(frozen=True)
class Verdict:
    """What was found. The figures are those of the statement, and 0 or empty where it could not be read."""

    checks: tuple[Check, ...]
    programme_id: str
    height: int
    block_hash: str
    proven_sats: int
    claims_sats: int
    moved: Mapping[str, int]
    """coins that were unspent at the block and have moved since: outpoint to height"""

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that say no."""
        return tuple(check for check in self.checks if check.outcome == FAILED_OUTCOME)

    @property
    def impossible(self) -> tuple[Check, ...]:
        """The checks that could not be made here."""
        return tuple(check for check in self.checks if check.outcome == IMPOSSIBLE_OUTCOME)

    @property
    def word(self) -> str:
        """VERIFIED if every check passed, FAILED if one says no, else NOT VERIFIED."""
        if self.failed:
            return FAILED
        return NOT_VERIFIED if self.impossible else VERIFIED


_READ = ("files", "hashes", "shape")
_BOUND = (*_READ, "signatures")

RULES = (
    Rule("files", "The pack holds exactly its files", "pack", (), checking.check_names),
    Rule("hashes", "Every file is the one that the manifest lists", "pack", ("files",), checking.check_hashes),
    Rule("shape", "Every file is canonical JSON of the known form", "pack", ("files",), checking.check_shape),
    Rule(
        "signatures", "Officers that you trust signed the manifest", "trust", ("files",), pack_checks.check_signatures
    ),
    Rule(
        "challenge", "The challenge is bound to this block and these coins", "pack", _READ, pack_checks.check_challenge
    ),
    Rule("addresses", "Every address follows from the descriptor", "pack", _READ, pack_checks.check_addresses),
    Rule("distinct", "No coin is counted twice", "pack", _READ, pack_checks.check_distinct),
    Rule("total", "The total is the sum of the coins", "pack", _READ, pack_checks.check_total),
    Rule("balanced", "Every entry of the ledger balances", "pack", _READ, pack_checks.check_balanced),
    Rule("balances", "The ledger's balances are the sums of its postings", "pack", _READ, pack_checks.check_balances),
    Rule(
        "identity",
        "Received less fees is what the vaults hold",
        "pack",
        (*_READ, "balances"),
        pack_checks.check_identity,
    ),
    Rule("ledger", "The ledger's account holds exactly these coins", "pack", _READ, pack_checks.check_ledger_coins),
    Rule("claims", "Claims are covered by the coins", "pack", (*_READ, "balances"), pack_checks.check_claims),
    Rule("control", "The keys of every address signed the challenge", "pack", _BOUND, pack_checks.check_control),
    Rule("chain", "The node is on the chain of the pack", "node", _BOUND, node_checks.check_chain),
    Rule("block", "The block is in the node's best chain", "node", (*_BOUND, "chain"), node_checks.check_block),
    Rule(
        "coins",
        "Every coin is in its block, with its amount and address",
        "node",
        (*_BOUND, "addresses", "distinct", "block"),
        node_checks.check_coins,
    ),
    Rule(
        "unspent",
        "Every coin was unspent at the block",
        "node",
        (*_BOUND, "addresses", "distinct", "block", "coins"),
        node_checks.check_unspent,
    ),
)
"""Every check, in order; all of them must pass."""


def _apply(rule: Rule, case: Case, passed: set[str]) -> Check:
    open_needs = [need for need in rule.needs if need not in passed]
    if open_needs:
        detail = f"Not looked at: the check {open_needs[0]!r} has to pass first."
        return Check(rule.id, rule.words, rule.source, IMPOSSIBLE_OUTCOME, detail)
    try:
        detail = rule.test(case)
    except (CheckFails, Malformed) as error:
        return Check(rule.id, rule.words, rule.source, FAILED_OUTCOME, error.message)
    except CheckImpossible as error:
        return Check(rule.id, rule.words, rule.source, IMPOSSIBLE_OUTCOME, error.message)
    passed.add(rule.id)
    return Check(rule.id, rule.words, rule.source, PASSED_OUTCOME, detail)


def verify_pack(
    files: Mapping[str, bytes],
    trust: Mapping[str, str],
    required_signatures: int,
    node: NodeView,
    messages: MessageVerifier,
) -> Verdict:
    """Check a pack with nothing but its files, trusted keys (officer to hex) and a node.

    Whatever the files hold, the answer is a verdict and never an error about them.

    Raises:
        BadRequirement: fewer than one signature is required.
        OutsideFailure: the node cannot be reached or refuses the caller, as its adapter says.
    """
    if required_signatures < 1:
        raise BadRequirement(f"{required_signatures} required signatures prove nothing.", "Require at least 1.")
    case = Case(dict(files), dict(trust), required_signatures, node, messages)
    passed: set[str] = set()
    checks = tuple(_apply(rule, case, passed) for rule in RULES)
    stated = case.read.statement if case.read else None
    return Verdict(
        checks=checks,
        programme_id=stated.programme_id if stated else "",
        height=stated.height if stated else 0,
        block_hash=stated.block_hash if stated else "",
        proven_sats=stated.total_sats if stated else 0,
        claims_sats=stated.claims_sats if stated else 0,
        moved=dict(case.moved),
    )
