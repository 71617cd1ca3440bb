# SPDX-License-Identifier: Apache-2.0
"""Reads a TOML file that a person wrote; every failure names the file and, where known, the line."""

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

from rempart.adapters.text_input import read_text
from rempart.errors import BadInput

_LINE = re.compile(r"line (\d+)")


def read_toml(path: Path) -> dict[str, Any]:
    """The parsed file; raises BadInput ``file-missing``, ``file-encoding`` or as ``parse_toml``."""
    return parse_toml(read_text(path), path.name)


def parse_toml(text: str, file: str) -> dict[str, Any]:
    """The parsed text of a file of that name; raises BadInput ``toml-syntax``, ``toml-number``, ``toml-nested``."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _LINE.search(str(error))
        line = (
            int(found.group(1)) if found else text.count("\n") + 1
        )  # what is missing at the end is missing in the last line
        raise BadInput("toml-syntax", file=file, line=line) from error
    except ValueError as error:  # what Python says of a number with more digits than it reads
        raise BadInput("toml-number", file=file, line=_line_of_number(text)) from error
    except RecursionError as error:
        raise BadInput("toml-nested", file=file) from error


def _line_of_number(text: str) -> int:
    """The line of the first number that is too long: the first long run of digits at which reading ends for that reason."""
    for run in re.finditer(rf"[0-9_]{{{sys.get_int_max_str_digits()},}}", text):
        try:
            tomllib.loads(text[: run.end()])
        except tomllib.TOMLDecodeError:
            continue  # a text or list that goes on
        except ValueError:
            return text.count("\n", 0, run.start()) + 1
    return text.count("\n") + 1
