"""The commands of authority: the policy is changed, frozen and thawed, and keys of officers come and go."""

from __future__ import annotations

from pathlib import Path

import click

from zakhira.cli.answering import FOLDER, JSON, answer_with
from zakhira.cli.custody_options import DRY_RUN, RESERVE, ask_passphrase
from zakhira.cli.governing_services import ChangeOrder, RevokeOrder, WordOrder
from zakhira.cli.policy_commands import policy
from zakhira.cli.services import Services

_KEY = click.option("--key", type=FOLDER, required=True, metavar="FILE", help="Your officer's key file.")
_REASON = click.option("--reason", required=True, metavar="TEXT", help="Why, and where the evidence lies.")
_MOTION = click.argument("motion", metavar="MOTION")
_CHAND = "--key out/reserve/keys/officer-auditor-1.key"
_FREEZE = f'Example: zakhira policy freeze out/reserve {_CHAND} --reason "payee called, order 17 is false"'
_THAW = f'Example: zakhira policy thaw out/reserve {_CHAND} --reason "order 17 was rejected, letter 31"'
_VETO = f'Example: zakhira policy veto out/reserve 3f9a0c17bb2e {_CHAND} --reason "rule 4 lost its second officer"'
_PROPOSE = (
    "Example: zakhira policy propose out/reserve --with programmes/small "
    '--key out/reserve/keys/officer-treasury-1.key --reason "board minutes 2026-11, item 4"'
)
_REVOKE = f'Example: zakhira officer revoke out/reserve treasury-2 {_CHAND} --reason "phone with the key was stolen"'


@policy.command(epilog="Example: zakhira policy status out/reserve")
@RESERVE
@JSON
@click.pass_obj
def status(services: Services, folder: Path, *, as_json: bool) -> None:
    """Say which version of the policy is in force in DIR, what is moved, what is frozen, and what the file says."""
    answer_with(lambda: services.governing.status(folder), as_json=as_json)


@policy.command(epilog=_PROPOSE)
@RESERVE
@click.option(
    "--with", "changed", type=FOLDER, required=True, metavar="PROGRAMME", help="The programme with the changed policy."
)
@_KEY
@_REASON
@click.option("--despite-warnings", is_flag=True, help="Put it forward although analysis warns of it.")
@DRY_RUN
@JSON
@click.pass_obj
def propose(
    services: Services,
    folder: Path,
    changed: Path,
    key: Path,
    reason: str,
    *,
    despite_warnings: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Show what the policy of PROGRAMME would change in DIR, and put it forward, signed.

    It is in force once its own quorum has approved it and the lock after that is over; until then officers may veto it.
    """
    order = ChangeOrder(folder, changed, key, reason, despite_warnings)
    answer_with(lambda: services.governing.propose(order, ask_passphrase, dry_run=dry_run), as_json=as_json)


@policy.command(epilog=f"Example: zakhira policy approve out/reserve 3f9a0c17bb2e {_CHAND}")
@RESERVE
@_MOTION
@_KEY
@DRY_RUN
@JSON
@click.pass_obj
def approve(services: Services, folder: Path, motion: str, key: Path, *, dry_run: bool, as_json: bool) -> None:
    """Say yes, signed, to the MOTION of DIR, named by the first digits of its hash."""
    order = WordOrder(folder, key, motion)
    answer_with(lambda: services.governing.approve(order, ask_passphrase, dry_run=dry_run), as_json=as_json)


@policy.command(epilog=_VETO)
@RESERVE
@_MOTION
@_KEY
@_REASON
@DRY_RUN
@JSON
@click.pass_obj
def veto(
    services: Services, folder: Path, motion: str, key: Path, reason: str, *, dry_run: bool, as_json: bool
) -> None:
    """Say no, signed, to the MOTION of DIR: it ends, as long as it is not in force."""
    order = WordOrder(folder, key, motion, reason)
    answer_with(lambda: services.governing.veto(order, ask_passphrase, dry_run=dry_run), as_json=as_json)


@policy.command(epilog=_FREEZE)
@RESERVE
@_KEY
@_REASON
@DRY_RUN
@JSON
@click.pass_obj
def freeze(services: Services, folder: Path, key: Path, reason: str, *, dry_run: bool, as_json: bool) -> None:
    """Stop at once, on one officer's word, whatever moves coins of DIR; receiving goes on. It needs no node."""
    order = WordOrder(folder, key, reason=reason)
    answer_with(lambda: services.governing.freeze(order, ask_passphrase, dry_run=dry_run), as_json=as_json)


@policy.command(epilog=_THAW)
@RESERVE
@_KEY
@_REASON
@DRY_RUN
@JSON
@click.pass_obj
def thaw(services: Services, folder: Path, key: Path, reason: str, *, dry_run: bool, as_json: bool) -> None:
    """Put forward that every freeze of DIR that stands now is ended; a quorum of its own approves that."""
    order = WordOrder(folder, key, reason=reason)
    answer_with(lambda: services.governing.thaw(order, ask_passphrase, dry_run=dry_run), as_json=as_json)


@policy.command(epilog="Example: zakhira policy export out/reserve --out out/authority.json")
@RESERVE
@click.option("--out", type=FOLDER, required=True, metavar="NEWFILE", help="Where to write them.")
@DRY_RUN
@JSON
@click.pass_obj
def export(services: Services, folder: Path, out: Path, *, dry_run: bool, as_json: bool) -> None:
    """Write every signed act of authority of DIR, for whoever follows it without trusting the coordinator."""
    answer_with(lambda: services.governing.export(folder, out, dry_run=dry_run), as_json=as_json)


@click.group(epilog="Example: zakhira officer list out/reserve")
def officer() -> None:
    """Officers: who they are, and the keys by which they speak."""


@officer.command(name="list", epilog="Example: zakhira officer list out/reserve")
@RESERVE
@JSON
@click.pass_obj
def list_(services: Services, folder: Path, *, as_json: bool) -> None:
    """List the officers of DIR: role, deputies with dates, key, enrolled, revoked, other offices of the same person."""
    answer_with(lambda: services.governing.officers(folder), as_json=as_json)


@officer.command(epilog="Example: zakhira officer enrol out/reserve --key out/reserve/keys/officer-auditor-1.key")
@RESERVE
@_KEY
@DRY_RUN
@JSON
@click.pass_obj
def enrol(services: Services, folder: Path, key: Path, *, dry_run: bool, as_json: bool) -> None:
    """Prove in DIR that you hold a key, before a changed policy names it."""
    answer_with(lambda: services.governing.enrol(folder, key, ask_passphrase, dry_run=dry_run), as_json=as_json)


@officer.command(epilog=_REVOKE)
@RESERVE
@click.argument("officer", metavar="OFFICER")
@_KEY
@_REASON
@click.option("--public-key", default="", metavar="HEX", help="Which key, if it is not the one of the policy in force.")
@DRY_RUN
@JSON
@click.pass_obj
def revoke(
    services: Services,
    folder: Path,
    officer: str,
    key: Path,
    reason: str,
    public_key: str,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """End the key of OFFICER in DIR at once: no yes of it counts any more. Say it with your own key or another's.

    Another officer's key ends with a freeze of DIR by the same act, and can still veto and freeze until a change of the
    policy drops it. No quorum becomes smaller by it. A new key comes by a change of the policy alone.
    """
    order = RevokeOrder(folder, officer, key, reason, public_key)
    answer_with(lambda: services.governing.revoke(order, ask_passphrase, dry_run=dry_run), as_json=as_json)
