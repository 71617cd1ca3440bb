# SPDX-License-Identifier: Apache-2.0
"""Everything that lies on a host as the host's own listing shows it: foreign names too, and when each object arrived.

The host port leaves foreign names out, since they are no objects of ours; whoever accounts for what a host holds needs them.
"""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rempart.ports.host import Host

Lying = tuple[str, int, datetime.datetime | None]


def everything(host: Host) -> list[Lying]:
    """(name, bytes, arrival in UTC) of every file or blob, sorted; a host of another kind is asked for its own objects, without times."""
    root, store = getattr(host, "_root", None), getattr(host, "_store", None)
    if isinstance(root, Path):
        return sorted(_folder(root))
    if store is not None:
        return sorted(_bucket(store))
    return sorted((name, size, None) for name, size in host.listing())


def _folder(root: Path) -> Iterator[Lying]:
    for path in root.rglob("*"):
        if path.is_file() or path.is_symlink():
            state = path.lstat()
            arrived = datetime.datetime.fromtimestamp(state.st_mtime, datetime.UTC)
            yield path.relative_to(root).as_posix(), state.st_size, arrived


def _bucket(store: Any) -> Iterator[Lying]:
    import obstore

    for page in obstore.list(store, chunk_size=1000):
        yield from ((str(item["path"]), int(item["size"]), item["last_modified"]) for item in page)
