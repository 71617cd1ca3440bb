# SPDX-License-Identifier: Apache-2.0
"""Hosts as officers, an auditor and an authority meet them: declared, judged, measured, accounted for, refused."""

import base64
import datetime
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rempart.journeys import hosts as host_journey
from rempart.wiring import acts, host_register
from rempart.wiring import ingest as ingest_wiring
from rempart.wiring.warehouse import Warehouse
from tests.journeys.house import House, call, copy_house

TODAY = datetime.datetime.now(datetime.UTC).date()
YEARS = f"[{TODAY.year - 1}-01-01, {TODAY.year + 3}-12-31]"
OWN = f"""schema = "rempart.host/1"
name = "directory"
operator = "Essai"
own = true
seat = "FR"
storage_countries = ["FR"]
access_countries = ["FR"]
laws = ["EU: GDPR", "FR"]
valid = {YEARS}
"""
AMERICAN = OWN.replace("own = true\n", "").replace('seat = "FR"', 'seat = "IE"').replace(
    'access_countries = ["FR"]\nlaws = ["EU: GDPR", "FR"]',
    'access_countries = ["IE", "US"]\nlaws = ["EU: GDPR", "IE", "US: CLOUD Act"]\n'
    'ownership = [{ holder = "Parent Inc.", country = "US", share = 100 }]\n'
    f"hds = {{ activities = [1, 2, 3, 4, 5, 6], until = {TODAY.year + 3}-12-31 }}\n"
    'residual_risks = ["an order served on the parent"]',
)  # fmt: skip


@pytest.fixture(scope="module")
def officers(tmp_path_factory: pytest.TempPathFactory, small_template: Path) -> Iterator[House]:
    """A house with two officers, who declared its host as the controller's own; the tests that take it leave the host as it is."""
    house = copy_house(small_template, tmp_path_factory.mktemp("hosts") / "house")
    house.unlock()
    _second_officer(house)
    house.told("hosts", "add", house.write("own.toml", OWN), *_by(house))
    yield house
    house.lock()


def _second_officer(house: House) -> None:
    house.enrol("olga", "officer")


def _by(house: House) -> tuple[str | Path, ...]:
    return ("--by", house.key("officer"), "--by", house.key("olga"))


def test_a_declaration_takes_two_different_officers(officers: House) -> None:
    file, officer = officers.write("one.toml", OWN), officers.key("officer")
    before = officers.told("hosts", "show")
    for by in (("--by", officer), ("--by", officer, "--by", officer)):
        answer = officers.call("--json", "hosts", "add", file, *by)
        assert (answer.code, answer.error["code"]) == (10, "officers-two")
    answer = officers.call("--json", "hosts", "add", file, "--by", officer, "--by", officers.key("alice"))
    assert (answer.code, answer.error["code"]) == (10, "role-missing")
    assert officers.told("hosts", "show") == before


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("seat =", "seats ="), "unknown-key"),
        (('seat = "FR"', 'seat = "France"'), "descriptor-field"),
        (('name = "directory"', 'name = "Une Place"'), "descriptor-field"),
        (("[connection]", "[connections]"), "unknown-key"),
        (('kind = "s3"', 'kind = "ftp"'), "config-field"),
    ],
)
def test_a_file_that_says_something_else_is_bad_input(officers: House, change: tuple[str, str], code: str) -> None:
    text = OWN + '[connection]\nkind = "s3"\nregion = "gra"\npath = "rempart-vault"\n'
    answer = officers.call("--json", "hosts", "add", officers.write("bad.toml", text.replace(*change)), *_by(officers))
    assert (answer.code, answer.error["code"]) == (40, code)


def test_a_connection_is_kept_apart_and_credentials_never_in_what_is_signed(officers: House) -> None:
    text = OWN.replace('"directory"', '"elsewhere"')
    text += '[connection]\nkind = "s3"\nregion = "gra"\npath = "rempart-vault"\n'
    secret = officers.write("secret.toml", 'access_key_id = "AKCANARY"\nsecret_access_key = "SKCANARY"\n')
    secret.chmod(0o600)
    file = officers.write("elsewhere.toml", text)
    officers.told("hosts", "add", file, *_by(officers), "--credentials", secret)
    folder = officers.warehouse / "controller" / "hosts" / "elsewhere"
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        "connection.toml": 0o600,
        "credentials.toml": 0o600,
    }
    told = [
        *(officers.warehouse / "controller" / "documents").iterdir(),
        *officers.warehouse.glob("controller/ledger/*"),
    ]
    assert not [path for path in told if path.is_file() and b"CANARY" in path.read_bytes()]
    file.write_text(text.replace("-12-31", "-11-30"), encoding="utf-8")
    officers.told("hosts", "add", file, *_by(officers))  # declared anew, the place unchanged
    moved = officers.write("elsewhere.toml", text.replace('"gra"', '"sbg"'))
    answer = officers.call("--json", "hosts", "add", moved, *_by(officers))
    assert (answer.code, answer.error["code"]) == (10, "host-elsewhere")


