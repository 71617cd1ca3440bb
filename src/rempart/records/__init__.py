# SPDX-License-Identifier: Apache-2.0
"""The nouns that two rooms share: frozen, validated at birth. No input or output here."""
