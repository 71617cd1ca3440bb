# SPDX-License-Identifier: Apache-2.0
"""Estimators: pure functions on arrays and counts; no SQL, no input or output, no clock, no chance but as an argument."""
