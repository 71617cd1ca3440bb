# SPDX-License-Identifier: Apache-2.0
"""Each protecting check is what catches its attack: with that check taken out, and nothing else, the attack succeeds.

Where several checks stand before one attack, the name says so: each of them alone still catches it, and it passes without all.
"""

import hashlib
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rempart.adapters.person_key import load_person_key
from rempart.errors import NotTrusted, Refused, Unavailable
from rempart.journeys import chain, space
from rempart.journeys.space import commits, open_space, read_parts
from rempart.keys import grant_rules, intents
from rempart.ports.broker import GrantRequest
from rempart.records.canonical import canonical_bytes
from rempart.records.document import SignedDocument
from rempart.records.permit import Permit
from rempart.records.sealed import KeyContext, PartEntry, Sealed, SpaceCommit
from rempart.records.signature import sign
from rempart.records.trust import TrustFile
from rempart.vault import outer, read, snapshots
from rempart.vault.parquet import parquet_bytes
from rempart.wiring import audit, people
from rempart.wiring.acts import read_permit_file, read_study_file
from rempart.wiring.ingest import Brought
from tests.faults.warehouse.place import Place
from tests.faults.warehouse.small_omop import next_snapshot

Patch = pytest.MonkeyPatch
EVEN = 16_000


def no_part_hash(patch: Patch) -> None:
    for module in (read, audit):
        patch.setattr(module, "check_object", lambda *_, **__: None)


def no_keyring_hash(patch: Patch) -> None:
    true = space.open_keyring
    patch.setattr(space, "open_keyring", lambda sealed, sha256: true(sealed, sha256=sha(sealed)))


def no_key_context(patch: Patch) -> None:
    true = KeyContext.associated_data
    patch.setattr(KeyContext, "associated_data", lambda self: b"" if of_persons(self) else true(self))


def no_associated_data(patch: Patch) -> None:
    true = PartEntry.associated_data
    patch.setattr(
        PartEntry, "associated_data", lambda self, warehouse: b"" if of_persons(self) else true(self, warehouse)
    )


def of_persons(named: KeyContext | PartEntry) -> bool:
    """The one table whose parts are attacked; what was sealed before under the true rules must still open."""
    return (named.space, named.table, named.sibling) == ("warehouse", "person", "main")


def sha(sealed: Sealed) -> str:
    return hashlib.sha256(sealed.data).hexdigest()


def even_parquet(rows: pa.Table) -> bytes:
    """The table of persons in a round length whatever its rows, so that a part's length does not tell it from another."""
    if "year_of_birth" not in rows.column_names:
        return parquet_bytes(rows)
    fill = 200
    while left := -len(filled(rows, fill)) % EVEN:
        fill += left
    return filled(rows, fill)


def filled(rows: pa.Table, fill: int) -> bytes:
    column = pa.array(["x" * fill, *[""] * (rows.num_rows - 1)])
    sink = io.BytesIO()
    pq.write_table(
        rows.append_column("fill", column), sink, compression="none", use_dictionary=False, write_statistics=False
    )
    return sink.getvalue()


def ingest_evenly(place: Place, patch: Patch) -> None:
    patch.setattr(space, "parquet_bytes", even_parquet)
    next_snapshot(place.warehouse(), place.root)


def swap_two_shards_with_their_keys(place: Place) -> None:
    """What a host can do to two parts of one table: their bytes and their wrapped keys change places."""
    opened = place.body("warehouse")
    one, other = (opened.parts("person", "main", shard)[0].object for shard in (0, 1))
    first, second = (place.host / one).read_bytes(), (place.host / other).read_bytes()
    assert len(first) == len(second)
    (place.host / one).write_bytes(second)
    (place.host / other).write_bytes(first)
    keyring = place.host / opened.commit.keyring
    held = json.loads(keyring.read_bytes())
    held["keys"][one], held["keys"][other] = held["keys"][other], held["keys"][one]
    keyring.write_bytes(canonical_bytes(held))


LAYERS: dict[str, tuple[Callable[[Patch], None], str]] = {
    "keyring hash": (no_keyring_hash, "keyring"),
    "key context": (no_key_context, "wrapped-key"),
    "associated data": (no_associated_data, "sealed-bytes"),
}


