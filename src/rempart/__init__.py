# SPDX-License-Identifier: Apache-2.0
"""Rempart: a health-data warehouse for research that its host cannot read."""

__version__ = "0.1.0"
