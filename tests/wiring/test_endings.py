"""Ctrl-C, SIGTERM and SIGHUP each become one interruption; what was to be ignored stays ignored."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest

PROGRAM = textwrap.dedent(
    """
    import signal, sys, time
    from zakhira.wiring.endings import heed_endings
    heed_endings()
    try:
        print("ready", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        print("cleaning", flush=True)
        sys.stdin.readline()
        print("cleaned", flush=True)
    """
)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_ending_interrupts_once(ending: signal.Signals) -> None:
    """A second signal does not tear the cleaning up apart."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(ending, signal.SIG_DFL),  # noqa: PLW1509  # however the tests were started
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(ending)
        assert process.stdout.readline() == "cleaning\n"
        for again in (signal.SIGINT, signal.SIGTERM):
            process.send_signal(again)
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "cleaned\n"
        assert process.wait(10) == 0


def test_nohup_is_respected() -> None:
    """A hang-up that the caller had ignored ends nothing."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),  # noqa: PLW1509  # as nohup does it
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.kill()
