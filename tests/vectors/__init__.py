# SPDX-License-Identifier: Apache-2.0
"""Frozen files that hold docs/format.md, and the fixed material they are made from."""
