"""Wallet policies (BIP-388): the vectors, and what a policy must not be."""

from __future__ import annotations

import json
import re

import pytest
from embit.descriptor.checksum import add_checksum

from paper_drill import RECORDS, request_of, taking_of
from vector_readings import load
from zakhira.custody.key_origin import parse_key
from zakhira.custody.refusals import UnsupportedDescriptor
from zakhira.custody.vault_papers.kinds import read_vault_paper, write_vault_paper
from zakhira.custody.vault_papers.paper import Taking
from zakhira.custody.vault_papers.wallet_policy import check_policy_template, policy_body
from zakhira.custody.vault_refusals import BadWalletPolicy
from zakhira.kernel.errors import ZakhiraError

VECTORS = load("388")
OURS = {"BIP-48 P2WSH multisig"}
"""The vectors that are a vault of ours; the others are of single keys, other scripts or MuSig2."""


@pytest.mark.parametrize("case", VECTORS["valid"], ids=lambda case: case["case"])
def test_a_valid_policy_is_its_descriptor(case: dict[str, object]) -> None:
    """Template and keys give the very descriptor of the BIP, MuSig2 and taproot among them."""
    keys = case["keys"]
    assert isinstance(keys, list)
    assert policy_body(str(case["template"]), keys) == case["descriptor"]


@pytest.mark.parametrize("case", VECTORS["valid"], ids=lambda case: case["case"])
def test_a_valid_policy_is_a_vault_or_refused_by_name(case: dict[str, object]) -> None:
    """Only sorted multisig in P2WSH is among the vectors a vault of ours; each other is refused, never misread."""
    policy = {"name": "vector", "descriptor_template": case["template"], "keys_info": case["keys"]}
    taking = Taking("vector", "cold", "main")
    if case["case"] in OURS:
        assert read_vault_paper(json.dumps(policy).encode(), taking).vault.threshold == 2
        return
    with pytest.raises((UnsupportedDescriptor, ZakhiraError)) as caught:
        read_vault_paper(json.dumps(policy).encode(), taking)
    assert caught.value.code in {"ZK-CUSTODY-064", "ZK-CUSTODY-009", "ZK-CUSTODY-005"}


@pytest.mark.parametrize("case", VECTORS["invalid"], ids=lambda case: case["case"])
def test_an_invalid_policy_is_refused(case: dict[str, str]) -> None:
    """Each of the BIP's invalid templates."""
    with pytest.raises(BadWalletPolicy):
        check_policy_template(case["template"])


@pytest.mark.parametrize(
    "template",
    [
        "",
        "wsh()",
        "wsh(multi(1,@0/**,@01/**))",
        "wsh(multi(1,@/**))",
        "wsh(multi(1,@0/<1;1>/*))",
        "wsh(multi(1,@0/<0;2147483648>/*))",
        "wsh(multi(1,@0/**/1))",
        "wsh(multi(1,@0/**,@1/**,@3/**,@2/**))",
        "wsh(multi(1,@0/**,\u0660/**))",
        "wsh(multi(1,@0/**" + ",@0/**" * 2000,
    ],
)
def test_other_templates_that_break_the_rules(template: str) -> None:
    """No placeholder, leading zeros, equal branches, a step out of range, more behind the path, or too long."""
    with pytest.raises(BadWalletPolicy):
        check_policy_template(template)


def test_a_key_must_not_stand_twice_in_the_vector() -> None:
    """Placeholders of one key under two numbers are one signer that counts twice."""
    key = RECORDS["sortedmulti"].vault.keys[0].xpub
    with pytest.raises(BadWalletPolicy):
        policy_body("wsh(sortedmulti(2,@0/**,@1/**))", [key, key])


@pytest.mark.parametrize("name", ["sortedmulti", "decaying", "decaying-shared", "held"])
def test_what_a_device_registers(name: str) -> None:
    """A name of at most 16 letters, placeholders in their order, each key once with its origin."""
    policy = json.loads(write_vault_paper("wallet-policy", request_of(name)).data)
    assert 1 <= len(policy["name"]) <= 16
    check_policy_template(policy["descriptor_template"], len(policy["keys_info"]))
    numbers = [int(number) for number in re.findall(r"@(\d+)", policy["descriptor_template"])]
    assert list(dict.fromkeys(numbers)) == list(range(len(policy["keys_info"])))
    assert len(set(policy["keys_info"])) == len(policy["keys_info"])
    assert all(parse_key(key).text == key.replace("'", "h") for key in policy["keys_info"])
    assert "pub" not in policy["descriptor_template"]


def test_a_twin_stands_at_its_own_branches() -> None:
    """A recovery key that is a main key as well is one key of the vector at two pairs of branches."""
    written = write_vault_paper("wallet-policy", request_of("decaying-shared"))
    template = json.loads(written.data)["descriptor_template"]
    assert "@0/**" in template
    assert "@0/<2;3>/*" in template
    assert read_vault_paper(written.data, taking_of("decaying-shared")).vault == RECORDS["decaying-shared"].vault


def test_a_checksum_has_no_place_in_a_template() -> None:
    """The policy's template is no descriptor."""
    template = json.loads(write_vault_paper("wallet-policy", request_of("sortedmulti")).data)["descriptor_template"]
    with pytest.raises(BadWalletPolicy):
        check_policy_template(add_checksum(template) + "@")
