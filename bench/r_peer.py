# SPDX-License-Identifier: Apache-2.0
"""R as a peer: one process that holds the same numbers and times its own work, so that neither its start nor the handing over counts.

Registers no bench. A script reads what it needs from the folder that is its first argument, then answers each line of its input with a
line of numbers, seconds first.
"""

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


class Peer:
    """``script`` running in R with ``arrays`` written beside it as plain numbers, by name; more ``arguments`` follow the folder."""

    def __init__(self, script: str, arrays: Mapping[str, Any], *arguments: str) -> None:
        self._place = tempfile.TemporaryDirectory()
        folder = Path(self._place.name)
        for name, values in arrays.items():
            np.ascontiguousarray(values).tofile(folder / name)
        file = folder / "fit.R"
        file.write_text(script, encoding="utf-8")
        self._process = subprocess.Popen(
            ["Rscript", str(file), str(folder), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def again(self) -> list[float]:
        """One more run: seconds, and whatever numbers the script tells. Raises ValueError where R has gone."""
        if self._process.stdin is None or self._process.stdout is None:
            raise ValueError("R has no pipe")
        self._process.stdin.write("fit\n")
        self._process.stdin.flush()
        told = [float(value) for value in self._process.stdout.readline().split()]
        if not told:
            raise ValueError("R has gone")
        return told
