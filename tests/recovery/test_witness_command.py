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


def test_an_auditor_asks_for_two_witnesses_of_three_and_for_both_keys_of_one(place: Place, tmp_path: Path) -> None:
    file, policy, second = tmp_path / "checkpoint", tmp_path / "policy", tmp_path / "dpo.mldsa"
    place.run("audit", "export", str(file))
    lines = []
    for name in ("dpo", "regulator", "hospital"):
        note, keys = tmp_path / f"note-{name}", tmp_path / f"keys-{name}"
        shutil.copy(file, note)
        both = ("--mldsa", str(second)) if name == "dpo" else ()
        done = place.run("audit", "witness", str(note), "--key", enrolled(place, name), "--keys", str(keys), *both)
        assert done.code == 0, done.told
        lines += [f"witness {name}{n} {key}" for n, key in enumerate(keys.read_text(encoding="utf-8").splitlines())]
    assert [line.split()[1] for line in lines] == ["dpo0", "dpo1", "regulator0", "hospital0"]
    asked = "group dpo all dpo0 dpo1\ngroup quorum 2 dpo regulator0 hospital0\nquorum quorum\n"
    policy.write_text("\n".join(lines) + "\n" + asked, encoding="utf-8")

    def verify() -> Outcome:
        return place.run("audit", "verify", "--since", str(file), "--policy", str(policy))

    def witness(name: str, *more: str) -> Outcome:
        return place.run("audit", "witness", str(file), "--key", str(place.root / f"{name}.key"), *more)

    assert verify().error == "witness-quorum"
    assert witness("dpo").code == witness("hospital").code == 0
    assert verify().error == "witness-quorum", "one key of the two that the policy asks of the first"
    assert witness("dpo", "--mldsa", str(second)).code == 0
    assert verify().code == 0
    policy.write_text("quorum nobody\n", encoding="utf-8")
    assert verify().error == "witness-policy"
