"""What ``zakhira check`` answers when there is no fault; kept light, since it must answer within a second."""

from __future__ import annotations

from zakhira.cli.answer import Answer, Table
from zakhira.kernel.canonical import Json
from zakhira.programme.model import Programme


def check_answer(programme: Programme) -> Answer:
    """A programme without faults."""
    counts = {
        "zones": len(programme.zones),
        "sites": len(programme.sites),
        "licensees": len(programme.licensees),
        "machine classes": len(programme.machines),
        "hall classes": len(programme.halls),
        "vaults": len(programme.policy.vaults),
        "surplus years": 1 + len(programme.surplus_years),
        "officers": len(programme.policy.officers),
        "assumptions": len(programme.assumptions),
    }
    estimates = sum(assumption.tag == "E" for assumption in programme.assumptions)
    facts: dict[str, Json] = {
        "programme": programme.id,
        "digest": programme.digest,
        "hours": programme.horizon.count,
        "estimates": estimates,
        **{name.replace(" ", "_"): count for name, count in counts.items()},
    }
    rows = tuple((name, str(count)) for name, count in counts.items())
    note = f"{estimates} of the assumptions are estimates [E]. Files: sha256 {programme.digest[:16]}..."
    sentence = f"{programme.name}: no fault found, {programme.horizon.count} hours of data."
    return Answer((Table("What the programme holds", ("part", "count"), rows, (1,), (note,)),), facts, sentence)
