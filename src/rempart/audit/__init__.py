# SPDX-License-Identifier: Apache-2.0
"""The ledger's mathematics, its verifier, the proof of a release, and the canary scan. Pure: bytes come in as arguments."""
