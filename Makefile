# Two commands: `make demo` runs the main job, `make test` runs the tests. Both do all set-up themselves.
SHELL := /bin/bash
BIN := .venv/bin
OUT ?= out/demo

.PHONY: help setup demo test check torture bench lock clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## virtual environment with pinned packages, and a bitcoind
	@scripts/setup.sh dev

demo: setup ## thirty days of pakistan-2000mw, from megawatt to proof
	$(BIN)/zakhira run programmes/pakistan-2000mw --days 30 --seed 7 --out $(OUT)

test: setup ## all tests, with branch coverage of ranks 0 to 3
	@scripts/run_tests.sh

check: setup ## format, lint, types, imports, documents
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/render_docs.py --check

torture: setup ## long kills and soaks; not part of CI
	$(BIN)/python -m pytest -m torture --timeout 7200 tests

bench: setup ## the claims of docs/benchmarks.md, measured
	@for script in commands plan_speed plan_vs_pypsa plan_scenarios custody controls ledger; do \
		echo "== $$script"; $(BIN)/python benchmarks/$$script.py || exit 1; done

lock: setup ## pin the dependencies of pyproject.toml again, with hashes
	$(BIN)/pip-compile -q --generate-hashes --allow-unsafe --strip-extras --no-header --no-emit-index-url --no-emit-find-links \
		--no-emit-trusted-host -o requirements/run.txt pyproject.toml
	$(BIN)/pip-compile -q --generate-hashes --allow-unsafe --strip-extras --no-header --no-emit-index-url --no-emit-find-links \
		--no-emit-trusted-host --extra dev -o requirements/dev.txt pyproject.toml

clean: ## remove what was made here: environment, tools, output
	rm -rf .venv .tools out build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
