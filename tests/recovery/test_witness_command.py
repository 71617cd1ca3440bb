# SPDX-License-Identifier: Apache-2.0
"""``rempart audit witness`` as a person runs it: beside the ledger, and far from it with nothing but files."""

import shutil
from base64 import b64encode
from pathlib import Path

from rempart.audit.cosignature import witnessed
from rempart.wiring.people import enrol
from rempart.wiring.signing import today
from tests.faults.warehouse.place import Outcome, Place


def enrolled(place: Place, name: str = "dpo", role: str = "witness") -> str:
    """A person with that role; the key file."""
    key = place.root / f"{name}.key"
    enrol(
        place.warehouse(),
        name=name,
        roles=[role],
        key_file=key,
        officer_keys=[place.root / "officer.key"],
        ask=lambda _: "",
        key_passphrase="",
    )
    return str(key)


def is_witnessed(place: Place, file: Path) -> int:
    """Leaves of the checkpoint in ``file``, which the trust file's witnesses cosigned."""
    settings = place.warehouse().configuration
    people = place.warehouse().trust.entries
    known = {e.actor: e.public_bytes for e in people if "witness" in e.roles and e.valid_from <= today() <= e.valid_to}
    text = file.read_text(encoding="utf-8")
    return witnessed(text, origin=settings.ledger_origin, public=settings.ledger_public, witnesses=known).size


def log_of(place: Place) -> str:
    """The ledger's name and key, as a witness is told them once."""
    configuration = place.warehouse().configuration
    return f"{configuration.ledger_origin} {b64encode(configuration.ledger_public).decode()}"


def test_a_witness_beside_the_ledger_follows_it_and_refuses_yesterday(place: Place, tmp_path: Path) -> None:
    key, file, old = enrolled(place), tmp_path / "checkpoint", tmp_path / "old"

    def witness(of: Path) -> Outcome:
        return place.run("audit", "witness", str(of), "--key", key)

    place.run("audit", "export", str(file))
    shutil.copy(file, old)
    assert witness(file).code == 0
    first = is_witnessed(place, file)
    place.run("vault", "hash")
    place.run("audit", "export", str(file))
    assert witness(file).code == 0
    assert is_witnessed(place, file) > first
    assert place.run("audit", "verify", "--since", str(file)).code == 0, (
        "a cosigned checkpoint is read where a bare one is"
    )
    assert witness(old).error == "ledger-rolled-back"
    assert place.run("audit", "witness", str(file), "--key", place.key("bob")).error == "role-missing"


def test_a_witness_far_from_the_ledger_needs_the_proof_and_keeps_to_its_log(place: Place, tmp_path: Path) -> None:
    key, log = enrolled(place), log_of(place)
    far = Place(tmp_path / "far")
    far.root.mkdir()
    note, request = tmp_path / "note", tmp_path / "request"

    def witness(of: Path, *more: str) -> Outcome:
        return far.run("audit", "witness", str(of), "--key", key, "--to", str(tmp_path / "out"), *more)

    place.run("audit", "export", str(note))
    assert witness(note).error == "warehouse-missing"
    assert witness(note, "--log", log).error == "witness-name"
    done = witness(note, "--log", log, "--name", "dpo")
    assert done.code == 0, done.told
    size = done.answer["data"]["size"]
    assert is_witnessed(place, tmp_path / "out") == size
    place.run("vault", "hash")
    place.run("audit", "export", str(note))
    bare = witness(note, "--name", "dpo")
    assert (bare.error, bare.answer["error"]["facts"]) == ("witness-proof", {"seen": size})
    assert place.run("audit", "export", str(request), "--since", str(size)).code == 0
    assert witness(request, "--name", "dpo").code == 0
    assert is_witnessed(place, tmp_path / "out") > size
    assert witness(request, "--name", "dpo", "--log", "else " + log.split()[1]).error == "witness-log"
    (tmp_path / "seen").write_bytes(b"{}")
    assert witness(request, "--name", "dpo", "--seen", str(tmp_path / "seen")).error == "witness-seen"
