"""The entry point of ``zakhira``: gives the terminal door its services, which load what they need when asked."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import traceback

CRASHED = 4
"""The exit code of our own fault; Python's own would be 1, which means "no" here."""

OBJECTS_BETWEEN_SWEEPS = 50_000
"""Start-up makes a few hundred thousand objects that stay: Python's own 700 would look at them hundreds of times."""


def main() -> None:
    """Run the command line; whatever happens outside the door of a command ends with the code of our own fault."""
    try:
        _run()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception:  # noqa: BLE001  # a crash before the door is open must not look like an answer
        traceback.print_exc()
        sys.exit(CRASHED)


def _run() -> None:
    """Heavy rooms are imported by the services, so that ``--help`` answers at once."""
    # One thread for numerical libraries: two on a busy machine were slower (see docs/benchmarks.md).
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"):
        os.environ.setdefault(name, "1")
    gc.set_threshold(OBJECTS_BETWEEN_SWEEPS)
    atexit.register(gc.freeze)  # the interpreter's last sweeps then have nothing to look at: a tenth of `check`
    import click

    from zakhira.cli.commands import zakhira
    from zakhira.cli.door import Exit
    from zakhira.cli.printable import make_printable
    from zakhira.wiring.endings import heed_endings
    from zakhira.wiring.services import ProgramServices

    make_printable()
    heed_endings()
    try:
        zakhira.main(obj=ProgramServices(), standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(int(Exit.INTERRUPTED))
