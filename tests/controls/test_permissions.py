"""Who may call what: Cedar's answers from the rendered policies, and a programme's own beside them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from cedarpy import validate_policies

from officer_drill import NOW, SAID, Keys, answer, approve, codes, execute, question, remarked
from zakhira.controls.engine.cedar_faults import authorization_faults, statements
from zakhira.controls.engine.cedar_text import SCHEMA, STEPS, STEPS_ON_KEYS, STEPS_ON_MATTERS, cedar_text, quoted
from zakhira.controls.engine.decision import Verdict, Why
from zakhira.controls.engine.permissions import BadAuthorization, CedarUnsure, KeyOf, Permission, UnknownStep, permit
from zakhira.controls.engine.standing import Freeze, Standing
from zakhira.kernel.money import sats
from zakhira.programme.model import Policy
from zakhira.programme.policy import Deputy, Quorum, Rule

PAYMENTS = Rule(
    "payments",
    "Rule 4",
    ("spend",),
    propose_roles=("treasury",),
    quorums=(Quorum(1, ("comptroller",)),),
    execute_roles=("auditor",),
    veto_roles=("governor",),
)
GOVERNING = Rule(
    "governing",
    'Rule "9"\nof two lines',
    ("policy-change", "thaw", "settle"),
    propose_roles=("comptroller",),
    quorums=(Quorum(2, ("governor", "auditor")),),
)
NO_LICENCES = Rule("no-licences", "Rule 5", ("licence",), effect="refuse")
FROZEN = Standing(freeze=Freeze("omar", "a drill", SAID))
ROLE_OF = {
    "amina": "treasury",
    "bilal": "treasury",
    "sana": "comptroller",
    "tariq": "comptroller",
    "noor": "governor",
    "omar": "auditor",
}
ALL = frozenset(ROLE_OF.values())


@pytest.fixture
def ruled(policy: Policy) -> Policy:
    """Payments, governing, and a rule that refuses."""
    return replace(policy, rules=(PAYMENTS, GOVERNING, NO_LICENCES))


MAY: dict[tuple[str, str], frozenset[str]] = {
    ("spend", "propose"): frozenset({"treasury"}),
    ("spend", "approve"): frozenset({"comptroller"}),
    ("spend", "veto"): frozenset({"governor"}),
    ("spend", "execute"): frozenset({"auditor"}),
    ("spend", "hand-out"): frozenset({"treasury", "auditor"}),
    ("spend", "broadcast"): frozenset({"treasury", "auditor"}),
    ("thaw", "propose"): frozenset({"comptroller"}),
    ("thaw", "approve"): frozenset({"governor", "auditor"}),
    ("thaw", "veto"): ALL,
    ("thaw", "hand-out"): frozenset({"comptroller"}),
    ("thaw", "broadcast"): frozenset({"comptroller"}),
    ("thaw", "thaw"): frozenset({"comptroller", "governor", "auditor"}),
    ("settle", "propose"): frozenset({"comptroller"}),
    ("settle", "approve"): frozenset({"governor", "auditor"}),
    ("settle", "veto"): ALL,
    ("settle", "hand-out"): frozenset({"comptroller"}),
    ("settle", "broadcast"): frozenset({"comptroller"}),
    ("settle", "settle"): frozenset({"comptroller", "governor", "auditor"}),
}
"""Who may take which step on which matter; what is not here nobody may."""
WHILE_FROZEN = {("spend", "veto"), ("settle", "veto")}
"""Of spends and settlements: a no can always be said; the thaw goes on as it is."""


@pytest.mark.parametrize("officer", ROLE_OF)
def test_every_step_by_every_officer_on_every_matter(ruled: Policy, officer: str) -> None:
    """A walk over matters, steps, officers and states against a table: as it is, frozen, and with the key revoked."""
    key = next(known.public_key for known in ruled.officers if known.id == officer)
    revoked = Standing(revoked={key: NOW})
    for action in ("spend", "thaw", "settle", "licence", "payout"):
        matter = question(action=action, proposer="bilal" if officer == "amina" else "amina")
        for step in STEPS_ON_MATTERS:
            expected = ROLE_OF[officer] in MAY.get((action, step), frozenset())
            own = officer == matter.proposer and step in {"approve", "execute"}
            assert permit(ruled, Standing(), officer, step, matter, NOW).allowed == (expected and not own), (
                action,
                step,
            )
            frozen = expected and not own and (action == "thaw" or (action, step) in WHILE_FROZEN)
            assert permit(ruled, FROZEN, officer, step, matter, NOW).allowed == frozen, (action, step)
            assert not permit(ruled, revoked, officer, step, matter, NOW).allowed
    for step in ("freeze", "read", "sign-audit"):
        assert permit(ruled, FROZEN, officer, step, None, NOW).allowed
        assert not permit(ruled, revoked, officer, step, None, NOW).allowed
    governs = ROLE_OF[officer] in {"comptroller", "governor", "auditor"}
    for step in STEPS_ON_KEYS:
        assert permit(ruled, Standing(), officer, step, KeyOf("zara"), NOW).allowed == governs
        assert permit(ruled, FROZEN, officer, step, KeyOf("zara"), NOW).allowed == governs
    assert permit(ruled, Standing(), officer, "revoke", KeyOf(officer), NOW).allowed
    assert permit(ruled, Standing(), officer, "enrol", KeyOf(officer), NOW).allowed == governs


def test_the_deciding_policies_are_named(ruled: Policy) -> None:
    """A yes names its permit, a no the forbid, or that there is no permit."""
    assert permit(ruled, Standing(), "amina", "propose", question(), NOW) == Permission(
        allowed=True, policies=("payments: propose",), reason="amina may propose it."
    )
    frozen = permit(ruled, FROZEN, "amina", "propose", question(), NOW)
    assert frozen.policies == ("frozen: only the thaw goes on",)
    assert frozen.reason == "amina may not propose this: forbidden by: frozen: only the thaw goes on."
    nobody = permit(ruled, Standing(), "omar", "propose", question(), NOW)
    assert (nobody.policies, nobody.reason) == ((), "omar may not propose this: no policy permits it.")
    stranger = permit(ruled, Standing(), "mallory", "read", None, NOW)
    assert (stranger.allowed, stranger.reason) == (False, "mallory is no officer of the policy.")


def test_nobody_executes_what_they_approved(ruled: Policy, keys: Keys) -> None:
    """Cedar forbids it as well as the engine."""
    matter = question(approve(keys, "omar"))
    assert permit(ruled, Standing(), "omar", "execute", matter, NOW).policies == ("nobody executes what they approved",)
    assert permit(ruled, Standing(), "omar", "execute", question(), NOW).allowed


def test_a_deputy_has_roles_on_its_days(ruled: Policy) -> None:
    """As parents of the entity at the date of the step."""
    absent = replace(ruled, deputies=(Deputy("omar", "amina", date(2026, 1, 5), date(2026, 1, 5)),))
    assert permit(absent, Standing(), "omar", "propose", question(), NOW).allowed
    assert not permit(absent, Standing(), "omar", "propose", question(), NOW.replace(day=6)).allowed


@pytest.mark.parametrize(
    ("step", "about"),
    [("fly", None), ("approve", None), ("freeze", question()), ("enrol", question()), ("read", KeyOf("omar"))],
)
def test_a_step_is_about_its_own_kind_of_object(ruled: Policy, step: str, about: object) -> None:
    """Anything else is a slip of the caller."""
    with pytest.raises(UnknownStep):
        permit(ruled, Standing(), "omar", step, about, NOW)  # type: ignore[arg-type]


def test_the_text_can_be_read_and_fits_the_schema(ruled: Policy) -> None:
    """Every rule has its heading; a clause of two lines stays a comment, quotes in ids stay inside their strings."""
    odd = replace(PAYMENTS, id='odd" id', purposes=("x",))
    text = cedar_text(replace(ruled, rules=(*ruled.rules, odd), authorization="// none yet"))
    result = validate_policies(text, SCHEMA)
    assert result.validation_passed, [str(error.error) for error in result.errors]
    assert "// Rule payments: Rule 4\n" in text
    assert '// Rule governing: Rule "9" of two lines\n' in text
    assert "// Rule no-licences: Rule 5\n// It refuses" in text
    assert 'resource in Rule::"odd\\" id"' in text
    assert text.endswith("// The programme's own.\n// none yet\n")
    assert set(STEPS) >= {*STEPS_ON_KEYS, *STEPS_ON_MATTERS}
    assert quoted("a\u0007\\") == '"a\\u{7}\\\\"'


def test_where_anybody_proposes_anybody_carries_out(policy: Policy) -> None:
    """A rule without roles to propose is for any officer; without rules the old fields speak."""
    anybody = replace(policy, rules=(replace(GOVERNING, propose_roles=()),))
    for step in ("propose", "hand-out", "thaw"):
        assert permit(anybody, Standing(), "amina", step, question(action="thaw"), NOW).allowed
    assert permit(anybody, Standing(), "amina", "enrol", KeyOf("zara"), NOW).allowed
    assert permit(policy, Standing(), "amina", "propose", question(), NOW).policies == ("implied: propose",)
    closed = replace(policy, rules=(PAYMENTS,))
    assert not permit(closed, Standing(), "amina", "enrol", KeyOf("zara"), NOW).allowed


def own(policy: Policy, text: str) -> Policy:
    """The policy with Cedar text of its own."""
    assert authorization_faults(text) == []
    return replace(policy, authorization=text)


def test_a_forbid_of_the_programmes_own_binds_the_engine(ruled: Policy, keys: Keys) -> None:
    """Proposer, approver and executor: Cedar's no is a no, whatever the rule says."""
    given = (approve(keys, "sana"),)
    word = execute(keys, "omar", "0.009 BTC")
    assert answer(ruled, *given, execution=word).allowed

    def forbidden(step: str, who: str) -> Policy:
        return own(ruled, f'@id("own") forbid(principal == Officer::"{who}", action == Action::"{step}", resource);')

    proposing = answer(forbidden("propose", "amina"), *given, execution=word)
    assert (proposing.verdict, codes(proposing)) == (Verdict.REFUSED, {Why.NOT_PERMITTED.code})
    approving = answer(forbidden("approve", "sana"), *given, execution=word)
    assert (approving.verdict, approving.missing, remarked(approving)) == (
        Verdict.NEEDS,
        ("comptroller",),
        {Why.NOT_PERMITTED.code},
    )
    executing = answer(forbidden("execute", "omar"), *given, execution=word)
    assert (executing.verdict, codes(executing)) == (Verdict.REFUSED, {Why.NOT_PERMITTED.code})


