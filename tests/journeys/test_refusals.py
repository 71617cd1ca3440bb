# SPDX-License-Identifier: Apache-2.0
"""What the rules forbid is refused with the rule's name, and what the keys do not prove has no effect."""

import contextlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rempart.adapters import surroundings
from rempart.adapters.person_key import create_person_key
from rempart.errors import NotTrusted
from rempart.journeys.recorded import recorded
from rempart.journeys.release import review, submission_of
from rempart.keys.store_secret import passphrase_secret
from rempart.records.canonical import sha256_id
from rempart.records.document import SignedDocument
from rempart.records.signature import sign
from rempart.release.documents import vote_body
from rempart.wiring.releases import desk
from rempart.wiring.signing import open_key, signer
from rempart.wiring.warehouse import Warehouse
from tests.journeys.house import PASSPHRASE, Answer, House, copy_house, spawn

FAMILIES = {10: "refused", 20: "not trusted", 30: "missing", 40: "bad input", 60: "unavailable"}
LINE = re.compile(r"rempart: (refused|not trusted|missing|bad input|unavailable): [^A-Z\n]*\S[^\n]*")
RELEASE = "R-2026-0001"


def said_no(answer: Answer, code: int, *words: str) -> None:
    """One line and a hint on standard error, nothing on standard output, the family's exit code, no trace of Python."""
    assert answer.code == code, answer
    assert answer.out == "", answer
    assert "Traceback" not in answer.err
    message, hint = answer.err.splitlines()
    assert LINE.fullmatch(message), message
    assert message.startswith(f"rempart: {FAMILIES[code]}: ")
    said = message.split(": ", 2)[2]
    assert said[0] == said[0].lower()
    assert not said.endswith(".")
    assert hint.startswith("rempart: hint: ")
    for word in words:
        assert word in message, (word, message)


def refused(house: House, code: int, rule: str, words: tuple[str | Path, ...], *, secret: str | None = None) -> Answer:
    """The same command refused in words, English and French, and as JSON with the rule's code; the answer in English."""
    english, french = (house.call(*words, secret=secret, lang=lang) for lang in ("en", "fr"))
    told = house.call("--json", *words, secret=secret)
    said_no(english, code)
    assert french.code == code
    assert french.err != english.err
    assert len(french.err.splitlines()) == 2
    body = told.json
    assert told.code == code
    assert told.err == ""
    assert set(body) == {"schema", "ok", "data", "error"}
    assert (body["schema"], body["ok"], body["data"]) == ("rempart.error/1", False, {})
    assert set(body["error"]) == {"family", "code", "facts", "hint"}
    assert (body["error"]["family"], body["error"]["code"]) == (FAMILIES[code], rule)
    assert body["error"]["hint"]
    return english


