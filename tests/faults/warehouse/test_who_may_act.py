# SPDX-License-Identifier: Apache-2.0
"""Quorum, revocation, nodes and orders as the commands do them, on a whole warehouse with its broker."""

import shutil
from pathlib import Path

from tests.faults.warehouse.place import Outcome, Place, served


def second_officer(place: Place) -> None:
    """From now on two officers sign."""
    told = place.run(
        "person", "add", "ann", "--role", "officer", "--by", place.key("officer"), "--key", place.key("ann")
    )
    assert told.code == 0, told.told
    assert place.run("person", "quorum", "2", "--by", place.key("officer")).answer["data"]["quorum"] == 2


def add(place: Place, name: str, *officers: str) -> Outcome:
    by = [word for officer in officers for word in ("--by", place.key(officer))]
    return place.run("person", "add", name, "--role", "checker", *by, "--key", place.key(name))


def revoke(place: Place, name: str, *more: str) -> Outcome:
    return place.run("keys", "revoke", name, "--by", place.key("officer"), "--by", place.key("ann"), *more)


def test_two_officers_enrol_and_revoke_where_one_cannot(place: Place) -> None:
    second_officer(place)
    assert add(place, "dan", "officer").error == "quorum-missing"
    assert add(place, "dan", "officer", "officer").error == "quorum-missing"
    assert not Path(place.key("dan")).exists()
    assert add(place, "dan", "officer", "ann").code == 0
    assert place.run("keys", "revoke", "dan", "--by", place.key("ann")).error == "quorum-missing"
    assert revoke(place, "claire").code == 0
    assert place.grant().error == "key-revoked"
    assert place.study().code == 0, "the permit that claire signed before stands"
    told = {row["actor"]: row["revoked"] for row in place.run("person", "list").answer["data"]["persons"]}
    assert {name for name, revoked in told.items() if revoked} == {"claire"}
    assert place.run("audit", "verify").code == 0


def test_a_revoked_node_is_given_nothing_until_two_officers_declare_it_anew(place: Place) -> None:
    second_officer(place)
    assert place.run("vault", "hash").code == 0
    assert revoke(place, "nobody", "--node").error == "node-unknown"
    assert revoke(place, "local", "--node").code == 0
    assert place.run("vault", "hash").error == "node-revoked"
    refusals = [event.objects for event in place.events() if event.kind == "refusal" and event.phase == "intent"]
    assert any({"error:refused/node-revoked", "node:local"} <= set(objects) for objects in refusals)
    assert place.run("audit", "verify").code == 0


def test_a_warehouse_without_a_node_key_says_what_to_do(place: Place) -> None:
    shutil.rmtree(place.directory / "controller" / "node")
    told = place.run("vault", "hash")
    assert (told.code, told.error) == (10, "node-unknown")
    assert "rempart hosts node" in told.answer["error"]["hint"]


def test_a_strict_broker_waits_for_an_officers_order(whole: Place, tmp_path: Path) -> None:
    shutil.copytree(whole.root, tmp_path / "copy")
    place = Place(tmp_path / "copy")
    (place.directory / "controller" / "keys" / "broker.toml").write_text("[broker]\nstrict = true\n", encoding="utf-8")
    with served(place.directory):
        assert place.run("vault", "hash").error == "grant-no-order"
        assert place.run("keys", "order", "hash", "--by", place.key("alice")).error == "role-missing"
        assert place.run("keys", "order", "study", "--by", place.key("officer")).error == "order-kind"
        assert place.run("keys", "order", "hash", "--by", place.key("officer"), "--hours", "999").error == "order-hours"
        assert place.run("keys", "order", "hash", "--by", place.key("officer")).code == 0
        assert place.run("vault", "hash").code == 0
        assert place.ingest("second", "--replace").error == "grant-no-order"
