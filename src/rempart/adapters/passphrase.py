# SPDX-License-Identifier: Apache-2.0
"""A secret from a file descriptor: passphrases, a line each, or all that it holds; never kept anywhere."""

import os

from rempart.errors import Refused

_LONGEST = 4096
_LARGEST = 1 << 20


def read_passphrase(descriptor: int) -> str:
    """The first line of an open descriptor; raises Refused ``passphrase-descriptor`` when it cannot be read or is empty."""
    return read_passphrases(descriptor, 1)[0]


def read_passphrases(descriptor: int, count: int) -> list[str]:
    """The first ``count`` lines; raises Refused ``passphrase-descriptor`` when one of them is not there."""
    try:
        with os.fdopen(os.dup(descriptor), "rb") as stream:
            lines = [stream.readline(_LONGEST) for _ in range(count)]
    except OSError as error:
        raise Refused("passphrase-descriptor", descriptor=descriptor) from error
    texts = [line.rstrip(b"\r\n").decode("utf-8", errors="replace") for line in lines]
    if not all(text and "\ufffd" not in text for text in texts):
        raise Refused("passphrase-descriptor", descriptor=descriptor)
    return texts


def read_secret(descriptor: int) -> bytes:
    """Everything that the descriptor holds, at most 1 MiB; raises Refused ``passphrase-descriptor``."""
    try:
        with os.fdopen(os.dup(descriptor), "rb") as stream:
            return stream.read(_LARGEST)
    except OSError as error:
        raise Refused("passphrase-descriptor", descriptor=descriptor) from error
