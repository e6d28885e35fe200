# One bare command shows help; `make test` runs everything that CI runs. Both `make demo` and `make test` work as the very
# first command after a clone: they create .venv, install what requirements/*.txt lock by hash, then the project itself.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell tools/find-python)
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
FOLDERS := cli config processors producers schemas sinks

# The least percentage of the core's branches that tests take. 95 is the bar; a release never goes below it.
BRANCHES_MIN := 95
WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal
CORE_TESTS = $(patsubst %,tests/%,budget columns concept core detectors estimation outcomes performance recovery reference schemas statistics)

# A strict editable install links single files, so it has to be renewed when a file comes or goes: the name of its stamp
# is made from the list of files.
FILES := $(shell { git ls-files -co --exclude-standard -- $(FOLDERS) 2>/dev/null || find $(FOLDERS) -name '*.py'; } | sort | cksum | cut -d' ' -f1)
EDITABLE := $(VENV)/.editable-$(FILES)

# numba renews a cached kernel when its own file changes, but not when a kernel that it calls from another file does.
# So tests and benchmarks have a cache folder for each state of all kernels; the demo shares the one of later commands.
KERNELS := $(shell grep -rl --include='*.py' njit processors 2>/dev/null | sort | xargs cat /dev/null | cksum | cut -d' ' -f1)
test test-faults soak bench bench-statistics: export NUMBA_CACHE_DIR := $(CURDIR)/$(VENV)/kernels/$(KERNELS)

.PHONY: help
help:  ## show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(EDITABLE) $(if $(KAFKA),servers)  ## watch a drift being found, live; KAFKA=1: on a real Kafka
	@$(if $(KAFKA),$(BIN)/python tools/demo-on-kafka,$(BIN)/driftline demo)

# A compiled kernel leaves no trace for coverage to see, and reads past the end of an array without a word. So the tests
# of the core run twice: with the kernels as plain Python, few random examples and the gate on branches; then, with all
# other tests, compiled and uninstrumented. (Hashes of 64 bits wrap around by design; as plain Python, numpy warns of it.)
.PHONY: test
test: check servers  ## everything CI runs: check, tests, examples of the docs, coverage of the core
	rm -f .coverage
	NUMBA_DISABLE_JIT=1 $(PYTEST) --hypothesis-profile=plain -m "not compiled" -k "not KSWIN" \
		-W "ignore:overflow encountered" --quiet --cov -p tests.branch_gate --branches-min=$(BRANCHES_MIN) $(CORE_TESTS)
	$(PYTEST) --hypothesis-profile=ci --ignore=tests/faults tests

.PHONY: test-faults
test-faults: $(VENV)/.dev $(EDITABLE) servers  ## workers killed, frozen and started under load on a real Kafka; figures
	$(PYTEST) tests/faults

.PHONY: check
check: $(VENV)/.dev $(EDITABLE)  ## ruff, mypy strict, import directions
	$(BIN)/ruff check .
	$(BIN)/mypy $(FOLDERS:%=-p driftline.%) | sed 's,build/__editable__[^/]*/driftline/,,'
	$(BIN)/lint-imports --no-cache

# Without Maven, or without a network, the tests that need a real Kafka are skipped with their reason; in CI that fails.
KAFKA_JARS := tests/servers/jars/.stamp

.PHONY: servers
servers: $(if $(shell command -v mvn),$(KAFKA_JARS))  ## fetch the real Kafka that tests and benchmarks start

.PHONY: soak
soak: $(VENV)/.dev $(EDITABLE)  ## the property tests with 5,000 examples each
	$(PYTEST) -m hypothesis --hypothesis-profile=soak tests

.PHONY: bench
bench: $(VENV)/.dev $(EDITABLE) servers  ## speed and memory of the main paths
	$(BIN)/python benchmarks/run.py

.PHONY: bench-statistics
bench-statistics: $(VENV)/.dev $(EDITABLE)  ## false alarms and detection delays against their bars
	$(BIN)/python benchmarks/statistics/run.py

.PHONY: wheel
wheel: $(VENV)/.dev  ## build the wheel into dist/
	$(PIP) wheel . --no-deps --no-build-isolation --wheel-dir dist

.PHONY: lock
lock:  ## renew requirements/*.txt from pyproject.toml
	tools/lock

.PHONY: config-pages
config-pages: $(VENV)/.monitor $(EDITABLE)  ## renew what is written from the configuration tree
	$(BIN)/python tools/publish-config

.PHONY: clean
clean:  ## remove the environment and everything built
	rm -rf $(VENV) tests/servers/jars build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage .coverage.*
	find $(FOLDERS) tests -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment -------------------------------------------------------------------------------------------------

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "driftline needs Python 3.11, 3.12 or 3.13 with its venv module (Debian: apt-get install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.monitor: requirements/monitor.txt | $(BIN)/python
	$(PIP) install --require-hashes -r requirements/monitor.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.monitor
	$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

$(EDITABLE): pyproject.toml | $(VENV)/.monitor
	@rm -rf $(VENV)/.editable-* build
	$(PIP) install --no-deps --no-build-isolation --config-settings editable_mode=strict --editable .
	@touch $@

$(KAFKA_JARS): tests/servers/pom.xml
	@rm -rf $(@D)
	mvn --batch-mode --quiet --file $< dependency:copy-dependencies && touch $@ || echo "no jars of Kafka: Maven says why" >&2
