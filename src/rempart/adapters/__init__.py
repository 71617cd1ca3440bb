# SPDX-License-Identifier: Apache-2.0
"""One file for each thing we do not own: file systems, key stores, databases, engines."""
