# SPDX-License-Identifier: Apache-2.0
"""What runs inside a Spark task: JSON of a ShardJob in, sealed evidence out. Executors import it by its name; nothing else is pickled.

A task's own process sees no key and no row: it passes lines to a worker process and bytes back. What is told as an error is data, so that
Spark neither logs it nor tries again what would be refused again; a worker that died, or a node that cannot reach its keys, is tried again.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
from pyspark import TaskContext

from rempart.adapters.worker_child import WorkerChild
from rempart.errors import Unavailable

ANSWERS = "shard long, sealed binary, error string"
_FORM = pa.schema([("shard", pa.int64()), ("sealed", pa.binary()), ("error", pa.string())])
_FINAL = {"shard-memory", "worker-killed"}  # another attempt would take as much
_CHILDREN: dict[str, WorkerChild] = {}


class TryAgainError(Exception):
    """For Spark alone, which tries a failed task again; it tells a code and nothing else."""


def serve(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The answers to each task of each batch: one row a shard, or one that holds an error."""
    for batch in batches:
        for text in batch.column(0).to_pylist():
            yield _answers(json.loads(text))


def _answers(task: Mapping[str, Any]) -> pa.RecordBatch:
    """All of a job's evidence, or its error; raises TryAgainError, but at the last attempt."""
    found: list[tuple[int, bytes] | dict[str, Any]]
    try:
        found = list(_child(task).ask(task["job"]))
    except Unavailable as error:
        found = [{"family": error.family, "code": error.code, "facts": error.facts}]
    told = found[-1]
    if not isinstance(told, dict):
        return _batch([(*answer, None) for answer in found if not isinstance(answer, dict)])
    if told["family"] == Unavailable.family and told["code"] not in _FINAL and _another(task):
        raise TryAgainError(told["code"])
    return _batch([(None, None, json.dumps(told))])


def _another(task: Mapping[str, Any]) -> bool:
    """Whether Spark will try once more when this attempt fails."""
    context = TaskContext.get()
    return context is not None and context.attemptNumber() + 1 < int(task["attempts"])


def _child(task: Mapping[str, Any]) -> WorkerChild:
    """The worker of this process, kept from task to task; another one when it died or the task wants another."""
    wanted = json.dumps([task["module"], task["arguments"], task["memory"]])
    found = _CHILDREN.get(wanted)
    if found is None or not found.lives:
        for other in _CHILDREN.values():
            other.end()
        _CHILDREN.clear()
        found = _CHILDREN[wanted] = WorkerChild(task["module"], task["arguments"], memory=int(task["memory"]))
    return found


def _batch(rows: list[tuple[int | None, bytes | None, str | None]]) -> pa.RecordBatch:
    columns = [[row[at] for row in rows] for at in range(len(_FORM))]
    return pa.record_batch([pa.array(column, field.type) for column, field in zip(columns, _FORM, strict=True)], _FORM)
