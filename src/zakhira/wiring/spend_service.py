"""``zakhira spend``: the use cases of spends over an opened reserve, in earnest or dry."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path

from zakhira.adapters.plots.spend_flow import framed_spend
from zakhira.adapters.qr.frames import Protocol, make_frames, write_frames
from zakhira.adapters.qr.message import Kind, Message
from zakhira.adapters.software_signer import OfficerKeyFile, SoftwareSigner
from zakhira.cli.answer import Answer
from zakhira.cli.spend_services import Ask, EnteredAmount, FeeAsked, Handing, MovesOrder, PayOrder, ProposalTerms
from zakhira.controls.spend_state import OUT_STATES, SpendState, is_over
from zakhira.custody.fee import rate_from_sat_per_vb
from zakhira.custody.refusals import BadFeeRate
from zakhira.custody.spend_plan import MOST_OUTPUTS
from zakhira.flows.anchoring import with_head
from zakhira.flows.signer_card import card_of_policy
from zakhira.flows.signer_view import view_spend
from zakhira.flows.spend_file import SpendFile, spend_file_bytes
from zakhira.flows.spending.asking import ask_policy, outside_sats
from zakhira.flows.spending.building import build, hand_out
from zakhira.flows.spending.deciding import approve, decide, reject
from zakhira.flows.spending.dry import dry_treasury
from zakhira.flows.spending.executing import execute
from zakhira.flows.spending.fees import FeeWish
from zakhira.flows.spending.hastening import bump, cancel, propose_child, propose_home
from zakhira.flows.spending.order import FeeCeilings, PaymentOrder, SpendOrder
from zakhira.flows.spending.proposing import MoveOrder, propose, propose_batches, propose_gathering, propose_moves
from zakhira.flows.spending.returning import take_signatures
from zakhira.flows.spending.sending import broadcast
from zakhira.flows.spending.spend import TreasurySpend, VersionBytes, version_bytes
from zakhira.flows.spending.spend_line import spend_lines
from zakhira.flows.spending.step import load_spend
from zakhira.flows.spending.watching import follow_spends
from zakhira.flows.treasury import Treasury, policy_in_force
from zakhira.kernel.money import parse_amount, sats
from zakhira.wiring.given_files import read_psbt
from zakhira.wiring.passphrases import passphrase_for
from zakhira.wiring.payment_file import payment_of, read_payments
from zakhira.wiring.reserve_desk import open_reserve
from zakhira.wiring.reserve_watching import catch_up
from zakhira.wiring.settings import Settings
from zakhira.wiring.signer_answer import picture_of_view, view_answer
from zakhira.wiring.signer_files import write_new
from zakhira.wiring.spend_answers import (
    followed_answer,
    history_tables,
    instruction_table,
    lines_answer,
    proposals_answer,
    spend_facts,
    step_answer,
    waiting_for,
)


class SpendDesk:
    """Implements ``cli.spend_services.SpendServices``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @contextmanager
    def _open(self, folder: Path, *, dry_run: bool) -> Iterator[Treasury]:
        """The treasury at the node's tip; dry, it stays where the books are and forgets what is written."""
        with open_reserve(self._settings, folder) as desk:
            treasury = desk.treasury
            if dry_run:
                treasury = dry_treasury(treasury)
            else:
                catch_up(desk)
            yield treasury

    def _officer(self, key: Path, ask: Ask) -> OfficerKeyFile:
        return OfficerKeyFile.open(key, passphrase_for(key, self._settings, ask))

    def propose(self, order: PayOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Propose payments, in batches where they are too many for one transaction."""
        officer = self._officer(order.terms.key, ask)
        with self._open(order.terms.folder, dry_run=dry_run) as treasury:
            told = _pay_order(treasury, order)
            if order.anchor:
                told = with_head(treasury, told)
            if len(told.payments) > MOST_OUTPUTS:
                found = propose_batches(treasury, told, officer, fee_wish(order.fee))
                sentence = f"{len(found.spends)} spends are proposed. {found.reason}".strip()
                return proposals_answer(found.spends, sentence, dry_run=dry_run)
            spend = propose(treasury, told, officer)
            answer = step_answer(spend, _what_next(spend, "is proposed"), dry_run=dry_run)
            return _with_instruction(treasury, spend, answer)

    def move(self, order: MovesOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Propose moves in bounded steps, or a gathering of small coins."""
        officer = self._officer(order.terms.key, ask)
        with self._open(order.terms.folder, dry_run=dry_run) as treasury:
            terms = spend_order(treasury, order.terms, path=order.path)
            step_sats = parse_amount(order.step).units
            move = MoveOrder(
                order.terms.spend, order.from_vault, order.to_vault, step_sats, terms, order.older_than_height
            )
            if order.small_below:
                spends = propose_gathering(
                    treasury,
                    move,
                    officer,
                    fee_wish(order.fee),
                    small_below_sats=parse_amount(order.small_below).units,
                    rate_below_sat_per_kvb=_rate(order.cheap_below),
                    most_inputs=order.most_inputs,
                )
            else:
                spends = propose_moves(treasury, move, officer, fee_wish(order.fee))
            return proposals_answer(spends, f"{len(spends)} steps are proposed.", dry_run=dry_run)

    def list(self, folder: Path, *, everything: bool) -> Answer:
        """Spends by their state; nothing is written."""
        with self._open(folder, dry_run=True) as treasury:
            lines = list(spend_lines(treasury.books).values())
        shown = [
            line for line in lines if everything or not (is_over(line.state) or line.state is SpendState.CONFIRMED)
        ]
        return lines_answer(shown, f"{len(shown)} of {len(lines)} spends.")

    def show(self, folder: Path, spend: str, picture: Path | None, *, every_output: bool) -> Answer:
        """What a spend does; with bytes, as both decoders read them."""
        with self._open(folder, dry_run=True) as treasury:
            found = load_spend(treasury, spend)
            if not (is_over(found.state) or found.state is SpendState.CONFIRMED):
                found = replace(found, decision=ask_policy(treasury, found, treasury.now).decision)
            if not found.versions:
                sentence = f"Spend {spend} is {found.state.value}; it has no transaction yet."
                answer = Answer(history_tables(found), spend_facts(found), sentence)
                return _with_instruction(treasury, found, answer)
            bytes_ = version_bytes(treasury.books, found.last.txid)
            card = card_of_policy(policy_in_force(treasury), treasury.chain)
            view = view_spend(_spend_file(found, bytes_), card, treasury.now)
        answer = view_answer(view, card, every_output=every_output)
        drawn = picture_of_view(view)
        if picture is not None and drawn is not None:
            write_new(picture, framed_spend(drawn).encode())
        facts = {**spend_facts(found), "decoded": answer.facts}
        return Answer((*history_tables(found), *answer.tables), facts, answer.sentence, answer.word)

    def approve(self, folder: Path, spend: str, key: Path, ask: Ask, *, dry_run: bool) -> Answer:
        """An officer's yes, and the decision."""
        officer = self._officer(key, ask)
        with self._open(folder, dry_run=dry_run) as treasury:
            approve(treasury, spend, officer)
            after = decide(treasury, spend)
            return step_answer(after, _what_next(after, f"is approved by {officer.officer}"), dry_run=dry_run)

    def reject(self, folder: Path, spend: str, key: Path, reason: str, ask: Ask, *, dry_run: bool) -> Answer:
        """An officer's no."""
        officer = self._officer(key, ask)
        with self._open(folder, dry_run=dry_run) as treasury:
            after = reject(treasury, spend, officer, reason)
            return step_answer(after, f"Spend {spend} is refused by {officer.officer}.", dry_run=dry_run)

    def execute(
        self, folder: Path, spend: str, entered: EnteredAmount, key: Path, ask: Ask, *, dry_run: bool
    ) -> Answer:
        """The second person's word on the amount; nothing is told of what the officers approved before it matches."""
        officer = self._officer(key, ask)
        with self._open(folder, dry_run=dry_run) as treasury:
            after = execute(treasury, spend, officer, entered.amount, entered.source)
            return step_answer(after, _what_next(after, f"is executed by {officer.officer}"), dry_run=dry_run)

    def build(self, folder: Path, spend: str, fee: FeeAsked, handing: Handing, *, dry_run: bool) -> Answer:
        """Build the transaction and, where a file is named, hand it out; what is out already is handed out again."""
        with self._open(folder, dry_run=dry_run) as treasury:
            after = load_spend(treasury, spend)
            if after.state not in OUT_STATES:
                after = build(treasury, spend, fee_wish(fee))
            return _handed(treasury, after, handing, "is built", dry_run=dry_run)

    def bump(self, folder: Path, spend: str, fee: FeeAsked, handing: Handing, *, dry_run: bool) -> Answer:
        """Another version with a higher fee."""
        with self._open(folder, dry_run=dry_run) as treasury:
            after = bump(treasury, spend, fee_wish(fee))
            return _handed(treasury, after, handing, "has a dearer version", dry_run=dry_run)

    def sign(self, folder: Path, spend: str, key: Path, ask: Ask, *, dry_run: bool) -> Answer:
        """A drill's software signer decodes for itself, and signs; raises ChainRefused off regtest."""
        passphrase = passphrase_for(key, self._settings, ask)
        with self._open(folder, dry_run=dry_run) as treasury:
            policy = policy_in_force(treasury)
            signer = SoftwareSigner.open(key, passphrase, treasury.chain, policy.vaults, lambda: treasury.now, policy)
            found, bytes_ = hand_out(treasury, spend)
            signed = signer.sign_spend(bytes_.psbt, found.instruction, found.approvals, policy, found.execution)
            after = take_signatures(treasury, spend, signed.encode())
            return step_answer(after, _what_next(after, f"is signed by {signer.name}"), dry_run=dry_run)

    def combine(self, folder: Path, spend: str, files: tuple[Path, ...], *, dry_run: bool) -> Answer:
        """Take signatures over from what signers returned."""
        returned = [read_psbt(file).encode() for file in files]
        with self._open(folder, dry_run=dry_run) as treasury:
            after = load_spend(treasury, spend)
            for psbt in returned:
                after = take_signatures(treasury, spend, psbt)
            signers = ", ".join(after.last.signers) or "nobody"
            return step_answer(after, _what_next(after, f"is signed by {signers}"), dry_run=dry_run)

    def broadcast(self, folder: Path, spend: str, *, dry_run: bool) -> Answer:
        """Send the transaction."""
        with self._open(folder, dry_run=dry_run) as treasury:
            after = broadcast(treasury, spend)
            return step_answer(after, _what_next(after, "is sent"), dry_run=dry_run)

    def child(self, parent: str, terms: ProposalTerms, fee: FeeAsked, ask: Ask, *, dry_run: bool) -> Answer:
        """Propose a child that pays for its parent."""
        officer = self._officer(terms.key, ask)
        with self._open(terms.folder, dry_run=dry_run) as treasury:
            after = propose_child(treasury, parent, spend_order(treasury, terms), officer, fee_wish(fee))
            return step_answer(after, _what_next(after, f"is proposed to hasten {parent}"), dry_run=dry_run)

    def cancel(self, folder: Path, spend: str, by: str, *, dry_run: bool) -> Answer:
        """End a spend of which nothing is in other hands."""
        with self._open(folder, dry_run=dry_run) as treasury:
            after = cancel(treasury, spend, by)
            return step_answer(after, f"Spend {spend} is cancelled.", dry_run=dry_run)

    def home(self, spend: str, terms: ProposalTerms, path: str, fee: FeeAsked, ask: Ask, *, dry_run: bool) -> Answer:
        """Propose the double-spend home by a path of the vault."""
        officer = self._officer(terms.key, ask)
        with self._open(terms.folder, dry_run=dry_run) as treasury:
            after = propose_home(treasury, spend, spend_order(treasury, terms, path), officer, fee_wish(fee))
            return step_answer(after, _what_next(after, f"is proposed to take {spend} home"), dry_run=dry_run)

    def status(self, folder: Path, *, dry_run: bool) -> Answer:
        """Follow the chain and bring every spend up to it."""
        with open_reserve(self._settings, folder) as desk:
            treasury = desk.treasury
            if dry_run:
                treasury = dry_treasury(treasury)
                found = follow_spends(treasury)
            else:
                found = catch_up(desk)
            lines = spend_lines(treasury.books).values()
            under_way = [line for line in lines if not (is_over(line.state) or line.state is SpendState.CONFIRMED)]
            return followed_answer(under_way, found, dry_run=dry_run)


def _with_instruction(treasury: Treasury, spend: TreasurySpend, answer: Answer) -> Answer:
    table = instruction_table(spend, outside_sats(treasury, spend))
    return Answer((table, *answer.tables), answer.facts, answer.sentence)


def _what_next(spend: TreasurySpend, what: str) -> str:
    said = f"Spend {spend.id} {what}; it is {spend.state.value} and waits for {waiting_for(spend)}."
    return f"{said} {spend.note}" if spend.note else said


def _rate(text: str) -> int:
    try:
        return rate_from_sat_per_vb(Decimal(text))
    except InvalidOperation:
        raise BadFeeRate(f"{text[:40]!r} is no fee rate.", "Give sat/vB, like 12.5") from None


def fee_wish(fee: FeeAsked) -> FeeWish:
    """What was asked, as building takes it; raises BadFeeRate."""
    return FeeWish(fee.target_blocks, _rate(fee.rate) if fee.rate else 0)


def spend_order(treasury: Treasury, terms: ProposalTerms, path: str = "main") -> SpendOrder:
    """An order without vaults and payments, of the terms that every proposal has."""
    hours = timedelta(hours=terms.hours)
    return SpendOrder(
        id=terms.spend,
        from_vault="",
        payments=(PaymentOrder(sats(1)),),
        purpose=terms.purpose,
        clause=terms.clause or policy_in_force(treasury).clause,
        ceilings=FeeCeilings(parse_amount(terms.fee_limit), terms.fee_rate_limit),
        expires_at=treasury.now + hours if terms.hours else None,
        path=path,
    )


def _pay_order(treasury: Treasury, order: PayOrder) -> SpendOrder:
    base = spend_order(treasury, order.terms, order.path)
    payments = tuple(payment_of(text) for text in order.payments)
    if order.payments_file is not None:
        payments += read_payments(order.payments_file)
    payments += tuple(PaymentOrder(parse_amount(text)) for text in order.amounts)
    return SpendOrder(
        id=base.id,
        from_vault=order.from_vault,
        payments=payments,
        purpose=base.purpose,
        clause=base.clause,
        ceilings=base.ceilings,
        to_vault=order.to_vault,
        expires_at=base.expires_at,
        inputs=order.coins,
        lots=order.lots,
        coins_for=order.coins_for,
        path=order.path,
    )


def _spend_file(spend: TreasurySpend, bytes_: VersionBytes) -> SpendFile:
    rule, version = (spend.decision.rule, spend.decision.policy_hash) if spend.decision else ("", "")
    return SpendFile(
        spend.instruction, spend.proposal_signature, spend.approvals, bytes_.psbt, spend.execution, rule, version
    )


def _handed(treasury: Treasury, spend: TreasurySpend, handing: Handing, what: str, *, dry_run: bool) -> Answer:
    """Hand the newest version out where a file is named: recorded first, written afterwards."""
    if handing.out is None and handing.psbt is None and handing.qr is None:
        return step_answer(spend, _what_next(spend, what), dry_run=dry_run)
    after, bytes_ = hand_out(treasury, spend.id)
    file = spend_file_bytes(_spend_file(after, bytes_))
    places = [str(path) for path in (handing.out, handing.psbt, handing.qr) if path is not None]
    if not dry_run:
        if handing.out is not None:
            write_new(handing.out, file)
        if handing.psbt is not None:
            write_new(handing.psbt, base64.b64decode(bytes_.psbt))
        if handing.qr is not None:
            protocol: Protocol = "ur" if handing.protocol == "ur" else "bbqr"
            message = Message(Kind.JSON, file)
            write_frames(make_frames(message, protocol, f"Spend {spend.id}"), handing.qr)
    sentence = f"{_what_next(after, what)} Handed out: {', '.join(places)}."
    return step_answer(after, sentence, dry_run=dry_run, more={"files": list(places)})