def test_show_tells_what_each_may_hold_and_the_public_table_what_reaches_it(officers: House) -> None:
    officers.told("hosts", "add", officers.write("far.toml", AMERICAN.replace('"directory"', '"far"')), *_by(officers))
    shown = {item["name"]: item for item in officers.told("hosts", "show")["declared"] if item["kind"] == "host"}
    assert (shown["directory"]["profile"], shown["far"]["profile"]) == ("everything", "ciphertext")
    assert {"law-outside-eu", "access-outside-eu"} < {item["rule"] for item in shown["far"]["findings"]}
    words = officers.call("hosts", "show", "far", lang="fr").out
    assert "répond à un droit qui n'est pas celui de l'Union" in words and "non une attestation" in words
    table = officers.told("hosts", "show", "far", "--public")["hosts"]["far"]
    assert table["laws-third"] == "US: CLOUD Act" and table["risks"] == "an order served on the parent"
    answer = officers.call("--json", "hosts", "show", "nowhere")
    assert (answer.code, answer.error["code"]) == (30, "host-undeclared")


def test_without_adequacy_the_posture_says_what_must_move_and_how_long(
    house_of: Callable[..., House], small_template: Path
) -> None:
    house = house_of(small_template)
    _second_officer(house)
    house.told("hosts", "add", house.write("a.toml", AMERICAN), *_by(house))
    host = house.warehouse / "host"
    size = sum(path.stat().st_size for path in host.rglob("*") if path.is_file())
    now = house.call("--json", "hosts", "posture")
    assert now.code == 0 and _stand(now.json)["profile"] == "ciphertext"
    then = house.call("--json", "hosts", "posture", "--without", "eu-us-adequacy", "--speed", "0.01")
    stand = _stand(then.json)
    assert then.code == 1
    assert (stand["before"], stand["profile"], stand["unlawful"], stand["move"]) == (
        "ciphertext",
        "nothing",
        True,
        True,
    )
    assert (stand["bytes"], stand["seconds"]) == (size, round(size / 10_000))
    assert (
        "at the measured speed" in house.call("hosts", "posture", "--without", "eu-us-adequacy", "--speed", "0.01").out
    )
    assert "no speed was measured" in house.call("hosts", "posture", "--without", "eu-us-adequacy").out
    answer = house.call("--json", "hosts", "posture", "--without", "gravity")
    assert (answer.code, answer.error["code"]) == (40, "premise-unknown")
    later = _stand(house.call("--json", "hosts", "posture", "--on", f"{TODAY.year + 4}-01-01").json)
    assert {item["rule"] for item in later["findings"]} >= {"declaration-not-valid", "hds-storage"}


def _stand(answer: dict[str, Any]) -> dict[str, Any]:
    (found,) = [item for item in answer["data"]["stands"] if item["name"] == "directory" and item["kind"] == "host"]
    return dict(found)


