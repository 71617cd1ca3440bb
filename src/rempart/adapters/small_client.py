# SPDX-License-Identifier: Apache-2.0
"""One HTTP request to a small door: a witness or the second ledger machine. Waits a bounded time, reads a bounded answer."""

import http.client
from dataclasses import dataclass
from urllib.parse import urlsplit

from rempart.errors import BadInput, Unavailable

_SECONDS = 10.0
_LARGEST = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the door answered."""

    status: int
    form: str
    body: bytes


def request(url: str, path: str, body: bytes | None = None, *, seconds: float = _SECONDS) -> Told:
    """``POST`` of ``body``, else ``GET``, below ``url``; raises BadInput ``door-url``, Unavailable ``door-absent``."""
    where = urlsplit(url)
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    if where.scheme not in kinds or not where.hostname:
        raise BadInput("door-url", url=url)
    connection = kinds[where.scheme](where.hostname, where.port, timeout=seconds)
    try:
        connection.request("GET" if body is None else "POST", where.path.rstrip("/") + path, body)
        answer = connection.getresponse()
        data = answer.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise Unavailable("door-absent", url=url)
        return Told(status=answer.status, form=answer.getheader("Content-Type", ""), body=data)
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable("door-absent", url=url) from error
    finally:
        connection.close()
