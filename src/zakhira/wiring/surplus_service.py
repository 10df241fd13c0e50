"""``zakhira surplus generate``: the sample's series out of the facts of its power system."""

from __future__ import annotations

from pathlib import Path

from zakhira.adapters.power_system_files import generate_series, write_series
from zakhira.cli.services import Answer, Table
from zakhira.energy.calibration import CalibrationRow
from zakhira.kernel.canonical import Json


def generate(folder: Path, seed: int, *, write: bool) -> Answer:
    """Generate the series and hold them against the published figures; they are written only when asked for."""
    generated = generate_series(folder, seed)
    written = [str(path) for path in write_series(folder, generated)] if write else []
    rows = generated.calibration.rows
    facts: dict[str, Json] = {
        "written": written,
        "calibration": [
            {
                "label": row.label,
                "unit": row.unit,
                "published": row.published,
                "generated": row.generated,
                "difference_share": row.difference_share,
                "tag": row.tag,
            }
            for row in rows
        ],
    }
    notes = tuple(f"Written: {name}" for name in written) or (
        "Nothing was written. Add --write to replace the series.",
    )
    table = Table(
        "Generated against published",
        ("figure", "unit", "published", "generated", "off by", "tag"),
        tuple(_cells(row) for row in rows),
        right=(2, 3, 4),
        notes=notes,
    )
    worst = max(rows, key=lambda row: abs(row.difference_share))
    sentence = f"{len(rows)} figures compared; the largest difference is {worst.difference_share:+.1%} ({worst.label})."
    return Answer((table,), facts, sentence)


def _cells(row: CalibrationRow) -> tuple[str, ...]:
    off = f"{row.difference_share:+.1%}"
    return row.label, row.unit, f"{row.published:,.0f}", f"{row.generated:,.0f}", off, row.tag
