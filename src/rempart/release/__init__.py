# SPDX-License-Identifier: Apache-2.0
"""Release: how a checked result leaves: two checkers, never the author, and a folder that anyone can verify.

Accepts only ``CheckedTable``; never sees a raw row and judges no cell.
"""
