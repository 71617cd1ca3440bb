# SPDX-License-Identifier: Apache-2.0
"""Input of the wrong kind ends in an error with a code, never in a defect: leaves, trust files, paths, names, workers."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rempart.adapters.gross_definitions import rules_file
from rempart.adapters.key_store_settings import KeyStoreSettings
from rempart.adapters.objection_list import read_objections
from rempart.adapters.private_file import read_private
from rempart.adapters.process_pool import ProcessPool
from rempart.cli.voice import Voice
from rempart.errors import BadInput, NotTrusted, Refused
from rempart.keys.store_secret import passphrase_secret
from rempart.records.canonical import canonical_bytes
from rempart.records.event import LedgerEvent
from rempart.records.permit import permit_from_dict
from rempart.records.shard_job import ShardJob
from rempart.records.study import study_from_dict
from rempart.records.trust import TrustEntry
from rempart.release.documents import RELEASE_ID
from rempart.wiring.acts import init_warehouse, make_folders
from rempart.wiring.first_host import FirstHost, begin_host
from tests.disclosure_rows import toml

SOURCE = str(Path(__file__).resolve().parents[2] / "src")

LEAF: dict[str, Any] = {
    "schema": "rempart.event/1",
    "kind": "hash",
    "class": "trace",
    "phase": "effect",
    "of": 3,
    "actor": "salted:system",
    "basis": "operation:hash",
    "objects": ["space:warehouse"],
    "time": "2026-11-22T10:00:00+00:00",
    "salt": "00" * 16,
}
ENTRY: dict[str, Any] = {
    "actor": "alice",
    "roles": ["researcher"],
    "alg": "ed25519",
    "public": "A" * 43 + "=",
    "valid": ["2026-01-01", "2029-01-01"],
    "salt": "00" * 16,
}


def test_a_leaf_and_an_entry_of_the_right_form_are_read() -> None:
    assert LedgerEvent.from_leaf(canonical_bytes(LEAF)).fact("space") == "warehouse"
    assert len(TrustEntry.from_dict(ENTRY).public_bytes) == 32


ODD_VALUES: list[object] = [None, 7.5, True, {"a": 1}, [1], [None], "", "2026-13-45T99:00:00+00:00"]


@pytest.mark.parametrize("wrong", ODD_VALUES)
@pytest.mark.parametrize("key", ["objects", "time", "of", "kind", "actor", "salt", "basis"])
def test_a_leaf_of_another_shape_is_not_trusted(key: str, wrong: object) -> None:
    if isinstance(wrong, str) and key not in {"time", "objects", "of"}:
        wrong = [wrong]  # any text is a kind, an actor or a basis
    if key == "of" and wrong is None:
        wrong = "3"  # none at all is an intent's
    with pytest.raises(NotTrusted) as caught:
        LedgerEvent.from_leaf(canonical_bytes({**LEAF, key: wrong}))
    assert caught.value.code == "event-form"


@pytest.mark.parametrize("public", ["", "A", "é", "AAAA", "A" * 43 + "=="])
def test_a_trust_entry_whose_key_is_no_key_is_not_trusted(public: str) -> None:
    with pytest.raises(NotTrusted) as caught:
        TrustEntry.from_dict({**ENTRY, "public": public})
    assert caught.value.code == "trust-form"


def test_a_trust_entry_whose_salt_is_no_hex_is_not_trusted() -> None:
    with pytest.raises(NotTrusted):
        TrustEntry.from_dict({**ENTRY, "salt": "salt"})


def test_a_folder_is_no_key_and_no_list(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(Refused) as refused:
        read_private(tmp_path)
    assert refused.value.code == "file-open-to-others"
    with pytest.raises(BadInput) as bad:
        read_objections(tmp_path)
    assert bad.value.code == "file-missing"


@pytest.mark.parametrize("text", ["", "A1\nA2\n", "NIR\nA1\n"])
def test_a_list_whose_header_does_not_say_who_is_meant_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "list").write_text(text, encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        read_objections(tmp_path / "list")
    assert caught.value.code == "objection-header"


@pytest.mark.parametrize(
    ("text", "kind", "names"),
    [
        ("BEN_IDT_ANO\nA1\n", "person", ["A1"]),
        ('"BEN_NIR_PSA"\r\n"P1"\r\n', "psa", ["P1"]),
        ("BEN_NIR_PSA;BEN_RNG_GEM\nP1;1\n", "card", ["P1|01"]),
    ],
)
def test_the_header_of_a_list_says_how_persons_are_named(
    text: str, kind: str, names: list[str], tmp_path: Path
) -> None:
    (tmp_path / "list").write_text(text, encoding="utf-8")
    given = read_objections(tmp_path / "list")
    assert (given.kind, list(given.names)) == (kind, names)


def test_a_rules_file_that_is_not_there_is_missing_and_not_of_the_wrong_form(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        rules_file(tmp_path / "rules.toml")
    assert caught.value.code == "file-missing"


def test_a_warehouse_is_not_made_where_a_file_stands(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("", encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        init_warehouse(
            place,
            controller="x",
            officer="officer",
            officer_key=tmp_path / "officer.key",
            secret=passphrase_secret("twelve letters"),
            key_passphrase="",
            shards=4,
            minutes=1,
            keys=KeyStoreSettings(),
        )
    assert caught.value.code == "file-unwritable"


@pytest.mark.parametrize("asked", [0, -3, 1])
def test_a_study_is_never_left_without_a_worker(asked: int, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []

    def start(command: list[str], **_: object) -> object:
        started.append(command)
        raise OSError

    monkeypatch.setattr("subprocess.Popen", start)
    job = ShardJob(run="S-1", space="project:p", head="h", study="s", permit="P-2026-0001", shards=(0,), grant="g")
    with pytest.raises(OSError):
        list(ProcessPool(Path("."), workers=asked).run([job]))
    assert len(started) == 1


STRANGE = b"\xff\x1b[31mX\n.csv"


@pytest.mark.parametrize("mode", [[], ["--json"]])
def test_a_file_name_of_lone_bytes_and_commands_is_told_without_harm(mode: list[str], tmp_path: Path) -> None:
    delivery = os.fsencode(tmp_path) + b"/" + STRANGE
    with open(delivery, "wb") as file:
        file.write(b"a;b\n")
    command = [sys.executable, "-c", "import sys; from rempart.cli.app import main; sys.exit(main())", *mode]
    told = subprocess.run(
        [*command, "ingest", str(tmp_path), "--plan"],
        env={**os.environ, "PYTHONPATH": SOURCE, "PYTHONIOENCODING": "utf-8:strict"},
        capture_output=True,
        check=False,
    )
    assert told.returncode == BadInput.exit_code
    assert b"Traceback" not in told.stderr and b"\x1b" not in told.stdout + told.stderr
    assert all(line.startswith(b"rempart: ") for line in told.stderr.splitlines())
    if mode:
        assert json.loads(told.stdout)["error"]["facts"]["file"] == os.fsdecode(STRANGE)


def test_a_worker_with_a_defect_says_nothing_of_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    code = (
        "import sys, rempart.wiring.worker as w\n"
        "def serve(self, line): raise ValueError('the secret of a row')\n"
        "w.Worker.__init__ = lambda self, directory: None\n"
        "w.Worker.serve = serve\n"
        "import rempart.worker\n"
        "sys.argv = ['worker', '--dir', '.']\n"
        "sys.exit(rempart.worker.main())\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", code],
        input=b"{}\n",
        env={**os.environ, "PYTHONPATH": SOURCE},
        capture_output=True,
        check=False,
    )
    assert told.returncode == 70
    (crash,) = tmp_path.glob("rempart-crash-*.txt")
    assert b"secret of a row" not in told.stdout + told.stderr + crash.read_bytes()


def test_french_spaces_are_no_odd_marks(capsys: pytest.CaptureFixture[str]) -> None:
    Voice("fr", as_json=False).problem("bad input", "years", "attendu\u00a0: l'année\x1b[2J", "deux\u202f: points")
    told = capsys.readouterr().err
    assert "attendu\u00a0: l'année\\x1b[2J" in told
    assert "deux\u202f: points" in told


OTHER_DIGITS = "\u0664\u0664\u0664\u0664"


def test_digits_of_another_script_make_no_id_and_no_code() -> None:
    permit, study = toml("examples/glitazones/permit.toml"), toml("examples/glitazones/study.toml")
    with pytest.raises(BadInput):
        permit_from_dict({**permit, "id": f"P-2026-{OTHER_DIGITS}"})
    with pytest.raises(BadInput):
        study_from_dict({**study, "permit": f"P-2026-{OTHER_DIGITS}"})
    codes = {name: {"system": "OMOP", "include": [OTHER_DIGITS]} for name in study["codes"]}
    with pytest.raises(BadInput) as caught:
        study_from_dict({**study, "codes": codes})
    assert caught.value.facts["field"] == "codes.bladder_cancer.include"
    assert not RELEASE_ID.fullmatch(f"R-2026-{OTHER_DIGITS}")


def test_no_other_account_enters_the_controllers_folder_or_the_hosts(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        make_folders(tmp_path / "warehouse")
        begin_host(tmp_path / "warehouse", FirstHost())
    finally:
        os.umask(before)
    modes = {name: (tmp_path / "warehouse" / name).stat().st_mode & 0o777 for name in ("controller", "host")}
    assert modes == {"controller": 0o700, "host": 0o700}
