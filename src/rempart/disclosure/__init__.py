# SPDX-License-Identifier: Apache-2.0
"""Disclosure: which cells of a result may leave, and which others must go with those that may not.

Decides on aggregates alone; never sees a person, never publishes.
"""
