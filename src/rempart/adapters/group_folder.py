# SPDX-License-Identifier: Apache-2.0
"""Folders that the broker's account and the commands' account both write: what lies in a set-group-id folder that its group may
write is the group's too. Any other folder's files stay their owner's alone. The folder itself says which it is; there is no setting.
"""

import os
import stat
from pathlib import Path

OWN_FILE, GROUP_FILE = 0o600, 0o660
_GROUP_FOLDER = 0o2770
_SHARED = stat.S_ISGID | stat.S_IWGRP


def is_shared(folder: Path) -> bool:
    """Whether a group writes here."""
    return folder.stat().st_mode & _SHARED == _SHARED


def open_in(path: Path, flags: int) -> int:
    """A descriptor; a file that is made by it belongs to whom its folder belongs to, whatever the umask."""
    descriptor = os.open(path, flags | os.O_CLOEXEC, OWN_FILE)
    state = os.fstat(descriptor)
    if state.st_uid == os.geteuid() and state.st_mode & 0o777 == OWN_FILE and is_shared(path.parent):
        os.fchmod(descriptor, GROUP_FILE)
    return descriptor


def make_folder(folder: Path) -> None:
    """Make ``folder`` and those above it that are not there; each is shared if the one above it is."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    if is_shared(folder.parent) and folder.stat().st_uid == os.geteuid():
        folder.chmod(_GROUP_FOLDER)
