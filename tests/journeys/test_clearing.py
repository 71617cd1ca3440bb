# SPDX-License-Identifier: Apache-2.0
"""What leaves without votes by the policy of the house, and a publication that waits for witnesses: by the commands, as each person."""

import json
import re
from pathlib import Path

import pytest

from tests.journeys.house import Answer, House

BEFORE = 'before = ["release"]\nwitnesses = """\n{witnesses}"""\n'


@pytest.fixture
def run(small: House) -> str:
    """A finished run of alice's, in a house with two officers and a witness."""
    small.enrol("dpo", "witness")
    words = ("--role", "officer", "--by", small.key("officer"), "--key", small.key("second"))
    small.told("person", "add", "second", *words)
    return str(small.run_study()["run"])


def decide(house: House, version: int, *, types: tuple[str, ...] = (), ledger: str = "") -> None:
    """Two officers decide the house's policy."""
    listed = f"[release]\nautomatic = {json.dumps(list(types))}\nsample = 1.0\n" if types else ""
    text = f'schema = "rempart.policy/1"\nversion = {version}\n{listed}' + (f"[ledger]\n{ledger}" if ledger else "")
    file = house.write(f"policy{version}.toml", text)
    house.told("audit", "policy", file, "--by", house.key("officer"), "--by", house.key("second"))


def submit(house: House, run: str) -> dict[str, object]:
    """A submission of the run by alice."""
    return house.told("release", "submit", run, "--key", house.key("alice"))


def types_of(house: House, run: str) -> tuple[str, ...]:
    """The types of the run's tables."""
    found = house.told("release", "check", run, "--key", house.key("alice"))["findings"]
    return tuple(sorted({str(item["type"]) for item in found}))


def publish(house: House, release: str) -> Answer:
    """Publication by alice."""
    return house.call("--json", "release", "publish", release, "--key", house.key("alice"))


def test_tables_leave_without_votes_only_by_policy_and_some_are_looked_at(small: House, run: str) -> None:
    types = types_of(small, run)
    decide(small, 1, types=types[:-1])
    first = submit(small, run)
    assert (first["cleared"], first["waits"]) == (False, ["clear-type"])
    for who in ("bob", "carol"):
        small.told(
            "release", "review", str(first["release"]), "--verdict", "changes", "--public", "x", "--key", small.key(who)
        )
    small.told("release", "withdraw", str(first["release"]), "--key", small.key("alice"))
    decide(small, 2, types=types)
    made = submit(small, run)
    release = str(made["release"])
    assert (made["cleared"], made["waits"]) == (True, []) if "waits" in made else made["cleared"]
    late = small.call("--json", "release", "review", release, "--verdict", "approve", "--key", small.key("bob"))
    assert late.error["code"] == "release-state", "nobody votes on what left by itself"
    folder = Path(publish(small, release).data["folder"])
    record = json.loads((folder / "release.json").read_text(encoding="utf-8"))
    assert (record["cleared_by"], record["votes"]) == ({"policy": 2}, [])
    assert all(record["anonymity"][name]["rules"] for name in ("singling-out", "linkability", "inference"))
    _looked_at(small, release, run)
    assert small.told("audit", "verify")["findings"] == []


def _looked_at(house: House, release: str, run: str) -> None:
    """Drawn, since the share is whole; unsound: then the next one waits for two checkers."""
    (drawn,) = house.told("release", "sample", "--key", house.key("bob"))["releases"]
    assert (drawn["release"], drawn["verdict"]) == (release, "")
    author = house.call("--json", "release", "sample", "--key", house.key("alice"))
    assert author.error["code"] == "role-missing"
    words = ("--verdict", "unsound", "--public", "the third table")
    told = house.told("release", "sample", release, "--key", house.key("bob"), *words)
    assert told["verdict"] == "unsound"
    twice = house.call("--json", "release", "sample", release, "--key", house.key("carol"), *words)
    assert twice.error["code"] == "release-looked-already"
    other = str(house.run_study(study=house.example("study", ("washout_days = 365", "washout_days = 300")))["run"])
    again = submit(house, other)
    assert (again["cleared"], again["waits"]) == (False, ["clear-unsound"])


def witness(house: House, *more: str | Path) -> Path:
    """The witness cosigns the newest checkpoint into a file."""
    file, to = house.folder / "note", house.folder / "cosigned"
    house.told("audit", "export", file)
    words = ("--key", house.key("dpo"), "--seen", house.folder / "seen", "--to", to, *more)
    house.told("audit", "witness", file, *words)
    return to


def test_without_its_witnesses_nothing_is_published_and_the_next_try_goes_on(small: House, run: str) -> None:
    house, keys = small, small.folder / "keys"
    witness(house, "--keys", keys)
    policy = f"witness dpo {keys.read_text(encoding='utf-8').strip()}\nquorum dpo\n"
    decide(house, 1, ledger=BEFORE.format(witnesses=policy))
    release = str(submit(house, run)["release"])
    for who in ("bob", "carol"):
        house.told("release", "review", release, "--verdict", "approve", "--key", house.key(who))
    early = publish(house, release)
    assert (early.code, early.error["code"]) == (60, "witness-absent")
    assert not (house.warehouse / "public" / "releases" / release).exists()
    house.told("audit", "cosign", witness(house))
    logged = publish(house, release)
    assert (logged.code, logged.error["code"]) == (60, "witness-absent"), "its own leaf is not cosigned yet"
    assert not (house.warehouse / "public" / "releases" / release).exists()
    house.told("audit", "cosign", witness(house))
    folder = Path(publish(house, release).data["folder"])
    asked = house.write("tlog-policy", policy)
    assert house.told("release", "verify", folder, "--policy", asked)["witnesses"] == "dpo"
    stranger = re.sub(r"^witness dpo .*$", _other(house), policy, flags=re.MULTILINE)
    refused = house.call("--json", "release", "verify", folder, "--policy", house.write("other", stranger))
    assert (refused.code, refused.error["code"]) == (20, "witness-quorum")
    assert house.told("audit", "verify")["findings"] == []


def _other(house: House) -> str:
    """The line of a witness who never saw this log."""
    house.enrol("nobody", "witness")
    note, keys = house.folder / "elsewhere", house.folder / "other-keys"
    house.told("audit", "export", note)
    words = ("--key", house.key("nobody"), "--seen", house.folder / "seen2", "--to", house.folder / "out")
    house.told("audit", "witness", note, "--keys", keys, *words)
    return f"witness dpo {keys.read_text(encoding='utf-8').strip()}"
