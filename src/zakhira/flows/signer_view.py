"""What a signer sees with nothing but a spend file and a card: decoded bytes, verified words, and what stays unknown.

Amounts, destinations, change and fee come from the decoded bytes alone. Of the instruction only words are shown
(purpose, clause, names, times), and only beside whether its signatures verify.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from zakhira.controls.approval import PROPOSAL_DOMAIN, approval_is_genuine, execution_is_genuine
from zakhira.custody.anchor import Anchor, anchor_in
from zakhira.custody.checks import check_against, coins_as_told, place_in_vault, vault_named
from zakhira.custody.coin import Instruction
from zakhira.custody.decoded import Decoded, DecodedInput, DecodedOutput
from zakhira.custody.decoders import decode_psbt
from zakhira.custody.descriptor import CHANGE, RECEIVE
from zakhira.custody.refusals import ApprovalsMissing, SigningRefused, UnknownVault
from zakhira.custody.weight import spend_vsize
from zakhira.flows.signer_card import SignerCard, policy_of_card, version_of_card
from zakhira.flows.signing_rules import own_outputs, require_approved
from zakhira.flows.spend_file import SpendFile
from zakhira.flows.spend_question import Said
from zakhira.kernel.errors import ZakhiraError
from zakhira.kernel.signatures import signature_is_valid
from zakhira.programme.model import Officer, Policy, Vault
from zakhira.programme.policy import Rule

LONGEST_WORDS, LONGEST_MESSAGE = 200, 1000
"""How many letters of what somebody else wrote are shown."""
_BRANCHES = {RECEIVE: "receive", CHANGE: "change"}


class ProposalUnsigned(SigningRefused):
    """The instruction does not carry the signature of the officer who is said to have proposed it."""

    code = "ZK-FLOWS-077"


class NothingToSign(SigningRefused):
    """A signer's own view disagrees with what it was sent, so that no signature is made."""

    code = "ZK-FLOWS-078"


class RuleDiffers(SigningRefused):
    """The desk let a spend go under another rule or version of the policy than this signer's card has."""

    code = "ZK-FLOWS-114"


class Standing(Enum):
    """How far something is known on this machine."""

    VERIFIED = "verified"
    UNKNOWN = "cannot be known here"
    DIFFERENT = "different"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, in a sentence."""

    standing: Standing
    sentence: str


@dataclass(frozen=True)
class Difference:
    """A reason to sign nothing. ``code`` names the cause."""

    code: str
    message: str
    remedy: str


class Role(Enum):
    """What an output is, by derivation and by the approved payments."""

    PAID = "paid"
    CHANGE = "comes back"
    DATA = "data"
    """the approved anchor of the audit chain, which moves nothing"""
    STRANGE = "not approved"


@dataclass(frozen=True)
class SeenOutput:
    """One output as decoded. ``vault`` and ``place`` are derived anew; empty where no vault of the card derives it."""

    role: Role
    address: str
    """empty where the script has none"""
    amount_sats: int
    vault: str
    place: str
    """``receive 4`` or ``change 7``"""
    anchor: Anchor | None = None
    """the head of an audit chain that the output holds as data, approved or not"""


@dataclass(frozen=True)
class SeenInput:
    """One coin as decoded. ``amount_sats`` is None where the PSBT claims nothing."""

    outpoint: str
    amount_sats: int | None
    vault: str
    place: str
    is_whole: bool
    """whether the previous transaction is in the PSBT: its amount then hashes to the coin's id"""
    signed_by: tuple[str, ...]
    """fingerprints of the keys whose signatures the PSBT carries already; they are not verified here"""


@dataclass(frozen=True)
class SeenApproval:
    """An approval of the file. ``role`` is empty where the card does not know the officer."""

    officer: str
    role: str
    at: datetime
    is_valid: bool


