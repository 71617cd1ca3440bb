#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints the system packages that tests need (requirements/system.txt: package, then what is skipped without it; after
# `command:NAME` between them the package is needed only where that command is absent), installs the missing ones when
# run as root, and installs none with APT=0 or as a plain user: it says what is skipped then.
set -u
list=${REMPART_SYSTEM_LIST:-requirements/system.txt}
packages=$(sed -e '/^[[:space:]]*#/d' -e '/^[[:space:]]*$/d' "$list")
if [ -z "$packages" ]; then
    echo "system packages: no system package needed"
    exit 0
fi
echo "system packages that tests need:"
printf '%s\n' "$packages" | sed 's/^/  /'

missing=
skipped=
while read -r package what; do
    case $what in
    command:*)
        command=${what%% *}
        what=${what#* }
        if command -v "${command#command:}" >/dev/null 2>&1; then
            continue
        fi
        ;;
    esac
    if ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed'; then
        missing="$missing $package"
        skipped="$skipped  $package: $what
"
    fi
done <<LIST
$packages
LIST

if [ -z "$missing" ]; then
    echo "all of them are here"
elif [ "${APT:-1}" = 0 ]; then
    printf 'APT=0: none is installed. Skipped without them:\n%s' "$skipped"
elif [ "$(id -u)" != 0 ]; then
    printf 'not root: none is installed. Skipped without them:\n%sto have them: sudo apt-get install -y%s\n' "$skipped" "$missing"
else
    echo "installing:$missing"
    # shellcheck disable=SC2086  # one word a package is meant
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
fi
