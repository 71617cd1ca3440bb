# SPDX-License-Identifier: Apache-2.0
"""Work as data: what crosses to a worker process, never a pickled function."""

from collections.abc import Mapping
from dataclasses import dataclass

from rempart.errors import BadInput

SCHEMA = "rempart.shard-job/1"
_BY_INTENT = "intent:"


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

    @property
    def intent(self) -> int | None:
        """The intent that stands for a grant; None where the job carries a reference."""
        told = self.grant.removeprefix(_BY_INTENT)
        return int(told) if told != self.grant and told.isascii() and told.isdecimal() else None

    def as_dict(self) -> dict[str, object]:
        """The JSON form of the contract."""
        return {
            "schema": SCHEMA,
            "run": self.run,
            "space": self.space,
            "head": self.head,
            "study": self.study,
            "permit": self.permit,
            "shards": list(self.shards),
            "grant": self.grant,
            **({"parts": list(self.parts)} if self.parts else {}),
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, object]) -> "ShardJob":
        """From JSON; raises BadInput ``shard-job-form``."""
        names = {"schema", "run", "space", "head", "study", "permit", "shards", "grant"}
        shards, parts = value.get("shards"), value.get("parts", [])
        if set(value) - {"parts"} != names or value["schema"] != SCHEMA:
            raise BadInput("shard-job-form")
        if not isinstance(shards, list) or not isinstance(parts, list):
            raise BadInput("shard-job-form")
        texts = {name: str(value[name]) for name in names - {"schema", "shards"}}
        return cls(shards=tuple(int(shard) for shard in shards), parts=tuple(map(str, parts)), **texts)
