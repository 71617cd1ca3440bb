# SPDX-License-Identifier: Apache-2.0
"""Had every act on a permit that permit, signed and valid at that moment, and did its keys stay within it?

Releases have rules of their own in ``rules_releases``.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from rempart.audit.book import Book, Grant, named_permit, permit_id
from rempart.audit.findings import Bad
from rempart.audit.leaf_columns import Sort
from rempart.errors import NotTrusted, Refused, RempartError
from rempart.records.event import LedgerEvent
from rempart.records.omop import MAIN
from rempart.records.permit import Permit, permit_from_dict

WAREHOUSE = "warehouse"
RESERVED = frozenset({"person", "manifest", "evidence", "result"})
SOURCES = frozenset({"person", "manifest", "objection", "former_person"})
CALENDARS = frozenset(
    {"usable_interval"}
)  # which days each source tells of: no person, carried into each project's manifest
FINGERPRINT = ("person", "release_index")
APPLICATION = "objection-application"
OPENS_INDEX = frozenset({"permit", "objection-application", "fingerprint"})
COMPARED = "fingerprint"
REGISTER = (
    "disclosure/register/main/"  # of what was released in any project: read by the check, written where sets are told
)
OF_REGISTER = {COMPARED: frozenset({"read", "write"}), "check": frozenset({"read"})}
# what leads to a permit, and goes on after its last day
BEFORE_A_GRANT = frozenset({"project", "register", "amendment", "incident"})


def permit_document(book: Book) -> Iterator[Bad]:
    """A permit that took effect is a document signed by committee members that day, and the leaf says what it says."""
    for index, event, _, _ in book.done("permit"):
        book.counts["permits"] += 1
        try:
            signed = book.document(event, "permit", "rempart.permit/1")
            book.signers(index, signed, "committee")
            permit = permit_from_dict(signed.body)
            told = (permit_id(event), event.fact("project"), event.fact("space"))
            if told != (permit.id, permit.project, permit.space):
                raise NotTrusted("document-form", expected="rempart.permit/1")
        except RempartError as error:
            yield index, {"permit": permit_id(event) or "?", "code": error.code}


def permit_before(book: Book) -> Iterator[Bad]:
    """Whatever stands on a permit comes after that permit was granted; what belongs to the grant itself lies within it."""
    grants = book.grants()
    for name, _, group in _acting(book):
        granted = grants[name].effect if name in grants else len(book.events) + len(book.purged)
        for index in group[: bisect_left(group, granted)]:
            if not book.failed(index) and not _belongs_to_a_grant(book, book.events[index]):
                yield index, {"kind": book.events[index].kind, "permit": name}


def permit_valid(book: Book) -> Iterator[Bad]:
    """The permit was valid on the day: of a key grant that day itself, of any other act the day its intent was written."""
    grants, times = book.grants(), book.leaves.times
    for name, sort, group in _acting(book):
        if name not in grants:
            continue
        begun = group if sort.kind == "key-grant" else [book.leaves.begun[index] for index in group]
        numbers = [grants[name].number_at(index) for index in begun] if grants[name].later else [0] * len(group)
        asked = list(zip(numbers, [times[index][:10] for index in begun], strict=True))
        codes = {
            pair: _invalid(grants[name].at(at), pair[1]) for pair, at in dict(zip(asked, begun, strict=True)).items()
        }
        for index, pair in zip(group, asked, strict=True) if any(codes.values()) else ():
            if codes[pair] and not book.failed(index):
                yield index, {"kind": sort.kind, "permit": name, "code": codes[pair]}


def _invalid(permit: Permit, day: str) -> str:
    """The code with which a permit refuses that day; '' where it is valid."""
    try:
        permit.check_valid_on(date.fromisoformat(day))
    except Refused as error:
        return error.code
    return ""


def _acting(book: Book) -> Iterator[tuple[str, Sort, Sequence[int]]]:
    """A permit, and leaves of one sort on it through which something was done: every effect, and intents (failed ones among them)."""
    for sort, group in book.leaves.groups.items():
        name = named_permit(sort.basis)
        if name is not None and sort.phase != "failed" and sort.kind not in BEFORE_A_GRANT:
            yield name, sort, group


def _belongs_to_a_grant(book: Book, event: LedgerEvent) -> bool:
    """The permit act itself, and the commits and key grants within it."""
    intent = event if event.of is None else book.events.get(event.of)
    return intent is not None and intent.kind == "permit"


def study_document(book: Book) -> Iterator[Bad]:
    """A study that took effect is a document signed by a researcher whom the permit names, of that permit and space."""
    grants = book.grants()
    for index, event, _, _ in book.done("study"):
        book.counts["studies"] += 1
        try:
            _check_study(book, index, event, grants)
        except RempartError as error:
            yield index, {"permit": permit_id(event) or "?", "code": error.code}


def _check_study(book: Book, index: int, event: LedgerEvent, grants: Mapping[str, Grant]) -> None:
    signed = book.document(event, "study", "rempart.study/1")
    grant = grants.get(str(signed.body.get("permit")))
    signers = book.signers(index, signed, "researcher")
    if grant is None or permit_id(event) != grant.permit.id or event.fact("space") != grant.permit.space:
        raise NotTrusted("document-form", expected="rempart.study/1")
    for signer in signers:
        grant.at(index).check_names(signer.actor)


def study_head(book: Book) -> Iterator[Bad]:
    """A study read a snapshot that the ledger had committed before."""
    committed: set[tuple[str | None, str | None]] = set()
    for index, event in book.leaves.named(("commit", "study"), phases=("intent", "effect")):
        place = (event.fact("space"), event.fact("head"))
        if (event.kind, event.phase) == ("commit", "effect"):
            committed.add(place)
        elif (event.kind, event.phase) == ("study", "intent") and place not in committed:
            yield index, {"space": event.fact("space") or "?"}


def key_scope(book: Book) -> Iterator[Bad]:
    """Keys granted on a permit stay within its space, tables and columns; the warehouse is read by the grant of a permit only."""
    grants = book.grants()
    for index, event in book.of_kind("key-grant", "effect"):
        book.counts["key-grants"] += 1
        intent = book.events.get(-1 if event.of is None else event.of)
        grant = grants.get(permit_id(event) or "")
        if intent is None or (grant is None and permit_id(event) is not None):
            continue  # other rules name these
        permit = grant.at(index) if grant else None
        outside = [use for use in event.facts("use") if not _in_scope(use, intent.kind, permit, book)]
        outside += [
            name for name in event.facts("secret") if permit is not None and not _own_secret(name, intent.kind, permit)
        ]
        for use in outside:
            yield index, {"kind": intent.kind, "use": use}


def _own_secret(name: str, kind: str, permit: Permit) -> bool:
    """On a permit, space secrets are those of its own space, and used by its grant alone; the register's key by what is held against it."""
    if kind == COMPARED:
        return name == "disclosure/sketch"
    return kind == "permit" and name.startswith(permit.space + "/")


