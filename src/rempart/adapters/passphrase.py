# SPDX-License-Identifier: Apache-2.0
"""A passphrase from a file descriptor: the first line, never kept anywhere."""

import os

from rempart.errors import Refused

_LONGEST = 4096


def read_passphrase(descriptor: int) -> str:
    """The first line of an open descriptor; raises Refused ``passphrase-descriptor`` when it cannot be read or is empty."""
    try:
        with os.fdopen(os.dup(descriptor), "rb") as stream:
            line = stream.readline(_LONGEST)
    except OSError as error:
        raise Refused("passphrase-descriptor", descriptor=descriptor) from error
    text = line.rstrip(b"\r\n").decode("utf-8", errors="replace")
    if not text or "\ufffd" in text:
        raise Refused("passphrase-descriptor", descriptor=descriptor)
    return text
