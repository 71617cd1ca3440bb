# SPDX-License-Identifier: Apache-2.0
"""The whole way once: from a delivery to a released answer, every command in JSON, then what it left.

The steps of the way are the true program in processes of its own; looking on the way is done in this process, to save time.
"""

import base64
import gzip
import hashlib
import json
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rempart.adapters.configuration import read_configuration
from rempart.audit import release_proof, tlog_proof
from rempart.cli.commands import TREE
from rempart.errors import NotTrusted
from tests.atlas_house import lines
from tests.journeys.house import EXAMPLES, PASSPHRASE, Answer, House, call, spawn
from tests.journeys.test_cohort_run import DIAGNOSED, PEOPLE, database
from tests.journeys.test_leaving_the_host import COMMANDS as SECOND_HALF

# told with people who disagree in test_way_out, and without votes in test_clearing
OTHER_WAYS_OUT = {f"release {verb}" for verb in ("check", "decide", "withdraw", "show", "queue", "sample")}
# told in test_way_in, test_project_end, test_subset_proof
WAYS_IN = {f"permit {verb}" for verb in ("apply", "step", "show", "amend", "renew", "attest", "approve", "register")}
WAYS_IN |= {"permit suspend", "permit resume"}
ELSEWHERE = {"study job"} | {
    f"audit {what}" for what in ("cosign", "receipts", "recover", "control")
}  # test_code_job, tests/recovery
HANDED_OUT = {f"audit {what}" for what in ("pack", "report", "catalogue")}  # told in test_evidence_pack
PLANS = {"ingest#plan": "ingest-plan", "permit end": "permit-end-plan"}
PROOF = "proof"
PROOFS = {PROOF, "release.tlog-proof"}
Command = Callable[..., Answer]


@dataclass(frozen=True, slots=True)
class Story:
    """Every answer in order, by command, and the house they were given in."""

    house: House
    answers: dict[str, Answer]

    @property
    def released(self) -> Path:
        """The published folder."""
        return next((self.house.warehouse / "public" / "releases").iterdir())


def tell(folder: Path) -> Story:
    """synth → init → unlock → persons → ingest → permit → study → two votes → release → audit, each by the true program."""
    house, answers = House(folder), {}
    key = house.key

    def step(name: str, *words: str | Path, secret: str | None = None, by: Command = spawn) -> Answer:
        place = [] if name in {"synth", "init"} else ["--dir", house.warehouse]
        answers[name] = by("--json", *place, *name.split("#")[0].split(), *words, secret=secret)
        assert answers[name].code == 0, answers[name]
        return answers[name]

    def look(name: str, *words: str | Path) -> Answer:
        return step(name, *words, by=call)

    step("synth", folder / "synth", "--persons", "300", "--years", "2012:2017", "--seed", "11")
    said = ("--controller", "Régie d’essai", "--officer-key", key("officer"), "--shards", "4", "--minutes", "30")
    step("init", house.warehouse, *said, secret=PASSPHRASE)
    step("keys lock")
    step("keys unlock", "--minutes", "30", secret=PASSPHRASE)
    look("keys status")
    for name, role in {"alice": "researcher", "bob": "checker", "carol": "checker", "claire": "committee"}.items():
        look(f"person add#{name}", name, "--role", role, "--by", key("officer"), "--key", key(name))
    look("person list")
    none = house.write("native.toml", 'schema = "rempart.native/1"\ntables = []\nuntil = 2099-12-31\nbasis = "none"\n')
    look("vault native", none, "--key", key("officer"))
    look("ingest#plan", folder / "synth" / "delivery", "--plan")
    step("ingest", folder / "synth" / "delivery")
    look("vault compact")
    look("vault hash")
    answers["quality"] = call("--json", "--dir", house.warehouse, "quality", "--page", folder / "quality.html")
    assert answers["quality"].code in {0, 1}, answers["quality"]
    names = [line.split(";")[3] for line in first_lines(folder / "synth" / "delivery" / "IR_BEN_R.csv.gz", 4)]
    listed = house.write("objections", "\n".join(names) + "\n")
    look("objection add", listed, "--regime", "snds", "--key", key("officer"))
    look("objection list")
    one = house.write("objection", names[0] + "\n" + names[1] + "\n")
    look("objection withdraw", one, "--key", key("officer"))
    look("objection apply", "--key", key("officer"))
    permit, study = (
        house.write(n, (EXAMPLES / "glitazones" / n).read_text(encoding="utf-8")) for n in ("permit.toml", "study.toml")
    )
    look("permit check", permit)
    step("permit grant", permit, "--key", key("claire"))
    look("study new", folder / "own.toml")
    codes = house.write("diabetes.csv", "code\nE10\nE11\n")
    look("study codes", codes, "--as", "diabetes", "--system", "CIM10", "--into", folder / "own.toml")
    look("study check", study)
    look("study plan", study)
    look("study freeze", study, "--key", key("alice"))
    run = step("study run", study, "--key", key("alice"), "--workers", "2").data["run"]
    look("study list")
    look("study show", run)
    look("study kept", run, "--key", key("alice"))
    asked = house.write("5.json", json.dumps(DIAGNOSED))
    look("cohort run", asked, "--omop", database(folder / "omop.duckdb", lines(PEOPLE)))
    release = step("release submit", run, "--key", key("alice")).data["release"]
    look("release review#look", release, "--key", key("bob"))
    step("release review#bob", release, "--key", key("bob"), "--verdict", "approve")
    step("release review#carol", release, "--key", key("carol"), "--verdict", "approve")
    step("release publish", release, "--key", key("alice"))
    look("study report", run, "--key", key("alice"), "--out", folder / "report")
    look("release list")
    look("permit list")
    look("permit due")
    look("permit end")
    look("study jobs")
    look("release verify", house.warehouse / "public" / "releases" / release)
    step("audit verify", "--deep")
    look("audit export", folder / "checkpoint")
    look("audit verify#since", "--since", folder / "checkpoint")
    look("audit policy")
    look("audit purge")
    look("audit incident")
    look("audit publish", "--to", folder / "public")
    look("audit scan", house.write("needles", "BEN_NIR_PSA\npseudonym\ncondition_source_value\n"))
    return Story(house, answers)


