# SPDX-License-Identifier: Apache-2.0
"""The command line: a door. It parses, calls the wiring, and speaks French or English; it decides nothing."""
