# SPDX-License-Identifier: Apache-2.0
"""A new study file from a template, and beside it the JSON Schema by which editors complete and check it."""

import json
from pathlib import Path

from rempart.adapters import package_data
from rempart.errors import BadInput, Refused

TEMPLATES = "examples/templates"
SCHEMA_FILE = "study.schema.json"


def templates() -> tuple[str, ...]:
    """Names of the templates."""
    return tuple(name.removesuffix(".en.toml") for name in package_data.names(TEMPLATES, ".en.toml"))


def new_study(path: Path, *, template: str, language: str, permit: str | None = None) -> Path:
    """Write the template to ``path`` and the schema beside it; where the schema is.

    Raises Refused ``file-exists``, BadInput ``study-template``, ``file-unwritable``.
    """
    if template not in templates():
        raise BadInput("study-template", given=template, expected=", ".join(templates()))
    if path.exists():
        raise Refused("file-exists", file=path.name)
    text = package_data.text(f"{TEMPLATES}/{template}.{language}.toml")
    text = text.replace('permit = "P-2026-0001"', f"permit = {json.dumps(permit)}", 1) if permit else text
    schema = path.with_name(SCHEMA_FILE)
    try:
        path.write_text(f"#:schema ./{SCHEMA_FILE}\n{text}", encoding="utf-8")
        schema.write_text(package_data.text(f"schemas/{SCHEMA_FILE}"), encoding="utf-8")
    except OSError as error:
        raise BadInput("file-unwritable", file=path.name) from error
    return schema
