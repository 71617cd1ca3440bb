# SPDX-License-Identifier: Apache-2.0
"""A project of invented persons, two hundred events each: sealed as a grant leaves it, and beside it in plain Parquet. Measures nothing.

Written straight into the project's space under a signed permit, so that no delivery of that size need be read first.
"""

import atexit
import datetime
import functools
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from rempart.adapters.key_store_settings import KeyStoreSettings
from rempart.journeys.recorded import recorded
from rempart.journeys.space import SpaceWriter
from rempart.keys.store_secret import passphrase_secret
from rempart.permits.compile import compile_permit
from rempart.ports.broker import GrantRequest
from rempart.records.omop import MAIN
from rempart.records.permit import Permit
from rempart.vault.parquet import parquet_bytes
from rempart.wiring import acts, people
from rempart.wiring.signing import signer
from rempart.wiring.warehouse import Warehouse

PERSONS = int(os.environ.get("REMPART_BENCH_PERSONS", "40000"))  # 1,000,000 for the figures that are told
SHARDS = 16
DRUGS, CONDITIONS = (
    180,
    20,
)  # events of a person in six years, on average: thirty lines of dispensing a year (flows of the national claims)
TARGET = ("3400935563248", "3400935563538", "3400937169110")
COMPARATOR = ("3400926910891", "3400926911324", "3400927368868", "3400937063210", "3400937472548")
OTHER_DRUGS, OTHER_CONDITIONS = 2000, 1000
FIRST, LAST = datetime.date(2012, 1, 1), datetime.date(2017, 12, 31)
ANALYSES = '[[analyses]]\nid = "flow"\ntype = "attrition"\n'


Rows = Callable[[int, int, int], Iterator[tuple[str, pa.Table]]]  # shard, persons in it, shards → (table, rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """``folder/w`` is the warehouse, ``folder/plain`` its twin: ``<table>-<shard>.parquet``; ``events``: rows of both."""

    folder: Path
    persons: int
    events: int

    def plain(self, table: str) -> str:
        """What DuckDB reads of one table."""
        return f"{self.folder / 'plain' / table}-*.parquet"


@functools.cache
def project(persons: int, shards: int) -> Project:
    """Made when first asked for; it goes, and its broker ends, when the process does."""
    os.environ.setdefault("REMPART_UNENCRYPTED_SWAP", "allowed")  # invented persons
    kept = tempfile.TemporaryDirectory(prefix="rempart-bench-")
    atexit.register(kept.cleanup)
    return write(Path(kept.name), persons, shards)


def write(folder: Path, persons: int, shards: int, *, rows: Rows | None = None) -> Project:
    """A warehouse with one project of so many persons; ``rows``: those of other persons, and the example's study is left whole."""
    acts.init_warehouse(
        folder / "w",
        controller="bench",
        officer="officer",
        officer_key=folder / "officer.key",
        secret=passphrase_secret("a passphrase for benches only"),
        key_passphrase="",
        shards=shards,
        minutes=600,
        keys=KeyStoreSettings(),
    )
    warehouse = Warehouse(folder / "w")
    atexit.register(warehouse.broker.lock)
    for name, role in (("alice", "researcher"), ("claire", "committee")):
        people.enrol(
            warehouse,
            name=name,
            roles=[role],
            key_file=folder / f"{name}.key",
            officer_keys=[folder / "officer.key"],
            ask=lambda _: "",
            key_passphrase="",
        )
    acts.example("glitazones", folder)
    study = (folder / "study.toml").read_text(encoding="utf-8")
    study = study if rows else study[: study.index("[covariates")] + ANALYSES
    (folder / "study.toml").write_text(study, encoding="utf-8")
    (folder / "plain").mkdir()
    made = _granted(folder, Warehouse(folder / "w"), (persons, shards), rows or tables)
    return Project(folder=folder, persons=persons, events=made)


