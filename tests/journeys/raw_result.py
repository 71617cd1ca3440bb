# SPDX-License-Identifier: Apache-2.0
"""The raw rows of a finished run, opened as the disclosure check opens them: through the broker, under the run's permit.

For tests only: the product has no command that shows a raw row.
"""

from rempart.journeys.evidence import open_result
from rempart.journeys.permits import events
from rempart.journeys.recorded import recorded
from rempart.journeys.release import finished_run, valid_permit
from rempart.ports.broker import GrantRequest
from rempart.records.result import ResultRow
from rempart.wiring.releases import desk
from rempart.wiring.warehouse import Warehouse
from tests.journeys.house import House

Cells = dict[tuple[str, str, str, str], float | None]


def raw_rows(house: House, run: str) -> tuple[ResultRow, ...]:
    """Every cell of the run's result, before any rule."""
    place = desk(Warehouse(house.warehouse))
    finished = finished_run(events(place.vault.ledger), run)
    permit = valid_permit(place, finished.permit)
    objects = [f"run:{run}", f"result:{finished.result}"]
    with recorded(place.recorder, "check", basis=f"permit:{permit.id}", objects=objects, event_class="trace") as act:
        use = (permit.space, "result", "main", "read")
        (reference,) = place.vault.broker.grant(GrantRequest(intent=act.index, tables=(use,)))
        return open_result(
            place.documents.get(finished.result),
            broker=place.vault.broker,
            reference=reference,
            warehouse=place.vault.warehouse,
            space=permit.space,
            run=run,
        )


def cells(house: House, run: str) -> Cells:
    """(output, row, column, statistic) → value."""
    found: Cells = {}
    for row in raw_rows(house, run):
        key = (row.output, ",".join(row.row_key.values()), ",".join(row.column_key.values()), row.statistic)
        assert key not in found, key
        found[key] = row.value
    return found


def same(left: Cells, right: Cells) -> None:
    """Counts identical, estimates within 1e-10 (relative where large)."""
    assert left.keys() == right.keys()
    wrong = {}
    for key, value in left.items():
        other = right[key]
        close = value == other or (
            value is not None and other is not None and abs(value - other) <= 1e-10 * max(1.0, abs(value))
        )
        if not close:
            wrong[key] = (value, other)
    assert not wrong
