# SPDX-License-Identifier: Apache-2.0
"""All of it once."""

from rempart.cli.session import Session


def demo(session: Session) -> int:
    """The whole way once."""
    return 0