@pytest.fixture(scope="module")
def house(small_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One copy for the refusals that must leave nothing behind."""
    made = copy_house(small_template, tmp_path_factory.mktemp("refusals"))
    made.unlock()
    yield made
    made.lock()


@pytest.fixture(scope="module")
def submitted(small_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A copy with a release that frank, a researcher who is a checker too, has submitted."""
    made = with_release(small_template, tmp_path_factory.mktemp("submitted"))
    yield made
    made.lock()


def with_release(template: Path, folder: Path) -> House:
    """A copy, unlocked, in which frank has submitted a release."""
    made = copy_house(template, folder)
    made.unlock()
    run = made.run_study("frank")["run"]
    assert made.told("release", "submit", run, "--key", made.key("frank"))["release"] == RELEASE
    return made


@pytest.fixture(autouse=True)
def _a_refusal_changes_no_head(request: pytest.FixtureRequest) -> Iterator[None]:
    """What was refused is at most a failed intent in the ledger: no space has a new commit, no release another state."""
    houses = [request.getfixturevalue(n) for n in ("house", "submitted") if n in request.fixturenames]
    before = [state_of(house) for house in houses]
    yield
    assert [state_of(house) for house in houses] == before


def state_of(house: House) -> tuple[int, object]:
    """Commits in the ledger, and the releases as the ledger has them."""
    leaves = [json.loads(leaf) for leaf in Warehouse(house.warehouse).ledger.leaves()]
    return sum(leaf["kind"] == "commit" for leaf in leaves), house.told("release", "list") if unlocked(house) else None


def unlocked(house: House) -> bool:
    """Whether the broker answers."""
    return house.call("keys", "status").code == 0


def study(house: House, *changes: tuple[str, str], author: str = "alice") -> tuple[str | Path, ...]:
    """The words that run the example study with some text changed."""
    return ("study", "run", house.example("study", *changes), "--key", house.key(author))


def permit(house: House, *changes: tuple[str, str]) -> Path:
    """The example permit under a new number and project, with some text changed."""
    named = (("P-2026-0001", "P-2026-0009"), ('project = "glitazones"', 'project = "another"'))
    path = house.example("permit", *named, *changes)
    return path.rename(house.folder / "other-permit.toml")


# --- studies and permits


def test_a_column_outside_the_permit_is_refused(house: House) -> None:
    words = study(house, ('system = "CIP13"', 'system = "OMOP"'), *omop_codes(house))
    answer = refused(house, 10, "study-column", words)
    assert "drug_exposure.drug_concept_id" in answer.err
    assert "P-2026-0001" in answer.err


def omop_codes(house: House) -> list[tuple[str, str]]:
    """The code lists of the example as concept numbers."""
    text = house.example("study").read_text(encoding="utf-8")
    lists = re.findall(r'include = \["3400.*\]', text)
    assert len(lists) == 2
    return [(found, f"include = [{number}]") for number, found in enumerate(lists, 1118084)]


def test_a_study_of_a_table_outside_the_permit_is_refused(house: House) -> None:
    more = '\n[codes.act]\nsystem = "CCAM"\nsource = "for this test"\ninclude = ["JDFA001"]\n\n[cohorts.main]'
    exclude = '{ domain = "condition", codes = "bladder_cancer", days = [-365, 0] }'
    changed = f'{exclude}, {{ domain = "procedure", codes = "act", days = [-365, 0] }}'
    answer = refused(house, 10, "study-column", study(house, ("\n[cohorts.main]", more), (exclude, changed)))
    assert "procedure_occurrence." in answer.err


def test_a_study_under_no_permit_is_missing(house: House) -> None:
    refused(house, 30, "permit-missing", study(house, ("P-2026-0001", "P-2026-0404")))


def test_a_washout_before_the_lookback_is_refused(house: House) -> None:
    answer = refused(house, 10, "window-before-lookback", study(house, ("washout_days = 365", "washout_days = 400")))
    assert "2011-11-28" in answer.err
    assert "2012-01-01" in answer.err


def test_a_window_of_exclusion_before_the_lookback_is_refused(house: House) -> None:
    refused(house, 10, "window-before-lookback", study(house, ("days = [-365, 0]", "days = [-900, 0]")))


def test_a_period_outside_the_permit_is_refused(house: House) -> None:
    refused(house, 10, "study-period", study(house, ("period = [2013-01-01", "period = [2012-06-01")))


def test_a_window_that_ends_after_time_zero_is_refused(house: House) -> None:
    refused(house, 10, "reads-after-time-zero", study(house, ("days = [-365, 0]", "days = [-365, 30]")))


def test_a_study_with_an_unknown_word_is_bad_input(house: House) -> None:
    refused(house, 40, "unknown-key", study(house, ("lag_days", "lagg_days")))


def test_a_researcher_whom_the_permit_does_not_name_is_refused(house: House) -> None:
    answer = refused(house, 10, "permit-person", study(house, author="dora"))
    assert "dora" in answer.err


def test_a_checker_cannot_run_a_study(house: House) -> None:
    refused(house, 10, "role-missing", study(house, author="bob"))


@pytest.mark.parametrize(
    ("valid", "rule"), [("[2020-01-01, 2025-12-31]", "permit-expired"), ("[2099-01-01, 2100-12-31]", "permit-not-yet")]
)
def test_a_permit_outside_its_days_is_not_granted(house: House, valid: str, rule: str) -> None:
    file = permit(house, ("valid = [2026-01-01, 2028-12-31]", f"valid = {valid}"))
    refused(house, 10, rule, ("permit", "grant", file, "--key", house.key("claire")))


def test_a_committee_member_cannot_grant_a_permit_that_names_her(house: House) -> None:
    file = permit(house, ('persons = ["alice"]', 'persons = ["alice", "claire"]'))
    refused(house, 10, "permit-own", ("permit", "grant", file, "--key", house.key("claire")))


def test_only_the_committee_grants(house: House) -> None:
    refused(house, 10, "role-missing", ("permit", "grant", permit(house), "--key", house.key("alice")))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (('name = "death"', 'name = "doctor"'), "permit-table-unknown"),
        (('columns = ["death_month"]', 'columns = ["death_place"]'), "permit-column-unknown"),
        (('columns = ["death_month"]', 'columns = ["release_index"]'), "permit-reserved"),
        (("[rows]\n", '[rows]\ncohort = "sha256:00"\n'), "permit-rows"),
    ],
)
def test_a_permit_gives_only_what_there_is_and_what_may_be_given(
    house: House, change: tuple[str, str], rule: str
) -> None:
    told = house.call("--json", "permit", "grant", permit(house, change), "--key", house.key("claire"))
    assert told.error["code"] == rule
    assert told.code == {"refused": 10, "bad input": 40}[told.error["family"]]


