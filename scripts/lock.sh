#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes requirements/*.txt again from requirements/*.in: one lock for Python 3.11 and later, hashes, no registry address.
set -eu
if [ ! -x .lock-venv/bin/uv ]; then
    "${PYTHON:-python3}" -m venv .lock-venv
    .lock-venv/bin/python -m pip --disable-pip-version-check --quiet install uv
fi
cd requirements
for name in build run test; do
    ../.lock-venv/bin/uv pip compile --system-certs --quiet --upgrade --generate-hashes --no-emit-index-url --no-header --no-annotate \
        --universal --python-version 3.11 "$name.in" -o "$name.txt"
    echo "requirements/$name.txt: $(grep -c == "$name.txt") packages"
done
