"""A vault's definition as plain data and back, and the hash that names it: what officers sign when they accept it."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import cast

from zakhira.kernel.canonical import Json, content_hash
from zakhira.programme.model import Recovery, Vault, VaultKey

_MARK = "is_drill"
"""Says which quorums were allowed at its birth, and nothing of where coins go: no part of the hash."""


def _keys_json(keys: Sequence[VaultKey]) -> list[Json]:
    return [{"signer": key.signer, "xpub": key.xpub} for key in keys]


def vault_json(vault: Vault) -> dict[str, Json]:
    """A vault as plain data for the books."""
    recovery = vault.recovery
    return {
        "id": vault.id,
        "purpose": vault.purpose,
        "template": vault.template,
        "threshold": vault.threshold,
        "keys": _keys_json(vault.keys),
        "recovery": {
            "threshold": recovery.threshold,
            "keys": _keys_json(recovery.keys),
            "after_blocks": recovery.after_blocks,
        }
        if recovery
        else None,
        "held_until_height": vault.held_until_height,
        "is_drill": vault.is_drill,
    }


def _keys_of(items: Json) -> tuple[VaultKey, ...]:
    return tuple(VaultKey(item["signer"], item["xpub"]) for item in cast("list[dict[str, str]]", items))


def vault_of(body: Mapping[str, Json]) -> Vault:
    """The vault that :func:`vault_json` wrote; the books hold nothing else, so that another shape is a KeyError."""
    recovery = cast("dict[str, Json] | None", body["recovery"])
    return Vault(
        id=str(body["id"]),
        purpose=str(body["purpose"]),
        threshold=cast("int", body["threshold"]),
        keys=_keys_of(body["keys"]),
        template=str(body["template"]),
        recovery=Recovery(
            cast("int", recovery["threshold"]), _keys_of(recovery["keys"]), cast("int", recovery["after_blocks"])
        )
        if recovery
        else None,
        held_until_height=cast("int", body["held_until_height"]),
        is_drill=bool(body["is_drill"]),
    )


@functools.lru_cache(maxsize=1_024)
def vault_hash(vault: Vault) -> str:
    """SHA-256 of the whole definition: id, purpose, template, quorum, every key, recovery and holding time."""
    return content_hash({name: value for name, value in vault_json(vault).items() if name != _MARK})
