# SPDX-License-Identifier: Apache-2.0
"""Everything that shows Rempart does what it says. One folder per kind of proof; tests/budget.toml gives each its minutes."""
