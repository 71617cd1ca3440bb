# SPDX-License-Identifier: Apache-2.0
"""A small true history for the auditor: everyone enrolled, one ingest, one permit, one study, one release. Tests break it."""

import base64
import datetime
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rempart.audit import checkpoint as notes
from rempart.audit.findings import Findings
from rempart.audit.tree import Tree, hash_of
from rempart.audit.verify import verify_log
from rempart.errors import Missing
from rempart.records.canonical import content_id, sha256_id
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent, Phase, salted_actor
from rempart.records.omop import layouts
from rempart.records.sealed import SpaceCommit
from rempart.records.signature import sign, sign_text
from rempart.records.trust import TrustEntry, TrustFile
from rempart.wiring.audit import audit_rules, project_states
from rempart.wiring.policy import policy_form

SOURCE = Path(__file__).resolve().parents[2] / "src" / "rempart"
RULES: dict[str, Any] = audit_rules()
LAYOUTS = layouts(tomllib.loads((SOURCE / "records" / "omop54.toml").read_text(encoding="utf-8")))
CONTENTS = tomllib.loads((SOURCE / "permits" / "permit_contents.toml").read_text(encoding="utf-8"))
ORIGIN = "rempart.test/ledger"
START = datetime.datetime(2026, 3, 1, 8, 0, tzinfo=datetime.UTC)
MADE = START - datetime.timedelta(days=1)
MINUTE = datetime.timedelta(minutes=1)
PERMIT = "permit:P-2026-0001"
SPACE = "project:glitazones"
ROLES = {
    "olga": ("officer",),
    "otto": ("officer",),
    "carl": ("committee",),
    "alice": ("researcher", "checker"),
    "erin": ("researcher",),
    "bob": ("checker",),
    "dora": ("checker",),
    "frank": ("checker",),
    "audrey": ("auditor",),
}
PERMIT_BODY: dict[str, Any] = {
    "schema": "rempart.permit/1",
    "id": "P-2026-0001",
    "project": "glitazones",
    "purpose": "long-term safety",
    "basis": "authorisation 1",
    "persons": ["alice"],
    "valid": ["2026-01-01", "2026-12-31"],
    "lookback": "2010-01-01",
    "period": ["2012-01-01", "2019-12-31"],
    "rows": {},
    "tables": [{"name": "drug_exposure", "columns": ["drug_source_value", "drug_exposure_start_date"]}],
}


def key_of(name: str) -> Ed25519PrivateKey:
    """A fixed key for each name, so that stories are the same on every run."""
    return Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"."))


LEDGER = key_of("ledger")
PUBLIC = LEDGER.public_key().public_bytes_raw()


def entry(name: str, roles: tuple[str, ...]) -> TrustEntry:
    public = base64.b64encode(key_of(name).public_key().public_bytes_raw()).decode()
    days = (datetime.date(2026, 1, 1), datetime.date(2027, 12, 31))
    return TrustEntry(
        actor=name, roles=roles, alg="ed25519", public=public, valid_from=days[0], valid_to=days[1], salt="5a" * 16
    )


def trust_version(version: int, before: TrustFile | None, names: tuple[str, ...], *, by: str = "olga") -> TrustFile:
    entries = tuple(entry(name, ROLES.get(name, ("checker",))) for name in names)
    body = TrustFile(version=version, previous=before.id if before else "", entries=entries, signatures=(), made=MADE)
    return replace(body, signatures=(sign(key_of(by), actor=by, over=body.id),))


