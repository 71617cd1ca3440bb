# SPDX-License-Identifier: Apache-2.0
"""Reads a TOML file that a person wrote; every failure names the file and, where known, the line."""

import re
import tomllib
from pathlib import Path
from typing import Any

from rempart.adapters.text_input import read_text
from rempart.errors import BadInput

_LINE = re.compile(r"line (\d+)")


def read_toml(path: Path) -> dict[str, Any]:
    """The parsed file; raises BadInput ``file-missing``, ``file-encoding`` or ``toml-syntax``."""
    try:
        return tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        found = _LINE.search(str(error))
        raise BadInput("toml-syntax", file=path.name, line=int(found.group(1)) if found else 0) from error