def first_lines(path: Path, count: int) -> list[str]:
    """The header and the first lines of a delivered file."""
    return gzip.decompress(path.read_bytes()).decode().splitlines()[:count]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Told once for this file."""
    folder = tmp_path_factory.mktemp("whole way")
    try:
        yield tell(folder)
    finally:
        House(folder).lock()


def test_every_command_answers_in_json_with_the_same_four_fields(story: Story) -> None:
    for name, answer in story.answers.items():
        told = answer.json
        schema = PLANS.get(name, name.partition("#")[0].replace(" ", "-"))
        assert set(told) == {"schema", "ok", "data"} | ({"error"} & set(told)), name
        assert (told["schema"], told["ok"]) == (f"rempart.{schema}/1", True), name
        assert isinstance(told["data"], dict)
        assert answer.err == "", name


def test_the_story_tells_every_command_but_the_demo_and_those_of_the_second_half(story: Story) -> None:
    told = {name.partition("#")[0] for name in story.answers}
    elsewhere = {"demo", "study cancel"} | SECOND_HALF | OTHER_WAYS_OUT | WAYS_IN | ELSEWHERE | HANDED_OUT
    assert set(TREE) - told == elsewhere, "what is stopped is a run of tests/recovery"


def test_the_broker_died_with_lock_and_came_back_with_unlock(story: Story) -> None:
    assert "pid" in story.answers["keys status"].data
    assert story.answers["keys unlock"].data["pid"] == story.answers["keys status"].data["pid"]
    socket = story.house.warehouse / "controller" / "keys" / "broker.sock"
    assert stat.S_IMODE(socket.stat().st_mode) == 0o600


def test_every_line_of_the_delivery_is_kept_or_dropped_by_a_rule(story: Story) -> None:
    delivered = story.answers["synth"].data["lines"]
    found = {item["table"]: item for item in story.answers["ingest"].data["report"]["reconciliation"]}
    assert set(found) == set(delivered)
    for table, item in found.items():
        assert item["lines"] == delivered[table]
        assert item["lines"] == item["kept"] + sum(count for _, count in item["dropped"]), table
    planned = story.answers["ingest#plan"].data["units"]
    assert {fate for _, fate, *_ in planned} == {"new"}
    assert sum(files for _, _, files, *_ in planned) == story.answers["synth"].data["files"]


def test_the_content_hash_of_the_sealed_warehouse_is_the_one_that_ingest_told(story: Story) -> None:
    told, found = story.answers["ingest"].data["content"], story.answers["vault hash"].data["content"]
    assert found == {table: told[table] for table in found}
    assert set(told) - set(found) <= {"person_decision"}


def test_the_project_holds_who_did_not_object_and_fewer_tables(story: Story) -> None:
    objecting = story.answers["objection withdraw"].data["objections"]
    assert objecting == story.answers["objection add"].data["objections"] - 1
    assert 0 < objecting <= 3
    everybody = story.answers["ingest"].data["rows"]["person"]
    assert story.answers["permit grant"].data["persons"] == everybody - objecting
    assert set(story.answers["permit grant"].data["rows"]) < set(story.answers["ingest"].data["rows"])


def test_the_state_of_a_release_goes_by_two_votes(story: Story) -> None:
    states = [story.answers[f"release review#{who}"].data["state"] for who in ("bob", "carol")]
    assert len(set(states)) == 2
    (listed,) = story.answers["release list"].data["releases"]
    assert listed["release"] == story.answers["release publish"].data["release"]
    assert listed["state"] not in states


def test_the_auditor_finds_nothing_and_has_looked_at_every_act(story: Story) -> None:
    found = story.answers["audit verify"].data
    assert (found["sound"], found["findings"]) == (True, [])
    assert found["size"] > 20
    assert sum(found["counts"].values()) >= found["size"]


def test_the_host_holds_no_clear_word(story: Story) -> None:
    found = story.answers["audit scan"].data
    assert set(found["hits"].values()) == {0}
    assert found["files"] == sum(1 for path in (story.house.warehouse / "host").rglob("*") if path.is_file())


def test_the_released_folder_is_the_one_of_the_contract(story: Story) -> None:
    names = {path.relative_to(story.released).as_posix() for path in story.released.rglob("*") if path.is_file()}
    assert names == set(story.answers["release publish"].data["files"])
    assert {"release.json", "study.toml", "proof"} <= names
    tables = {Path(name).stem for name in names if name.startswith("tables/")}
    assert {"attrition", "table_one", "incidence", "cumulative_incidence", "hazard_ratio"} <= tables
    figures = [name for name in names if name.startswith("figures/")]
    assert {Path(name).suffix for name in figures} == {".svg", ".png"}
    assert {Path(name).stem[-3:] for name in figures} == {"-en", "-fr"}


def test_no_cell_of_one_to_ten_persons_leaves(story: Story) -> None:
    seen = 0
    for file in (story.released / "tables").glob("*.csv"):
        header, *lines = file.read_text(encoding="utf-8").splitlines()
        for line in lines:
            cells = dict(zip(header.split(","), line.split(","), strict=False))
            if cells.get("statistic") in {"n", "events", "persons", "at_risk"}:
                seen += 1
                assert cells["value"] == "suppressed" or not 1 <= float(cells["value"]) <= 10, (file.name, line)
    assert seen > 30


def hashes(folder: Path) -> dict[str, str]:
    """Path → sha256 of a released folder without its proofs."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in PROOFS]
    return {p.relative_to(folder).as_posix(): f"sha256:{hashlib.sha256(p.read_bytes()).hexdigest()}" for p in files}