class Story:
    """Leaves and documents. Each method appends; the ``times`` go on by a minute a leaf."""

    def __init__(self) -> None:
        self.events: list[LedgerEvent] = []
        self.documents: dict[str, bytes] = {}
        self.now = START
        first = trust_version(1, None, ("olga",))
        self.trusts = [first, trust_version(2, first, tuple(ROLES))]
        self.heads: dict[str, str] = {}

    @property
    def leaves(self) -> list[bytes]:
        return [event.leaf() for event in self.events]

    def leaf(
        self, kind: str, phase: Phase, basis: str, objects: list[str], *, of: int | None = None, actor: str = "olga"
    ) -> int:
        self.now += MINUTE
        self.events.append(
            LedgerEvent(
                kind=kind,
                event_class="act",
                phase=phase,
                of=of,
                actor=salted_actor(actor, "5a" * 16),
                basis=basis,
                objects=tuple(objects),
                time=self.now.isoformat(),
                salt=f"{len(self.events):032x}",
            )
        )
        return len(self.events) - 1

    def act(self, kind: str, basis: str, objects: list[str], effect: list[str] | None = None) -> int:
        intent = self.leaf(kind, "intent", basis, objects)
        self.leaf(kind, "effect", basis, effect or [], of=intent)
        return intent

    def signed(self, body: Mapping[str, Any], *people: str) -> str:
        over = content_id(body)
        document = SignedDocument(
            body=body, signatures=tuple(sign(key_of(name), actor=name, over=over) for name in people)
        )
        return self.put(document.data)

    def put(self, data: bytes) -> str:
        self.documents[sha256_id(data)] = data
        return sha256_id(data)

    def commit(self, intent: int, space: str, *, parent: str | None = None) -> None:
        before = self.heads.get(space, "") if parent is None else parent
        number = len(self.events)
        made = SpaceCommit(
            space=space,
            host="directory",
            parent=before,
            head=sha256_id(b"head%d" % number),
            manifest=f"m/{number:032x}",
            keyring=f"m/{number + 9000:032x}",
            keyring_sha256=sha256_id(b"ring%d" % number),
            epoch=1,
        )
        self.heads[space] = made.head
        self.leaf("commit", "effect", self.events[intent].basis, list(made.objects()), of=intent)

    def grant(self, intent: int, *uses: str) -> int:
        objects = ["grant:" + sha256_id(b"x"), *(f"use:{use}" for use in uses)]
        return self.leaf("key-grant", "effect", self.events[intent].basis, objects, of=intent)

    def ingest(self, *, parent: str | None = None, space: str = "warehouse") -> None:
        intent = self.leaf("ingest", "intent", "operation:ingest", ["run:I-1", "space:warehouse"])
        self.grant(intent, "warehouse/person/main/write")
        self.commit(intent, space, parent=parent)
        self.leaf("ingest", "effect", "operation:ingest", ["run:I-1"], of=intent)

    def permit(self, *signers: str) -> None:
        document = self.signed(PERMIT_BODY, *signers)
        objects = ["run:G-1", f"permit:{document}", "project:glitazones", f"space:{SPACE}"]
        intent = self.leaf("permit", "intent", PERMIT, objects)
        self.grant(intent, "warehouse/drug_exposure/main/read", f"{SPACE}/drug_exposure/main/write")
        self.commit(intent, SPACE)
        self.leaf("permit", "effect", PERMIT, ["run:G-1"], of=intent)

    def study(self, *signers: str) -> None:
        document = self.signed({"schema": "rempart.study/1", "permit": "P-2026-0001"}, *signers)
        objects = ["run:S-1", f"study:{document}", f"space:{SPACE}", f"head:{self.heads[SPACE]}"]
        intent = self.leaf("study", "intent", PERMIT, objects)
        self.grant(intent, f"{SPACE}/drug_exposure/main/read", f"{SPACE}/result/main/write")
        self.leaf("study", "effect", PERMIT, ["run:S-1", "result:" + self.put(b"result")], of=intent)

    def submission(self, release: str, *authors: str) -> str:
        body = {
            "schema": "rempart.submission/1",
            "release": release,
            "permit": "P-2026-0001",
            "run": "S-1",
            "study": "sha256:0",
            "result": sha256_id(b"result"),
            "tables": {"attrition": "sha256:1"},
            "context": "",
            "controls": [],
        }
        document = self.signed(body, *authors)
        self.act("submission", PERMIT, [f"release:{release}", f"document:{document}", "run:S-1"])
        return document

    def vote(self, release: str, submission: str, checker: str, verdict: str = "approve", **more: str) -> None:
        body = {
            "schema": "rempart.vote/1",
            "release": release,
            "submission": submission,
            "verdict": verdict,
            "comment": "",
        }
        self.act("vote", PERMIT, [f"release:{release}", f"document:{self.signed({**body, **more}, checker)}"])

    def publish(self, release: str) -> None:
        self.act("release", PERMIT, [f"release:{release}"], ["pack:" + sha256_id(b"release.json")])

    def edit(self, index: int, **changes: Any) -> None:
        self.events[index] = replace(self.events[index], **changes)

    def index(self, kind: str, phase: str = "intent") -> int:
        return next(i for i, e in enumerate(self.events) if (e.kind, e.phase) == (kind, phase))

    def fetch(self, document: str) -> bytes:
        if document not in self.documents:
            raise Missing("document-missing", document=document)
        return self.documents[document]


def true_story(*, permit: str = "carl", study: str = "alice", author: str = "alice") -> Story:
    """A history in which every rule holds, unless a signer is replaced."""
    story = Story()
    story.act("init", "operation:init", ["warehouse:w", f"trust:{story.trusts[0].id}"])
    story.act("person", "operation:person", [f"trust:{story.trusts[1].id}", "version:2"])
    story.ingest()
    story.permit(permit)
    story.study(study)
    submission = story.submission("R-2026-0001", author)
    story.vote("R-2026-0001", submission, "bob")
    story.vote("R-2026-0001", submission, "dora")
    story.publish("R-2026-0001")
    return story


def note(leaves: list[bytes], size: int | None = None) -> str:
    """A checkpoint over the leaves, signed with the ledger's key."""
    tree = Tree(leaves)
    text = notes.body(ORIGIN, tree.size if size is None else size, tree.root(size))
    return notes.assemble(text, ORIGIN, PUBLIC, sign_text(LEDGER, text))


def audit(story: Story, **changes: Any) -> Findings:
    """The verdict on a story whose log is signed as it stands, unless something is given otherwise."""
    leaves = changes.get("leaves", story.leaves)
    given: dict[str, Any] = {
        "leaves": leaves,
        "checkpoint": note(leaves),
        "origin": ORIGIN,
        "ledger_public": PUBLIC,
        "since": None,
        "trust_versions": story.trusts,
        "trust_first": story.trusts[0].id,
        "document": story.fetch,
        "rules": RULES,
        "tables": {
            "layouts": LAYOUTS,
            "projects": project_states(),
            "policy_form": policy_form(),
            "contents": CONTENTS,
        },
        "hashes": [hash_of(leaf) for leaf in leaves],
        "now": story.now,
    }
    return verify_log(**(given | changes))
