# SPDX-License-Identifier: Apache-2.0
# Every path here is relative and quoted, so that the tree may lie in a folder with a space in its name.

PYTHON ?= python3
APT ?= 1
ONLY ?=
SEED ?=
PERSONS ?=
SEEDS ?=
PYTEST_ARGS ?=
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet
PYTEST := $(PY) -m pytest -n 2 --dist loadfile
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)

export PYTHON

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast check faults attacks truth recovery full bench lock clean

help:  ## say what can be done (default)
	@echo "rempart $(VERSION)"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

demo: $(VENV)/.run  ## the whole way once, narrated: delivery, sealing, study, release, audit (no root needed)
	@$(VENV)/bin/rempart demo

test: $(VENV)/.test  ## every test (20 min); lists the system packages first, APT=0 declines them
	@APT="$(APT)" sh scripts/system-packages.sh
	@APT="$(APT)" sh scripts/node-packages.sh
	@$(PYTEST) --junitxml=.junit.xml $(PYTEST_ARGS)

test-fast: $(VENV)/.test  ## without slow tests and servers (3 min)
	@$(PYTEST) -m "not slow and not server" $(PYTEST_ARGS)

check: $(VENV)/.test  ## ruff, mypy --strict, import contracts, law tests (30 s)
	@sh scripts/check.sh

faults: $(VENV)/.test  ## attack a stored warehouse by the thousand: counts by kind, 1 if one slips through (SEED= repeats)
	@APT="$(APT)" sh scripts/system-packages.sh
	@APT="$(APT)" sh scripts/node-packages.sh
	@$(PY) -m tests.faults.campaign $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY))

attacks: $(VENV)/.test  ## attack our own way out: counts by kind, 1 if one gets through (SEED=, ONLY=, WITHOUT=check)
	@APT="$(APT)" sh scripts/system-packages.sh
	@$(PY) -m tests.faults.attacks $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only "$(ONLY)") $(if $(WITHOUT),--without $(WITHOUT))

truth: $(VENV)/.test  ## score the loader against what was planted: a table, 1 if a score is off (PERSONS=, SEED=)
	@$(PY) -m truth $(if $(PERSONS),--persons $(PERSONS)) $(if $(SEED),--seed $(SEED))

recovery: $(VENV)/.test  ## find planted effects again over 500 seeds and see each shortcut fail; writes docs/recovery.md (SEEDS=, PROCESSES=)
	@$(PY) -m recovery --write $(if $(SEEDS),--seeds $(SEEDS)) $(if $(PROCESSES),--processes $(PROCESSES))

full: $(VENV)/.test  ## everything at full size; what it printed goes to docs/evidence/
	@APT="$(APT)" sh scripts/system-packages.sh
	@APT="$(APT)" sh scripts/node-packages.sh
	@sh scripts/full.sh "$(VERSION)"

bench: $(VENV)/.test  ## measure against peers (ONLY=name for one); writes bench/results.json and docs/benchmarks.md
	@$(PY) -m bench --only "$(ONLY)"

lock: $(VENV)/.preflight  ## write requirements/*.txt again from requirements/*.in
	@sh scripts/lock.sh

clean:  ## remove the environment and every cache
	@rm -rf .junit.xml .venv .lock-venv .node build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .grimp_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The three stamps: the environment exists; it can run Rempart; it can test Rempart.
$(VENV)/.preflight: scripts/preflight.sh
	@WANTED="$(MAKECMDGOALS)" sh scripts/preflight.sh
	@"$(PYTHON)" -m venv $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.preflight requirements/build.txt requirements/run.txt pyproject.toml
	@echo "installing what Rempart runs on (requirements/run.txt, checked by hash)"
	@$(PIP) install --require-hashes -r requirements/build.txt
	@$(PIP) install --require-hashes -r requirements/run.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.run requirements/test.txt
	@echo "installing what the tests need (requirements/test.txt, checked by hash)"
	@$(PIP) install --require-hashes --no-build-isolation --use-pep517 -r requirements/test.txt
	@touch $@
