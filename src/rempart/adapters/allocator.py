# SPDX-License-Identifier: Apache-2.0
"""Asks two things of the C library. Changes no result; does nothing where the C library cannot.

Keep large freed blocks: sealing and opening use buffers of megabytes again and again, and giving each back to the system costs a page
fault for every page of the next one. Use few heaps: a thread takes a heap of its own by default, the engine begins threads with every
session, and what a session freed in one heap is of no use to the next in another: an ingest of 32 shards grew by 160 MB that way.
"""

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # mallopt(3)
_KEPT, _LARGEST, _HEAPS = 256 << 20, 32 << 20, 2  # glibc takes no larger mmap threshold


def tune_allocator() -> bool:
    """Whether the C library will."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    wanted = ((_MMAP_THRESHOLD, _LARGEST), (_TRIM_THRESHOLD, _KEPT), (_ARENA_MAX, _HEAPS))
    told = [mallopt(what, value) for what, value in wanted]
    return all(told)