def _in_scope(use: str, kind: str, permit: Permit | None, book: Book) -> bool:
    """``use``: space/table/sibling/mode."""
    parts = use.split("/")
    if len(parts) != 4:
        return False
    space, table, sibling, mode = parts
    if use.startswith(REGISTER):
        return permit is not None and mode in OF_REGISTER.get(kind, ())
    if permit is None:
        return kind != "ingest" or space == WAREHOUSE
    if kind == "permit" and space == WAREHOUSE:
        return mode == "read" and (table in SOURCES | CALENDARS or _permitted(table, sibling, permit, book))
    if kind == "permit":
        return space == permit.space
    if kind == APPLICATION and space == WAREHOUSE:
        return mode == "read" and ((table, sibling) == FINGERPRINT or table in SOURCES - {"person"})
    if space != permit.space or ((table, sibling) == FINGERPRINT and kind not in OPENS_INDEX):
        return False
    return table in RESERVED or _permitted(table, sibling, permit, book)


def _permitted(table: str, sibling: str, permit: Permit, book: Book) -> bool:
    """A permitted table's main sibling, or a sibling that holds one of its permitted columns."""
    layout = book.layouts.get(table)
    if table not in permit.tables or layout is None:
        return False
    return sibling == MAIN or any(layout.sibling_of(column) == sibling for column in permit.tables[table])
