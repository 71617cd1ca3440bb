#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the test servers that npm has (tests/servers/node, locked by hash) into .node/, which git ignores.
# Installs none with APT=0 or without npm: it says what is skipped then. Runs no script of any package.
set -u
skipped="the hosts' tests on Azure (azurite)"
if ! command -v npm >/dev/null 2>&1 || ! command -v node >/dev/null 2>&1; then
    echo "node packages: no npm here. Skipped without it: $skipped"
    exit 0
fi
if cmp -s tests/servers/node/package-lock.json .node/installed.json; then
    echo "node packages: all of them are here"
    exit 0
fi
if [ "${APT:-1}" = 0 ]; then
    echo "APT=0: no node package is installed. Skipped without them: $skipped"
    exit 0
fi
echo "installing node packages (tests/servers/node/package-lock.json, checked by hash) into .node/"
mkdir -p .node
cp tests/servers/node/package.json tests/servers/node/package-lock.json .node/
(cd .node && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) || exit 1
cp tests/servers/node/package-lock.json .node/installed.json