@pytest.mark.parametrize("left", [*LAYERS, ""])
def test_keyring_hash_key_context_and_associated_data_each_catch_swapped_parts_alone(
    place: Place, monkeypatch: Patch, left: str
) -> None:
    for name, (take_out, _) in LAYERS.items():
        if name != left:
            take_out(monkeypatch)
    ingest_evenly(place, monkeypatch)
    true = place.content()
    swap_two_shards_with_their_keys(place)
    told = place.run("vault", "hash")
    if left:
        assert (told.code, told.error) == (20, LAYERS[left][1]), told.told
    else:
        assert told.code == 0, told.told
        assert told.answer["data"]["content"]["person"] != true["person"], "the attack gave out false rows unseen"


def test_the_part_hash_alone_shows_a_flipped_bit_to_an_auditor_without_keys(place: Place, monkeypatch: Patch) -> None:
    part = place.host / place.body("warehouse").body.parts[0].object
    part.write_bytes(part.read_bytes()[:-1] + bytes([part.read_bytes()[-1] ^ 1]))
    assert place.run("audit", "verify", "--deep").code == 20
    no_part_hash(monkeypatch)
    assert place.run("audit", "verify", "--deep").code == 0


def test_the_keyring_hash_alone_catches_a_key_added_to_a_keyring(place: Place, monkeypatch: Patch) -> None:
    keyring = place.host / place.body("warehouse").commit.keyring
    held = json.loads(keyring.read_bytes())
    held["keys"]["o/" + "0" * 32] = held["keys"][min(held["keys"])]
    keyring.write_bytes(canonical_bytes(held))
    assert place.run("vault", "hash").error == "keyring"
    no_keyring_hash(monkeypatch)
    assert place.run("vault", "hash").code == 0


class SignsItself:
    """A broker's client whose vault signatures are made with a key of the intruder's own."""

    def __init__(self, broker: Any, key: Any) -> None:
        self._broker, self._key = broker, key

    def sign(self, purpose: str, over: str) -> str:
        """A signature that the vault's key did not make."""
        if purpose != "vault":
            return str(self._broker.sign(purpose, over))
        return sign(self._key, actor=outer.ACTOR, over=over).sig

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)


def test_the_manifest_signature_alone_catches_a_snapshot_that_the_vault_did_not_sign(
    place: Place, monkeypatch: Patch
) -> None:
    warehouse = place.warehouse()
    stranger = load_person_key(Path(place.key("bob")))
    vars(warehouse)["vault"] = replace(warehouse.vault, broker=SignsItself(warehouse.broker, stranger))
    next_snapshot(warehouse, place.root)
    assert place.run("vault", "hash").error == "manifest"
    assert place.run("audit", "verify").code == 20
    monkeypatch.setattr(outer, "verify", lambda *_, **__: None)
    assert place.run("vault", "hash").code == 0
    assert place.run("audit", "verify").code == 0


def test_the_head_from_the_ledger_alone_catches_yesterdays_host(place: Place, monkeypatch: Patch) -> None:
    """A reader that believes the host's newest pointer instead takes yesterday's content for today's."""
    today = place.content()
    shutil.rmtree(place.host)
    shutil.copytree(place.root / "host-yesterday", place.host)
    assert place.run("vault", "hash").error == "object-absent"
    newest = json.loads(max((place.host / "s").iterdir(), key=lambda file: int(file.name)).read_bytes())["manifest"]
    true = chain.commits_in

    def by_the_pointer(leaves: Any, name: str) -> list[SpaceCommit]:
        found = true(leaves, name)
        return found[: [commit.manifest for commit in found].index(newest) + 1]

    monkeypatch.setattr(chain, "commits_in", by_the_pointer)
    told = place.run("vault", "hash")
    assert told.code == 0
    assert told.answer["data"]["content"] != today


