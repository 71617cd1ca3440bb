# SPDX-License-Identifier: Apache-2.0
"""A job file: what it may say, its canonical form, the limits and the quota of the house, and the settings of the sandbox."""

import datetime
import json
import tomllib
from typing import Any

import pytest

from rempart.adapters import package_data
from rempart.adapters.sandbox_settings import SandboxSettings, sandbox_from_dict
from rempart.errors import BadInput
from rempart.journeys.code_job import failed_runs, packed, unpacked
from rempart.records.canonical import canonical_bytes, content_id, sha256_id
from rempart.records.event import LedgerEvent
from rempart.records.job import code_named, job_from_dict, job_of_file
from rempart.release.job_files import file_id, file_key
from tests.law.tree import ROOT

FORM = package_data.toml("records/job.toml")
CODE = {"main.py": b"print()\n", "tools/read.py": b""}


def written(**changed: Any) -> dict[str, Any]:
    """A job file as TOML gives it."""
    whole = {
        "schema": "rempart.job/1",
        "permit": "P-2026-0001",
        "language": "python",
        "main": "main.py",
        "files": ["tools/read.py"],
        "inputs": [{"table": "person", "columns": ["person_id"]}],
        "outputs": [{"path": "out/a.csv", "about": " counts "}],
        "limits": {"seconds": 60},
    }
    return {name: item for name, item in {**whole, **changed}.items() if item is not None}


def test_the_canonical_form_names_the_code_by_hash_and_reads_as_itself() -> None:
    job = job_of_file(written(), CODE, FORM)
    body = job.as_dict()
    assert body["code"] == {name: sha256_id(data) for name, data in CODE.items()}
    assert body["inputs"] == [{"table": "person", "columns": ["person_id"], "format": "csv"}]
    assert body["outputs"] == [{"path": "out/a.csv", "about": "counts"}]
    assert job_from_dict(body, FORM) == job
    assert job.content_id == content_id(body)
    assert "limits" not in job_of_file(written(limits=None), CODE, FORM).as_dict()
    assert code_named(written()) == ("main.py", "tools/read.py")


BAD_PATHS = [
    "../a.csv",
    "/etc/a.csv",
    "a",
    ".a.csv",
    "a b.csv",
    "a.svg",
    "a.json",
    "a.csv/",
    "é.csv",
    "a.csv\n",
    "d/../a.csv",
    "x" * 99 + ".csv",
]


@pytest.mark.parametrize("path", BAD_PATHS)
def test_an_output_is_a_plain_path_with_a_known_suffix(path: str) -> None:
    with pytest.raises(BadInput, match="job-field"):
        job_of_file(written(outputs=[{"path": path, "about": "x"}]), CODE, FORM)


@pytest.mark.parametrize(
    "changed",
    [
        {"schema": "rempart.job/2"},
        {"permit": "P-1"},
        {"language": "julia"},
        {"main": "other.py"},
        {"inputs": []},
        {"inputs": [{"table": "person", "columns": []}]},
        {"inputs": [{"table": "person", "columns": ["a", "a"]}]},
        {"inputs": [{"table": "person", "columns": ["a"], "format": "xlsx"}]},
        {"inputs": [{"table": "person", "columns": ["a"]}] * 2},
        {"outputs": []},
        {"outputs": [{"path": "a.csv", "about": "x"}] * 2},
        {"outputs": [{"path": "a.csv"}]},
        {"outputs": [{"path": f"a{n}.csv", "about": "x"} for n in range(21)]},
        {"limits": {"seconds": 0}},
        {"limits": {"seconds": True}},
        {"limits": {"cores": 4}},
        {"network": True},
    ],
)
def test_what_a_job_may_not_say_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=r"job-field|unknown-key"):
        job_of_file(written(**changed), CODE, FORM)


def test_code_is_small() -> None:
    with pytest.raises(BadInput, match="job-field"):
        job_of_file(written(), {"main.py": bytes((1 << 20) + 1)}, FORM)


