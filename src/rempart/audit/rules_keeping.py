# SPDX-License-Identifier: Apache-2.0
"""Were traces controlled each month, and did none go but after that, in time, by two officers' word?"""

import datetime
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from rempart.audit.book import Book, day_of, instant
from rempart.audit.findings import Bad
from rempart.audit.retention import KIND, Cover, cover_of, listed
from rempart.audit.rules_policy import policy_at
from rempart.audit.trace_control import bounds
from rempart.errors import NotTrusted, RempartError
from rempart.records.policy import check_officers
from rempart.records.trace_control import CONTROL_KIND, RETENTION, Control, Retention, read_control, read_retention


def control_document(book: Book) -> Iterator[Bad]:
    """A control is signed by an auditor, of the month that its leaf names, and tells which leaves of it are traces."""
    for index, event, _, _ in book.done(CONTROL_KIND):
        book.counts["controls"] += 1
        month = event.fact("month") or "?"
        try:
            control = _control(book, index)
            before = control.to <= control.size <= index and book.root_at(control.size).hex() == control.root
            if control.month != month or not before or not _as_it_is(book, control):
                raise NotTrusted("document-form", expected="rempart.trace-control/1")
        except RempartError as error:
            yield index, {"month": month, "code": error.code}


def _control(book: Book, index: int) -> Control:
    event, trust = book.events[index], book.trust_at(index)
    document = event.fact("document") or ""
    book.counts["documents"] += 1
    return read_control(book.fetch(document), document, trust=trust, on=trust.moment(instant(event)))


def _as_it_is(book: Book, control: Control) -> bool:
    """Of what is still there: the traces are the traces, and every leaf's day begins where the control says."""
    times, traces = book.leaves.times, book.once(("traces",), lambda: frozenset(book.leaves.of_class("trace")))
    there = [index for index in range(control.first, control.to) if index in book.events]
    firsts = {times[index][:10]: index for index in reversed(there)}
    days = all(control.first_of(datetime.date.fromisoformat(day)) <= index for day, index in firsts.items())
    return days and traces.intersection(there) == set(control.traces).intersection(there)


def control_monthly(book: Book) -> Iterator[Bad]:
    """Each month that has a trace was controlled, once some weeks have gone by since its end."""
    signed = {event.fact("month") for _, event, _, _ in book.done(CONTROL_KIND)}
    limit = datetime.timedelta(days=book.settings["control_days"])
    months = {book.leaves.times[index][:7]: index for index in reversed(book.leaves.of_class("trace"))}
    for month, index in sorted(months.items()):
        if month not in signed and book.now > bounds(month)[1] + limit:
            yield index, {"month": month}


def purged_covered(book: Book) -> Iterator[Bad]:
    """Each leaf that is gone is one of those that two officers signed for, and a trace by the word of a month's auditor."""
    left = dict.fromkeys(book.purged, "ledger-purged")
    for index, event in book.of_kind(KIND, "intent"):
        cover = cover_of(index, event)
        if cover is None:
            continue
        gone = _gone(book, cover)
        try:
            told = _retention(book, index)
            known = _controlled(book, index, told)
            good = listed(gone) == cover.leaves == told.leaves and (cover.first, cover.to) == (told.first, told.to)
            for at in gone:
                if good and at in known:
                    left.pop(at, None)
        except RempartError as error:
            left |= dict.fromkeys((at for at in gone if at in left), error.code)
    for at, code in sorted(left.items())[:1]:
        yield at, {"code": code}


def _retention(book: Book, index: int) -> Retention:
    event, trust = book.events[index], book.trust_at(index)
    signed = book.document(event, "document", RETENTION)
    check_officers(signed, trust=trust, on=trust.moment(instant(event)))
    return read_retention(signed)


def _controlled(book: Book, index: int, told: Retention) -> frozenset[int]:
    """The traces of the controls that a purge names and that took effect before it."""
    found: frozenset[int] = frozenset()
    for at, event, end, _ in book.done(CONTROL_KIND):
        if end < index and event.fact("document") in told.controls:
            control = _control(book, at)
            found |= {leaf for leaf in control.traces if leaf < control.first_of(told.before)}
    return found


def retention_days(book: Book) -> Iterator[Bad]:
    """The day before which traces went lies as many days back as the policy of that leaf says."""
    for index, event in book.of_kind(KIND, "intent"):
        try:
            told = _retention(book, index)
        except RempartError:
            continue  # what nobody signed lets nothing go: purged-covered
        days = policy_at(book, index).number("ledger.retain_days")
        if told.before > day_of(event) - datetime.timedelta(days=days):
            yield index, {"before": told.before.isoformat(), "days": days}


def purged_back(book: Book) -> Iterator[Bad]:
    """Of each range that was let go nothing is there: a copy of before may have been put in its place."""
    covers = [cover for index, event, _, _ in book.done(KIND) if (cover := cover_of(index, event)) is not None]
    traces = book.leaves.of_class("trace") if covers else []
    for cover in covers:
        back = traces[bisect_left(traces, cover.first) : bisect_left(traces, cover.to)]
        if back and listed(sorted([*back, *_gone(book, cover)])) == cover.leaves:
            yield back[0], {}


def traces_late(book: Book) -> Iterator[Bad]:
    """The oldest trace is not much older than the policy's days."""
    groups = (group for sort, group in book.leaves.groups.items() if sort.event_class == "trace")
    oldest = min((group[0] for group in groups), default=None)
    if oldest is not None:
        days = policy_at(book, len(book.leaves.times)).number("ledger.retain_days")
        day = datetime.date.fromisoformat(book.leaves.times[oldest][:10])
        if book.now.date() - day > datetime.timedelta(days=days + book.settings["late_days"]):
            yield oldest, {"day": day.isoformat(), "days": days}


def _gone(book: Book, cover: Cover) -> list[int]:
    return [at for at in book.purged if cover.first <= at < cover.to]


RULES: Mapping[str, Callable[[Book], Iterator[Bad]]] = MappingProxyType(
    {
        "control-document": control_document,
        "control-monthly": control_monthly,
        "purged-back": purged_back,
        "purged-covered": purged_covered,
        "retention-days": retention_days,
        "traces-late": traces_late,
    }
)
