# SPDX-License-Identifier: Apache-2.0
"""Which program computes here: releases by number, and the sources that can change a number by their hash. Compares nothing.

Two states of the source tree may bear one version (a checkout, a mended file): what one of them left is not the other's. A process hashes
once, about two megabytes.
"""

import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import rempart
from rempart.records.canonical import length_prefixed, sha256_id

_ROOMS = ("adapters", "cohort", "journeys", "permits", "records", "study", "vault")
_KINDS = {".py", ".toml", ".sql"}
_HEX = 16


def program_version() -> str:
    """Rempart, NumPy and Python by their versions, and the hash of Rempart's sources."""
    python = ".".join(map(str, sys.version_info[:2]))
    return f"rempart {rempart.__version__} ({sources()}), numpy {_installed('numpy')}, python {python}"


@cache
def sources() -> str:
    """The first 16 hexadecimal digits of SHA-256 over names and bytes of every file that takes part in making evidence."""
    fields = [field for name, data in _files(Path(rempart.__file__).parent) for field in (name, data)]
    return sha256_id(length_prefixed(*fields)).removeprefix("sha256:")[:_HEX]


def _files(package: Path) -> Iterator[tuple[str, bytes]]:
    for room in _ROOMS:
        for path in sorted((package / room).rglob("*")):
            if path.suffix in _KINDS and path.is_file():
                yield path.relative_to(package).as_posix(), path.read_bytes()


@cache
def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # a build without metadata
        return "-"
