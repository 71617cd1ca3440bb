# SPDX-License-Identifier: Apache-2.0
"""Where a defect is written down: the kind of error and the places passed, in a file of mode 0600.

No local, no message of the exception and no argument, since any of them could hold a patient's data or a key.
"""

import os
import tempfile
import traceback
from pathlib import Path

from rempart import __version__


def write_crash(error: BaseException) -> Path:
    """Write ``rempart-crash-….txt`` into the system's temporary folder; its path."""
    places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    descriptor, name = tempfile.mkstemp(prefix="rempart-crash-", suffix=".txt")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join([f"rempart {__version__}", type(error).__name__, *places]) + "\n")
    return Path(name)