def test_own_text_permits_nothing_even_where_it_came_into_force_unchecked(ruled: Policy, keys: Keys) -> None:
    """A permit of the programme's own is no answer: neither at the engine, nor about keys, nor after a forbid."""
    for text in (
        "permit(principal, action, resource);",
        'permit(principal, action == Action::"revoke", resource);',
        'forbid(principal, action == Action::"read", resource);\n\npermit(principal, action, resource);',
        "permit(principal == ?principal, action, resource);",
    ):
        open_ = replace(ruled, authorization=text)
        with pytest.raises(BadAuthorization, match="may only forbid"):
            answer(open_, approve(keys, "noor"))
        with pytest.raises(BadAuthorization, match="may only forbid"):
            permit(open_, Standing(), "noor", "revoke", KeyOf("zara"), NOW)
    faults = authorization_faults(
        "forbid(principal, action, resource);\npermit(principal, action, resource);", "p.toml", 9
    )
    assert [(fault.file, fault.line) for fault in faults] == [("p.toml", 10)]
    assert "may only forbid" in faults[0].message


def test_own_policies_see_the_matter(ruled: Policy) -> None:
    """Amount, commodity, vault, path and purpose are told where somebody may ask for them."""
    text = (
        'forbid(principal == Officer::"amina", action == Action::"propose", resource) when {\n'
        '  resource has amount && resource.commodity == "BTC" && resource.amount > 800000 && resource.vault == "cold"\n'
        '  && resource.path == "main" && resource.purpose == "payroll" };'
    )
    careful = own(ruled, text)
    assert not permit(careful, Standing(), "amina", "propose", question(purpose="payroll"), NOW).allowed
    for other in ({"purpose": ""}, {"purpose": "payroll", "amount": sats(1)}, {"purpose": "payroll", "amount": None}):
        assert permit(careful, Standing(), "amina", "propose", question(**other), NOW).allowed


