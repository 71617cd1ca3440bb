# SPDX-License-Identifier: Apache-2.0
"""Move a warehouse from one host to another by names, sizes and hashes of ciphertext: plan, copy, verify, certify. Opens nothing."""
