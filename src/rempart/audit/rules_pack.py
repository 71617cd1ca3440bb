# SPDX-License-Identifier: Apache-2.0
"""Was each evidence pack made of this ledger, as it stood before the pack's own leaf?"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from rempart.audit.book import Book
from rempart.audit.findings import Bad
from rempart.errors import NotTrusted, RempartError
from rempart.records.canonical import parse_canonical

MANIFEST = "rempart.evidence-manifest/1"


def pack_manifest(book: Book) -> Iterator[Bad]:
    """The manifest that a pack's leaf names is kept, and is of a size that the log had before that leaf. Its root is proven in the pack."""
    for index, event, _, effect in book.done("evidence-pack"):
        book.counts["packs"] += 1
        try:
            named = effect.fact("manifest") or ""
            manifest = parse_canonical(book.fetch(named), what="manifest")
            size = manifest["log"]["size"] if _is_manifest(manifest) else 0
            if event.fact("manifest") != named or type(size) is not int or not 0 < size <= index:
                raise NotTrusted("document-form", expected=MANIFEST)
        except RempartError as error:
            yield index, {"code": error.code}


def _is_manifest(value: object) -> bool:
    return isinstance(value, dict) and value.get("schema") == MANIFEST and isinstance(value.get("log"), dict)


RULES: Mapping[str, Callable[[Book], Iterator[Bad]]] = MappingProxyType({"pack-manifest": pack_manifest})
