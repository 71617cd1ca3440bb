# SPDX-License-Identifier: Apache-2.0
"""Puts a report down in a folder of its own: never among other files. Knows nothing of what the files say."""

from collections.abc import Mapping
from pathlib import Path

from rempart.errors import BadInput, Refused


def check_report_folder(out: Path) -> None:
    """Raises Refused ``report-folder`` when a report would fall among other files."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Refused("report-folder", folder=str(out))


def write_report(out: Path, files: Mapping[str, bytes]) -> None:
    """Relative path → bytes under ``out``; raises as ``check_report_folder``, BadInput ``file-unwritable``."""
    check_report_folder(out)
    for name, data in files.items():
        path = out / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        except OSError as error:
            raise BadInput("file-unwritable", file=path.name) from error
