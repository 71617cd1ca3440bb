# SPDX-License-Identifier: Apache-2.0
"""Text files that a person names on the command line; every failure names the file, never a system message."""

from pathlib import Path

from rempart.errors import BadInput


def read_text(path: Path) -> str:
    """The whole file, UTF-8, a byte order mark before it or not.

    Raises BadInput ``file-missing`` (also where it is no file of ours to read), ``file-encoding``.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput("file-encoding", file=path.name, expected="UTF-8") from error
    except OSError as error:
        raise BadInput("file-missing", file=path.name) from error


def check_folder(path: Path) -> Path:
    """``path`` when it is a folder; raises BadInput ``file-missing``."""
    if not path.is_dir():
        raise BadInput("file-missing", file=path.name)
    return path
