# SPDX-License-Identifier: Apache-2.0
"""The servers that conformance suites run against."""

from tests.servers.key_stores import bao, tokens

__all__ = ["bao", "tokens"]