@pytest.mark.parametrize("left", ["head", "place in the chain", ""])
def test_head_and_place_in_the_chain_each_catch_an_older_manifest_without_keys(
    place: Place, monkeypatch: Patch, left: str
) -> None:
    *_, old, new = commits(place.warehouse().ledger, "warehouse")
    shutil.copy(place.host / old.manifest, place.host / new.manifest)
    if left != "head":
        true = audit.read_outer
        patched = lambda sealed, head, vault_public: true(sealed, head=sha(sealed), vault_public=vault_public)  # noqa: E731
        monkeypatch.setattr(audit, "read_outer", patched)
    if left != "place in the chain":
        monkeypatch.setattr(audit, "check_manifest_of", lambda *_: None)
    assert place.run("audit", "verify").code == (20 if left else 0)


def late_writer(place: Place) -> tuple[Brought, list[Brought]]:
    """An ingest that is overtaken by another before its only commit."""
    between: list[Brought] = []

    def step(name: str) -> None:
        if name == "keyring-stored":
            between.append(next_snapshot(place.warehouse(), place.root, born=1930))

    late = next_snapshot(place.warehouse(), place.root, born=1960, named_step=step)
    return late, between


def append_without_parent(recorder: Any, act: Any, commit: SpaceCommit) -> int:
    return int(
        recorder.append(recorder.event("commit", "effect", basis=act.basis, objects=commit.objects(), of=act.index))
    )


@pytest.mark.parametrize("left", ["commit parent", "chain of readers", ""])
def test_commit_parent_and_chain_each_catch_a_writer_that_was_overtaken(
    place: Place, monkeypatch: Patch, left: str
) -> None:
    if left == "commit parent":
        with pytest.raises(Unavailable, match="commit-lost"):
            late_writer(place)
        return
    monkeypatch.setattr(space, "append_commit", append_without_parent)
    if not left:
        monkeypatch.setattr(snapshots, "check_chain", lambda found: found[-1])
    late, (between,) = late_writer(place)
    told = place.run("vault", "hash")
    if left:
        assert (told.code, told.error) == (20, "commit-chain")
    else:
        assert told.answer["data"]["content"] == late.content
        assert late.content != between.content, "one snapshot was lost without a word"


def intruder(place: Place, *, kind: str, permit: str, document: tuple[str, SignedDocument], name: str) -> int:
    """An intent written straight into the ledger, by someone who can reach it and the documents: its index."""
    warehouse = place.warehouse()
    stored = warehouse.documents.put(document[1].data)
    if kind == "study":  # whoever writes one leaf can write two more
        told = {"basis": f"permit:{permit}", "objects": [f"protocol:{document[1].over}", f"study:{stored}"]}
        frozen = warehouse.recorder.append(warehouse.recorder.event("protocol", "intent", **told))
        warehouse.recorder.append(warehouse.recorder.event("protocol", "effect", **told, of=frozen))
    objects = [f"run:{kind}", f"{document[0]}:{stored}", f"project:{name}", f"space:project:{name}"]
    return warehouse.recorder.append(
        warehouse.recorder.event(kind, "intent", basis=f"permit:{permit}", objects=objects)
    )


def asks(place: Place, index: int, *uses: tuple[str, str, str, str]) -> str:
    """A reference from the broker for an intent; raises what the broker says."""
    return place.warehouse().broker.grant(GrantRequest(intent=index, tables=uses))[0]


def signed_by(place: Place, body: dict[str, Any], *, key: str, actor: str) -> SignedDocument:
    over = SignedDocument(body=body, signatures=()).over
    private = load_person_key(Path(place.key(key)))
    return SignedDocument(body=body, signatures=(sign(private, actor=actor, over=over),))


def permit_body(place: Place, **changes: Any) -> dict[str, Any]:
    return {**read_permit_file(place.root / "second.toml").as_dict(), **changes}


SECOND_WRITE = ("project:second", "manifest", "main", "write")
WAREHOUSE_READ = ("warehouse", "drug_exposure", "main", "read")
FIRST_READ = ("project:first", "drug_exposure", "main", "read")


