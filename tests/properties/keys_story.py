# SPDX-License-Identifier: Apache-2.0
"""A small house for the key broker in memory: persons, a permit, a signed study, a ledger, a clock that can be set. Tests nothing."""

import base64
import copy
import datetime
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rempart.adapters.key_file import KeyFile
from rempart.adapters.package_data import joined, toml
from rempart.adapters.person_key import public_bytes
from rempart.errors import Missing, Unavailable
from rempart.keys.broker import KeyBroker, Surroundings
from rempart.keys.grant_rules import grant_rules
from rempart.keys.node import NodeKey, secrets_question, unwrap_question
from rempart.keys.node_register import proof_facts
from rempart.keys.system_signer import SystemSigner, make_signing_keys
from rempart.keys.table_keys import TableKeys
from rempart.ports.broker import GrantRequest
from rempart.records.canonical import content_id, sha256_id
from rempart.records.descriptor import NODE, NodeDescriptor, own_declaration
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent, Phase
from rempart.records.omop import layouts
from rempart.records.policy import form_of
from rempart.records.project import project_table
from rempart.records.sealed import KeyContext
from rempart.records.signature import Signature, sign
from rempart.records.trust import TrustEntry, TrustFile

START = datetime.datetime(2026, 6, 1, 9, 0, tzinfo=datetime.UTC)
PROJECT = "project:glitazones"
ORIGIN = "rempart/test"
ROLES = {
    "olga": "officer",
    "omar": "officer",
    "carl": "committee",
    "alice": "researcher",
    "rita": "researcher",
    "bob": "checker",
}
PERMIT: dict[str, Any] = {
    "schema": "rempart.permit/1",
    "id": "P-2026-0001",
    "project": "glitazones",
    "purpose": "bladder cancer",
    "basis": "public interest",
    "persons": ["alice"],
    "valid": ["2026-01-01", "2026-12-31"],
    "lookback": "2010-01-01",
    "period": ["2012-01-01", "2019-12-31"],
    "rows": {},
    "tables": [
        {"name": "person", "columns": ["gender_concept_id", "year_of_birth"]},
        {"name": "drug_exposure", "columns": ["drug_source_value", "drug_exposure_start_date"]},
        {"name": "death", "columns": ["death_date"]},
    ],
}
STUDY: dict[str, Any] = {"schema": "rempart.study/1", "permit": "P-2026-0001", "protocol": {"title": "t"}}

CONTENTS = toml("permits/permit_contents.toml")
POLICY = form_of(toml("records/policy.toml"))
PROJECTS = project_table(toml("permits/states.toml"), toml("permits/conflicts.toml"))


class SetClock:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.instant = START

    def now(self) -> datetime.datetime:
        return self.instant

    def advance(self, **amount: float) -> None:
        self.instant += datetime.timedelta(**amount)


class SeededRandomness:
    """Bytes that are the same in every run."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)

    def bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)


class MemoryLedger:
    """A ledger in a list; ``before_append`` may run something between a reader's look and its append."""

    def __init__(self) -> None:
        self.held: list[bytes] = []
        self.before_append: Callable[[], None] = lambda: None

    def size(self) -> int:
        return len(self.held)

    def append(self, expected_size: int, leaves: Sequence[bytes]) -> int:
        self.before_append()
        if expected_size != len(self.held):
            raise Unavailable("ledger-moved")
        self.held.extend(leaves)
        return expected_size

    def leaves(self, start: int = 0, end: int | None = None) -> list[bytes]:
        return self.held[start:end]

    def checkpoint(self) -> str:
        return ""

    def inclusion(self, index: int, size: int) -> list[bytes]:
        return []

    def consistency(self, first: int, second: int) -> list[bytes]:
        return []