def prove(story: Story, found: dict[str, str], proof: dict[str, Any] | None = None) -> Any:
    """The proof held against files by someone who has only the ledger's public key."""
    settings = read_configuration(story.house.warehouse)
    proof = proof or json.loads((story.released / "proof").read_bytes())
    return release_proof.verify(proof, found, origin=settings.ledger_origin, public=settings.ledger_public)


def test_the_proof_binds_every_released_file_to_the_ledger_offline(story: Story) -> None:
    event = prove(story, hashes(story.released))
    assert (event.kind, event.phase) == ("release", "effect")
    assert event.fact("release") == story.answers["release publish"].data["release"]


def test_one_flipped_bit_in_any_released_file_breaks_the_proof(story: Story) -> None:
    files = [path for path in sorted(story.released.rglob("*")) if path.is_file() and path.name not in PROOFS]
    assert len(files) > 8
    for path in files:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        name = path.relative_to(story.released).as_posix()
        changed = {**hashes(story.released), name: f"sha256:{hashlib.sha256(data).hexdigest()}"}
        with pytest.raises(NotTrusted):
            prove(story, changed)


def test_a_file_added_or_taken_away_breaks_the_proof(story: Story) -> None:
    found = hashes(story.released)
    for changed in (
        {**found, "tables/more.csv": found["release.json"]},
        {k: v for k, v in found.items() if k != "study.toml"},
    ):
        with pytest.raises(NotTrusted):
            prove(story, changed)


