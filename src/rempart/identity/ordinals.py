# SPDX-License-Identifier: Apache-2.0
"""Random dense person numbers of a project: 1 … n in the order of a keyed hash. The number says nothing about the person."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rempart.identity.keyed_hash import digests

_PURPOSE = b"rempart.ordinal/1"


def project_ordinals(pseudonyms: Sequence[str], key: bytes) -> NDArray[np.int64]:
    """The ordinal of each pseudonym, in the order given; raises ValueError when one comes twice."""
    if len(set(pseudonyms)) != len(pseudonyms):
        raise ValueError("a pseudonym comes twice")
    whole = b"".join(digests(pseudonyms, key, _PURPOSE))
    order = np.argsort(np.frombuffer(whole, dtype="S32"), kind="stable")
    ordinals = np.empty(len(pseudonyms), dtype=np.int64)
    ordinals[order] = np.arange(1, len(pseudonyms) + 1)
    return ordinals
