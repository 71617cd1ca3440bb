# SPDX-License-Identifier: Apache-2.0
"""Cohort: study rules to SQL text for one shard, and the columns that this SQL reads. Runs nothing, sees no row."""
