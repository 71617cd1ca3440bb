# SPDX-License-Identifier: Apache-2.0
"""Planted effects found again by the product's own code, over hundreds of seeds; and the shortcuts that must not go unseen."""
