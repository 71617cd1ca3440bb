# SPDX-License-Identifier: Apache-2.0
"""``rempart objection record``."""
