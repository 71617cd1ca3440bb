# SPDX-License-Identifier: Apache-2.0
"""Code lists on their way into a study file: read from a file of others, judged, written as TOML to paste or put at a study's end."""

import os
from dataclasses import dataclass
from pathlib import Path

from rempart.adapters.code_list_files import is_json, rows_of, sets_of
from rempart.adapters.text_input import read_text
from rempart.adapters.toml_input import parse_toml
from rempart.errors import BadInput, Refused
from rempart.records.code_import import Imported, check_name, from_items, from_rows
from rempart.records.code_list_text import already, appended, toml_block


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked of the file: the list's name in the study, and what the file does not tell by itself."""

    name: str
    system: str | None = None
    column: str | None = None
    chosen: str | None = None
    alone: bool = False
    source: str | None = None
    version: str | None = None


def import_codes(path: Path, wanted: Wanted) -> tuple[Imported, str]:
    """The list and its TOML block; raises BadInput ``codes-…``, ``file-missing``."""
    check_name(wanted.name)
    source = wanted.source or path.name
    if not is_json(path):
        made = from_rows(rows_of(path), file=path.name, source=source, system=wanted.system, column=wanted.column)
        return made, toml_block(wanted.name, made, version=wanted.version)
    sets = sets_of(path)
    if (wanted.chosen is None and len(sets) > 1) or (wanted.chosen is not None and wanted.chosen not in sets):
        raise BadInput("codes-set", file=path.name, expected=", ".join(list(sets)[:20]))
    name = wanted.chosen or next(iter(sets))
    told = source if wanted.source or name == path.stem else f"{source}: {name}"
    made = from_items(sets[name], file=path.name, source=told, system=wanted.system, alone=wanted.alone)
    return made, toml_block(wanted.name, made, version=wanted.version)


def put_into(study: Path, name: str, block: str) -> None:
    """Put the block at the end of a study file, all else left as it is.

    Raises Refused ``codes-there`` when it has a list of that name, BadInput ``file-missing``, ``toml-syntax``, ``file-unwritable``.
    """
    text = read_text(study)
    if already(parse_toml(text, study.name), name):
        raise Refused("codes-there", file=study.name, name=name)
    longer = appended(text, block)
    parse_toml(longer, study.name)
    unfinished = study.with_name(f".{study.name}.part")
    try:
        unfinished.write_text(longer, encoding="utf-8", newline="")
        os.chmod(unfinished, study.stat().st_mode & 0o777)
        os.replace(unfinished, study)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise BadInput("file-unwritable", file=study.name) from error
