"""Policies drawn at random, and every question over the values that they can tell apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations, product

from hypothesis import strategies as st

from policy_corpus_reader import corpus, read_planted
from policy_replay import PAYEE, signing
from zakhira.controls.engine.question import Destination, Question
from zakhira.kernel.money import Amount, Commodity, sats
from zakhira.programme.model import Policy
from zakhira.programme.policy import Quorum, Rule, Window

AT = datetime(2027, 1, 4, 10, tzinfo=UTC)

# A policy and a question drawn at random, small enough that every selector meets every other.
VAULTS, PURPOSES, ACTIONS = ("cold", "intake", "warm"), ("wages", "works", "else"), ("spend", "move", "payout", "home")
ENDS = (None, sats(1), sats(2), sats(5), sats(9), Amount(5, Commodity.PKR))


@st.composite
def rules_drawn(draw: st.DrawFn, name: str) -> Rule:
    """One rule; its selectors are drawn, its conditions hardly."""

    def some(values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(draw(st.lists(st.sampled_from(values), max_size=2, unique=True)))

    return Rule(
        id=name,
        clause=name,
        actions=some(ACTIONS) or ("spend",),
        effect=draw(st.sampled_from(("allow", "refuse"))),
        vaults=some(VAULTS[:2]),
        paths=draw(st.sampled_from((("main",), ("recovery",), ("main", "recovery")))),
        destinations=draw(st.sampled_from(("any", "any", "listed", "own"))),
        to_vaults=draw(st.sampled_from(((), (), ("cold",), ("cold", "intake")))),
        purposes=some(PURPOSES[:2]),
        from_amount=draw(st.sampled_from(ENDS)),
        below_amount=draw(st.sampled_from(ENDS)),
        propose_roles=("treasury-officer",),
        quorums=tuple(Quorum(1, (role,)) for role in some(("comptroller", "director"))),
        windows=draw(st.sampled_from(((), (Window(24, limit=sats(6)),)))),
    )


@st.composite
def policies_drawn(draw: st.DrawFn) -> Policy:
    """The clean policy's people with other rules."""
    count = draw(st.integers(1, 6))
    rules = tuple(draw(rules_drawn(f"r{number}")) for number in range(count))
    return replace(signing(read_planted(corpus()[0]).policy), rules=rules, statutes=(), deputies=(), holidays=())


def every_question() -> Iterator[Question]:
    """Every question over these values, with up to two destinations of any kind."""
    places = (*VAULTS, PAYEE.address, "stranger")
    sets: list[tuple[str, ...]] = [(), *((name,) for name in places), *combinations(places, 2)]
    amounts = (None, *(sats(units) for units in (1, 2, 4, 5, 8, 9, 10)), Amount(5, Commodity.PKR))
    for action, vault, path, chosen, amount, purpose in product(
        ACTIONS, VAULTS, ("main", "recovery"), sets, amounts, PURPOSES
    ):
        question = Question(
            action=action,
            id="q",
            hash="q",
            proposer="treasury-1",
            proposed_at=AT,
            expires_at=AT + timedelta(hours=24),
            amount=amount,
            vault=vault,
            path=path,
            destinations=tuple(Destination(name, amount or sats(0), name if name in VAULTS else "") for name in chosen),
            purpose=purpose,
        )
        if is_possible(question):
            yield question


def is_possible(question: Question) -> bool:
    """Whether anybody could ask it: coins have an amount in bitcoin and a place, a move stays in our vaults."""
    if question.action == "payout":
        ours = any(place.vault for place in question.destinations)
        return question.path == "main" and not ours and question.amount is not None
    if question.amount is None or question.amount.commodity is not Commodity.BTC or not question.destinations:
        return False
    inside = all(place.vault for place in question.destinations)
    if question.action == "home":
        return all(place.vault == question.vault for place in question.destinations)
    return inside if question.action == "move" else True


QUESTIONS = tuple(every_question())