def test_a_changed_proof_proves_nothing(story: Story) -> None:
    proof = json.loads((story.released / "proof").read_bytes())
    for change in ({"index": proof["index"] - 1}, {"size": proof["size"] + 1}, {"inclusion": proof["inclusion"][1:]}):
        with pytest.raises(NotTrusted):
            prove(story, hashes(story.released), {**proof, **change})


def test_anyone_verifies_a_released_folder_with_the_ledgers_public_key_alone(story: Story, tmp_path: Path) -> None:
    settings = read_configuration(story.house.warehouse)
    key = f"{settings.ledger_origin} {base64.b64encode(settings.ledger_public).decode()}"
    away = tmp_path / "away"
    shutil.copytree(story.released, away)
    told = call("--json", "release", "verify", away, "--ledger-key", key).data
    assert told["release"] == story.answers["release publish"].data["release"]
    (away / "study.toml").write_bytes((away / "study.toml").read_bytes() + b"\n")
    assert call("--json", "release", "verify", away, "--ledger-key", key).code == 20
    shutil.copytree(story.released, tmp_path / "other")
    assert (
        call(
            "--json",
            "release",
            "verify",
            tmp_path / "other",
            "--ledger-key",
            f"{settings.ledger_origin}x {key.split()[1]}",
        ).code
        == 20
    )
    assert (
        call("--json", "release", "verify", tmp_path / "other", "--ledger-key", "nonsense").error["code"]
        == "ledger-key"
    )
    text = (tmp_path / "other" / "release.tlog-proof").read_text(encoding="utf-8")
    assert tlog_proof.verify(text, origin=settings.ledger_origin, public=settings.ledger_public).kind == "release"
    (tmp_path / "other" / "proof").unlink()
    assert call("--json", "release", "verify", tmp_path / "other", "--ledger-key", key).code == 30


def test_a_publication_that_died_before_its_folder_was_written_is_done_again(story: Story) -> None:
    release = story.answers["release publish"].data["release"]
    before, files = story.house.told("audit", "verify")["counts"]["releases"], hashes(story.released)
    shutil.rmtree(story.released)
    for _ in range(2):  # the second finds the folder there
        story.house.told("release", "publish", release, "--key", story.house.key("alice"))
        assert hashes(story.released) == files
        prove(story, files)
    assert story.house.told("audit", "verify")["counts"]["releases"] == before


def test_every_command_speaks_french_and_english(story: Story) -> None:
    house = story.house
    read_only = [["person", "list"], ["release", "list"], ["audit", "verify"], ["keys", "status"]]
    read_only += [["permit", "check", house.folder / "permit.toml"], ["study", "check", house.folder / "study.toml"]]
    for words in read_only:
        english, french = (house.call(*words, lang=lang) for lang in ("en", "fr"))
        assert english.code == french.code == 0
        assert english.out
        assert english.out != french.out, words
    assert "every rule kept" in house.call("audit", "verify").out
    assert "chaque règle" in house.call("audit", "verify", lang="fr").out


def test_private_files_of_the_controller_are_private(story: Story) -> None:
    keys = story.house.warehouse / "controller" / "keys"
    for path in [*keys.glob("*.key"), *keys.glob("*.json"), *story.house.folder.glob("*.key")]:
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert list((story.house.warehouse / "controller" / "scratch").glob("[!.]*")) == []