@dataclass(frozen=True)
class SignerView:
    """All that there is to see. Nothing may be signed while there is a difference."""

    instruction: Instruction
    """its words alone are shown; amounts and destinations are those of the bytes"""
    proposal_is_valid: bool
    approvals: tuple[SeenApproval, ...]
    execution: SeenApproval | None
    """the second person's word, where the file carries one"""
    rule: Rule | None
    """the card's rule that lets it go; None where none does, or the card has none"""
    inputs: tuple[SeenInput, ...]
    outputs: tuple[SeenOutput, ...]
    fee_sats: int | None
    vsize: int
    """virtual bytes of the final transaction, at most; 0 if the paying vault is unknown"""
    locktime: int
    txid: str
    findings: tuple[Finding, ...]
    differences: tuple[Difference, ...]

    @property
    def may_sign(self) -> bool:
        """Whether nothing disagrees."""
        return not self.differences

    def outputs_of(self, role: Role) -> tuple[SeenOutput, ...]:
        """The outputs that are this."""
        return tuple(output for output in self.outputs if output.role is role)


def _place(policy: Policy, given: DecodedInput | DecodedOutput, chain: str) -> tuple[str, str, bool]:
    """The vault and place that derive a script, and whether it is on the change branch."""
    for vault in policy.vaults:
        found = place_in_vault(vault, given.key_origins, chain)
        if found is not None and found[2].script_hex == given.script_hex:
            return vault.id, f"{_BRANCHES[found[0]]} {found[1]}", found[0] == CHANGE
    return "", "", False


def _seen_input(policy: Policy, given: DecodedInput, chain: str) -> SeenInput:
    vault, place, _ = _place(policy, given, chain)
    marks = {key: mark for key, mark, _ in given.key_origins}
    keys = [key for key, _ in given.signatures] + [key for key, _, _ in given.taproot.signatures]
    signed_by = tuple(sorted({marks.get(key, key) for key in keys}))
    whole = given.previous is not None and given.previous[0] == given.outpoint.partition(":")[0]
    return SeenInput(given.outpoint, given.amount_sats, vault, place, whole, signed_by)


def _seen_outputs(policy: Policy, decoded: Decoded, instruction: Instruction, chain: str) -> tuple[SeenOutput, ...]:
    """Each output: a payment that was approved, change of the paying vault, the approved anchor, or none of them."""
    lacking = Counter((payment.address, payment.amount_sats) for payment in instruction.payments)
    seen = []
    for output in decoded.outputs:
        vault, place, is_change = _place(policy, output, chain)
        said = (output.address, output.amount_sats)
        anchor = anchor_in(output.script_hex)
        if lacking[said] > 0:
            lacking[said] -= 1
            role = Role.PAID
        elif anchor is not None and anchor.data == instruction.anchor and output.amount_sats == 0:
            role = Role.DATA
        else:
            role = Role.CHANGE if is_change and vault == instruction.from_vault else Role.STRANGE
        seen.append(SeenOutput(role, output.address, output.amount_sats, vault, place, anchor))
    return tuple(seen)


def plain_words(text: str, limit: int = LONGEST_WORDS) -> str:
    """Words that somebody else wrote, made fit for a screen: what moves a cursor or turns a line is spelled out.

    A purpose with an escape sequence in it could otherwise paint over what this machine found.
    """
    spelled = "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in text[: limit + 1])
    return spelled if len(text) <= limit else f"{spelled[:limit]}... ({len(text)} characters)"


def _difference(error: ZakhiraError) -> Difference:
    return Difference(error.code, plain_words(error.message, LONGEST_MESSAGE), plain_words(error.remedy))


def require_proposed(policy: Policy, instruction: Instruction, signature: str) -> None:
    """Require that the officer who is named as the proposer signed the instruction.

    Raises:
        ProposalUnsigned: nobody of that name is known, or the signature is not by that officer's key.
    """
    proposer = next((officer for officer in policy.officers if officer.id == instruction.proposed_by), None)
    if proposer is None:
        raise ProposalUnsigned(
            f"The proposer {instruction.proposed_by!r} is no officer of the card.", "Sign nothing; ask by telephone."
        )
    if not signature_is_valid(proposer.public_key, PROPOSAL_DOMAIN, instruction.hash, signature):
        raise ProposalUnsigned(
            f"The instruction {instruction.id!r} is not what {proposer.id} signed as its proposer.",
            "Sign nothing: it was altered on the way, or made up.",
        )


