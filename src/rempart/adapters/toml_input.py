# SPDX-License-Identifier: Apache-2.0
"""Reads a TOML file that a person wrote; every failure names the file and, where known, the line."""

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

from rempart.adapters.text_input import read_text
from rempart.adapters.toml_faults import fault
from rempart.errors import BadInput

_DEEPEST = 100  # parts of a dotted key: tomllib takes a time that grows with their square, and no table of ours has ten
_PART = r"""(?: [A-Za-z0-9_-]++ | "(?:[^"\\\n]|\\.)*+" | '[^'\n]*+' )"""
_TOKEN = re.compile(
    rf"""(?P<deep> {_PART} (?:[ \t]*+\.[ \t]*+{_PART}){{{_DEEPEST}}} )
      | \#[^\n]*+
      | \"{{3}} (?:[^"\\]|\\[\s\S]|"(?!""))*+ \"{{3,5}}
      | '{{3}} (?:[^']|'(?!''))*+ '{{3,5}}
      | {_PART}""",
    re.VERBOSE,
)


def read_toml(path: Path) -> dict[str, Any]:
    """The parsed file; raises BadInput ``file-missing``, ``file-encoding`` or as ``parse_toml``."""
    return parse_toml(read_text(path), path.name)


def parse_toml(text: str, file: str) -> dict[str, Any]:
    """The parsed text of a file of that name; raises BadInput ``toml-number``, ``toml-nested`` or as ``fault``."""
    if line := _line_of_deep_key(text):
        raise BadInput("toml-nested", file=f"{file}:{line}", line=line)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise fault(text, str(error), file) from error
    except ValueError as error:  # what Python says of a number with more digits than it reads
        raise BadInput("toml-number", file=file, line=_line_of_number(text)) from error
    except RecursionError as error:
        raise BadInput("toml-nested", file=file) from error


def _line_of_deep_key(text: str) -> int:
    """The line of the first dotted key of more than ``_DEEPEST`` parts; 0 without one."""
    if all(line.count(".") < _DEEPEST for line in text.split("\n")):
        return 0
    found = next((token for token in _TOKEN.finditer(text) if token["deep"]), None)
    return text.count("\n", 0, found.start()) + 1 if found else 0


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
