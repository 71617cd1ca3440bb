# SPDX-License-Identifier: Apache-2.0
"""Study: evidence of one shard, its exact sum, estimators, and the result as one long table. Pure functions on arrays and counts."""
