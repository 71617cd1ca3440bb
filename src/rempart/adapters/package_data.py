# SPDX-License-Identifier: Apache-2.0
"""Reads the data files that lie beside the rooms (TOML, SQL): the one place that knows where they are."""

import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from importlib.resources import files
from typing import Any


def toml(path: str) -> dict[str, Any]:
    """A parsed TOML data file of the package, e.g. ``records/omop54.toml``."""
    return tomllib.loads(text(path))


def joined(path: str, areas: str = "") -> dict[str, Any]:
    """A data file with those of the areas beside it: ``keys/grants.toml`` and every ``keys/grants-*.toml``, in the order of their names.

    ``areas``: their form where it is another (``locale/en.toml``, ``errors-*.en.toml``). Tables are joined at every depth; source and date
    stay those of the first file. Raises ValueError for a key that two files give: neither could be meant (a law test reads them all).
    """
    folder, _, name = path.rpartition("/")
    form = areas or name.replace(".", "-*.", 1)
    whole = toml(path)
    for beside in names(folder, ".toml"):
        if beside != name and fnmatchcase(beside, form):
            own = {key: value for key, value in toml(f"{folder}/{beside}").items() if key not in ("source", "date")}
            _join(whole, own, f"{folder}/{beside}")
    return whole


def _join(into: dict[str, Any], more: Mapping[str, Any], where: str) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _join(into[key], value, f"{where}: {key}")
        elif key in into:
            raise ValueError(f"given twice: {where}: {key}")
        else:
            into[key] = value


def text(path: str) -> str:
    """A text data file of the package, UTF-8."""
    return files("rempart").joinpath(path).read_text(encoding="utf-8")


def names(folder: str, suffix: str) -> list[str]:
    """Names of the data files in a folder of the package, sorted."""
    return sorted(item.name for item in files("rempart").joinpath(folder).iterdir() if item.name.endswith(suffix))


def tables(name: str) -> dict[str, dict[str, dict[str, str]]]:
    """The tables of a TOML file, without its source and date."""
    return {key: value for key, value in toml(name).items() if isinstance(value, dict)}
