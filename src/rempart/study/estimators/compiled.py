# SPDX-License-Identifier: Apache-2.0
"""Loops compiled by numba, the machine code kept beside the source where that folder can be written, and nowhere else. No loops here.

Kept machine code is a program: it is taken from the folder of the program that it belongs to, as its .pyc files are, and from no
folder of a user or of an environment variable. Where the program's folder cannot be written (an installed package, a worker in a closed
room) a loop is compiled anew in each process that calls it: 0.8 s of one core for a first Cox fit or match, 1.6 s for an L1 path, 3.6 s for
all loops there are (2026-11); kept, 0.2 s. Compiling begins at the first call, so a study without such a fit pays nothing.
"""

from collections.abc import Callable
from typing import Any

from numba import config, njit

Loop = Callable[..., None]
_BESIDE = "InTreeCacheLocator"
_NUMBA: Any = config  # its settings are not typed


def compiled(body: Loop) -> Loop:
    """``body`` compiled at its first call for the types it is given; the plain ``body`` stays what it is."""
    kept: Callable[[Loop], Loop] = njit(cache=True)
    fresh: Callable[[Loop], Loop] = njit
    before = _NUMBA.CACHE_LOCATOR_CLASSES
    _NUMBA.CACHE_LOCATOR_CLASSES = _BESIDE
    try:
        return kept(body)
    except RuntimeError:  # numba: no place for the cache
        return fresh(body)
    finally:
        _NUMBA.CACHE_LOCATOR_CLASSES = before
