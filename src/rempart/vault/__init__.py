# SPDX-License-Identifier: Apache-2.0
"""The vault: padding, sealing, manifests, keyrings, the commit chain and the read path. docs/format.md is its authority."""