def test_permit_validity_alone_keeps_an_expired_permit_from_keys(place: Place, monkeypatch: Patch) -> None:
    body = permit_body(place, valid=["2020-01-01", "2020-12-31"])
    document = signed_by(place, body, key="claire", actor="claire")
    index = intruder(place, kind="permit", permit="P-2026-0002", document=("permit", document), name="second")
    with pytest.raises(Refused, match="permit-expired"):
        asks(place, index, WAREHOUSE_READ)
    monkeypatch.setattr(Permit, "check_valid_on", lambda *_: None)
    assert asks(place, index, WAREHOUSE_READ)


def test_the_committee_signature_alone_keeps_a_made_up_permit_from_keys(place: Place, monkeypatch: Patch) -> None:
    document = signed_by(place, permit_body(place), key="bob", actor="bob")
    index = intruder(place, kind="permit", permit="P-2026-0002", document=("permit", document), name="second")
    with pytest.raises(Refused, match="grant-unsigned"):
        asks(place, index, WAREHOUSE_READ)
    monkeypatch.setattr(intents, "require_signature", lambda *_, **__: None)
    assert asks(place, index, WAREHOUSE_READ)


def study(place: Place) -> dict[str, Any]:
    return read_study_file(place.root / "study.toml").as_dict()


def eve(place: Place) -> None:
    """A researcher whom no permit names."""
    people.enrol(
        place.warehouse(),
        name="eve",
        roles=["researcher"],
        key_file=place.root / "eve.key",
        officer_keys=[place.root / "officer.key"],
        ask=lambda _: "",
        key_passphrase="",
    )


def test_the_permits_persons_alone_keep_another_researcher_from_keys(place: Place, monkeypatch: Patch) -> None:
    eve(place)
    document = signed_by(place, study(place), key="eve", actor="eve")
    index = intruder(place, kind="study", permit="P-2026-0001", document=("study", document), name="first")
    with pytest.raises(Refused, match="permit-person"):
        asks(place, index, FIRST_READ)
    true = intents.require_signature
    monkeypatch.setattr(intents, "require_signature", lambda *given, permit=None, **named: true(*given, **named))
    assert asks(place, index, FIRST_READ)


def test_the_study_signature_alone_keeps_who_borrows_a_name_from_keys(place: Place, monkeypatch: Patch) -> None:
    document = signed_by(place, study(place), key="bob", actor="alice")
    index = intruder(place, kind="study", permit="P-2026-0001", document=("study", document), name="first")
    with pytest.raises(NotTrusted, match="signature"):
        asks(place, index, FIRST_READ)
    monkeypatch.setattr(
        TrustFile, "check", lambda trust, signature, over, role, on: trust.entry(signature.actor, on=on)
    )
    assert asks(place, index, FIRST_READ)


def test_the_brokers_scope_alone_keeps_a_study_from_the_rows_of_the_warehouse(place: Place, monkeypatch: Patch) -> None:
    document = signed_by(place, study(place), key="alice", actor="alice")
    index = intruder(place, kind="study", permit="P-2026-0001", document=("study", document), name="first")
    wanted = (WAREHOUSE_READ, ("warehouse", "manifest", "main", "read"))
    with pytest.raises(Refused, match="grant-scope"):
        asks(place, index, *wanted)
    monkeypatch.setattr(grant_rules, "_check_uses", lambda *_: None)
    reference, vault = asks(place, index, *wanted), place.warehouse().vault
    opened = open_space(vault, space="warehouse", reference=reference)
    (rows,) = read_parts(vault, opened, opened.parts("drug_exposure", "main", 0), reference=reference)
    assert pq.read_table(pa.BufferReader(bytes(rows))).num_rows > 0
    assert "key-scope" in {finding["rule"] for finding in place.run("audit", "verify").answer["data"]["findings"]}


def test_a_reference_alone_keeps_to_what_it_was_granted_for(place: Place, monkeypatch: Patch) -> None:
    document = signed_by(place, study(place), key="alice", actor="alice")
    index = intruder(place, kind="study", permit="P-2026-0001", document=("study", document), name="first")
    reference, vault = asks(place, index, FIRST_READ), place.warehouse().vault
    with pytest.raises(Refused, match="grant-scope"):
        open_space(vault, space="warehouse", reference=reference)
    monkeypatch.setattr(grant_rules.Scope, "allows", lambda *_: True)
    assert open_space(vault, space="warehouse", reference=reference).body.parts
