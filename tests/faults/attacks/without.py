# SPDX-License-Identifier: Apache-2.0
"""Take one check of the way out away, as ``checks.toml`` says: an attack that it stopped must then get through."""

import hashlib
import importlib
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from rempart.audit.add_checkpoint import COSIGN, Verdict
from rempart.disclosure.suppress import Suppression
from rempart.identity.keyed_hash import digests
from rempart.records.canonical import canonical_bytes
from tests.faults.attacks.sandbox import OPEN_FILTER, leaky

CHECKS: Mapping[str, Mapping[str, Any]] = tomllib.loads((Path(__file__).parent / "checks.toml").read_text("utf-8"))[
    "checks"
]


def _primary_only(lines: Any, *, primary: set[str], **given: Any) -> Suppression:
    """Small cells alone are hidden; nobody asks what the others tell of them."""
    return Suppression(hidden=frozenset(primary), intervals={})


BECOMES: Mapping[str, Callable[..., Any]] = {
    "never": lambda *given, **more: False,
    "always": lambda *given, **more: True,
    "nothing": lambda *given, **more: None,
    "nobody": lambda *given, **more: set(),
    "zero": lambda *given, **more: 0,
    "empty": lambda *given, **more: (),
    "no-candidates": lambda *given, **more: {},
    "primary-only": _primary_only,
    "open-filter": lambda *given, **more: OPEN_FILTER,
    "bare-hash": lambda key, evidence: "sha256:" + hashlib.sha256(canonical_bytes(evidence)).hexdigest(),
    "known-key": lambda rows: hashlib.sha256(b"rempart.disclosure-key/1\n").digest(),
    "cosign-anything": lambda request, new, public, seen: Verdict(
        status=COSIGN, origin=new.origin, public=public, note=request.note, size=new.size
    ),
    "one-key": lambda values, key, purpose: digests(values, bytes(32), purpose),
    "warehouse-order": lambda salt: "hash(source_key)",
    "with-environment": leaky("env"),
    "with-descriptors": leaky("fds"),
}


@contextmanager
def without(name: str) -> Iterator[None]:
    """Run what follows without that check; '' takes none away."""
    if not name:
        yield
        return
    with ExitStack() as stack:
        for target in CHECKS[name]["targets"]:
            owner, last = _place(target)
            stack.enter_context(patch.object(owner, last, BECOMES[CHECKS[name]["becomes"]]))
        yield


def _place(target: str) -> tuple[Any, str]:
    """The module or class that holds it, and its name there."""
    module, _, place = target.partition(":")
    owner: Any = importlib.import_module(module)
    *classes, last = place.split(".")
    for one in classes:
        owner = getattr(owner, one)
    return owner, last
