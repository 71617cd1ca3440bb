# SPDX-License-Identifier: Apache-2.0
"""What may be told of an error in a researcher's code: a name from a closed list and a line of the main file. Never its message.

The code itself writes what we read, so that all of it is data of a person until it is found in the list.
"""

import json

from rempart.adapters import package_data
from rempart.ports.sandbox import SandboxJob

ERROR_FILE, BEGUN_FILE = ".error", ".begun"
OTHER = "error"


def told_error(written: bytes, job: SandboxJob) -> tuple[str, int]:
    """(name, line): the name ``error`` unless the list has it, the line 0 unless the main file has it."""
    known = package_data.toml("adapters/sandbox_errors.toml")["languages"][job.language]
    try:
        told = json.loads(written)
        name, line = told["name"], told["line"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return OTHER, 0
    lines = job.code[job.main].count(b"\n") + 1
    within = isinstance(line, int) and not isinstance(line, bool) and 0 < line <= lines
    return name if isinstance(name, str) and name in known else OTHER, line if within else 0
