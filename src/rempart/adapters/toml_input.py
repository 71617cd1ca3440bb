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
    return parse_toml(read_text(path), path.name)


def parse_toml(text: str, file: str) -> dict[str, Any]:
    """The parsed text of a file of that name; raises BadInput ``toml-syntax``, ``toml-nested``."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _LINE.search(str(error))
        line = (
            int(found.group(1)) if found else text.count("\n") + 1
        )  # what is missing at the end is missing in the last line
        raise BadInput("toml-syntax", file=file, line=line) from error
    except RecursionError as error:
        raise BadInput("toml-nested", file=file) from error