def _granted(folder: Path, warehouse: Warehouse, size: tuple[int, int], rows_of: Rows) -> int:
    """The project's first snapshot, as a grant writes it; how many events. ``size``: persons, shards."""
    persons, shards = size
    permit = acts.read_permit_file(folder / "permit.toml")
    member = signer(warehouse.trust, folder / "claire.key", lambda _: "")
    document = warehouse.documents.put(member.document(permit.as_dict()).data)
    objects = ["run:G-bench", f"permit:{document}", f"project:{permit.project}", f"space:{permit.space}"]
    events = 0
    with recorded(
        warehouse.recorder, "permit", basis=f"permit:{permit.id}", objects=objects, actor=member.salted
    ) as act:
        (reference,) = warehouse.broker.grant(GrantRequest(intent=act.index, tables=tuple(_uses(permit, warehouse))))
        writer = SpaceWriter(
            warehouse.vault,
            warehouse.recorder,
            act,
            space=permit.space,
            shards=shards,
            parent=None,
            reference=reference,
            named_step=acts.no_step,
        )
        for shard in range(shards):
            for table, rows in rows_of(shard, persons // shards, shards):
                writer.add(table, MAIN, shard, rows)
                (folder / "plain" / f"{table}-{shard:03d}.parquet").write_bytes(parquet_bytes(rows))
                events += rows.num_rows if table.endswith(("exposure", "occurrence")) else 0
        commit = writer.commit(lineage=(f"permit:{permit.content_id}",), facts={})
        act.say("run", "G-bench")
        act.say("head", commit.head)
        act.say("persons", persons)
    return events


def _uses(permit: Permit, warehouse: Warehouse) -> Iterator[tuple[str, str, str, str]]:
    for table in [*compile_permit(permit, warehouse.layouts), "manifest"]:
        yield permit.space, table, MAIN, "write"


def tables(shard: int, count: int, shards: int) -> Iterator[tuple[str, pa.Table]]:
    """(table, rows) of one shard: ``count`` persons, sorted by person and day."""
    draw = np.random.default_rng(shard)
    person = np.arange(count, dtype=np.int64) * shards + shard
    born = draw.integers(1925, 1990, count)
    yield (
        "person",
        pa.table(
            {
                "person_id": person,
                "gender_concept_id": np.where(draw.random(count) < 0.5, 8507, 8532),
                "year_of_birth": born.astype(np.int32),
            }
        ),
    )
    began = (FIRST - datetime.date(1970, 1, 1)).days
    days = (LAST - FIRST).days + 1
    yield (
        "observation_period",
        pa.table(
            {
                "person_id": person,
                "observation_period_id": person,
                "observation_period_start_date": _dates(
                    began + np.where(draw.random(count) < 0.1, draw.integers(0, days // 2, count), 0)
                ),
                "observation_period_end_date": _dates(
                    began + days - 1 - np.where(draw.random(count) < 0.1, draw.integers(0, days // 3, count), 0)
                ),
            }
        ),
    )
    dead = draw.random(count) < 0.03
    month = np.array(draw.integers(24, 72, int(dead.sum())) + (2012 - 1970) * 12, "datetime64[M]").astype(
        "datetime64[D]"
    )
    yield "death", pa.table({"person_id": person[dead], "death_month": pa.array(month)})
    yield "drug_exposure", _drugs(draw, person, began, days, shard)
    yield "condition_occurrence", _conditions(draw, person, began, days, shard)


def _dates(days: np.ndarray) -> pa.Array:
    return pa.array(days.astype(np.int32), pa.int32()).cast(pa.date32())


def _spread(
    draw: np.random.Generator, person: np.ndarray, mean: int, began: int, days: int
) -> tuple[np.ndarray, np.ndarray]:
    """(row of ``person``, day) of its events, sorted by both."""
    row = np.repeat(np.arange(len(person)), draw.integers(mean // 2, mean + mean // 2 + 1, len(person)))
    day = began + draw.integers(0, days, len(row))
    order = np.lexsort((day, row))
    return row, day[order]


def _drugs(draw: np.random.Generator, person: np.ndarray, began: int, days: int, shard: int) -> pa.Table:
    """One person in ten takes one of the drugs from a day on, in a fifth of what it is dispensed; one in a hundred of these both."""
    row, day = _spread(draw, person, DRUGS, began, days)
    kind = draw.choice(3, len(person), p=(0.9, 0.05, 0.05))
    starts = began + draw.integers(200, days, len(person))
    taken = (kind[row] > 0) & (day >= starts[row]) & (draw.random(len(row)) < 0.2)
    other = len(TARGET) + len(COMPARATOR)
    number = other + draw.zipf(1.3, len(row)) % OTHER_DRUGS
    mine = np.where(draw.random(len(row)) < 0.01, 3 - kind[row], kind[row])
    number[taken & (mine == 1)] = 0
    number[taken & (mine == 1)] += draw.integers(0, len(TARGET), int((taken & (mine == 1)).sum()))
    number[taken & (mine == 2)] = len(TARGET) + draw.integers(0, len(COMPARATOR), int((taken & (mine == 2)).sum()))
    codes = pa.array([*TARGET, *COMPARATOR, *(f"34009{n:08d}" for n in range(OTHER_DRUGS))])
    return pa.table(
        {
            "person_id": person[row],
            "drug_exposure_id": (shard << 40) + np.arange(len(row), dtype=np.int64),
            "drug_exposure_start_date": _dates(day),
            "drug_source_value": codes.take(pa.array(number)),
        }
    )


def _conditions(draw: np.random.Generator, person: np.ndarray, began: int, days: int, shard: int) -> pa.Table:
    row, day = _spread(draw, person, CONDITIONS, began, days)
    number = np.where(draw.random(len(row)) < 0.001, 0, 1 + draw.zipf(1.3, len(row)) % OTHER_CONDITIONS)
    letters = "ABDEFGHIJKLMNOPQRSTZ"
    codes = pa.array(["C679", *(f"{letters[n % 20]}{n // 20:02d}{n % 10}" for n in range(OTHER_CONDITIONS + 1))])
    status = pa.array(["DP", "DR", "DAS", "ALD"])
    return pa.table(
        {
            "person_id": person[row],
            "condition_occurrence_id": (shard << 40) + np.arange(len(row), dtype=np.int64),
            "condition_start_date": _dates(day),
            "condition_status_source_value": status.take(pa.array(draw.integers(0, 4, len(row)))),
            "condition_source_value": codes.take(pa.array(number)),
        }
    )
