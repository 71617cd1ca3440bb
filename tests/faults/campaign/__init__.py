# SPDX-License-Identifier: Apache-2.0
"""``make faults``: a campaign of faults against a whole tiny warehouse, counted by kind. ``python -m tests.faults.campaign``."""