def _authority(
    file: SpendFile, card: SignerCard, own: Mapping[str, str], at: datetime
) -> tuple[list[Difference], bool, Rule | None]:
    """What the officers' signatures lack, whether the proposer's is valid, and the rule that lets it go."""
    differences: list[Difference] = []
    rule: Rule | None = None
    proposed, policy = True, policy_of_card(card)
    try:
        require_proposed(policy, file.instruction, file.proposal_signature)
    except ProposalUnsigned as error:
        proposed = False
        differences.append(_difference(error))
    try:
        said = Said(file.approvals, execution=file.execution)
        rule = require_approved(policy, file.instruction, said, own, at, version_of_card(card))
        _require_same_rule(file, card, rule)
    except (ApprovalsMissing, RuleDiffers) as error:
        differences.append(_difference(error))
    return differences, proposed, rule


def _require_same_rule(file: SpendFile, card: SignerCard, rule: Rule | None) -> None:
    """Hold what the desk says decided against what decides here; a card of version 1 cannot. Raises RuleDiffers."""
    version, decided = version_of_card(card), "" if rule is None else rule.id
    if version and (file.rule, file.policy_hash) != (decided, version):
        raise RuleDiffers(
            f"The desk let it go under rule {file.rule!r} of policy {file.policy_hash[:12]!r}; the card has rule "
            f"{decided!r} of policy {version[:12]!r}.",
            "Ask by telephone which policy is in force, and whether the card is the newest.",
        )


def _seen_approvals(file: SpendFile, officers: tuple[Officer, ...]) -> tuple[SeenApproval, ...]:
    known = {officer.id: officer for officer in officers}
    seen = []
    for approval in file.approvals:
        officer = known.get(approval.officer)
        valid = (
            officer is not None
            and approval.instruction_hash == file.instruction.hash
            and approval_is_genuine(approval, officer.public_key)
        )
        seen.append(SeenApproval(approval.officer, officer.role if officer else "", approval.at, valid))
    return tuple(seen)


def _seen_execution(file: SpendFile, officers: tuple[Officer, ...]) -> SeenApproval | None:
    given = file.execution
    if given is None:
        return None
    officer = next((item for item in officers if item.id == given.officer), None)
    is_own = officer is not None and execution_is_genuine(given, officer.public_key)
    is_valid = is_own and given.instruction_hash == file.instruction.hash
    return SeenApproval(given.officer, officer.role if officer else "", given.at, is_valid)


_ECDSA_WARNING = (
    "A signature over a wrong amount is worth nothing (BIP-143), but two signatures over the same coins with different "
    "amounts can be joined: sign a spend once."
)
_TAPROOT_WARNING = (
    "Every signature commits to the amounts of all coins (BIP-341): over a wrong one it is worth nothing."
)


def _coin_findings(inputs: tuple[SeenInput, ...], *, is_taproot: bool) -> tuple[Finding, ...]:
    whole = sum(item.is_whole for item in inputs)
    findings = []
    if whole:
        findings.append(
            Finding(
                Standing.VERIFIED,
                f"The amounts of {whole} of {len(inputs)} coins: their previous transactions are in the PSBT and hash "
                "to the coins' ids.",
            )
        )
    if whole < len(inputs):
        findings.append(
            Finding(
                Standing.UNKNOWN,
                f"The amounts of {len(inputs) - whole} of {len(inputs)} coins, and so the fee: they are what the PSBT "
                f"says. {_TAPROOT_WARNING if is_taproot else _ECDSA_WARNING}",
            )
        )
    return (
        *findings,
        Finding(Standing.UNKNOWN, "Whether the coins are still unspent: only a node knows."),
        Finding(
            Standing.UNKNOWN,
            "Whether an outside address is the payee's: compare it with the source that the payee gave, not with a "
            "screen of the coordinator.",
        ),
    )


