#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks what an installation needs before it starts: Python >= 3.11, its venv module, free disk.
# Where something is missing it prints the one command that puts it right. Installs nothing itself.
set -u
python=${PYTHON:-python3}
need_mb=${REMPART_NEED_MB:-3000}

say() { printf '%s\n' "$@" >&2; }

as_root() { if [ "$(id -u)" = 0 ]; then printf 'apt-get install -y %s' "$1"; else printf 'sudo apt-get install -y %s' "$1"; fi; }

if ! command -v "$python" >/dev/null 2>&1; then
    say "missing: Python 3.11 or newer ('$python' is not a command here)." "run:     $(as_root 'python3 python3-venv')"
    exit 1
fi

version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    for newer in python3.13 python3.12 python3.11; do
        if "$newer" -c "" >/dev/null 2>&1; then
            say "missing: Python 3.11 or newer ('$python' is $version)." "run:     make PYTHON=$newer ${WANTED:-demo}"
            exit 1
        fi
    done
    say "missing: Python 3.11 or newer ('$python' is $version)." \
        "run:     $(as_root 'python3.11 python3.11-venv')   and then: make PYTHON=python3.11 ${WANTED:-demo}"
    exit 1
fi

# Debian's python3 carries venv but not ensurepip until the package python3-venv is there.
if ! "$python" -c 'import venv, ensurepip' >/dev/null 2>&1; then
    say "missing: the venv module of Python $version." "run:     $(as_root "python$version-venv")"
    exit 1
fi

free_mb=$(df -Pm . | awk 'NR == 2 { print $4 }')
if [ "$free_mb" -lt "$need_mb" ]; then
    say "missing: $need_mb MB of free disk in this folder (free: $free_mb MB)." \
        "run:     df -h .   and make room, or clone Rempart to a larger disk"
    exit 1
fi
