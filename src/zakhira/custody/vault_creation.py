"""A vault designed from the key register: every reason against it at once, and what its owners must know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from zakhira.custody.descriptor import CHANGE, RECEIVE, derive_place, vault_descriptor
from zakhira.custody.key_origin import HARDENED, parse_key
from zakhira.custody.key_register import RegisteredKey
from zakhira.custody.refusals import BadTimelock, BadVault, RepeatedKey, UnknownChain, WrongNetworkKey
from zakhira.custody.template import MAX_AFTER_HEIGHT, MAX_OLDER_BLOCKS, TEMPLATES
from zakhira.custody.vault_refusals import (
    ConcentratedQuorum,
    DrillMisplaced,
    KeyUsedElsewhere,
    UnknownSigner,
    VaultIdTaken,
)
from zakhira.kernel.errors import Fault, Faults, ZakhiraError
from zakhira.programme.model import Recovery, Vault, VaultKey

CHAINS = ("main", "test", "signet", "regtest")
MAX_KEYS = 15
"""Keys of a path: what nodes relay in a P2WSH script and what signers take (BIP-67; Bitcoin Core's 3,600 bytes)."""
_SHARED = (("holder", "person"), ("site", "site"), ("vendor", "vendor"))
"""What no quorum may have in common: the field of the register, and its word."""


@dataclass(frozen=True)
class RecoveryRequest:
    """The second quorum of a decaying vault, or of a taproot vault."""

    threshold: int
    signers: tuple[str, ...]
    after_blocks: int


@dataclass(frozen=True)
class VaultRequest:
    """What somebody asks for. Signers are names of the register; their order is the order in the script."""

    id: str
    purpose: str
    threshold: int
    signers: tuple[str, ...]
    template: str = "sortedmulti"
    recovery: RecoveryRequest | None = None
    held_until_height: int = 0
    is_drill: bool = False


@dataclass(frozen=True)
class Caution:
    """Something that a vault's owners must know before they take it. ``topic`` is stable, for programs."""

    topic: str
    text: str


@dataclass(frozen=True)
class VaultDesign:
    """A vault that nothing speaks against, with its cautions."""

    vault: Vault
    cautions: tuple[Caution, ...]


@dataclass(frozen=True)
class _Path:
    """One way to spend: ``threshold`` of the keys."""

    name: str
    threshold: int
    keys: tuple[RegisteredKey, ...]


def _fault(request: VaultRequest, key: str, kind: type[ZakhiraError], message: str, remedy: str) -> Fault:
    return Fault(f"vault {request.id}", 0, key, kind.code, message, remedy)


def _form_faults(request: VaultRequest, chain: str, height: int) -> Iterator[Fault]:
    """Template, timelocks and the mark of a drill, as far as they can be seen without keys."""
    if request.template not in TEMPLATES:
        remedy = f"Use {', '.join(TEMPLATES)}."
        yield _fault(request, "template", BadVault, f"There is no template {request.template!r}.", remedy)
    if chain not in CHAINS:
        yield _fault(request, "chain", UnknownChain, f"The chain {chain!r} is not known.", f"Use {', '.join(CHAINS)}.")
    if request.is_drill and chain != "regtest":
        message = f"A drill's keys may be anybody's; the chain is {chain}."
        yield _fault(request, "is_drill", DrillMisplaced, message, "Hold drills on regtest.")
    if request.recovery is not None and request.template not in {"decaying", "taproot"}:
        message = f"A {request.template} vault has no recovery path."
        yield _fault(request, "recovery", BadTimelock, message, "Use the template decaying or taproot.")
    if request.recovery is None and request.template == "decaying":
        yield _fault(request, "recovery", BadTimelock, "A decaying vault needs a recovery path.", "Give one.")
    if request.recovery is not None and not 1 <= request.recovery.after_blocks <= MAX_OLDER_BLOCKS:
        message = f"A delay of {request.recovery.after_blocks} blocks is not possible."
        yield _fault(request, "recovery.after_blocks", BadTimelock, message, f"Use 1 to {MAX_OLDER_BLOCKS} blocks.")
    if request.template == "held" and not height < request.held_until_height <= MAX_AFTER_HEIGHT:
        message = f"Coins cannot be held until height {request.held_until_height}: the chain stands at {height}."
        yield _fault(
            request, "held_until_height", BadTimelock, message, "Give a height to come, as a number of blocks."
        )
    if request.template != "held" and request.held_until_height:
        message = f"A {request.template} vault has no height until which its coins are held."
        yield _fault(request, "held_until_height", BadTimelock, message, "Use the template held, or a hold by policy.")


def _paths(request: VaultRequest, register: Mapping[str, RegisteredKey]) -> tuple[_Path, ...]:
    """The ways to spend, with those keys that the register knows."""
    asked = [("keys", request.threshold, request.signers)]
    if request.recovery is not None:
        asked.append(("recovery.keys", request.recovery.threshold, request.recovery.signers))
    return tuple(
        _Path(name, threshold, tuple(register[signer] for signer in signers if signer in register))
        for name, threshold, signers in asked
    )


def _named(request: VaultRequest) -> Iterator[tuple[str, str]]:
    for signer in request.signers:
        yield "keys", signer
    for signer in request.recovery.signers if request.recovery else ():
        yield "recovery.keys", signer


def _quorum_faults(request: VaultRequest, path: _Path, asked: int) -> Iterator[Fault]:
    """A threshold that its keys cannot reach, one key or one device that counts twice."""
    if not 1 <= path.threshold <= asked <= MAX_KEYS:
        message = f"It asks for {path.threshold} of {asked} keys."
        remedy = f"Use a threshold of at least 1, and at most {MAX_KEYS} keys."
        yield _fault(request, path.name, BadVault, message, remedy)
    for part, what in (("identity", "key"), ("fingerprint", "device (master key)")):
        counts = Counter(getattr(parse_key(key.xpub), part) for key in path.keys)
        for value, count in counts.items():
            if count > 1 and (part == "identity" or _distinct(path, value)):
                names = [key.signer for key in path.keys if getattr(parse_key(key.xpub), part) == value]
                message = f"{' and '.join(names)} are one {what}, which would count {count} times."
                yield _fault(request, path.name, RepeatedKey, message, "Give each signer a device of its own.")


def _distinct(path: _Path, fingerprint: str) -> bool:
    """Whether a master key stands there with different account keys (one key twice has a fault already)."""
    keys = [parse_key(key.xpub) for key in path.keys]
    return len({key.identity for key in keys if key.fingerprint == fingerprint}) > 1


def _grouped(path: _Path, field: str) -> Iterable[list[RegisteredKey]]:
    """The keys of a path that have a field of the register in common."""
    groups: dict[str, list[RegisteredKey]] = {}
    for key in path.keys:
        groups.setdefault(" ".join(getattr(key, field).casefold().split()), []).append(key)
    return groups.values()


def _shared(path: _Path) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """What one person, site or vendor could complete: the word, the name, and the signers that it has."""
    for field, word in _SHARED:
        for keys in _grouped(path, field):
            if path.threshold <= len(keys):
                yield word, getattr(keys[0], field), tuple(key.signer for key in keys)


def _concentration_faults(request: VaultRequest, path: _Path) -> Iterator[Fault]:
    for word, name, signers in _shared(path):
        message = f"One {word}, {name}, has {', '.join(signers)}: enough for the {path.threshold} that it asks for."
        remedy = f"Spread the keys, or raise the threshold; a drill on regtest may do without a second {word}."
        yield _fault(request, path.name, ConcentratedQuorum, message, remedy)


def _key_faults(request: VaultRequest, path: _Path, chain: str, taken: Mapping[str, str]) -> Iterator[Fault]:
    """Keys of another network, of another vault, or of drills and earnest mixed."""
    for key in path.keys:
        parsed = parse_key(key.xpub)
        if parsed.is_main != (chain == "main") and chain in CHAINS:
            message = f"The key of {key.signer} is {'an xpub' if parsed.is_main else 'a tpub'}; the chain is {chain}."
            yield _fault(request, path.name, WrongNetworkKey, message, "Export the key for this chain.")
        if parsed.identity in taken:
            message = f"The key of {key.signer} stands in vault {taken[parsed.identity]}."
            yield _fault(request, path.name, KeyUsedElsewhere, message, "Derive another account on that device.")
        if key.is_drill and not request.is_drill:
            message = f"The key of {key.signer} is a drill's."
            yield _fault(request, path.name, DrillMisplaced, message, "Use a key made in earnest, or ask for a drill.")


def _identities(vault: Vault) -> Iterator[str]:
    for key in (*vault.keys, *(vault.recovery.keys if vault.recovery else ())):
        yield parse_key(key.xpub).identity


def design_vault(
    request: VaultRequest,
    register: Sequence[RegisteredKey],
    chain: str,
    existing: Sequence[Vault] = (),
    height: int = 0,
) -> VaultDesign:
    """The vault that is asked for, if nothing speaks against it.

    ``existing`` are all vaults so far, the retired ones too: a key serves one vault. ``height`` is the chain's tip,
    above which a held vault's height must lie. A quorum is counted over every path: main and recovery.

    Raises:
        Faults: everything that speaks against it; codes are those of this room.
    """
    by_name = {key.signer: key for key in register}
    taken = {identity: vault.id for vault in existing for identity in _identities(vault)}
    faults = [*_form_faults(request, chain, height)]
    if any(vault.id == request.id for vault in existing):
        faults.append(_fault(request, "id", VaultIdTaken, "Another vault has this name.", "Choose another."))
    for path_name, signer in _named(request):
        if signer not in by_name:
            message = f"The register has no signer {signer}."
            faults.append(_fault(request, path_name, UnknownSigner, message, "Register the key first."))
    paths = _paths(request, by_name)
    counts = (len(request.signers), len(request.recovery.signers) if request.recovery else 0)
    for path, asked in zip(paths, counts, strict=False):
        faults += _quorum_faults(request, path, asked)
        faults += _key_faults(request, path, chain, taken)
        if not request.is_drill:
            faults += _concentration_faults(request, path)
    if faults:
        raise Faults(faults)
    vault = _vault(request, by_name)
    _require_derivable(request, vault, chain)
    return VaultDesign(vault, (*_cautions(request, paths, chain),))


def _vault(request: VaultRequest, register: Mapping[str, RegisteredKey]) -> Vault:
    def keys(signers: tuple[str, ...]) -> tuple[VaultKey, ...]:
        return tuple(VaultKey(signer, parse_key(register[signer].xpub).text) for signer in signers)

    asked = request.recovery
    recovery = Recovery(asked.threshold, keys(asked.signers), asked.after_blocks) if asked else None
    return Vault(
        request.id,
        request.purpose,
        request.threshold,
        keys(request.signers),
        request.template,
        recovery,
        request.held_until_height,
        request.is_drill,
    )


def _require_derivable(request: VaultRequest, vault: Vault, chain: str) -> None:
    """Both libraries must derive the first addresses alike; what they say against it is a fault like the others."""
    try:
        descriptor = vault_descriptor(vault)
        for branch in (RECEIVE, CHANGE):
            derive_place(descriptor, branch, 0, chain)
    except ZakhiraError as error:
        raise Faults([Fault(f"vault {request.id}", 0, "", error.code, error.message, error.remedy)]) from None


def _cautions(request: VaultRequest, paths: tuple[_Path, ...], chain: str) -> Iterator[Caution]:
    if request.is_drill:
        yield Caution(
            "drill", "This vault is a drill, for ever: its coins are worth nothing and must be worth nothing."
        )
        for path in paths:
            for word, name, signers in _shared(path):
                yield Caution(
                    "drill-quorum",
                    f"In earnest it would be refused: one {word}, {name}, has {', '.join(signers)} of {path.name}.",
                )
    if request.template == "held":
        yield Caution(
            "hold-by-script",
            f"Until height {request.held_until_height} nobody can move these coins, not even to safety when an "
            "advisory says that the keys are weak. A hold by policy is the default: it holds people, not coins.",
        )
    if request.recovery is not None:
        yield from _recovery_cautions(request, request.recovery)
    yield from _entropy_cautions(paths)
    if not request.is_drill:
        yield from _loss_cautions(paths)
    yield from _path_cautions(request, paths, chain)


def _recovery_cautions(request: VaultRequest, recovery: RecoveryRequest) -> Iterator[Caution]:
    days = recovery.after_blocks / 144
    yield Caution(
        "refresh",
        f"Every coin becomes spendable by {recovery.threshold} recovery keys {recovery.after_blocks} blocks (about "
        f"{days:.0f} days) after it arrived. Spend it to the vault itself before then if that is not wanted.",
    )
    same = set(recovery.signers) >= set(request.signers) and recovery.threshold >= request.threshold
    if same:
        yield Caution("recovery-no-easier", "The recovery path asks for no fewer keys than the main path.")


def _entropy_cautions(paths: tuple[_Path, ...]) -> Iterator[Caution]:
    """One device model and firmware with one source of randomness: an advisory could complete the quorum."""
    for path in paths:
        counts = Counter((key.vendor, key.device, key.firmware, key.entropy_source) for key in path.keys)
        for (vendor, device, firmware, source), count in counts.items():
            if count >= path.threshold > 1:
                yield Caution(
                    "entropy",
                    f"{count} of {path.name} were made by {vendor} {device} {firmware} from {source}: one advisory "
                    f"would touch the {path.threshold} that it takes.",
                )


def _loss_cautions(paths: tuple[_Path, ...]) -> Iterator[Caution]:
    """Sites and persons whose loss would leave fewer keys than a path asks for."""
    for path in paths:
        for field, word in (("site", "site"), ("holder", "person")):
            names = [
                getattr(keys[0], field) for keys in _grouped(path, field) if len(path.keys) - len(keys) < path.threshold
            ]
            if names:
                yield Caution(
                    "loss",
                    f"Fewer than {path.threshold} of {path.name} would be left without one {word}: {', '.join(names)}.",
                )


def _path_cautions(request: VaultRequest, paths: tuple[_Path, ...], chain: str) -> Iterator[Caution]:
    """Signers know P2WSH multisig at m/48h/coin/account/2h (BIP-48); elsewhere some refuse or must be told."""
    coin = HARDENED + (0 if chain == "main" else 1)
    odd = [
        key.signer
        for path in paths
        for key in path.keys
        if (steps := parse_key(key.xpub).steps) and (len(steps) != 4 or steps[:2] != (HARDENED + 48, coin))  # noqa: PLR2004
    ]
    if odd and request.template != "taproot":
        names = ", ".join(dict.fromkeys(odd))
        yield Caution("path", f"The keys of {names} are not at BIP-48's path for this chain: some signers refuse it.")
