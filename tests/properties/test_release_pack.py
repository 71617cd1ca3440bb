# SPDX-License-Identifier: Apache-2.0
"""The published folder: bound file by file, checked tables only, no formula, no small count, all of it or nothing."""

import csv
import datetime
import hashlib
import io
import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from rempart.adapters.release_folder import read_release, write_release
from rempart.disclosure.check import check
from rempart.errors import BadInput, NotTrusted, Refused, RempartError
from rempart.records.canonical import content_id, sha256_id
from rempart.records.document import SignedDocument
from rempart.records.result import CheckedTable
from rempart.records.signature import sign
from rempart.records.trust import TrustEntry, TrustFile
from rempart.release.documents import decision_body, read_submission, read_vote, submission_body, vote_body
from rempart.release.pack import pack
from rempart.release.tables import table_csv, table_ids
from tests.disclosure_rows import RULES, row, rules, submission, toml

RELEASE = "R-2026-0001"
WORDS = toml("release/words.toml")
STUDY: dict[str, Any] = {"schema": "rempart.study/1", "permit": "P-2026-0001", "start": datetime.date(2012, 1, 1)}
PERMIT = {"id": "P-2026-0001", "project": "glitazones", "purpose": "long-term | safety <of> drugs"}
DAY = datetime.date(2026, 11, 21)
KEYS = {
    name: Ed25519PrivateKey.from_private_bytes(bytes([n] * 32)) for n, name in enumerate(["alice", "bob", "carol"], 1)
}


def trust() -> TrustFile:
    """Alice researches and checks, Bob and Carol check."""
    import base64

    entries = tuple(
        TrustEntry(
            actor=name,
            roles=("researcher", "checker") if name == "alice" else ("checker",),
            alg="ed25519",
            public=base64.b64encode(key.public_key().public_bytes_raw()).decode(),
            valid_from=DAY,
            valid_to=DAY,
            salt="00",
        )
        for name, key in KEYS.items()
    )
    return TrustFile(version=1, previous="", entries=entries, signatures=())


def signed(body: dict[str, Any], actor: str) -> SignedDocument:
    """A body signed by one person."""
    return SignedDocument(body=body, signatures=(sign(KEYS[actor], actor=actor, over=content_id(body)),))


def submitted(tables: tuple[CheckedTable, ...]) -> SignedDocument:
    """Alice's submission of these tables."""
    body = submission_body(
        release=RELEASE,
        permit="P-2026-0001",
        run="run",
        study="sha256:s",
        result="sha256:r",
        tables=table_ids(tables),
        context="Comparison of two drugs.",
        controls="Threshold of 11 persons.",
    )
    return signed(body, "alice")


def approved(document: SignedDocument, actor: str, verdict: Any = "approve") -> SignedDocument:
    """A vote over that submission; ``reject``: as it was written by 0.1.0."""
    over = {"release": RELEASE, "submission": sha256_id(document.data)}
    if verdict == "reject":
        return signed({"schema": "rempart.vote/1", **over, "verdict": "reject", "comment": "no"}, actor)
    files = {name: (item, verdict) for name, item in document.body["tables"].items()}
    return signed(vote_body(**over, files=files, public="wider groups" if verdict == "changes" else ""), actor)


def packed(tables: tuple[CheckedTable, ...], /, **changes: Any) -> dict[str, bytes]:
    """The folder of a release approved by Bob and Carol."""
    document = submitted(tables)
    given_: dict[str, Any] = {
        "release_id": RELEASE,
        "submission": document,
        "votes": [approved(document, "bob"), approved(document, "carol")],
        "tables": tables,
        "study": STUDY,
        "permit_public_facts": PERMIT,
        "figures": {"incidence-en.svg": b"<svg/>"},
        "words": WORDS,
    }
    return pack(**{**given_, **changes})


def test_every_file_is_bound_by_its_hash_and_nothing_else_is_there() -> None:
    files = packed(check(submission(), RULES))
    bound = json.loads(files["release.json"])["files"]
    assert set(bound) == set(files) - {"release.json"}
    assert {path: entry["sha256"] for path, entry in bound.items()} == {
        path: sha256_id(data) for path, data in files.items() if path != "release.json"
    }
    assert {"tables/incidence.csv", "figures/incidence-en.svg", "study.toml", "summary.fr.md", "summary.en.md"} <= set(
        files
    )


def test_release_json_gives_the_rules_their_record_and_the_three_criteria() -> None:
    data = json.loads(packed(check(submission((4, 70)), RULES))["release.json"])
    assert data["schema"] == "rempart.release/1"
    assert data["disclosure"]["incidence"]["rules"] == RULES["id"]
    assert [entry["rule"] for entry in data["disclosure"]["incidence"]["record"]] == RULES["types"]["rate"]["rules"]
    assert {"singling-out", "linkability", "inference", "source"} == set(data["anonymity"])


def test_the_same_release_gives_the_same_bytes() -> None:
    assert packed(check(submission(), RULES)) == packed(check(submission(), RULES))


