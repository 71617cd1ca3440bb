#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `make check`: style, types, import contracts, law tests. Runs all of them, then fails if one failed.
set -u
failed=0
step() {
    title=$1
    shift
    if output=$("$@" 2>&1); then
        printf 'ok      %s\n' "$title"
    else
        printf 'FAILED  %s\n%s\n' "$title" "$output"
        failed=1
    fi
}
step "ruff check" .venv/bin/python -m ruff check --quiet .
step "ruff format" .venv/bin/python -m ruff format --quiet --check --diff .
step "mypy --strict" .venv/bin/python -m mypy
step "import contracts" .venv/bin/python scripts/import_contracts.py
.venv/bin/python -m pytest -q tests/law || failed=1
exit $failed