def test_a_project_is_granted_once(house: House) -> None:
    file = house.example("permit", ('persons = ["alice"]', 'persons = ["alice", "frank"]'))
    refused(house, 10, "project-exists", ("permit", "grant", file, "--key", house.key("claire")))


def test_who_cannot_be_enrolled_leaves_no_key_file_behind(small_template: Path, tmp_path: Path) -> None:
    locked = copy_house(small_template, tmp_path / "locked")
    add = ("person", "add", "--role", "checker", "--by", locked.key("officer"))
    said_no(locked.call(*add, "erin", "--key", locked.key("erin")), 60)
    said_no(locked.call(*add, "alice", "--key", locked.key("again")), 10)
    assert not locked.key("erin").exists()
    assert not locked.key("again").exists()


# --- the way out


def test_the_author_cannot_review(submitted: House) -> None:
    words = ("release", "review", RELEASE, "--key", submitted.key("frank"), "--verdict", "approve")
    answer = refused(submitted, 10, "release-author-votes", words)
    assert "frank" in answer.err


def test_who_is_no_checker_cannot_review(submitted: House) -> None:
    for name, code, error in (
        ("alice", 10, "role-missing"),
        ("claire", 30, "release-missing"),
        ("officer", 30, "release-missing"),
    ):
        words = ("release", "review", RELEASE, "--key", submitted.key(name), "--verdict", "approve")
        refused(submitted, code, error, words)


def test_a_release_without_two_votes_is_not_published(submitted: House) -> None:
    refused(
        submitted, 10, "release-needs-two-checkers", ("release", "publish", RELEASE, "--key", submitted.key("frank"))
    )


def test_a_vote_for_changes_says_what_is_to_change(submitted: House) -> None:
    words = ("release", "review", RELEASE, "--key", submitted.key("bob"), "--verdict", "changes")
    refused(submitted, 40, "release-field", words)


def test_another_researcher_cannot_submit_the_run(submitted: House) -> None:
    run = next(iter(runs(submitted)))
    refused(submitted, 10, "permit-person", ("release", "submit", run, "--key", submitted.key("dora")))


def runs(house: House) -> list[str]:
    """Runs that the ledger holds as finished."""
    leaves = [json.loads(leaf) for leaf in Warehouse(house.warehouse).ledger.leaves()]
    ends = [leaf["objects"] for leaf in leaves if (leaf["kind"], leaf["phase"]) == ("study", "effect")]
    return [text.partition(":")[2] for said in ends for text in said if text.startswith("run:")]


def test_what_is_not_there_is_missing(submitted: House) -> None:
    bob = submitted.key("bob")
    refused(
        submitted, 30, "release-missing", ("release", "review", "R-2026-0404", "--key", bob, "--verdict", "approve")
    )
    refused(submitted, 30, "run-missing", ("release", "submit", "S-0000000000000000", "--key", submitted.key("alice")))


def forged_vote(house: House) -> SignedDocument:
    """A vote signed with bob's key that says it is carol's."""
    place = desk(Warehouse(house.warehouse))
    body = vote_body(
        release=RELEASE, submission=sha256_id(submission_of(place, RELEASE).data), files={}
    )  # fmt: skip
    private = open_key(house.key("bob"), lambda _: "")
    over = SignedDocument(body=body, signatures=()).over
    return SignedDocument(body=body, signatures=(sign(private, actor="carol", over=over),))


def test_a_vote_with_anothers_name_and_ones_own_key_is_not_trusted(submitted: House) -> None:
    place = desk(Warehouse(submitted.warehouse))
    with pytest.raises(NotTrusted) as refusal:
        review(place, signed=forged_vote(submitted), actor="salted:anyone")
    assert refusal.value.exit_code == 20
    assert refusal.value.facts["actor"] == "carol"


