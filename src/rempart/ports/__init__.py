# SPDX-License-Identifier: Apache-2.0
"""Every Protocol, one file each. A port says what its adapters promise; tests/conformance holds them to it."""
