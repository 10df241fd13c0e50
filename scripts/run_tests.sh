#!/usr/bin/env bash
# Run the tests with branch coverage; ranks 0 to 3 must reach 90%. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
rm -f .coverage .coverage.*
.venv/bin/python -m coverage run -m pytest -m "not torture" -n 3 --dist loadfile --no-loadscope-reorder "$@"
.venv/bin/python -m coverage combine --quiet
core="src/zakhira/kernel/*,src/zakhira/programme/*,src/zakhira/energy/*,src/zakhira/mining/*,src/zakhira/compute/*"
core="$core,src/zakhira/ledger/*,src/zakhira/custody/*,src/zakhira/controls/*"
core="$core,src/zakhira/planning/*,src/zakhira/dispatch/*,src/zakhira/settlement/*,src/zakhira/proofs/*"
echo "Branch coverage of ranks 0 to 3 (at least 90%):"
.venv/bin/python -m coverage report --include "$core" --skip-covered --fail-under 90
