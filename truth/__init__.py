# SPDX-License-Identifier: Apache-2.0
"""Scores of the loader against what the generator planted; no part of the installed program."""
