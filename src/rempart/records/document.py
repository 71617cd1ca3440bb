# SPDX-License-Identifier: Apache-2.0
"""A signed document: a body in canonical form and the signatures over its hash; kept under the hash of its own bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rempart.errors import NotTrusted
from rempart.records.canonical import canonical_bytes, content_id, parse_canonical
from rempart.records.signature import Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedDocument:
    """``body`` is JSON; signatures are over ``over`` = ``sha256:…`` of its canonical bytes."""

    body: Mapping[str, Any]
    signatures: tuple[Signature, ...]

    @property
    def over(self) -> str:
        """What every signature is over."""
        return content_id(self.body)

    @property
    def data(self) -> bytes:
        """The bytes to store; their SHA-256 is the document's id."""
        return canonical_bytes({"body": self.body, "signatures": [item.as_dict() for item in self.signatures]})

    @property
    def signature(self) -> Signature:
        """The one signature of a document that has exactly one; raises NotTrusted ``signature-form``."""
        if len(self.signatures) != 1:
            raise NotTrusted("signature-form")
        return self.signatures[0]

    @classmethod
    def from_bytes(cls, data: bytes, *, schema: str) -> "SignedDocument":
        """Parse strictly; raises NotTrusted ``document-form`` when the body is of another schema."""
        value = parse_canonical(data, what="document")
        if not isinstance(value, dict) or set(value) != {"body", "signatures"}:
            raise NotTrusted("document-form", expected=schema)
        body = value["body"]
        if not isinstance(body, dict) or body.get("schema") != schema or not isinstance(value["signatures"], list):
            raise NotTrusted("document-form", expected=schema)
        return cls(body=body, signatures=tuple(Signature.from_dict(item) for item in value["signatures"]))
