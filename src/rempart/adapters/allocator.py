# SPDX-License-Identifier: Apache-2.0
"""Asks the C library to keep large freed blocks: sealing and opening use buffers of megabytes again and again, and giving each back
to the system costs a page fault for every page of the next one. Changes no result; does nothing where the C library cannot.
"""

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # mallopt(3)
_KEPT, _LARGEST = 256 << 20, 32 << 20  # glibc takes no larger mmap threshold


def keep_large_blocks() -> bool:
    """Whether the C library will."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _LARGEST) and mallopt(_TRIM_THRESHOLD, _KEPT))
