# SPDX-License-Identifier: Apache-2.0
"""Content-addressed documents at the controller: permits, studies, votes, certificates, sealed results."""

from typing import Protocol


class Documents(Protocol):
    """Names are ``sha256:…`` of the bytes; reading checks them."""

    def put(self, data: bytes) -> str:
        """Store bytes, return their id; storing twice is harmless."""

    def get(self, document: str) -> bytes:
        """The bytes; raises Missing ``document-missing`` or NotTrusted ``document-altered``."""
