# SPDX-License-Identifier: Apache-2.0
"""Later versions of a permit: each names the one before by its id and narrows it, changes its persons, or moves its last day.

The project dataset is what the first version gave; a version that asks for more is a new permit.
"""

from collections.abc import Iterable, Iterator

from rempart.errors import Refused, RempartError
from rempart.records.permit import Permit

KIND = "amendment"


def check_amends(before: Permit, after: Permit) -> None:
    """Raises Refused ``amend-chain`` unless it is the version after, ``amend-widens`` where it gives more than the one before."""
    if (after.id, after.version, after.amends) != (before.id, before.version + 1, before.content_id):
        raise Refused("amend-chain", permit=before.id, version=before.version + 1, amends=before.content_id)
    for field in _wider(before, after):
        raise Refused("amend-widens", permit=before.id, field=field)


def check_renews(before: Permit, after: Permit) -> None:
    """A renewal moves the last day and nothing that is given; raises Refused ``renew-changes``, and as ``check_amends``."""
    check_amends(before, after)
    same = all(
        getattr(before, name) == getattr(after, name) for name in ("tables", "persons", "lookback", "period", "depth")
    )
    if not same or after.valid[1] <= before.valid[1]:
        raise Refused("renew-changes", permit=before.id)


def in_force(first: Permit, later: Iterable[Permit]) -> Permit:
    """The newest of the versions that follow one another; one that does not is passed over (the audit names it)."""
    now = first
    for one in later:
        try:
            check_amends(now, one)
        except RempartError:
            continue
        now = one
    return now


def _wider(before: Permit, after: Permit) -> Iterator[str]:
    """Fields in which ``after`` gives more, or speaks of something else."""
    for name in ("project", "purpose", "rows"):
        if getattr(before, name) != getattr(after, name):
            yield name
    if after.lookback < before.lookback:
        yield "lookback"
    if before.depth and not 0 < after.depth <= before.depth:
        yield "depth"
    if after.period[0] < before.period[0] or after.period[1] > before.period[1]:
        yield "period"
    if after.valid[0] != before.valid[0]:
        yield "valid"
    for table, columns in after.tables.items():
        if not set(columns) <= set(before.tables.get(table, ())):
            yield f"tables.{table}"
    if (before.identifiers, before.perimeter) != (after.identifiers, after.perimeter):
        yield "identifiers"
    if not set(after.derogations) <= set(before.derogations):
        yield "derogations"