def _good_findings(view_inputs: tuple[SeenInput, ...], outputs: tuple[SeenOutput, ...]) -> tuple[Finding, ...]:
    """What has been verified once there is no difference."""
    change = [output for output in outputs if output.role is Role.CHANGE]
    own = [output for output in outputs if output.role is Role.PAID and output.vault]
    count, vault = len(view_inputs), view_inputs[0].vault
    sentences = [
        "Two decoders, rust-bitcoin and embit, read the bytes alike.",
        "The proposer and the officers that the card asks for signed this very instruction, in time and within limits.",
        "The bytes carry this instruction and pay what it says, and nothing else.",
        f"{count} coin{'s are' if count != 1 else ' is'} spent, at addresses of vault {vault}, derived anew.",
        "Every signature will cover the whole transaction; sequence and lock time are those of the vault.",
    ]
    if change:
        sentences.append(f"What comes back goes to {change[0].vault}, {change[0].place}, derived anew.")
    if own:
        sentences.append(f"{len(own)} of the payments go to a vault of the card, derived anew.")
    sentences += [
        f"One output of 0 sat {output.anchor}: exactly what the officers signed, and no other data."
        for output in outputs
        if output.role is Role.DATA and output.anchor is not None
    ]
    return tuple(Finding(Standing.VERIFIED, sentence) for sentence in sentences)


def _data_findings(outputs: tuple[SeenOutput, ...]) -> tuple[Finding, ...]:
    """What only the books know of an anchor."""
    if not any(output.role is Role.DATA for output in outputs):
        return ()
    sentence = "Whether the audit chain has this hash at this position: only its books know, and other anchors tell."
    return (Finding(Standing.UNKNOWN, sentence),)


def _vsize(policy: Policy, decoded: Decoded, instruction: Instruction) -> int:
    try:
        vault: Vault = vault_named(policy, instruction.from_vault)
    except UnknownVault:
        return 0
    sizes = [len(output.script_hex) // 2 for output in decoded.outputs]
    return spend_vsize(vault, len(decoded.inputs), sizes, instruction.path)


def view_spend(file: SpendFile, card: SignerCard, at: datetime) -> SignerView:
    """Look at a spend with nothing but its file, the card and this machine's clock (UTC). Raises nothing of its own.

    Every difference that can be found at once is found: of the signatures, and the first of the bytes.
    """
    policy = policy_of_card(card)
    decoded: Decoded | None = None
    own: Mapping[str, str] = {}
    bytes_differ: list[Difference] = []
    inputs: tuple[SeenInput, ...] = ()
    outputs: tuple[SeenOutput, ...] = ()
    try:
        decoded = decode_psbt(file.psbt, card.chain)
        own = own_outputs(policy, decoded, card.chain)
        inputs = tuple(_seen_input(policy, given, card.chain) for given in decoded.inputs)
        outputs = _seen_outputs(policy, decoded, file.instruction, card.chain)
        check_against(decoded, file.instruction, coins_as_told(decoded), policy, card.chain)
    except ZakhiraError as error:
        bytes_differ.append(_difference(error))
    differences, proposed, rule = _authority(file, card, own, at)
    differences += bytes_differ
    findings = tuple(Finding(Standing.DIFFERENT, f"{item.code} {item.message}") for item in differences)
    if decoded is not None:
        is_taproot = all(given.is_taproot for given in decoded.inputs)
        findings += () if differences else _good_findings(inputs, outputs)
        findings += _coin_findings(inputs, is_taproot=is_taproot) + _data_findings(outputs)
    return SignerView(
        instruction=file.instruction,
        proposal_is_valid=proposed,
        approvals=_seen_approvals(file, card.officers),
        execution=_seen_execution(file, card.officers),
        rule=rule,
        inputs=inputs,
        outputs=outputs,
        fee_sats=decoded.fee_sats if decoded is not None else None,
        vsize=_vsize(policy, decoded, file.instruction) if decoded is not None else 0,
        locktime=decoded.locktime if decoded is not None else 0,
        txid=decoded.txid if decoded is not None else "",
        findings=findings,
        differences=tuple(differences),
    )


def require_signable(view: SignerView) -> None:
    """Nothing, if the view has no difference.

    Raises:
        NothingToSign: it has; the message tells the first with its code.
    """
    if not view.may_sign:
        first = view.differences[0]
        more = f" And {len(view.differences) - 1} further." if len(view.differences) > 1 else ""
        raise NothingToSign(f"Nothing was signed. {first.code} {first.message}{more}", first.remedy)
