# SPDX-License-Identifier: Apache-2.0
"""Grant a permit: warehouse → project dataset, with only what is permitted and nothing that the warehouse's names could join.

Two passes over the warehouse's shards: persons (who is in, with fresh ordinals), then rows, exchanged between shards through
sealed scratch under a key that lives as long as this call.
"""

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from rempart.errors import Missing, Refused
from rempart.identity.ordinals import project_ordinals
from rempart.identity.pseudonyms import pseudonyms
from rempart.identity.shards import shard_of
from rempart.journeys.ingest import SPACE as WAREHOUSE
from rempart.journeys.recorded import Act, Recorder, recorded
from rempart.journeys.space import OpenSpace, SpaceWriter, Vault, newest_commit, open_space, read_parts
from rempart.permits.compile import CompiledPermit, compile_permit
from rempart.ports.broker import GrantRequest
from rempart.ports.documents import Documents
from rempart.ports.query import Query
from rempart.ports.scratch import Scratch
from rempart.ports.surroundings import Progress
from rempart.records.canonical import length_prefixed
from rempart.records.document import SignedDocument
from rempart.records.omop import MAIN, PROJECT_PERSON, WAREHOUSE_PERSON, TableLayout
from rempart.records.permit import Permit
from rempart.records.sealed import SpaceCommit
from rempart.vault.aead import decrypt_stream, encrypt_stream

_SEGMENT = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What a grant made: persons and rows by table in the project dataset, objections left out."""

    commit: SpaceCommit
    persons: int
    objections: int
    rows: Mapping[str, int]


def grant(
    *,
    vault: Vault,
    recorder: Recorder,
    documents: Documents,
    scratch: Scratch,
    new_query: Callable[[], Query],
    permit: Permit,
    signed: SignedDocument,
    actor: str,
    layouts: Mapping[str, TableLayout],
    shards: int,
    run: str,
    progress: Progress,
    named_step: Callable[[str], None],
) -> Granted:
    """Create the project dataset of ``permit`` (already signed by the committee) as the first snapshot of its space.

    Raises Refused ``project-exists``, ``permit-expired``…; Missing ``space-missing`` when nothing was ingested.
    """
    permit.check_valid_on(recorder.clock.now().date())
    compiled = compile_permit(permit, layouts)
    source = newest_commit(vault.ledger, WAREHOUSE)
    if source is None:
        raise Missing("space-missing", space=WAREHOUSE)
    if newest_commit(vault.ledger, permit.space) is not None:
        raise Refused("project-exists", project=permit.project)
    document = documents.put(signed.data)
    objects = [f"run:{run}", f"permit:{document}", f"project:{permit.project}", f"space:{permit.space}", f"source-head:{source.head}"]
    with recorded(recorder, "permit", basis=f"permit:{permit.id}", objects=objects, actor=actor) as act:
        named_step("intent-logged")
        made = _Extract(vault, recorder, scratch, new_query, permit, compiled, layouts, shards, progress, named_step, run)
        granted = made.extract(act)
        act.say("run", run)
        act.say("head", granted.commit.head)
        act.say("persons", granted.persons)
    return granted


@dataclass(frozen=True, slots=True)
class _Extract:
    """One grant's work; the fields are what every step needs."""

    vault: Vault
    recorder: Recorder
    scratch: Scratch
    new_query: Callable[[], Query]
    permit: Permit
    compiled: CompiledPermit
    layouts: Mapping[str, TableLayout]
    shards: int
    progress: Progress
    named_step: Callable[[str], None]
    run: str

    def extract(self, act: Act) -> Granted:
        """Persons, rows, then the sealed project."""
        request = self._request(act)
        references = self.vault.broker.grant(request, uses=2)
        (project_key, shard_key) = self.vault.broker.secrets(references[0], request.secrets)
        source = open_space(self.vault, space=WAREHOUSE, reference=references[0])
        scratch_key = self.recorder.randomness.bytes(32)
        people, objections = self._people(source, references[0], project_key, shard_key)
        self.named_step("persons-chosen")
        self._exchange(source, references[1], people, scratch_key)
        self.named_step("rows-exchanged")
        writer = SpaceWriter(
            self.vault, self.recorder, act, space=self.permit.space, shards=self.shards, reference=references[0], named_step=self.named_step
        )
        rows = self._seal(writer, people, scratch_key)
        commit = writer.commit(lineage=(f"source-head:{source.commit.head}", f"permit:{self.permit.content_id}"), facts={})
        self.scratch.clear(self.run)
        return Granted(commit=commit, persons=people.num_rows, objections=objections, rows=rows)

    def _request(self, act: Act) -> GrantRequest:
        read = [(WAREHOUSE, table, sibling, "read") for table, sibling in self._sources()]
        write = [(self.permit.space, table, sibling, "write") for table, sibling in self._targets()]
        secrets = (f"{self.permit.space}/pseudonym", f"{self.permit.space}/shard")
        return GrantRequest(intent=act.index, tables=(*read, *write), secrets=secrets)

    def _sources(self) -> list[tuple[str, str]]:
        named = [(table, sibling) for table, siblings in self.compiled.stored.items() for sibling in siblings]
        return list(dict.fromkeys([*named, ("person", MAIN), ("person", "release_index"), ("objection", MAIN), ("manifest", MAIN)]))

    def _targets(self) -> list[tuple[str, str]]:
        named = [(table, sibling) for table, siblings in self.compiled.stored.items() for sibling in siblings]
        return [*named, ("person", "release_index"), ("manifest", MAIN)]
