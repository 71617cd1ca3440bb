# SPDX-License-Identifier: Apache-2.0
"""Work as data: what crosses to a worker process, never a pickled function."""

from collections.abc import Mapping
from dataclasses import dataclass

from rempart.errors import BadInput

SCHEMA = "rempart.shard-job/1"
STEPPED = "rempart.shard-job/2"  # of a step before evidence, or of evidence after one (docs/adr/0025)
SETTED = "rempart.shard-job/3"  # of the step that tells the sets of persons (docs/adr/0044); as /2, and there may be no buckets
EXCHANGE, MATCH, SETS = "exchange", "match", "sets"
STEPS = (EXCHANGE, MATCH, SETS)
"""The first two before evidence (why there are no others: docs/adr/0033), the third in place of it."""
_BY_INTENT = "intent:"
_MOST = 1 << 32


def by_intent(index: int) -> str:
    """What stands for a grant in a job whose worker asks its node's key agent: the study's intent in the ledger, which is no secret."""
    return f"{_BY_INTENT}{index}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardJob:
    """One worker's share of a run: shards of one space at one pinned head, with a one-use grant reference or ``by_intent``."""

    run: str
    space: str
    head: str
    study: str
    permit: str
    shards: tuple[int, ...]
    grant: str
    parts: tuple[
        str, ...
    ] = ()  # digests of the parts of the study to compute (cohort.parts); all of them when none is named
    step: str = ""  # ``exchange``, ``match`` (``shards`` are then buckets), ``sets``; '' for evidence
    buckets: int = 0  # in which rows are matched; 0 where none are
    sources: int = 0  # how many shards of persons there are; 0 where none is told

    @property
    def intent(self) -> int | None:
        """The intent that stands for a grant; None where the job carries a reference."""
        told = self.grant.removeprefix(_BY_INTENT)
        return int(told) if told != self.grant and told.isascii() and told.isdecimal() else None

    def as_dict(self) -> dict[str, object]:
        """The JSON form of the contract."""
        return {
            "schema": self._schema,
            "run": self.run,
            "space": self.space,
            "head": self.head,
            "study": self.study,
            "permit": self.permit,
            "shards": list(self.shards),
            "grant": self.grant,
            **({"parts": list(self.parts)} if self.parts else {}),
            **({"step": self.step, "buckets": self.buckets, "sources": self.sources} if self._stepped else {}),
        }

    @property
    def _stepped(self) -> bool:
        return self._schema != SCHEMA

    @property
    def _schema(self) -> str:
        return SETTED if self.step == SETS else STEPPED if self.buckets else SCHEMA

    @classmethod
    def from_dict(cls, value: Mapping[str, object]) -> "ShardJob":
        """From JSON; raises BadInput ``shard-job-form``, ``shard-job-step`` for a step that this version does not know."""
        names = {"schema", "run", "space", "head", "study", "permit", "shards", "grant"}
        stepped = {"step", "buckets", "sources"} if value.get("schema") in (STEPPED, SETTED) else set()
        least = 0 if value.get("schema") == SETTED else 1
        shards, parts = value.get("shards"), value.get("parts", [])
        if set(value) - {"parts"} != names | stepped or value["schema"] not in (SCHEMA, STEPPED, SETTED):
            raise BadInput("shard-job-form")
        if not isinstance(shards, list) or not isinstance(parts, list):
            raise BadInput("shard-job-form")
        texts = {name: str(value[name]) for name in names - {"schema", "shards"}}
        step = str(value.get("step", ""))
        if step not in ("", *STEPS) or (step == SETS) != (least == 0):
            raise BadInput("shard-job-step", step=step[:20], known=", ".join(STEPS))
        return cls(
            shards=tuple(int(shard) for shard in shards),
            parts=tuple(map(str, parts)),
            step=step,
            buckets=_whole(value["buckets"], least) if stepped else 0,
            sources=_whole(value["sources"], least) if stepped else 0,
            **texts,
        )


def _whole(value: object, least: int) -> int:
    """A number of buckets or shards; raises BadInput ``shard-job-form``."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= _MOST:
        raise BadInput("shard-job-form")
    return value