def test_text_that_cannot_be_read_or_evaluated_is_no_answer(ruled: Policy) -> None:
    """It was not checked before it came into force: an error, and never a yes."""
    with pytest.raises(BadAuthorization):
        permit(replace(ruled, authorization="permit(principal"), Standing(), "amina", "propose", question(), NOW)
    overflow = (
        "forbid(principal, action, resource is Matter)\n"
        "when { resource has amount && resource.amount * 9223372036854775807 > 1 };"
    )
    with pytest.raises(CedarUnsure):
        permit(own(ruled, overflow), Standing(), "amina", "propose", question(), NOW)


def test_faults_of_own_text_are_found_all_at_once_with_their_lines() -> None:
    """A word misspelt, an attribute and an action that do not exist, a template, and an end that is missing."""
    text = """// hello; "
@id("a;b") forbid(principal, action == Action::"propose", resource) when { principal.person == "ev\\"e;" };

permit(principal, action == Action::"aprove", resource);
permit(principal, action == Action::"approve", resource) wen { true };
// of a template
permit(principal == ?principal, action, resource);
forbid(principal, action, resource) when { resource.amount > 5 };
forbid(principal, action"""
    assert [line for line, _ in statements(text)] == [1, 3, 4, 6, 7, 8]
    faults = authorization_faults(text, "programme.toml", line=170)
    assert {fault.line for fault in faults} == {173, 174, 176, 177, 178}
    assert {fault.code for fault in faults} == {"ZK-CONTROLS-022"}
    words = " ".join(str(fault) for fault in faults)
    for part in (
        'unrecognized action `Action::"aprove"`',
        "invalid policy condition: wen",
        "it is a template",
        "amount",
    ):
        assert part in words
    assert authorization_faults("// nothing but a comment") == []
