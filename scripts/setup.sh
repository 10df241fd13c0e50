#!/usr/bin/env bash
# Set up everything that Zakhira needs in this folder: a virtual environment with pinned packages, and a bitcoind.
# Safe to repeat. Usage: scripts/setup.sh [run|dev]   (default dev)
set -euo pipefail
cd "$(dirname "$0")/.."
kind="${1:-dev}"

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"
    else echo "setup: '$*' needs root; run it yourself, then repeat." >&2; exit 3; fi
}

find_python() {
    for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3; do
        [ -n "$candidate" ] && command -v "$candidate" >/dev/null || continue
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' && { command -v "$candidate"; return; }
    done
    echo "setup: Python 3.11 or newer is missing. On Debian 12: apt-get install python3 python3-venv" >&2
    exit 3
}

make_environment() {
    local python
    python="$(find_python)"
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        echo "setup: installing python3-venv" >&2
        as_root apt-get update -qq
        as_root apt-get install -y -qq python3-venv
    fi
    "$python" -m venv .venv
}

stamp=".venv/.ready-$kind"
wanted="$(cat "requirements/$kind.txt" pyproject.toml | sha256sum)"
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    [ -x .venv/bin/python ] || make_environment
    echo "setup: installing pinned packages into .venv" >&2
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "requirements/$kind.txt"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
    echo "$wanted" > "$stamp"
fi
scripts/fetch_bitcoind.sh