def test_the_account_of_leaks_equals_an_independent_scan_of_the_host(officers: House) -> None:
    told = officers.told("hosts", "leakage")
    host = officers.warehouse / "host"
    parts = [path.stat().st_size for path in (host / "o").iterdir()]
    small = {path: path.read_bytes() for path in (host / "m").iterdir()}
    outers = {}
    for data in small.values():
        if data.startswith(b"rempart.manifest/1\n"):
            size = int.from_bytes(data[19:23], "big")
            outers[hashlib.sha256(data).hexdigest()] = json.loads(data[23 : 23 + size])["outer"]
    keyrings = [json.loads(data) for data in small.values() if data.startswith(b"{")]
    pointers = sorted(int(path.name) for path in (host / "s").iterdir())
    counted = {kind: item["count"] for kind, item in told["objects"].items()}
    assert counted == {
        "part": len(parts),
        "manifest": len(outers),
        "keyring": len(keyrings),
        "pointer": len(pointers),
        "foreign": 0,
    }
    assert told["objects"]["part"]["bytes"] == sum(parts)
    assert told["sizes"] == [list(pair) for pair in sorted(Counter(parts).items())]
    assert told["outside_buckets"] == 0 == told["unlisted_parts"]
    assert told["keys"]["wrapped"] == sum(len(keyring["keys"]) for keyring in keyrings)
    # A part that two snapshots keep stands in the keyring of each.
    assert len({name for keyring in keyrings for name in keyring["keys"]}) == len(parts) + len(outers)
    assert told["keys"]["epochs"] == sorted({keyring["epoch"] for keyring in keyrings})
    assert told["pointers"] == {"count": len(pointers), "least": pointers[0], "most": pointers[-1]}
    assert sum(chain["snapshots"] for chain in told["chains"]) == len(outers)
    assert len(told["chains"]) == sum(1 for outer in outers.values() if not outer["parent"])
    newest = max(path.stat().st_mtime for path in host.rglob("*") if path.is_file())
    last = datetime.datetime.fromisoformat(told["arrivals"]["last"]).timestamp()
    assert abs(last - newest) < 1e-3
    assert "It follows" in officers.call("hosts", "leakage").out


def test_an_unpadded_part_and_a_foreign_file_show_in_the_account(officers: House) -> None:
    host = officers.warehouse / "host"
    odd, foreign = host / "o" / ("0" * 32), host / "notes.txt"
    odd.write_bytes(b"x" * 4099)
    foreign.write_bytes(b"who was ill")
    try:
        told = officers.told("hosts", "leakage")
        assert (told["outside_buckets"], told["unlisted_parts"]) == (1, 1)
        assert told["objects"]["foreign"] == {"count": 1, "bytes": 11}
        answer = officers.call("--json", "hosts", "order-report")
        assert answer.code == 1 and answer.json["data"]["foreign"] == ["notes.txt", f"o/{'0' * 32}"]
        assert "no name, column" not in officers.call("hosts", "leakage").out
    finally:
        odd.unlink()
        foreign.unlink()


@pytest.fixture(scope="module")
def report(officers: House) -> Path:
    """A signed order report."""
    file = officers.folder / "report.json"
    told = officers.told("hosts", "order-report", "--to", file, *_by(officers))
    assert told["ciphertext"] and not told["foreign"] and not told["missing"]
    return file


def test_the_inventory_of_the_order_report_is_what_lies_on_the_host(officers: House, report: Path) -> None:
    body = json.loads(report.read_text(encoding="utf-8"))["document"]["body"]
    host = officers.warehouse / "host"
    lying = {
        path.relative_to(host).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in host.rglob("*")
        if path.is_file()
    }
    assert {name: sha256 for name, _, sha256, _, _ in body["objects"]} == lying
    assert {proof for *_, kind, proof in body["objects"] if kind == "part"} == {"listed"}
    assert {proof for *_, kind, proof in body["objects"] if kind in {"manifest", "keyring"}} == {"committed"}


def test_the_order_report_is_checked_offline_without_the_warehouse(
    officers: House, report: Path, tmp_path: Path
) -> None:
    here = officers.told("hosts", "order-report", "--verify", report)
    away = call("--dir", tmp_path, "--json", "hosts", "order-report", "--verify", report).data
    assert here["compared"] and not away["compared"]
    assert {**here, "compared": False} == away


def test_a_report_on_another_warehouse_is_not_taken_for_ours(report: Path, tmp_path: Path) -> None:
    other = House(tmp_path / "other")
    other.init(shards=2)
    other.lock()
    answer = other.call("--json", "hosts", "order-report", "--verify", report)
    assert (answer.code, answer.error["code"]) == (20, "order-report-signature")


def _sha(body: dict[str, Any]) -> None:
    body["objects"][-1][2] = "0" * 64


def _hidden(body: dict[str, Any]) -> None:
    del body["objects"][0]


def _claimed(body: dict[str, Any]) -> None:
    body["objects"].append(["o/" + "f" * 32, 10, "0" * 64, "part", "listed"])


@pytest.mark.parametrize("change", [_sha, _hidden, _claimed])
def test_an_altered_order_report_is_not_trusted(report: Path, tmp_path: Path, change: Callable[[Any], None]) -> None:
    pack = json.loads(report.read_text(encoding="utf-8"))
    change(pack["document"]["body"])
    file = tmp_path / "altered.json"
    file.write_text(json.dumps(pack), encoding="utf-8")
    answer = call("--dir", tmp_path, "--json", "hosts", "order-report", "--verify", file)
    assert (answer.code, answer.error["code"]) == (20, "signature")


