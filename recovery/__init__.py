# SPDX-License-Identifier: Apache-2.0
"""Planted effects found again by the product's own code, over hundreds of seeds; and the shortcuts that must not go unseen."""

import os

# As for workers: every seed is one core's, and idle threads of small linear algebra cost more than all the rest. Before numpy is there.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
