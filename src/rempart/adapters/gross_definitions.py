# SPDX-License-Identifier: Apache-2.0
"""The data files of gross tables and of the cleaning rules, read together. Judges nothing."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rempart.adapters import package_data
from rempart.errors import BadInput
from rempart.ingest.definitions import Definitions
from rempart.ingest.gross import GrossPlan, gross_plan, with_native
from rempart.ingest.rules_file import RulesChoice, rules_choice
from rempart.ingest.schema import unit_columns

_OPEN_END = "2099-12-31"


def known_rules(given: dict[str, Any] | None = None) -> RulesChoice:
    """The rules of the package under an operator's parsed rules file; raises as ``ingest.rules_file.rules_choice``."""
    return rules_choice(package_data.toml("ingest/cleaning.toml"), given)


def gross_definitions(choice: RulesChoice | None = None) -> GrossPlan:
    """What ``ingest.gross`` works by."""
    files = [name for name in package_data.names("ingest/sql", ".sql") if name.startswith("gross_")]
    return gross_plan(
        tables=package_data.toml("ingest/gross.toml"),
        lines=package_data.toml("ingest/gross_lines.toml"),
        choice=known_rules() if choice is None else choice,
        sql={name.removesuffix(".sql"): package_data.text(f"ingest/sql/{name}") for name in files},
        open_end=_OPEN_END,
    )


def with_native_tables(
    plan: GrossPlan, definitions: Definitions, words: Sequence[str], *, file: str = "native"
) -> GrossPlan:
    """The plan with the delivered tables of these words sealed beside; raises BadInput ``native-table`` for an unknown word of ``file``."""
    for word in words:
        if word not in plan.reads:
            raise BadInput("native-table", file=file, word=word, known=", ".join(plan.reads))
    columns = {word: unit_columns(definitions.tables, word) for word in words}
    return with_native(plan, package_data.toml("ingest/gross_lines.toml"), columns)


def rules_file(path: Path) -> dict[str, Any]:
    """An operator's rules file, parsed; raises BadInput ``file-missing``, ``rules-unreadable``."""
    if not path.is_file():
        raise BadInput("file-missing", file=path.name)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput("rules-unreadable", file=path.name) from error