def test_an_order_report_that_claims_more_than_it_proves_is_not_trusted_whoever_signed_it(
    officers: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rempart.wiring import host_report

    monkeypatch.setattr(host_report, "report_body", _boasting(host_report.report_body))
    file = tmp_path / "boast.json"
    officers.told("hosts", "order-report", "--to", file, *_by(officers))
    answer = call("--dir", tmp_path, "--json", "hosts", "order-report", "--verify", file)
    assert (answer.code, answer.error["code"]) == (20, "order-report-proof")


def _boasting(made: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def body(*given: Any, **more: Any) -> dict[str, Any]:
        told = made(*given, **more)
        told["objects"].append(["o/" + "f" * 32, 10, "0" * 64, "part", "listed"])
        return {**told, "objects": sorted(told["objects"])}

    return body


def test_a_report_by_one_officer_is_not_written(officers: House, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    answer = officers.call("--json", "hosts", "order-report", "--to", file, "--by", officers.key("officer"))
    assert (answer.code, answer.error["code"]) == (10, "officers-two")
    assert not file.exists()


def test_a_part_that_the_host_altered_is_named_as_such(house_of: Callable[..., House], small_template: Path) -> None:
    house = house_of(small_template)
    part = sorted((house.warehouse / "host" / "o").iterdir())[0]
    data = bytearray(part.read_bytes())
    data[-1] ^= 1
    part.chmod(0o600)
    part.write_bytes(data)
    answer = house.call("--json", "hosts", "order-report")
    assert answer.code == 1 and answer.json["data"]["proofs"]["foreign-altered"] == 1


ENDED = OWN.replace(YEARS, f"[2020-01-01, {TODAY - datetime.timedelta(days=1)}]")
SOON = OWN.replace(YEARS, f"[2020-01-01, {TODAY + datetime.timedelta(days=20)}]")


def test_nothing_is_written_to_a_host_whose_declaration_ended(
    house_of: Callable[..., House], small_template: Path, small_delivery: Path
) -> None:
    house = house_of(small_template)
    _second_officer(house)
    house.told("hosts", "add", house.write("soon.toml", SOON), *_by(house))
    assert "in 20 days" in house.call("hosts", "show", "directory").err
    house.told("hosts", "add", house.write("ended.toml", ENDED), *_by(house))
    before = _state(house)
    permit = house.example("permit", ("P-2026-0001", "P-2026-0002"), ('"glitazones"', '"second"'))
    for words in (("ingest", small_delivery, "--replace"), ("permit", "grant", permit, "--key", house.key("claire"))):
        answer = house.call("--json", *words)
        assert (answer.code, answer.error["code"]) == (10, "store-ended")
        assert answer.error["facts"]["rule"] == "declaration-not-valid"
    assert _state(house) == before
    house.told("hosts", "add", house.write("own.toml", OWN), *_by(house))
    house.told("permit", "grant", permit, "--key", house.key("claire"))


def test_nothing_is_written_to_a_host_that_nobody_declared(officers: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_journey, "active_host", lambda _: "nowhere")
    permit = officers.example("permit", ("P-2026-0001", "P-2026-0003"), ('"glitazones"', '"third"'))
    answer = officers.call("--json", "permit", "grant", permit, "--key", officers.key("claire"))
    assert (answer.code, answer.error["code"]) == (30, "host-undeclared")


def _state(house: House) -> list[str]:
    return sorted(str(path) for path in (house.warehouse / "host").rglob("*"))


def test_the_audit_finds_a_snapshot_on_a_host_that_did_not_qualify_and_a_declaration_by_one(
    house_of: Callable[..., House], small_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = house_of(small_template)
    _second_officer(house)
    house.told("hosts", "add", house.write("ended.toml", ENDED), *_by(house))
    for module in (acts, ingest_wiring):
        monkeypatch.setattr(module, "writable", lambda _: ())
    monkeypatch.setattr(host_register, "check_writable", lambda *_, **__: ())
    permit = house.example("permit", ("P-2026-0001", "P-2026-0002"), ('"glitazones"', '"second"'))
    house.told("permit", "grant", permit, "--key", house.key("claire"))
    monkeypatch.setattr(host_journey, "OFFICERS", 1)
    house.told("hosts", "add", house.write("own.toml", OWN), "--by", house.key("officer"))
    found = house.call("--json", "audit", "verify").json["data"]["findings"]
    assert {item["rule"] for item in found} == {"commit-host", "descriptor-officers"}
    monkeypatch.undo()
    answer = house.call("--json", "hosts", "show")
    assert (answer.code, answer.error["code"]) == (20, "descriptor-officers")
    house.told("hosts", "add", house.write("own.toml", OWN.replace("Essai", "Essai bis")), *_by(house))
    assert house.told("hosts", "show")["declared"]


def test_an_older_declaration_does_not_come_back_by_being_named_again(
    house_of: Callable[..., House], small_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = house_of(small_template)
    _second_officer(house)
    own = house.write("own.toml", OWN)
    house.told("hosts", "add", own, *_by(house))
    house.told("hosts", "add", house.write("ended.toml", ENDED), *_by(house))
    answer = house.call("--json", "hosts", "add", own, *_by(house))
    assert (answer.code, answer.error["code"]) == (10, "declaration-repeated")
    turned = (*_by(house)[2:], *_by(house)[:2])
    answer = house.call("--json", "hosts", "add", own, *turned)
    assert (answer.code, answer.error["code"]) == (10, "declaration-repeated"), "the same word, signed in another order"
    monkeypatch.setattr(host_journey, "_was_told", lambda *_: False)
    house.told("hosts", "add", own, *turned)
    (shown,) = [item for item in house.told("hosts", "show")["declared"] if item["kind"] == "host"]
    assert shown["profile"] == "nothing"


def test_a_public_key_in_a_report_is_the_vaults(officers: House, report: Path) -> None:
    body = json.loads(report.read_text(encoding="utf-8"))["document"]["body"]
    text = (officers.warehouse / "rempart.toml").read_text(encoding="utf-8")
    assert f'vault_public = "{body["vault_public"]}"' in text
    assert len(base64.b64decode(body["ledger"]["root"])) == 32


NODE = OWN.replace("rempart.host/1", "rempart.node/1").replace('"directory"', '"local"')


def test_init_declares_its_own_machine_for_ninety_days_at_most(
    house_of: Callable[..., House], small_template: Path
) -> None:
    house = house_of(small_template)
    declared = {(item["kind"], item["name"]): item for item in house.told("hosts", "show")["declared"]}
    assert set(declared) == {("host", "directory"), ("node", "local")}
    for item in declared.values():
        assert (item["profile"], item["officers"]) == ("everything", ["officer"])
    end = (TODAY + datetime.timedelta(days=91)).isoformat()
    answer = house.call("--json", "hosts", "posture", "--on", end)
    assert answer.code == 1
    told = {stand["kind"]: (stand["profile"], stand["move"], stand["stop"]) for stand in answer.json["data"]["stands"]}
    assert told == {"host": ("nothing", True, False), "node": ("nothing", False, True)}


def test_a_node_that_foreign_law_reaches_gets_no_key_and_that_is_logged(
    house_of: Callable[..., House], small_template: Path
) -> None:
    house = house_of(small_template)
    _second_officer(house)
    house.told("hosts", "node", house.write("node.toml", NODE), *_by(house))
    house.told("vault", "hash")
    far = NODE.replace('laws = ["EU: GDPR", "FR"]', 'laws = ["EU: GDPR", "FR", "US: CLOUD Act"]')
    told = house.told("hosts", "node", house.write("far.toml", far), *_by(house))
    assert told["profile"] == "ciphertext"
    before = len(_leaves(house))
    answer = house.call("--json", "vault", "hash")
    assert (answer.code, answer.error["code"]) == (10, "compute-foreign-law")
    assert answer.error["facts"]["rule"] == "law-outside-eu" and "EDPB" in answer.error["facts"]["citation"]
    assert any(b"compute-foreign-law" in leaf for leaf in _leaves(house)[before:])
    assert house.call("hosts", "posture").code == 1
    assert house.call("audit", "verify").code == 0
    other = house.call(
        "--json", "hosts", "node", house.write("o.toml", NODE.replace('"local"', '"other"')), *_by(house)
    )
    assert (other.code, other.error["code"]) == (10, "node-name")


def _leaves(house: House) -> list[bytes]:
    return Warehouse(house.warehouse).ledger.leaves()