def counts_in(data: bytes) -> list[str]:
    """Published texts of whole-number statistics in one CSV."""
    lines = csv.DictReader(io.StringIO(data.decode()))
    return [line["value"] for line in lines if line["statistic"] in {"n", "persons", "events", "at_risk", "censored"}]


def small_counts(files: dict[str, bytes]) -> list[str]:
    """Counts of 1 to 10 in any table of a folder."""
    found = [text for path, data in files.items() if path.endswith(".csv") for text in counts_in(data)]
    return [text for text in found if text.isdigit() and 1 <= int(text) <= 10]


def test_no_small_count_is_in_any_published_table_and_the_search_finds_them_when_the_rule_is_off() -> None:
    assert not small_counts(packed(check(submission((4, 70)), RULES)))
    assert small_counts(packed(check(submission((4, 70)), rules(persons=2, width=2))))


def test_one_marker_stands_for_every_suppressed_value_and_no_zero_does() -> None:
    tables = check(submission((4, 70)), RULES)
    text = packed(tables)["tables/incidence.csv"].decode()
    hidden = sum(item.status == "suppressed" for table in tables for item in table.rows if table.output == "incidence")
    assert hidden
    assert text.count(",suppressed,") == hidden
    assert ",0," not in text


@given(label=st.text(min_size=1, max_size=12).filter(str.isprintable), first=st.sampled_from(["=", "+", "-", "@"]))
def test_no_cell_of_a_table_is_a_formula(label: str, first: str) -> None:
    item = row("table_one", "frequency", {"variable": "v", "level": first + label}, "t", "n", 40)
    try:
        (table,) = check([item], RULES)
    except Refused as error:
        assert error.code == "disclosure-label"
        return
    (_, line) = list(csv.reader(io.StringIO(table_csv(table).decode())))
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in line)


def test_a_raw_table_cannot_be_written() -> None:
    raw = CheckedTable(output="x", output_type="attrition", rows=(row("x", "attrition", {}, "all", "n", 4),), rules="r")
    with pytest.raises(Refused, match="release-unchecked"):
        table_csv(raw)
    with pytest.raises(Refused, match="release-unchecked"):
        table_csv([row("x", "attrition", {}, "all", "n", 4)])  # type: ignore[arg-type]


def other_tables() -> dict[str, Any]:
    """Tables other than the signed ones."""
    return {"tables": check(submission((61, 70)), RULES)}


def votes(*cast: tuple[str, str]) -> dict[str, Any]:
    """Votes by name and verdict over the right submission."""
    document = submitted(check(submission(), RULES))
    return {"votes": [approved(document, actor, verdict) for actor, verdict in cast]}


def foreign_votes() -> dict[str, Any]:
    """Votes over another submission."""
    other = submitted(check(submission((61, 70)), RULES))
    return {"votes": [approved(other, "bob"), approved(other, "carol")]}


@pytest.mark.parametrize(
    ("changes", "family", "code"),
    [
        (other_tables, NotTrusted, "release-tables"),
        (lambda: {"release_id": "R-2026-0002"}, NotTrusted, "release-tables"),
        (foreign_votes, NotTrusted, "release-votes"),
        (lambda: votes(("bob", "approve")), Refused, "release-needs-two-checkers"),
        (lambda: votes(("bob", "approve"), ("bob", "approve")), Refused, "release-needs-two-checkers"),
        (lambda: votes(("bob", "approve"), ("alice", "approve")), Refused, "release-needs-two-checkers"),
        (lambda: votes(("bob", "approve"), ("carol", "reject")), Refused, "release-needs-two-checkers"),
        (lambda: votes(("bob", "approve"), ("carol", "changes")), Refused, "release-needs-two-checkers"),
        (lambda: {"figures": {"../x-en.svg": b""}}, Refused, "release-figure"),
    ],
)
def test_what_was_not_signed_and_approved_is_not_packed(
    changes: Callable[[], dict[str, Any]], family: type[RempartError], code: str
) -> None:
    with pytest.raises(family, match=code):
        packed(check(submission(), RULES), **changes())


def test_signed_documents_are_read_back_as_acts() -> None:
    document = submitted(check(submission(), RULES))
    _, act = read_submission(document.data, trust=trust(), on=DAY)
    assert (act.act, act.actor, act.document) == ("submit", "alice", sha256_id(document.data))
    _, voted = read_vote(approved(document, "bob", "reject").data, trust=trust(), on=DAY)
    assert (voted.act, voted.actor, voted.submission) == ("reject", "bob", act.document)


def test_a_document_by_another_key_another_role_or_another_day_proves_nothing() -> None:
    document = submitted(check(submission(), RULES))
    forged = SignedDocument(body=document.body, signatures=(replace(document.signatures[0], actor="bob"),))
    with pytest.raises(NotTrusted, match="signature"):
        read_submission(forged.data, trust=trust(), on=DAY)
    with pytest.raises(Refused, match="role-missing"):
        read_submission(signed(dict(document.body), "bob").data, trust=trust(), on=DAY)
    with pytest.raises(NotTrusted, match="actor-unknown"):
        read_submission(document.data, trust=trust(), on=DAY + datetime.timedelta(days=1))
    with pytest.raises(NotTrusted, match="document-form"):
        read_vote(document.data, trust=trust(), on=DAY)
    extra = signed({**document.body, "more": "x"}, "alice")
    with pytest.raises(NotTrusted, match="document-form"):
        read_submission(extra.data, trust=trust(), on=DAY)


