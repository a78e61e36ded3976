.DEFAULT_GOAL := help
SHELL := /bin/bash
PY := .venv/bin/python
PIP := .venv/bin/python -m pip --disable-pip-version-check -q

.PHONY: help setup build demo test test-rust test-py sim sim-many bench fmt fmt-check lint types arrows ci clean

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.venv/.installed: requirements-dev.lock
	@command -v cargo >/dev/null || { echo "meteringest needs a Rust toolchain (1.95 or newer): see the README, section Requirements" >&2; exit 1; }
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "meteringest needs Python 3.11 or newer as python3" >&2; exit 1; }
	python3 -m venv .venv
	$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

setup: .venv/.installed ## A virtual environment from the hashed locks

build: .venv/bin/meteringest ## The extension in release mode; leaves .venv/bin/meteringest

RUST_SOURCES := $(shell find rust -name '*.rs' -not -path '*/fuzz/*' -not -path '*/target/*') $(wildcard rust/*/Cargo.toml) Cargo.toml Cargo.lock
.venv/bin/meteringest: .venv/.installed pyproject.toml $(RUST_SOURCES)
	VIRTUAL_ENV=$(CURDIR)/.venv .venv/bin/maturin develop --release --locked -q
	@touch $@

demo: build ## The whole line on a simulated fleet; ends by itself with a reconciled summary
	.venv/bin/meteringest demo

test: build test-rust test-py ## Every test

test-rust: ## The crates' tests
	cargo test --workspace --locked -q

test-py: build ## The Python tests, on real sockets, files and chDB: make test-py [JOBS=2]
	$(PY) -m pytest tests $(if $(filter-out 1,$(JOBS)),-n $(JOBS) --dist loadfile)

sim: build ## Replays one seed of the simulation, line by line: make sim SEED=7 [STEPS=30]
	$(PY) -m tests.sim --seed $(or $(SEED),0) $(if $(STEPS),--steps $(STEPS))

sim-many: build ## Many seeds, counted; a failing one is named: make sim-many N=10000 [FIRST=0] [JOBS=2]
	$(PY) -m tests.sim --many $(or $(N),100) --first $(or $(FIRST),0) --jobs $(or $(JOBS),1)

bench: build ## Benches beside their peers and limits: a table, and JSON in bench-results/
	$(PY) -m benches

fmt: ## Formats everything
	cargo fmt --all
	.venv/bin/ruff format python tests benches

fmt-check: ## Fails when something is not formatted
	cargo fmt --all --check
	.venv/bin/ruff format --check python tests benches

lint: ## clippy and ruff
	cargo clippy --workspace --all-targets --locked -- -D warnings
	.venv/bin/ruff check python tests benches

types: build ## mypy, and the stub against the binary
	.venv/bin/mypy python/meteringest python/meteringest_sim
	.venv/bin/python -m mypy.stubtest meteringest._native --allowlist .stubtest-allow

arrows: build ## Import contracts
	.venv/bin/lint-imports

ci: fmt-check lint types arrows test ## What CI runs

clean: ## Removes what building left
	rm -rf target .venv data build