def test_runs_that_failed_by_their_code_are_counted_and_no_others() -> None:
    def leaf(kind: str, phase: str, basis: str, told: str) -> LedgerEvent:
        return LedgerEvent(
            kind=kind,
            event_class="act",
            phase=phase,  # type: ignore[arg-type]
            of=0,
            actor="salted:" + "0" * 32,
            basis=basis,
            objects=(told,),
            time=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC).isoformat(),
            salt="0" * 32,
        )

    mine = "permit:P-2026-0001"
    log = [
        leaf("code-job", "failed", mine, "error:bad input/job-error"),
        leaf("code-job", "failed", mine, "error:refused/job-time"),
        leaf("code-job", "failed", mine, "error:refused/sandbox-start"),
        leaf("code-job", "failed", mine, "error:cancelled/run-cancelled"),
        leaf("code-job", "failed", mine, "error:unavailable/run-died"),
        leaf("code-job", "failed", "permit:P-2026-0002", "error:refused/job-time"),
        leaf("code-job", "effect", mine, "run:J-1"),
        leaf("study", "failed", mine, "error:refused/study-x"),
    ]
    assert failed_runs(log, "P-2026-0001") == log[:4]


def test_declared_files_are_packed_and_unpacked() -> None:
    files = {"a.csv": b"1,2\n", "d/b.txt": b""}
    assert unpacked(packed(files, b"s" * 32)) == (files, b"s" * 32)


def test_the_id_of_an_unread_file_is_found_by_nobody_who_tries_small_tables() -> None:
    tables = [f"sex,n\n1,{count}\n".encode() for count in range(11)]
    key = file_key(b"s" * 32, "a.csv")
    signed = file_id(key, tables[4])
    assert signed == file_id(file_key(b"s" * 32, "a.csv"), tables[4]), (
        "the same file keeps its id, and with it its votes"
    )
    assert len({file_id(key, data) for data in tables}) == len(tables), "a changed file has another one"
    guesses = {sha256_id(data) for data in tables} | {file_id(b"", data) for data in tables}
    others = {
        file_id(file_key(salt, name), data)
        for data in tables
        for salt, name in ((b"t" * 32, "a.csv"), (b"s" * 32, "b.csv"))
    }
    assert signed not in guesses | others, "another run's key or another file's, told in a release, opens nothing here"


@pytest.mark.parametrize(
    "table",
    [
        {"uids": [5]},
        {"uids": "5"},
        {"python": "python3"},
        {"cores": 0},
        {"cores": True},
        {"net": 1},
        [1],
        {"uids": [1, True]},
    ],
)
def test_settings_of_the_sandbox_are_read_strictly(table: object) -> None:
    with pytest.raises(BadInput, match="config-field"):
        sandbox_from_dict(table)


def test_settings_that_are_left_out_are_the_systems_own() -> None:
    assert sandbox_from_dict({}) == SandboxSettings()
    assert SandboxSettings().as_dict() == {}
    told = {"uids": [200000, 200999], "python": "/opt/p", "cores": 2}
    assert sandbox_from_dict(told).as_dict() == told


def test_what_may_be_declared_may_go_on_its_way_out() -> None:
    kinds = package_data.toml("disclosure/files.toml")["kinds"]
    assert set(FORM["suffixes"]) <= {f".{suffix}" for kind in ("table", "figure", "text") for suffix in kinds[kind]}


def test_the_worked_example_is_a_job_in_both_languages() -> None:
    for name, main in (("job.toml", "main.py"), ("job-r.toml", "main.R")):
        folder = ROOT / "docs/examples/code_job"
        value = tomllib.loads((folder / name).read_text(encoding="utf-8"))
        code = {path: (folder / path).read_bytes() for path in code_named(value)}
        assert set(code) == {main}
        assert job_of_file(value, code, FORM).outputs[0].path == "first_years.csv"


def test_a_frozen_job_reads_as_it_was_written() -> None:
    folder = ROOT / "tests/vectors/job_v1"
    data = (folder / "job.json").read_bytes()
    job = job_from_dict(json.loads(data), FORM)
    assert canonical_bytes(job.as_dict()) == data
    assert job.content_id == (folder / "id").read_text(encoding="utf-8").strip()
