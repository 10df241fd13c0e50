"""The four templates of vaults as descriptor texts, and the way back (BIP-379, BIP-380, BIP-383, BIP-386, BIP-387).

    sortedmulti  wsh(sortedmulti(m,k...))
    decaying     wsh(or_d(multi(m,k...),and_v(v:multi(r,q...),older(n))))
    held         wsh(and_v(v:multi(m,k...),after(h)))
    taproot      tr(H,multi_a(m,k...)), or tr(H,{multi_a(m,k...),and_v(v:multi_a(r,q...),older(n))})

Each key is ``[fingerprint/path]xpub/<0;1>/*``. A recovery key that is a main key as well stands at ``/<2;3>/*``, so
that no public key comes twice in a script. H is a point of which nobody knows the secret: there is no way around the
scripts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from zakhira.custody.refusals import BadTimelock, BadVault, MalformedDescriptor, UnsupportedDescriptor
from zakhira.programme.model import Vault

SORTEDMULTI, DECAYING, HELD, TAPROOT = "sortedmulti", "decaying", "held", "taproot"
TEMPLATES = (SORTEDMULTI, DECAYING, HELD, TAPROOT)
NUMS = "50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0"
"""The point H of BIP-341, lifted from the hash of the generator: nobody knows its secret key."""
MAX_OLDER_BLOCKS = 65_535
"""BIP-68: a relative lock in blocks has 16 bits."""
MAX_AFTER_HEIGHT = 499_999_999
"""BIP-65: from 500,000,000 on a lock time is a time, not a height."""
MAX_DESCRIPTOR_CHARACTERS = 10_000
"""Two quorums of sixteen keys have fewer than 6,000."""
BRANCHES, TWIN_BRANCHES = "/<0;1>/*", "/<2;3>/*"
TWIN_STEP = 2
"""How far the branches of a recovery key lie from those of the main key that it equals."""

_KEYS = r"[^(){},]+(?:,[^(){},]+)*"
_MULTI = rf"multi\((?P<m>\d{{1,2}}),(?P<k>{_KEYS})\)"
_TIMED = rf"and_v\(v:multi\((?P<r>\d{{1,2}}),(?P<q>{_KEYS})\),older\((?P<n>\d{{1,10}})\)\)"
_FORMS = {
    SORTEDMULTI: re.compile(rf"wsh\(sorted{_MULTI}\)"),
    DECAYING: re.compile(rf"wsh\(or_d\({_MULTI},{_TIMED}\)\)"),
    HELD: re.compile(rf"wsh\(and_v\(v:{_MULTI},after\((?P<h>\d{{1,10}})\)\)\)"),
    TAPROOT: re.compile(
        rf"tr\({NUMS},(?:{_MULTI.replace('multi', 'multi_a', 1)}|"
        rf"\{{{_MULTI.replace('multi', 'multi_a', 1).replace('<m>', '<m2>').replace('<k>', '<k2>')},"
        rf"{_TIMED.replace('v:multi', 'v:multi_a', 1)}\}})\)"
    ),
}
_FUNCTION = re.compile(r"[a-z_:]+(?=\()")
_OURS = {"wsh", "sortedmulti", "multi", "multi_a", "or_d", "and_v", "v:multi", "v:multi_a", "older", "after", "tr"}


@dataclass(frozen=True)
class Shape:
    """What a descriptor of ours says; keys are ``[fingerprint/path]xpub``, without the branches."""

    template: str
    threshold: int
    keys: tuple[str, ...]
    recovery_threshold: int = 0
    recovery_keys: tuple[str, ...] = ()
    after_blocks: int = 0
    held_until_height: int = 0


def shape_of(vault: Vault) -> Shape:
    """The vault's template with its numbers and keys.

    Raises:
        BadVault: the template is unknown, or has a recovery or hold that it cannot have, or lacks the one it needs.
    """
    rest = vault.recovery
    shape = Shape(
        vault.template,
        vault.threshold,
        tuple(key.xpub for key in vault.keys),
        rest.threshold if rest else 0,
        tuple(key.xpub for key in rest.keys) if rest else (),
        rest.after_blocks if rest else 0,
        vault.held_until_height,
    )
    allowed = {
        SORTEDMULTI: rest is None and vault.held_until_height == 0,
        DECAYING: rest is not None and vault.held_until_height == 0,
        HELD: rest is None and vault.held_until_height != 0,
        TAPROOT: vault.held_until_height == 0,
    }
    if not allowed.get(vault.template, False):
        raise BadVault(
            f"Vault {vault.id} of template {vault.template!r} has {'a' if rest else 'no'} recovery and is held until "
            f"block {vault.held_until_height}.",
            "Use sortedmulti (neither), decaying (a recovery), held (a height) or taproot (a recovery or none).",
        )
    require_locks(shape, vault.id)
    return shape


def require_locks(shape: Shape, vault: str) -> None:
    """Raises BadTimelock for an age or a height that a script cannot ask for."""
    if shape.recovery_keys and not 1 <= shape.after_blocks <= MAX_OLDER_BLOCKS:
        raise BadTimelock(
            f"Vault {vault} opens its recovery after {shape.after_blocks} blocks.",
            f"Use 1 to {MAX_OLDER_BLOCKS} blocks (about 455 days).",
        )
    if shape.template == HELD and not 1 <= shape.held_until_height <= MAX_AFTER_HEIGHT:
        raise BadTimelock(
            f"Vault {vault} is held until block {shape.held_until_height}.", f"Use a height up to {MAX_AFTER_HEIGHT}."
        )


def _branched(keys: tuple[str, ...], twins: tuple[str, ...] = ()) -> str:
    return ",".join(key + (TWIN_BRANCHES if key in twins else BRANCHES) for key in keys)


def descriptor_body(shape: Shape) -> str:
    """The descriptor without its checksum."""
    main = f"({shape.threshold},{_branched(shape.keys)})"
    timed = f"({shape.recovery_threshold},{_branched(shape.recovery_keys, shape.keys)}),older({shape.after_blocks})"
    if shape.template == SORTEDMULTI:
        return f"wsh(sortedmulti{main})"
    if shape.template == DECAYING:
        return f"wsh(or_d(multi{main},and_v(v:multi{timed})))"
    if shape.template == HELD:
        return f"wsh(and_v(v:multi{main},after({shape.held_until_height})))"
    if shape.recovery_keys:
        return f"tr({NUMS},{{multi_a{main},and_v(v:multi_a{timed})}})"
    return f"tr({NUMS},multi_a{main})"


def _bare(keys: str) -> tuple[str, ...]:
    return tuple(key.removesuffix(BRANCHES).removesuffix(TWIN_BRANCHES) for key in keys.split(","))


def _refuse(body: str) -> MalformedDescriptor:
    """The refusal of a text that is none of the four, by the name of what no template has."""
    if len(body) > MAX_DESCRIPTOR_CHARACTERS:
        return MalformedDescriptor(f"A descriptor has no {len(body)} characters.", "Give the descriptor alone.")
    strange = [name for name in _FUNCTION.findall(body) if name not in _OURS]
    if strange:
        return UnsupportedDescriptor(
            f"The descriptor uses {strange[0]}(), which no template has.", f"Use one of {', '.join(TEMPLATES)}."
        )
    # The text itself is not repeated: somebody may have pasted a private key.
    return MalformedDescriptor(
        f"The text of {len(body)} characters is none of the descriptors of {', '.join(TEMPLATES)}.",
        "Write each key as [fingerprint/path]xpub/<0;1>/* and the scripts as the templates do.",
    )


def read_shape(body: str) -> Shape:
    """A descriptor without checksum as one of the four templates, strictly: written again, it is the same text.

    Raises:
        UnsupportedDescriptor: it uses a function that no template has.
        MalformedDescriptor: it is written otherwise than the templates are.
        BadTimelock: an age or a height is out of range.
    """
    if len(body) > MAX_DESCRIPTOR_CHARACTERS or not (body.isascii() and body.isprintable()):
        raise _refuse(body)
    found = next(((name, match) for name, form in _FORMS.items() if (match := form.fullmatch(body))), None)
    if found is None:
        raise _refuse(body)
    template, match = found
    said = {name: value for name, value in match.groupdict().items() if value is not None}
    shape = Shape(
        template,
        int(said.get("m") or said["m2"]),
        _bare(said.get("k") or said["k2"]),
        int(said.get("r", "0")),
        _bare(said["q"]) if "q" in said else (),
        int(said.get("n", "0")),
        int(said.get("h", "0")),
    )
    if descriptor_body(shape) != body:
        raise _refuse(body)
    require_locks(shape, "of the descriptor")
    return shape
