"""The entry point of ``zakhira``: gives the terminal door its services, which load what they need when asked."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line. Heavy rooms are imported by the services, so that ``--help`` answers at once."""
    # One thread for numerical libraries: two on a busy machine were slower (see docs/benchmarks.md).
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"):
        os.environ.setdefault(name, "1")
    import click

    from zakhira.cli.commands import zakhira
    from zakhira.cli.door import Exit
    from zakhira.wiring.services import ProgramServices

    try:
        zakhira.main(obj=ProgramServices(), standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(int(Exit.INTERRUPTED))
