# SPDX-License-Identifier: Apache-2.0
"""Two readers that open every object of a warehouse: one with every key, one with none. Each says what it caught, or gave out.

Both are the product's own: ``open_space`` and ``SealedPart``, as every query reads; and ``rempart audit verify --deep``.
"""

import dataclasses
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from rempart.errors import Missing, RempartError
from rempart.journeys.chain import kept, spaces
from rempart.journeys.parts import sealed_parts
from rempart.journeys.space import Vault, open_space
from rempart.records.canonical import content_id
from rempart.records.sealed import Sealed, SealedStream
from rempart.wiring import audit
from tests.faults.campaign.mutations import Store
from tests.faults.warehouse.place import Place, Silence

Truth = dict[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class HeldHost:
    """Implements ports.host.Host on bytes in memory; nothing can be put."""

    store: Store
    label: str = "directory"

    def get(self, name: str) -> Sealed:
        """The bytes, or Missing."""
        if name not in self.store:
            raise Missing("object-missing", object=name)
        return Sealed(self.store[name])

    def get_range(self, name: str, start: int, end: int) -> Sealed:
        """Bytes [start, end), cut where the object ends."""
        return Sealed(self.get(name).data[start:end])

    def open(self, name: str) -> SealedStream:
        """The object as one chunk."""
        data = self.get(name).data
        return SealedStream(len(data), iter([data]))

    def put(self, name: str, sealed: Sealed) -> bool:
        """Nothing is taken."""
        return False

    def put_stream(self, name: str, stream: SealedStream) -> bool:
        """Nothing is taken."""
        return False

    def names(self) -> Iterator[str]:
        """Every name."""
        return iter(self.store)

    def listing(self) -> Iterator[tuple[str, int]]:
        """(name, size)."""
        return ((name, len(data)) for name, data in self.store.items())

    def delete(self, name: str) -> None:
        """Nothing is removed."""


@dataclass(slots=True, kw_only=True)
class Verdict:
    """``caught``: who raised an alarm; ``false``: what was given out that is not true; ``defects``: what was no error of ours."""

    caught: set[str] = field(default_factory=set)
    false: list[str] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)

    @property
    def slipped(self) -> str:
        """What went wrong, '' when nothing did."""
        if self.defects or self.false:
            return "; ".join([*self.defects, *(f"served {name}" for name in self.false)])
        missed = {"reader", "auditor"} - self.caught
        return f"{' and '.join(sorted(missed))} noticed nothing" if missed else ""


class Readers:
    """Both readers of one place, and the truth that they read at the start."""

    def __init__(self, place: Place, store: Store) -> None:
        self._place, self._vault = place, place.vault()
        self._heads = [
            (space, s.origin.head) for space in spaces(self._vault.ledger) for s in kept(self._vault.ledger, space)
        ]
        self.truth: Truth = {}
        verdict = Verdict()
        self.truth = dict(self._opened(dataclasses.replace(self._vault, host=HeldHost(store)), verdict))
        if verdict.caught or verdict.defects:
            raise RuntimeError(f"the undamaged warehouse does not open: {verdict}")

    def judge(self, store: Store) -> Verdict:
        """Read everything from ``store``, with keys and without."""
        verdict = Verdict()
        for name, digest in self._opened(dataclasses.replace(self._vault, host=HeldHost(store)), verdict):
            if self.truth[name] != digest:
                verdict.false.append(" ".join(name))
        self._audit(store, verdict)
        return verdict

    def _opened(self, vault: Vault, verdict: Verdict) -> Iterator[tuple[tuple[str, str], str]]:
        """(which, digest) of every manifest and part that opens."""
        for space, head in self._heads:
            try:
                opened = open_space(vault, space=space, reference="", head=head)
                readers = sealed_parts(vault, opened, opened.body.parts, reference="")
            except RempartError as error:
                verdict.caught.add(_told(error, verdict))
                continue
            except Exception as error:  # noqa: BLE001  what the campaign looks for
                verdict.defects.append(f"{type(error).__name__} from {space}")
                continue
            yield (head, "manifest"), content_id(dataclasses.asdict(opened.body))
            for part in readers:
                try:
                    digest = hashlib.sha256(part.read(0, part.length)).hexdigest()
                except RempartError as error:
                    verdict.caught.add(_told(error, verdict))
                except Exception as error:  # noqa: BLE001
                    verdict.defects.append(f"{type(error).__name__} from a part of {space}")
                else:
                    yield (head, part.name), digest

    def _audit(self, store: Store, verdict: Verdict) -> None:
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(audit, "open_host", lambda *_, **__: HeldHost(store))
                found = audit.verify_warehouse(self._place.warehouse(), since=None, deep=True, progress=Silence())
        except RempartError:
            verdict.caught.add("auditor")
        except Exception as error:  # noqa: BLE001
            verdict.defects.append(f"{type(error).__name__} from the auditor")
        else:
            verdict.caught |= {"auditor"} if not found.ok else set()


def _told(error: RempartError, verdict: Verdict) -> str:
    """A host's lie must be told as what it is: not trusted. Anything else that stops a reader is a slip."""
    if error.exit_code != 20:
        verdict.defects.append(f"{error.family}/{error.code}")
    return "reader"
