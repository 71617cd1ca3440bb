# SPDX-License-Identifier: Apache-2.0
"""How a small door lives: it says on standard output that it serves, and stops when the system asks it to."""

import json
import signal
import sys
import threading
from collections.abc import Mapping

from rempart.adapters.small_http import SmallServer


def until_stopped(server: SmallServer, told: Mapping[str, object]) -> None:
    """Say that it serves, and where, and serve until SIGTERM, SIGINT or SIGHUP."""
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, lambda *_: threading.Thread(target=server.shutdown, daemon=True).start())
    tell({"ok": True, "value": {"port": server.server_address[1], **told}})
    with server:
        server.serve_forever()


def tell(told: Mapping[str, object]) -> None:
    """One JSON line on standard output."""
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
