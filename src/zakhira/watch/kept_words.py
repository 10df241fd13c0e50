"""What officers said that must not be taken back in silence: every veto and every act that was ever read is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from zakhira.controls.approval import Veto, veto_is_genuine
from zakhira.kernel.canonical import Json, content_hash
from zakhira.kernel.errors import ZakhiraError
from zakhira.kernel.interval import utc_text
from zakhira.watch.alarm import Alarm, AlarmKind
from zakhira.watch.ports import SignedThings
from zakhira.watch.signed import Keys, SignedSpend, veto_of

OTHER_VERSION = "@"
"""Stands between the id of an act and the hash of a body that was read under it after its first one."""
_ACT, _VETO = "act ", "veto "


@dataclass(frozen=True)
class Words:
    """What is kept of acts and vetoes, and which of it the source no longer says as it was read."""

    acts: Mapping[str, Json]
    vetoes: Mapping[str, Json]
    """by the signature: the spend and the veto"""
    missing: Mapping[str, str]
    """``act ID`` or ``veto SIGNATURE``, to the hash of what stands there now, or nothing"""


def with_what_was_read(before: Words, signed: SignedThings, spends: Mapping[str, Json]) -> Words:
    """What is kept after one more reading; ``spends`` is what the source says of each spend by now."""
    acts = {**before.acts, **_new_acts(before.acts, signed.acts)}
    said = _vetoes_in(spends)
    vetoes = {**said, **before.vetoes}
    missing = {f"{_VETO}{name}": "" for name in vetoes if name not in said}
    for name, body in acts.items():
        now = signed.acts.get(name)
        if OTHER_VERSION not in name and now != body:
            missing[f"{_ACT}{name}"] = "" if now is None else content_hash(now)
    return Words(
        acts if acts != before.acts else before.acts,
        vetoes if vetoes != before.vetoes else before.vetoes,
        missing if missing != before.missing else before.missing,
    )


def _new_acts(kept: Mapping[str, Json], said: Mapping[str, Json]) -> dict[str, Json]:
    fresh: dict[str, Json] = {}
    for name, body in said.items():
        if name not in kept:
            fresh[name] = body
        elif kept[name] is not body and kept[name] != body:
            other = f"{name}{OTHER_VERSION}{content_hash(body)[:16]}"
            fresh |= {} if other in kept else {other: body}
    return fresh


def _vetoes_in(spends: Mapping[str, Json]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for name, body in spends.items():
        told = body.get("vetoes") if isinstance(body, Mapping) else None
        for item in told if isinstance(told, list) else ():
            if isinstance(item, Mapping) and isinstance(item.get("signature"), str):
                found[str(item["signature"])] = {"spend": name, "veto": item}
    return found


def _kept(vetoes: Mapping[str, Json]) -> Iterator[tuple[str, str, Veto]]:
    """Signature, spend and veto of each that is one."""
    for signature, body in vetoes.items():
        assert isinstance(body, Mapping), "written by with_what_was_read"
        try:
            yield signature, str(body["spend"]), veto_of(body["veto"])
        except ZakhiraError:
            continue


def with_kept_vetoes(spends: Mapping[str, SignedSpend], vetoes: Mapping[str, Json]) -> Mapping[str, SignedSpend]:
    """The spends with every veto over their instructions that was ever read."""
    after = dict(spends)
    for signature, name, veto in _kept(vetoes):
        spend = after.get(name)
        if spend is None or veto.instruction_hash != spend.instruction.hash:
            continue
        if signature not in {known.signature for known in spend.vetoes}:
            after[name] = replace(spend, vetoes=(*spend.vetoes, veto))
    return after


def gone_words(words: Words, keys: Keys) -> Iterator[Alarm]:
    """An alarm for each act that was read and is another now, and for each genuine veto that is no longer there."""
    vetoes = {signature: (name, veto) for signature, name, veto in _kept(words.vetoes)}
    for what, now in words.missing.items():
        name = what.removeprefix(_ACT)
        if what.startswith(_ACT):
            is_now = f"is another now, of hash {now}" if now else "is no longer there"
            sentence = (
                f"Act {name} about the policy, read with the hash {content_hash(words.acts[name])}, {is_now}. "
                "It counts as it was read. Rule broken: what officers signed stays as it was signed."
            )
            yield Alarm(AlarmKind.POLICY_UNPROVEN, f"kept act:{name}", sentence, {"act": name, "hash_now": now})
        elif (signature := what.removeprefix(_VETO)) in vetoes:
            spend, veto = vetoes[signature]
            if any(veto_is_genuine(veto, key) for key in keys.get(veto.officer, ())):
                sentence = (
                    f"The no that {veto.officer} said to spend {spend} at {utc_text(veto.at)} is no longer in the "
                    "books. It counts all the same. Rule broken: what officers signed stays as it was signed."
                )
                told: dict[str, Json] = {"spend": spend, "officer": veto.officer}
                yield Alarm(AlarmKind.INSTRUCTION_CHANGED, f"kept veto:{signature}", sentence, told)
