# SPDX-License-Identifier: Apache-2.0
"""A host that is a bucket of an object store, through obstore. Retries with back-off, then says so; proves nothing about bytes.

obstore's own texts hold URLs, so none of them ever leaves this file: an error names the host alone.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotSupportedError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import AzureStore, S3Store

from rempart.errors import Missing, NotTrusted, RempartError, Unavailable
from rempart.records.sealed import Sealed, SealedStream, check_object_name, is_object_name

if TYPE_CHECKING:
    from obstore import GetResult

_CHUNK = 8 << 20
_AT_ONCE = 16 << 20  # the largest stream that is put in one conditional request
_UPLOADS = 4
_PAUSES = (0.3, 1.5)  # seconds, between tries of a whole request; obstore retries each one underneath
_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound", "specified container does not exist")
_DENIED = ("401 Unauthorized", "403 Forbidden")
_NO_CONDITIONS = ("501 Not Implemented", "NotImplemented")
_T = TypeVar("_T")


class ObjectStoreHost:
    """Implements ports.host.Host on a bucket (or a prefix of one). Safe for threads.

    ``conditional``: whether the server is known to honour create-if-absent. One that refuses the condition is asked first and then
    written to; one that ignores it overwrites. Either way the answer is a hint: names are random and the ledger decides.
    """

    def __init__(
        self,
        store: S3Store | AzureStore,
        *,
        label: str,
        conditional: bool = True,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store, self._label, self._conditional, self._sleep = store, label, conditional, sleep

    @property
    def label(self) -> str:
        """Its name in the ledger."""
        return self._label

    def put(self, name: str, sealed: Sealed) -> bool:
        """Create ``name`` in one request; False when it exists with other bytes.

        Raises Unavailable ``host-unreachable``, ``host-denied``.
        """
        if not isinstance(sealed, Sealed):
            raise TypeError("a host takes sealed bytes only")
        return self._create(check_object_name(name), sealed.data)

    def get(self, name: str) -> Sealed:
        """The bytes under ``name``; raises Missing ``object-missing``, Unavailable ``host-unreachable`` or ``host-denied``."""
        path = check_object_name(name)
        return Sealed(self._ask(lambda: bytes(obstore.get(self._store, path).bytes()), read=name))

    def get_range(self, name: str, start: int, end: int) -> Sealed:
        """Bytes [start, end), cut where the object ends; raises as ``get``, ValueError for a range that runs backwards."""
        path = check_object_name(name)
        if not 0 <= start <= end:
            raise ValueError("a range runs forwards")
        if start == end:
            self._ask(lambda: obstore.head(self._store, path), read=name)
            return Sealed(b"")
        return Sealed(self._ask(lambda: self._range(path, start, end), read=name))

    def open(self, name: str) -> SealedStream:
        """The object in chunks of about 8 MiB; a connection lost half-way is taken up where it broke. Raises as ``get``."""
        path = check_object_name(name)
        found = self._ask(lambda: obstore.get(self._store, path), read=name)
        return SealedStream(size=int(found.meta["size"]), chunks=self._chunks(path, found))

    def put_stream(self, name: str, stream: SealedStream) -> bool:
        """As ``put`` in bounded memory; raises NotTrusted ``object-altered`` for more or fewer bytes than announced.

        Up to 16 MiB it is the same conditional request. Beyond, stores take no condition with an upload in pieces: it is asked
        whether the name is there, then written; of two at once the later stays, which the readers' hashes would show.
        """
        if not isinstance(stream, SealedStream):
            raise TypeError("a host takes sealed bytes only")
        path = check_object_name(name)
        if stream.size <= _AT_ONCE:
            return self._create(path, b"".join(_exactly(stream)))
        if self._exists(path):
            return False
        writer = self._tell(
            lambda: obstore.open_writer(self._store, path, buffer_size=_CHUNK, max_concurrency=_UPLOADS)
        )
        for chunk in _exactly(stream):  # a writer that is never closed leaves nothing under the name
            self._tell(partial(writer.write, chunk))
        self._tell(writer.close)
        return True

    def names(self) -> Iterator[str]:
        """Every object name, in no promised order."""
        return (name for name, _ in self.listing())

    def listing(self) -> Iterator[tuple[str, int]]:
        """(name, bytes) of every object, a page at a time; foreign names are no objects."""
        pages = iter(obstore.list(self._store, chunk_size=1000))
        while page := self._tell(lambda: next(pages, None)):
            yield from ((str(m["path"]), int(m["size"])) for m in page if is_object_name(str(m["path"])))

    def delete(self, name: str) -> None:
        """Remove ``name`` if it is there."""
        path = check_object_name(name)
        try:
            self._ask(lambda: obstore.delete(self._store, path), read=name)
        except Missing:
            return

    def _create(self, path: str, data: bytes) -> bool:
        return self._ask(lambda: self._created(path, data))

    def _created(self, path: str, data: bytes) -> bool:
        if not self._conditional:
            return self._look_then_put(path, data)
        try:
            obstore.put(self._store, path, data, mode="create", use_multipart=False)
        except AlreadyExistsError:
            if not self._exists(path):  # pieces of an upload that broke: Azure's condition takes them for an object
                return self._look_then_put(path, data)
            return bytes(obstore.get(self._store, path).bytes()) == data  # ours, when the answer to a try was lost
        except BaseError as error:
            self._conditional = not _refuses_conditions(error)
            if self._conditional:
                raise
            return self._look_then_put(path, data)
        return True

    def _look_then_put(self, path: str, data: bytes) -> bool:
        if self._exists(path):
            return False
        obstore.put(self._store, path, data, mode="overwrite", use_multipart=False)
        return True

    def _exists(self, path: str) -> bool:
        try:
            self._ask(lambda: obstore.head(self._store, path), read=path)
        except Missing:
            return False
        return True

    def _range(self, path: str, start: int, end: int) -> bytes:
        try:
            return bytes(obstore.get_range(self._store, path, start=start, end=end))
        except BaseError as error:
            if "range" in str(error).lower() and obstore.head(self._store, path)["size"] <= start:
                return b""
            raise

    def _chunks(self, path: str, found: "GetResult") -> Iterator[bytes | memoryview]:
        size, at, failed_at = int(found.meta["size"]), 0, [-1, -1]
        while True:
            try:
                for chunk in found.stream(min_chunk_size=_CHUNK):
                    at += len(chunk)
                    yield memoryview(chunk)  # not copied: a mover passes on every byte of a warehouse
                return
            except (BaseError, OSError) as error:
                failed_at = [*failed_at[-1:], at]
                if failed_at[0] == at or at >= size:
                    raise self._failure(error, path) from None
            found = self._ask(partial(self._rest, path, at), read=path)

    def _rest(self, path: str, at: int) -> "GetResult":
        return obstore.get(self._store, path, options={"range": {"offset": at}})

    def _tell(self, call: Callable[[], _T]) -> _T:
        """Once, its failure said in our words."""
        try:
            return call()
        except (BaseError, OSError) as error:
            raise self._failure(error, "") from None

    def _ask(self, call: Callable[[], _T], *, read: str = "") -> _T:
        """Up to three times while the host is unreachable; ``read``: the name whose absence is Missing."""
        for pause in (*_PAUSES, None):
            try:
                return call()
            except (BaseError, OSError) as error:
                told = self._failure(error, read)
            if pause is None or told.code != "host-unreachable":
                raise told
            self._sleep(pause)
        raise told

    def _failure(self, error: Exception, read: str) -> RempartError:
        text = str(error)
        if isinstance(error, FileNotFoundError) and read and not any(word in text for word in _NO_BUCKET):
            return Missing("object-missing", object=read)
        if isinstance(error, (PermissionDeniedError, UnauthenticatedError)) or any(word in text for word in _DENIED):
            return Unavailable("host-denied", host=self._label)
        return Unavailable("host-unreachable", host=self._label)


def _refuses_conditions(error: BaseError) -> bool:
    return isinstance(error, NotSupportedError) or any(word in str(error) for word in _NO_CONDITIONS)


def _exactly(stream: SealedStream) -> Iterator[bytes | memoryview]:
    """The chunks, while they are no more than announced; raises NotTrusted ``object-altered`` otherwise."""
    passed = 0
    for chunk in stream.chunks:
        passed += len(chunk)
        if passed > stream.size:
            raise NotTrusted("object-altered")
        yield chunk
    if passed != stream.size:
        raise NotTrusted("object-altered")