class MemoryDocuments:
    """Documents in a dict."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}

    def put(self, data: bytes) -> str:
        self.held[sha256_id(data)] = data
        return sha256_id(data)

    def get(self, document: str) -> bytes:
        if document not in self.held:
            raise Missing("document-missing", document=document)
        return self.held[document]


class AtNode:
    """The broker as a client on a node has it, without a socket between."""

    def __init__(self, keeper: KeyBroker, node: NodeKey, story: "Story") -> None:
        self.keeper, self.node, self._story = keeper, node, story

    def grant(self, request: GrantRequest, *, uses: int = 1) -> list[str]:
        proof = self.node.prove(request, uses, clock=self._story.clock, randomness=self._story.randomness)
        return self.keeper.grant(request, uses=uses, proof=proof)

    def unwrap(self, reference: str, items: Sequence[tuple[KeyContext, bytes]]) -> list[bytes]:
        sealed = self.keeper.unwrap(reference, items)
        return self.node.open(sealed, unwrap_question(reference, items), len(items))

    def secrets(self, reference: str, names: Sequence[str]) -> list[bytes]:
        return self.node.open(self.keeper.secrets(reference, names), secrets_question(reference, names), len(names))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.keeper, name)


class Story:
    """The house. ``act`` logs an intent, ``ask`` asks the broker for keys on it."""

    def __init__(self) -> None:
        self.clock, self.randomness = SetClock(), SeededRandomness()
        self.ledger, self.documents = MemoryLedger(), MemoryDocuments()
        self.private = {name: Ed25519PrivateKey.from_private_bytes(self.randomness.bytes(32)) for name in ROLES}
        self.trust = self.trusting(ROLES)
        self.past: list[TrustFile] = []
        self.node = NodeKey.fresh("local", self.randomness)
        self.node_allowed: Callable[[Mapping[str, Any], datetime.date], None] = lambda body, on: None
        self.saved: list[bytes] = []
        self.published = 0
        self.store = KeyFile(self.randomness.bytes(32), self.randomness)
        self.keys = TableKeys(None, store=self.store, randomness=self.randomness, save=self.saved.append)
        make_signing_keys(self.keys)
        self.broker = self.new_broker()
        self.log("init", objects=[f"trust:{self.trust.id}"], basis="operation:init")
        self.declare("olga", "omar")

    def new_broker(self, *, strict: bool = False) -> "AtNode":
        """A broker over the same keys, as after a restart."""
        surroundings = Surroundings(
            ledger=self.ledger,
            documents=self.documents,
            trust=lambda: (*self.past, self.trust),
            clock=self.clock,
            randomness=self.randomness,
            rules=grant_rules(
                joined("keys/grants.toml"), projects=PROJECTS, policy_form=POLICY, contents=CONTENTS, strict=strict
            ),
            layouts=layouts(toml("records/omop54.toml")),
            warehouse="w",
            node_allowed=lambda body, on: self.node_allowed(body, on),
        )
        signer = SystemSigner(self.keys, origin=ORIGIN, published=lambda: self.published)
        return AtNode(KeyBroker(self.keys, signer, surroundings), self.node, self)

    def trusting(self, roles: Mapping[str, str], *, version: int = 1, until: str = "2030-12-31") -> TrustFile:
        """A trust file with one key each (unsigned: the broker is given a proven one)."""
        entries = tuple(
            TrustEntry(
                actor=name,
                roles=(role,),
                alg="ed25519",
                public=base64.b64encode(public_bytes(self.private[name])).decode(),
                valid_from=datetime.date(2026, 1, 1),
                valid_to=datetime.date.fromisoformat(until),
                salt="00" * 16,
            )
            for name, role in roles.items()
        )
        return TrustFile(version=version, previous="", entries=entries, signatures=())

    def changed(self, name: str, **fields: Any) -> TrustFile:
        """The trust file with one person's entry changed."""
        entries = (replace(entry, **fields) if entry.actor == name else entry for entry in self.trust.entries)
        return replace(self.trust, entries=tuple(entries))

    def revoke(self, name: str) -> None:
        """Revoke a person's key now, by a new version that the ledger names."""
        before, now = self.trust, self.clock.now()
        changed = self.changed(name, revoked=now)
        newer = replace(changed, version=before.version + 1, previous=before.id, made=now)
        self.name_trust(newer, "olga")
        self.past, self.trust = [*self.past, before], newer

    def next_trust(self, *officers: str) -> TrustFile:
        """The version after this one, with nobody new in it, signed by those."""
        unsigned = replace(self.trust, version=self.trust.version + 1, previous=self.trust.id, made=self.clock.now())
        return replace(unsigned, signatures=self._signatures(unsigned.id, officers))

    def name_trust(self, trust: TrustFile, *officers: str) -> int:
        """Log the intent to save a version, with those officers' signatures."""
        signatures = [f"signature:{one.sig}" for one in self._signatures(trust.id, officers)]
        return self.log("person", basis="operation:person", objects=[f"trust:{trust.id}", *signatures])

    def _signatures(self, over: str, officers: Sequence[str]) -> tuple[Signature, ...]:
        return tuple(sign(self.private[name], actor=name, over=over) for name in officers)

    def declare(
        self, *officers: str, node: NodeKey | None = None, until: str = "2036-12-31", country: str = "FR"
    ) -> str:
        """Log a node's declaration, this one's unless named, signed by those officers; its document."""
        node = node or self.node
        valid = (datetime.date(2026, 1, 1), datetime.date.fromisoformat(until))
        declaration = own_declaration(name=node.name, operator="tests", country=country, valid=valid)
        document = self.signed(NodeDescriptor(declaration=declaration, **node.public()).body, *officers)
        objects = [f"name:{node.name}", f"descriptor:{document}", *self.proof_facts(document, NODE)]
        self.log("node", objects=objects, basis="operation:node")
        return document

    def proof_facts(self, document: str, schema: str) -> list[str]:
        """What the leaf that names a stored document carries of it."""
        return proof_facts(SignedDocument.from_bytes(self.documents.get(document), schema=schema))

    def signed(self, body: Mapping[str, Any], *by: str, claiming: str | None = None) -> str:
        """A signed document, stored; its id. ``claiming``: the name written into the signature."""
        signatures = tuple(sign(self.private[name], actor=claiming or name, over=content_id(body)) for name in by)
        return self.documents.put(SignedDocument(body=body, signatures=signatures).data)

    def log(
        self, kind: str, *, basis: str, objects: Sequence[str] = (), phase: Phase = "intent", of: int | None = None
    ) -> int:
        """Append a leaf at the clock's instant; its index."""
        event = LedgerEvent(
            kind=kind,
            event_class="act",
            phase=phase,
            of=of,
            actor="salted:a",
            basis=basis,
            objects=tuple(objects),
            time=self.clock.now().isoformat(),
            salt="00" * 16,
        )
        self.ledger.held.append(event.leaf())
        return len(self.ledger.held) - 1

    def ingest(self, *, space: str = "warehouse", basis: str = "operation:ingest") -> int:
        """An open ingest."""
        return self.log("ingest", basis=basis, objects=[f"space:{space}"])

    def permit(
        self,
        by: str = "carl",
        *,
        change: Mapping[str, Any] | None = None,
        claiming: str | None = None,
        objects: Sequence[str] = (f"space:{PROJECT}",),
        end: Phase | None = None,
    ) -> int:
        """A permit's grant: open, or ended by ``end``."""
        body = copy.deepcopy(PERMIT) | dict(change or {})
        document = self.signed(body, by, claiming=claiming)
        index = self.log("permit", basis="permit:P-2026-0001", objects=[f"permit:{document}", *objects])
        if end:
            self.log("permit", basis="permit:P-2026-0001", phase=end, of=index)
        return index

    def freeze(self, study: Mapping[str, Any]) -> None:
        """The study's protocol, frozen under the permit."""
        told = [f"protocol:{content_id(study)}"]
        index = self.log("protocol", basis="permit:P-2026-0001", objects=told)
        self.log("protocol", basis="permit:P-2026-0001", phase="effect", of=index)

    def study(
        self,
        by: str = "alice",
        *,
        change: Mapping[str, Any] | None = None,
        claiming: str | None = None,
        objects: Sequence[str] = (f"space:{PROJECT}",),
        end: Phase | None = None,
    ) -> int:
        """A study under the permit: open, or ended with a result."""
        document = self.signed(STUDY | dict(change or {}), by, claiming=claiming)
        self.freeze(STUDY | dict(change or {}))
        index = self.log("study", basis="permit:P-2026-0001", objects=[f"study:{document}", *objects])
        if end:
            self.log("study", basis="permit:P-2026-0001", phase=end, of=index, objects=["result:sha256:r"])
        return index

    def ask(self, intent: int, *uses: str, secrets: Sequence[str] = (), times: int = 1) -> list[str]:
        """References for uses written ``space/table/sibling/mode``."""
        tables = []
        for use in uses:
            space, table, sibling, mode = use.split("/")
            tables.append((space, table, sibling, mode))
        return self.broker.grant(GrantRequest(intent=intent, tables=tuple(tables), secrets=tuple(secrets)), uses=times)

    def events(self, kind: str) -> list[LedgerEvent]:
        """Leaves of a kind."""
        found = (LedgerEvent.from_leaf(leaf) for leaf in self.ledger.held)
        return [event for event in found if event.kind == kind]


def context(use: str, *, part: str = "p1", warehouse: str = "w", epoch: int = 1) -> KeyContext:
    """A context for ``space/table/sibling``."""
    space, table, sibling = use.split("/")
    return KeyContext(warehouse=warehouse, space=space, table=table, sibling=sibling, part=part, epoch=epoch)