def test_a_run_is_not_submitted_twice_while_it_is_on_its_way_out(submitted: House, tmp_path: Path) -> None:
    house = copy_house(copy_locked(submitted, tmp_path), tmp_path / "twice")
    house.unlock()
    try:
        (run,) = house.told("study", "list")["runs"]
        assert run["release"] == RELEASE
        again = ("release", "submit", run["run"], "--key", house.key("frank"))
        refused(house, 10, "release-run-submitted", again)
        back = ("release", "review", RELEASE, "--verdict", "changes", "--public", "context")
        house.told(*back, "--key", house.key("bob"))
        refused(house, 10, "release-run-submitted", again)
        house.told(*back, "--key", house.key("carol"))
        assert house.told(*again)["release"] != RELEASE
    finally:
        house.lock()


def test_a_study_is_compared_with_its_permit_before_it_runs(small: House) -> None:
    assert small.told("study", "check", small.folder / "study.toml")["fits"] == "P-2026-0001"
    other = small.example("study", ("P-2026-0001", "P-2026-0777"))
    assert small.told("study", "check", other)["fits"] is None
    greedy = small.example("study", ("prior_observation_days = 365", "prior_observation_days = 3650"))
    answer = small.call("--json", "study", "check", greedy)
    assert (answer.code, answer.error["code"]) == (10, "window-before-lookback")


def test_the_same_vote_under_ones_own_name_counts(submitted: House, tmp_path: Path) -> None:
    """The positive control of the test above, and the second vote of one checker."""
    house = copy_house(copy_locked(submitted, tmp_path), tmp_path / "votes")
    house.unlock()
    try:
        bob = ("release", "review", RELEASE, "--key", house.key("bob"), "--verdict", "approve")
        house.told(*bob)
        refused(house, 10, "release-voted-already", bob)
        refused(house, 10, "release-needs-two-checkers", ("release", "publish", RELEASE, "--key", house.key("frank")))
        house.told("release", "review", RELEASE, "--key", house.key("carol"), "--verdict", "approve")
        house.told("release", "publish", RELEASE, "--key", house.key("frank"))
        house.enrol("dave", "checker")
        refused(
            house,
            10,
            "release-state",
            ("release", "review", RELEASE, "--key", house.key("dave"), "--verdict", "approve"),
        )
    finally:
        house.lock()


def copy_locked(house: House, to: Path) -> Path:
    """A copy of a warehouse without its broker's socket."""
    made = to / "template"
    sockets = lambda folder, names: [name for name in names if (Path(folder) / name).is_socket()]  # noqa: E731
    shutil.copytree(house.folder, made, symlinks=True, ignore=sockets)
    return made


def test_a_forged_vote_written_into_the_ledger_has_no_effect_and_the_audit_names_it(
    submitted: House, house_of: Callable[..., House], tmp_path: Path
) -> None:
    house = house_of(copy_locked(submitted, tmp_path), "forged")
    warehouse = Warehouse(house.warehouse)
    document = warehouse.documents.put(forged_vote(house).data)
    objects = [f"release:{RELEASE}", f"document:{document}"]
    carol = signer(warehouse.trust, house.key("carol"), lambda _: "").salted
    with recorded(warehouse.recorder, "vote", basis="permit:P-2026-0001", objects=objects, actor=carol):
        pass
    house.told("release", "review", RELEASE, "--key", house.key("bob"), "--verdict", "approve")
    refused(house, 10, "release-needs-two-checkers", ("release", "publish", RELEASE, "--key", house.key("frank")))
    found = house.call("--json", "audit", "verify")
    assert found.code == 20
    assert found.json["data"]["sound"] is False
    assert any(item["family"] == "not trusted" for item in found.json["data"]["findings"])


# --- the database decides nothing


def test_a_permit_or_vote_written_straight_into_the_database_has_no_effect(submitted: House) -> None:
    before = submitted.told("permit", "list"), submitted.told("release", "list")
    path = submitted.warehouse / "controller" / "state.db"
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        assert {"permits", "releases", "votes"} <= set(tables)
        for name in set(tables) - {"projection"}:
            columns = [row[1] for row in database.execute(f"PRAGMA table_info({name})")]
            for who in ("bob", "carol"):
                known = {
                    "permit": "P-2026-0404",
                    "release": RELEASE,
                    "checker": who,
                    "state": "approved",
                }
                values = [known.get(column, f"approve-{who}") for column in columns if column != "position"]
                named = [column for column in columns if column != "position"]
                marks = ", ".join("?" * len(values))
                database.execute(f"INSERT OR REPLACE INTO {name} ({', '.join(named)}) VALUES ({marks})", values)
    refused(submitted, 30, "permit-missing", study(submitted, ("P-2026-0001", "P-2026-0404"), author="frank"))
    words = ("release", "publish", RELEASE, "--key", submitted.key("frank"))
    refused(submitted, 10, "release-needs-two-checkers", words)
    assert (submitted.told("permit", "list"), submitted.told("release", "list")) == before


