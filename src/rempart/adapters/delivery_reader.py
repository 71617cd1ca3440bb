# SPDX-License-Identifier: Apache-2.0
"""A delivery's folder: lists and hashes its files, reads what it says of itself, and holds the room's data files together.

What is inside the files is ``unit_reader``'s.
"""

import hashlib
import tomllib
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from rempart.adapters import package_data
from rempart.adapters.operator_schema_reader import operator_tables
from rempart.adapters.told_names import told_file
from rempart.adapters.unit_reader import unit_parts
from rempart.errors import BadInput
from rempart.ingest.declaration import FILE, Declaration, declaration
from rempart.ingest.definitions import Definitions, definitions
from rempart.ingest.units import DeliveredFile
from rempart.records.canonical import content_id

__all__ = ["Delivery", "ingest_definitions", "list_delivery", "unit_parts"]
_CHUNK = 1 << 20
_TRUTH = "truth.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What a folder holds; ``files`` sorted by name."""

    declaration: Declaration
    files: tuple[DeliveredFile, ...]

    @property
    def id(self) -> str:
        """Its own id, else that of its content."""
        return self.declaration.id or content_id([f"{file.name} {file.sha256}" for file in self.files])


def ingest_definitions(schema: Path | None = None) -> Definitions:
    """The data files of the ingest room, parsed; ``schema``: an operator's folder laid over them (raises as ``operator_tables``)."""
    names = package_data.names("ingest/sql", ".sql")
    schemas = package_data.names("ingest/schemas", ".toml")
    made = definitions(
        schemas={name.removesuffix(".toml"): package_data.toml(f"ingest/schemas/{name}") for name in schemas},
        cleaning=package_data.toml("ingest/cleaning.toml"),
        mapping=package_data.toml("ingest/mapping.toml"),
        sql={name.removesuffix(".sql"): package_data.text(f"ingest/sql/{name}") for name in names},
        omop=package_data.toml("records/omop54.toml"),
    )
    return made if schema is None else replace(made, tables=operator_tables(schema, made.tables))


def list_delivery(folder: Path) -> Delivery:
    """Files of a folder, hidden ones and ``delivery.toml`` left out.

    Raises BadInput ``delivery-missing``, ``delivery-empty``, ``delivery-inside``, ``delivery-declaration``.
    """
    if not folder.is_dir():
        raise BadInput("delivery-missing", file=folder.name)
    paths = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    _refuse_parent(folder, [path.name for path in paths])
    declared = _declaration(folder / FILE)
    paths = [path for path in paths if path.name != FILE]
    if not paths:
        raise BadInput("delivery-empty", file=folder.name)
    with ThreadPoolExecutor(2) as pool:
        files = tuple(pool.map(_listed, paths, range(1, len(paths) + 1)))
    return Delivery(declaration=declared, files=files)


def _refuse_parent(folder: Path, names: Collection[str]) -> None:
    """What ``rempart synth`` wrote is a folder of deliveries and their truth, no delivery."""
    inside = [part.name for part in (folder / "delivery", *sorted(folder.glob("deliveries/*"))) if part.is_dir()]
    if inside and (not names or _TRUTH in names):
        given = "delivery" if inside == ["delivery"] else "deliveries/*"
        raise BadInput("delivery-inside", file=folder.name, inside=f"{folder.name}/{given}")


def _declaration(path: Path) -> Declaration:
    if not path.exists():
        return Declaration()
    try:
        parsed = tomllib.loads(path.read_bytes().decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        parsed = {}
    return declaration(parsed)


def _listed(path: Path, number: int) -> DeliveredFile:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return DeliveredFile(
        name=told_file(path.name, number), path=str(path), size=path.stat().st_size, sha256=digest.hexdigest()
    )
