# SPDX-License-Identifier: Apache-2.0
"""Permits: a permit as columns × rows × period, and the proof that a study stays inside it. Reads nothing itself."""