def test_empty_fields_and_changes_without_a_public_reason_are_refused() -> None:
    with pytest.raises(BadInput, match="release-field"):
        vote_body(release=RELEASE, submission="sha256:s", files={"a": ("sha256:a", "changes")}, private="small cells")
    with pytest.raises(BadInput, match="release-field"):
        decision_body(release=RELEASE, submission="sha256:s", verdict="reject", private="no")
    with pytest.raises(BadInput, match="release-id"):
        vote_body(release="../x", submission="sha256:s", files={})
    with pytest.raises(BadInput, match="release-field"):
        submission_body(
            release=RELEASE, permit="P", run="r", study="s", result="r", tables={"a": "b"}, context=" ", controls="x"
        )


def test_a_submission_says_how_counts_are_altered_and_nothing_where_they_are_not() -> None:
    tables = check(submission(), RULES)
    plain_body = submitted(tables).body
    assert "option" not in plain_body and "option" not in json.loads(packed(tables)["release.json"])
    document = signed({**plain_body, "option": "base-5"}, "alice")
    assert read_submission(document.data, trust=trust(), on=DAY)[1].release == RELEASE
    votes = [approved(document, name) for name in ("bob", "carol")]
    assert json.loads(packed(tables, submission=document, votes=votes)["release.json"])["option"] == "base-5"
    for told in ("none", "", 5, None):
        with pytest.raises(NotTrusted, match="document-form"):
            read_submission(signed({**plain_body, "option": told}, "alice").data, trust=trust(), on=DAY)


def test_the_summary_shows_no_markup_of_its_authors() -> None:
    files = packed(check(submission(), RULES))
    for language, arm in (("fr", "traitement étudié"), ("en", "target")):
        text = files[f"summary.{language}.md"].decode()
        assert "<of>" not in text
        assert re.search(r"long-term \\\| safety of drugs", text)
        assert f"| {arm} | cancer | 1200 | 60 |" in text


def test_a_release_is_put_down_whole_once(tmp_path: Path) -> None:
    files = packed(check(submission(), RULES))
    folder = write_release(tmp_path, RELEASE, files)
    assert read_release(folder) == files
    assert write_release(tmp_path, RELEASE, files) == folder
    assert sorted(item.name for item in (tmp_path / "releases").iterdir()) == [RELEASE]
    with pytest.raises(Refused, match="release-exists"):
        write_release(tmp_path, RELEASE, {**files, "summary.en.md": b"x"})
    assert (
        hashlib.sha256((folder / "release.json").read_bytes()).digest()
        == hashlib.sha256(files["release.json"]).digest()
    )


def test_leftovers_of_a_broken_publication_are_cleared(tmp_path: Path) -> None:
    (tmp_path / "releases" / f".{RELEASE}.partial").mkdir(parents=True)
    (tmp_path / "releases" / f".{RELEASE}.partial" / "stale.csv").write_text("x", encoding="utf-8")
    assert set(read_release(write_release(tmp_path, RELEASE, {"a.csv": b"1"}))) == {"a.csv"}


@pytest.mark.parametrize("path", ["../a", "/a", "a/../../b", ".hidden"])
def test_no_file_is_written_outside_the_folder(tmp_path: Path, path: str) -> None:
    with pytest.raises(BadInput, match="release-path"):
        write_release(tmp_path, RELEASE, {path: b""})
    assert not list(tmp_path.iterdir())


def _link(folder: Path) -> None:
    (folder / "b.csv").symlink_to(folder / "a.csv")


def _named(name: bytes) -> Callable[[Path], None]:
    return lambda folder: Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).touch()


@pytest.mark.parametrize(
    "add",
    [
        _link,
        lambda folder: (folder / "all").symlink_to("/etc"),
        lambda folder: os.mkfifo(folder / "b.csv"),
        lambda folder: (folder / "empty").mkdir(),
        _named(b"\xff"),
        _named(b"a\x1b[31m"),
    ],
    ids=["link", "linked folder", "pipe", "empty folder", "name of no text", "name that steers a terminal"],
)
def test_what_a_list_of_hashes_does_not_tell_is_refused_when_a_folder_is_read(
    tmp_path: Path, add: Callable[[Path], object]
) -> None:
    folder = write_release(tmp_path, RELEASE, {"a.csv": b"1"})
    assert set(read_release(folder)) == {"a.csv"}
    add(folder)
    with pytest.raises(NotTrusted, match="release-odd-file") as refused:
        read_release(folder)
    assert str(refused.value.facts["file"]).isascii() and str(refused.value.facts["file"]).isprintable()
