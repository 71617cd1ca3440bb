# SPDX-License-Identifier: Apache-2.0
"""Loops compiled by numba, the machine code kept beside the source where that folder or the user's cache can be written. No loops here.

A worker in a closed room may be able to write neither: then the loop is compiled anew in each process (about a second), rather than
failing to import.
"""

from collections.abc import Callable

from numba import njit

Loop = Callable[..., None]


def compiled(body: Loop) -> Loop:
    """``body`` compiled at its first call for the types it is given; the plain ``body`` stays what it is."""
    kept: Callable[[Loop], Loop] = njit(cache=True)
    fresh: Callable[[Loop], Loop] = njit
    try:
        return kept(body)
    except RuntimeError:  # numba: no place for the cache
        return fresh(body)