def test_a_database_that_is_lost_or_spoilt_is_built_anew(submitted: House) -> None:
    before = submitted.told("permit", "list"), submitted.told("release", "list")
    path = submitted.warehouse / "controller" / "state.db"
    for spoil in (path.unlink, lambda: path.write_bytes(b"no database at all" * 400), lambda: path.write_bytes(b"")):
        spoil()
        assert (submitted.told("permit", "list"), submitted.told("release", "list")) == before


# --- keys, files, options


def test_an_unknown_key_is_not_trusted(house: House, tmp_path: Path) -> None:
    create_person_key(tmp_path / "stranger.key", randomness=surroundings.SystemRandomness(), passphrase=None)
    words = ("study", "run", house.example("study"), "--key", tmp_path / "stranger.key")
    refused(house, 20, "key-unknown", words)


def test_a_key_file_that_is_not_there_is_missing(house: House) -> None:
    refused(house, 30, "file-absent", ("study", "run", house.example("study"), "--key", house.folder / "nobody.key"))


def test_a_key_file_that_others_may_read_is_refused(house: House) -> None:
    os.chmod(house.key("alice"), 0o644)
    try:
        refused(house, 10, "file-open-to-others", study(house))
    finally:
        os.chmod(house.key("alice"), 0o600)


def test_a_file_that_is_no_key_is_bad_input(house: House) -> None:
    path = house.write("no.key", "not a key\n")
    os.chmod(path, 0o600)
    refused(house, 40, "person-key-form", ("study", "run", house.example("study"), "--key", path))


def test_who_is_no_officer_cannot_enrol(house: House) -> None:
    words = ("person", "add", "eve", "--role", "checker", "--by", house.key("bob"), "--key", house.folder / "eve.key")
    refused(house, 10, "role-missing", words)
    assert not (house.folder / "eve.key").exists()


def test_a_source_of_another_form_does_not_replace_deliveries_unasked(house: House, tmp_path: Path) -> None:
    (tmp_path / "person.csv").write_text("person_id,gender_concept_id,year_of_birth\n1,8507,1950\n", encoding="utf-8")
    refused(house, 10, "warehouse-not-empty", ("ingest", "--as", "omop", tmp_path))


def test_a_warehouse_is_made_once(house: House) -> None:
    words = ("init", house.warehouse, "--controller", "Essai", "--officer-key", house.folder / "again.key")
    refused(house, 10, "warehouse-exists", words, secret=PASSPHRASE)


def test_where_there_is_no_warehouse_it_is_missing(tmp_path: Path) -> None:
    refused(House(tmp_path), 30, "warehouse-missing", ("person", "list"))


@pytest.mark.parametrize(
    "words",
    [
        ("publish",),
        ("release", "burn"),
        ("study", "run"),
        ("person", "list", "--all"),
        ("study", "run", "study.toml", "--key", "alice.key", "--workers", "two"),
        ("release", "review", RELEASE, "--key", "bob.key", "--verdict", "maybe"),
        ("study", "run", "study.toml", "--key", "alice.key", "--as", "carol"),
    ],
)
def test_an_unknown_command_or_option_is_a_matter_of_usage(house: House, words: tuple[str, ...]) -> None:
    answer = house.call(*words)
    assert answer.code == 2
    assert answer.out == ""
    assert "Traceback" not in answer.err
    assert len(answer.err.splitlines()) == 2
    assert answer.err.startswith("rempart: usage: ")


