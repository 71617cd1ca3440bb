# SPDX-License-Identifier: Apache-2.0
"""Reads the data files that lie beside the rooms (TOML, SQL): the one place that knows where they are."""

import tomllib
from importlib.resources import files
from typing import Any


def toml(path: str) -> dict[str, Any]:
    """A parsed TOML data file of the package, e.g. ``records/omop54.toml``."""
    return tomllib.loads(text(path))


def text(path: str) -> str:
    """A text data file of the package, UTF-8."""
    return files("rempart").joinpath(path).read_text(encoding="utf-8")


def names(folder: str, suffix: str) -> list[str]:
    """Names of the data files in a folder of the package, sorted."""
    return sorted(item.name for item in files("rempart").joinpath(folder).iterdir() if item.name.endswith(suffix))


def tables(name: str) -> dict[str, dict[str, dict[str, str]]]:
    """The tables of a TOML file, without its source and date."""
    return {key: value for key, value in toml(name).items() if isinstance(value, dict)}
