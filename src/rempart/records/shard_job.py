# SPDX-License-Identifier: Apache-2.0
"""Work as data: what crosses to a worker process, never a pickled function."""

from collections.abc import Mapping
from dataclasses import dataclass

from rempart.errors import BadInput

SCHEMA = "rempart.shard-job/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardJob:
    """One worker's share of a run: shards of one space at one pinned head, with a one-use grant reference."""

    run: str
    space: str
    head: str
    study: str
    permit: str
    shards: tuple[int, ...]
    grant: str

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
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, object]) -> "ShardJob":
        """From JSON; raises BadInput ``shard-job-form``."""
        names = {"schema", "run", "space", "head", "study", "permit", "shards", "grant"}
        if set(value) != names or value["schema"] != SCHEMA or not isinstance(value["shards"], list):
            raise BadInput("shard-job-form")
        texts = {name: str(value[name]) for name in names - {"schema", "shards"}}
        return cls(shards=tuple(int(shard) for shard in value["shards"]), **texts)