def test_a_file_that_cannot_be_read_is_told_without_a_trace(house: House, tmp_path: Path) -> None:
    latin, broken = tmp_path / "latin.toml", tmp_path / "broken.toml"
    latin.write_bytes('schema = "é"'.encode("latin-1"))
    broken.write_text("schema = [", encoding="utf-8")
    for file, codes in ((tmp_path / "absent.toml", {30, 40}), (tmp_path, {30, 40}), (latin, {40}), (broken, {40})):
        for words in (
            ("permit", "check", file),
            ("study", "check", file),
            ("study", "run", file, "--key", house.key("alice")),
        ):
            answer = house.call(*words)
            assert answer.code in codes, answer
            said_no(answer, answer.code)
    absent, folder = tmp_path / "absent", tmp_path
    for words in (
        ("audit", "verify", "--since", absent),
        ("audit", "scan", absent),
        ("audit", "scan", house.write("needles", "a\n"), "--folder", absent),
        ("audit", "export", folder),
        ("audit", "export", absent / "checkpoint"),
        ("ingest", absent, "--plan"),
        ("ingest", house.folder / "study.toml", "--replace"),
        ("ingest", absent, "--as", "omop", "--replace"),
        ("synth", house.key("alice")),
        ("synth", tmp_path / "synth", "--years", "many"),
        ("synth", tmp_path / "synth", "--persons", "0"),
        ("synth", tmp_path / "synth", "--years", "2017:2012"),
    ):
        answer = house.call(*words)
        assert answer.code in {10, 30, 40, 60}, (words, answer)
        said_no(answer, answer.code)


def test_usage_is_told_in_json_too(house: House) -> None:
    answer = house.call("--json", "release", "burn")
    assert answer.code == 2
    assert answer.json["ok"] is False
    assert answer.error["family"] == "usage"


def test_the_true_program_refuses_in_the_same_words(house: House) -> None:
    words = study(house, author="dora")
    said_no(house.spawn(*words), 10, "dora", "P-2026-0001")
    assert house.spawn(*words).err == house.call(*words).err
    assert spawn("no-such-command").code == 2


# --- the broker


def test_without_the_broker_keys_are_unavailable(house_of: Callable[..., House], small_template: Path) -> None:
    house = house_of(small_template, "locked", unlocked=False)
    for words in (study(house), ("ingest", house.folder, "--replace"), ("vault", "hash")):
        answer = house.call(*words)
        if answer.code != 40:  # a folder that is no delivery may be told first
            said_no(answer, 60)
            assert "rempart keys unlock" in answer.err
    refused(house, 60, "broker-locked", study(house))
    status = house.call("keys", "status")
    assert (status.code, "rempart keys unlock" in status.err) == (60, True)
    assert "root key" in status.out  # what is known without the broker is told all the same


def test_a_wrong_passphrase_opens_nothing(house_of: Callable[..., House], small_template: Path) -> None:
    house = house_of(small_template, "closed", unlocked=False)
    refused(house, 10, "passphrase", ("keys", "unlock"), secret=PASSPHRASE + "!")
    assert not unlocked(house)


def test_a_passphrase_is_asked_of_somebody(house_of: Callable[..., House], small_template: Path) -> None:
    house = house_of(small_template, "asked", unlocked=False)
    refused(house, 10, "passphrase-nobody", ("keys", "unlock"))


def test_a_second_broker_is_refused_and_the_first_goes_on(house: House) -> None:
    refused(house, 10, "broker-running", ("keys", "unlock"), secret=PASSPHRASE)
    assert unlocked(house)


@pytest.mark.parametrize("minutes", ["0", "100000"])
def test_a_broker_for_ever_or_for_no_time_is_bad_input(house: House, minutes: str) -> None:
    refused(house, 40, "broker-minutes", ("keys", "unlock", "--minutes", minutes), secret=PASSPHRASE)


def test_an_expired_broker_is_unavailable(house_of: Callable[..., House], small_template: Path) -> None:
    house = house_of(small_template, "expired", unlocked=False)
    reading, writing = os.pipe()
    said, telling = os.pipe()
    command = [sys.executable, "-m", "rempart.broker", "--dir", str(house.warehouse), "--minutes", "0.03"]
    command += ["--secret-fd", str(reading), "--ready-fd", str(telling)]
    broker = subprocess.Popen(command, pass_fds=(reading, telling))
    os.write(writing, passphrase_secret(PASSPHRASE).to_bytes())
    for descriptor in (reading, writing, telling):
        os.close(descriptor)
    with os.fdopen(said, "rb") as stream:
        assert json.loads(stream.read())["ok"]
    assert broker.wait(timeout=60) == 0
    refused(house, 60, "broker-locked", study(house))


def test_a_broker_killed_in_the_middle_is_unavailable_and_can_be_unlocked_again(small: House) -> None:
    os.kill(int(small.told("keys", "status")["pid"]), 9)
    time.sleep(0.2)
    refused(small, 60, "broker-locked", study(small))
    small.unlock()
    assert unlocked(small)
