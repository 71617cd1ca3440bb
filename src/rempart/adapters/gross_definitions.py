# SPDX-License-Identifier: Apache-2.0
"""The data files of gross tables and of the cleaning rules, read together. Judges nothing."""

import tomllib
from pathlib import Path
from typing import Any

from rempart.adapters import package_data
from rempart.errors import BadInput
from rempart.ingest.gross import GrossPlan, gross_plan
from rempart.ingest.rules_file import RulesChoice, rules_choice

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


def rules_file(path: Path) -> dict[str, Any]:
    """An operator's rules file, parsed; raises BadInput ``rules-unreadable``."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput("rules-unreadable", file=path.name) from error
