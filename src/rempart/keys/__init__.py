# SPDX-License-Identifier: Apache-2.0
"""Keys: wrapping, the passphrase's root key, table keys, and the rules by which the broker gives data keys out."""
