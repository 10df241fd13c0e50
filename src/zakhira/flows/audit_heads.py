"""Heads of the audit chain that officers sign: kept in the books, and handed out to whoever shall be able to check."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from zakhira.controls.acts.authority import Authority
from zakhira.controls.chain.audit_evidence import HEAD_DOMAIN, HeadFaulty, SignedHead, head_from
from zakhira.flows.ports.books import Books, Record, Write
from zakhira.flows.ports.signing import OfficerKey
from zakhira.kernel.errors import Refused
from zakhira.kernel.interval import NotUtc

SIGNED_HEAD = "signed audit head"
"""Kind of the records; the id is position and officer."""


class ChainEmpty(Refused):
    """Nothing is sealed: there is no head to sign."""

    code = "ZK-BOOKS-017"


class HeadByStranger(Refused):
    """A head is signed with a key that is no officer's."""

    code = "ZK-BOOKS-018"


def sign_head(books: Books, authority: Authority, officer: OfficerKey, at: datetime) -> SignedHead:
    """Seal what is committed and let an officer sign where the chain ends; nothing is written.

    Raises:
        ChainEmpty: no write is sealed.
        HeadByStranger: the key is not one that the policy in force gives to the officer.
    """
    known = authority.officer(officer.officer)
    if known is None or known.public_key.lower() != officer.public_key.lower():
        raise HeadByStranger(
            f"The key {officer.public_key} is not the one of {officer.officer} in the policy in force.",
            "Sign with the key of an officer: zakhira officer list DIR",
        )
    books.seal()
    head = books.chain_head()
    if head.position == 0:
        raise ChainEmpty("The audit chain has no entry yet.", "Write something first.")
    draft = SignedHead(head.position, head.hash, at.replace(microsecond=0), officer.officer, officer.public_key)
    return replace(draft, signature=officer.sign(HEAD_DOMAIN, draft.statement_hash))


def keep_head(books: Books, head: SignedHead) -> None:
    """Keep a signed head in the books; one that is there already stays as it was first signed."""
    id_ = f"{head.position}/{head.officer}"
    if books.latest(SIGNED_HEAD, id_) is None:
        record = Record(SIGNED_HEAD, id_, head.as_json())
        books.commit(Write(f"{SIGNED_HEAD}/{id_}", head.officer, "sign audit head", head.at, records=(record,)))


def signed_heads(books: Books, authority: Authority) -> tuple[tuple[SignedHead, ...], tuple[str, ...]]:
    """The heads that officers signed, and what is wrong with others that are kept as if they had, in sentences."""
    good, faults = [], []
    for id_, body in books.records(SIGNED_HEAD).items():
        try:
            head = head_from(body)
        except (HeadFaulty, NotUtc) as error:
            faults.append(f"signed head {id_}: {error.message}")
            continue
        if head.public_key.lower() in authority.keys_of(head.officer):
            good.append(head)
        else:
            faults.append(f"signed head {id_}: its key {head.public_key} was never that of {head.officer}.")
    return tuple(good), tuple(faults)
