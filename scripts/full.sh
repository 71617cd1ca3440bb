#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `make full VERSION`: every test at full size. What it prints is kept, without this machine's paths, in docs/evidence/.
set -u
version=$1
evidence=docs/evidence/full-$version.txt
here=$(pwd)
mkdir -p docs/evidence
status=$(mktemp)
faults=$(mktemp)
{
    echo "rempart $version, make full, $(date -u +%Y-%m-%dT%H:%MZ), $(.venv/bin/python --version), $(nproc) cores"
    echo "commit $(git rev-parse --short HEAD 2>/dev/null || echo unknown)"
    .venv/bin/python -m tests.faults.campaign --size full >"$faults" 2>&1 &  # beside the tests: it waits for killed processes most of its time
    campaign=$!
    REMPART_FULL=1 .venv/bin/python -m pytest -n 2 --dist loadfile --durations=25 --timeout=7200 2>&1
    code=$?
    wait "$campaign" || code=1
    cat "$faults"
    .venv/bin/python -m truth 2>&1 || code=1
    echo $code >"$status"
} | awk -v here="$here" -v home="${HOME:-/nonexistent}" '
    function without(text, path,    at) {
        while (path != "/" && path != "" && (at = index(text, path))) text = substr(text, 1, at - 1) "…" substr(text, at + length(path))
        return text
    }
    { print without(without($0, here), home); fflush() }' | tee "$evidence"
code=$(cat "$status")
rm -f "$status" "$faults"
echo "written: $evidence"
exit "$code"
