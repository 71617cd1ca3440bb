# SPDX-License-Identifier: Apache-2.0
"""The real servers, for conformance suites."""

from tests.servers.fixtures import azure_server, postgres_server, s3_server
from tests.servers.key_stores import bao, tokens

__all__ = ["azure_server", "bao", "postgres_server", "s3_server", "tokens"]
