# SPDX-License-Identifier: Apache-2.0
"""What a Spark master's name says of where work goes. Imports no Spark and reaches nothing."""

import re
from urllib.parse import urlsplit

from rempart.errors import BadInput

ATTEMPTS = 4
"""How often Spark tries a task."""
_LOCAL = re.compile(r"local(?:\[(\d{1,4}|\*)\])", re.ASCII)
_CLUSTER = re.compile(r"yarn|(?:spark|k8s)://\S+", re.ASCII)
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def check_master(name: str) -> None:
    """``local[n]``, ``spark://…``, ``yarn`` or ``k8s://…``; raises BadInput ``engine-name``."""
    if not _LOCAL.fullmatch(name) and not _CLUSTER.fullmatch(name):
        raise BadInput("engine-name", given=name[:80])


def tasks_here(name: str) -> int | None:
    """Tasks at once inside the driver's own JVM, 0 for as many as there are cores; None for a cluster."""
    found = _LOCAL.fullmatch(name)
    return None if found is None else 0 if found[1] == "*" else int(found[1])


def is_here(name: str) -> bool:
    """Whether the whole cluster is this machine."""
    if tasks_here(name) is not None:
        return True
    return name.startswith("spark://") and all(
        urlsplit(f"spark://{one}").hostname in _LOOPBACK for one in name.removeprefix("spark://").split(",")
    )


def with_attempts(name: str) -> str:
    """``local[2]`` → ``local[2,4]``: Spark would otherwise try a local task once only."""
    found = _LOCAL.fullmatch(name)
    return f"local[{found[1]},{ATTEMPTS}]" if found else name
