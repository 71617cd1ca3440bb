# SPDX-License-Identifier: Apache-2.0
"""Code lists: what they find, how others' files become lists, and that a large study is a matter of seconds."""

import json
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from rempart.adapters import package_data
from rempart.adapters.code_list_files import rows_of, sets_of
from rempart.adapters.known_codes import unknown_codes
from rempart.cohort.codes import DOMAIN, HIERARCHY, Reads, matches
from rempart.errors import BadInput, Missing, Refused, RempartError
from rempart.records.code_import import Item, from_items, from_rows
from rempart.records.code_lists import FORMS, list_id, read_code_list, systems_of, tidied
from rempart.records.fields import Fields
from rempart.records.study import study_from_dict
from rempart.wiring.study_codes import Wanted, import_codes, put_into
from rempart.wiring.study_files import judge_study
from tests.spec.code_list_cases import CASES, CLASSES, CONCEPTS, RECORDS, Case


@pytest.fixture(scope="module")
def small() -> Iterator[duckdb.DuckDBPyConnection]:
    """A dataset of one record for each code."""
    session = duckdb.connect()
    for name, held in RECORDS.items():
        domain = DOMAIN[name]
        mapped = {code: int(concept) for concept, (of, code) in CONCEPTS.items() if of == name}
        values = ", ".join(f"('{code}', {mapped.get(code, 0)})" for code in held)
        session.execute(f"CREATE TABLE {domain.table} AS FROM (VALUES {values}) t({domain.source}, {domain.concept})")
        session.execute(f"INSERT INTO {domain.table} VALUES (NULL, 0)")
    rows = [(pack, above, "ATC") for pack, above in CLASSES.items()]
    rows += [("A10BG", "A10B", "ATC"), ("A10B", "A10", "ATC"), ("C67", "C", "CIM-10"), ("A", None, None)]
    rows += [("COMIRNATY", "A10BG", "VAC-SI")]  # a class of another system that is written alike
    session.execute(f"CREATE TABLE {HIERARCHY} (code VARCHAR, parent VARCHAR, parent_system VARCHAR)")
    session.executemany(f"INSERT INTO {HIERARCHY} VALUES (?, ?, ?)", rows)
    yield session
    session.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.about)
def test_a_list_finds_the_records_of_its_codes(small: duckdb.DuckDBPyConnection, case: Case) -> None:
    domain = DOMAIN[case.domain]
    condition = matches(read_code_list(Fields(case.body, file="s.toml", path="codes.x")), domain, Reads())
    found = small.execute(f"SELECT {domain.source} FROM {domain.table} WHERE {condition} ORDER BY 1").fetchall()
    assert tuple(code for (code,) in found) == tuple(sorted(case.found))


def test_every_system_has_a_case() -> None:
    assert {case.system for case in CASES} == set(FORMS)


def test_ten_thousand_codes_are_a_query_of_little_time(small: duckdb.DuckDBPyConnection) -> None:
    codes = [f"{letter}{number:03}" for letter in "ABCDEFGHIJ" for number in range(1000)]
    given = read_code_list(Fields({"system": "CIM10", "include": codes}, file="s.toml"))
    begun = time.perf_counter()
    small.execute(
        f"SELECT count(*) FROM (SELECT 'C' || (i % 1000) AS condition_source_value FROM range(100000) t(i)) "
        f"WHERE {matches(given, DOMAIN['condition'], Reads())}"
    ).fetchall()
    assert time.perf_counter() - begun < 10


@pytest.mark.parametrize(
    ("system", "code", "likely"),
    [
        ("CIP13", "C670", "CIM10"),
        ("CIM10", "3400935563248", "CIP13"),
        ("CCAM", "C670", "CIM10"),
        ("ATC", "JDFA001", "CCAM"),
    ],
)
def test_a_code_of_another_system_is_said_to_be_one(system: str, code: str, likely: str) -> None:
    given = Fields({"system": system, "include": [code]}, file="s.toml", path="codes.x")
    with pytest.raises(BadInput) as caught:
        read_code_list(given)
    assert caught.value.facts["item"] == 1
    assert f"it looks like {likely}" in str(caught.value.facts["expected"])


def test_a_code_with_its_dot_is_told_without() -> None:
    with pytest.raises(BadInput) as caught:
        read_code_list(Fields({"system": "CIM10", "include": ["C68", "c67.0"]}, file="s.toml", path="codes.x"))
    assert (caught.value.facts["near"], caught.value.facts["item"]) == ("C670", 2)


def test_equal_codes_have_one_id_whatever_they_are_called() -> None:
    one = {"system": "CIM10", "include": ["C67", "C68"], "source": "a", "version": "1"}
    other = {"system": "CIM10", "include": ["C68", "C67"], "source": "b"}
    ids = {list_id(read_code_list(Fields(item, file="s.toml"))) for item in (one, other)}
    assert len(ids) == 1
    assert ids != {list_id(read_code_list(Fields({**one, "descendants": False}, file="s.toml")))}


@pytest.mark.parametrize(
    ("system", "written", "code"),
    [
        ("CIM10", "C67.0", "C670"), ("CIM10", " c67 ", "C67"), ("CIM10", "I10X", "I10"), ("CIM10", "bladder", ""),
        ("NABM", "552", "0552"), ("LPP", "103114", "0103114"), ("UCD", "3400891234567", ""), ("UCD", "0000009123456", "9123456"),
        ("CIP13", "34009 355 632 48", "3400935563248"), ("ATC", "a10bg03", "A10BG03"), ("OMOP", "0192671", "192671"),
        ("CCAM", "JDFA001", "JDFA001"), ("CIP7", "9123456", ""),
    ],
)  # fmt: skip
def test_codes_are_set_right_as_their_system_writes_them(system: str, written: str, code: str) -> None:
    assert tidied(system, written) == code
    assert code == "" or system in systems_of(code)


def write(folder: Path, name: str, text: str) -> Path:
    """A file."""
    (folder / name).write_bytes(text.encode("utf-8"))
    return folder / name


@pytest.mark.parametrize(
    ("text", "asked", "system", "codes", "column"),
    [
        ("code,term\nC670,Trigone\nC67.1,Dome\n", {}, "CIM10", ("C670", "C671"), "code"),
        (
            "Libellé;Code CIP13\nA;3400935563248\nB;3400926910891\n",
            {},
            "CIP13",
            ("3400926910891", "3400935563248"),
            "Code CIP13",
        ),
        ("\ufeffatc\tname\nA10BG03\tpio\n", {}, "ATC", ("A10BG03",), "atc"),
        ("JDFA001\nJDFA002\n", {}, "CCAM", ("JDFA001", "JDFA002"), "1"),
        ("id,name\n552,x\n1104,y\n", {"system": "NABM"}, "NABM", ("0552", "1104"), "id"),
        ("Concept Id,Concept Code\n192671,74474003\n", {}, "OMOP", ("192671",), "Concept Id"),
        ("a,b,c\nx,1,C67\ny,2,C68\n", {"column": "c"}, "CIM10", ("C67", "C68"), "c"),
        ("name|lpp\nlit|1100028\n", {}, "LPP", ("1100028",), "lpp"),
    ],
)
def test_others_tables_become_lists(
    tmp_path: Path, text: str, asked: dict[str, Any], system: str, codes: tuple[str, ...], column: str
) -> None:
    made = from_rows(rows_of(write(tmp_path, "l.csv", text)), file="l.csv", source="l.csv", **asked)
    assert (made.codes.system, made.codes.include, made.column) == (system, codes, column)
    assert made.refused == {}


def test_what_is_not_taken_is_counted_with_its_reason(tmp_path: Path) -> None:
    file = write(
        tmp_path, "l.csv", "code,term\nC670,a\nC670,b\nFOO,c\n12,d\nC671,e\nC672,f\nC673,f\nC674,f\nC675,f\nC676,f\n"
    )
    made = from_rows(rows_of(file), file="l.csv", source="l.csv")
    assert (made.rows, made.twice, made.refused) == (10, 1, {"form": ("FOO", "12")})
    assert made.rows == len(made.codes.include) + made.twice + sum(len(what) for what in made.refused.values())


@pytest.mark.parametrize(
    ("text", "asked", "code"),
    [
        ("", {}, "codes-file"),
        ("code\n", {}, "codes-empty"),
        ("name,city\nanne,paris\n", {}, "codes-no-column"),
        ("code\nC67\n", {"column": "kode"}, "codes-column"),
        ("code\n1234567\n", {}, "codes-system"),
        ("code,term\n73211009,Diabetes mellitus\n44054006,T2\n", {}, "codes-system"),
        ("code,term\n999004211000000104,x\n1234567890123456,y\n", {}, "codes-system"),
        ("date,diag\n20240101,foo\n20240102,bar\n", {}, "codes-system"),
        ("code,l\n3400890012345,x\n3400890012346,y\n", {}, "codes-system"),
        ("code,l\n4012345678901,x\n3400935563248,y\n", {}, "codes-system"),
        ("code\nC67\n", {"system": "CIP13", "column": "code"}, "codes-none"),
    ],
)
def test_a_table_that_tells_no_list_is_refused_in_words(
    tmp_path: Path, text: str, asked: dict[str, Any], code: str
) -> None:
    with pytest.raises(BadInput) as caught:
        from_rows(rows_of(write(tmp_path, "l.csv", text)), file="l.csv", source="l.csv", **asked)
    assert caught.value.code == code


def concept(number: int, code: str, vocabulary: str, **flags: bool) -> dict[str, Any]:
    """An item as ATLAS writes it."""
    told = {"CONCEPT_ID": number, "CONCEPT_CODE": code, "VOCABULARY_ID": vocabulary, "CONCEPT_NAME": f"name of {code}"}
    return {"concept": told, **flags}


ITEMS = [
    concept(1, "A10BG03", "ATC", includeDescendants=True),
    concept(2, "A10B", "ATC", includeDescendants=True),
    concept(3, "A10BB", "ATC", includeDescendants=True, isExcluded=True),
    concept(4, "860975", "RxNorm"),
]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda items: {"items": items},
        lambda items: {"id": 3, "name": "set", "expression": {"items": items}},
        lambda items: {
            "ConceptSets": [{"id": 0, "name": "set", "expression": {"items": items}}],
            "PrimaryCriteria": {},
        },
        lambda items: {
            "name": "whole",
            "expression": json.dumps({"ConceptSets": [{"name": "set", "expression": {"items": items}}]}),
        },
        lambda items: [{"name": "set", "expression": {"items": items}}],
    ],
)
def test_concept_sets_of_atlas_are_read_however_they_are_wrapped(tmp_path: Path, wrap: Any) -> None:
    (items,) = sets_of(write(tmp_path, "set.json", json.dumps(wrap(ITEMS)))).values()
    made = from_items(items, file="set.json", source="set.json", system="ATC")
    assert (made.codes.include, made.codes.exclude) == (("A10B", "A10BG03"), ("A10BB",))
    assert made.refused == {"vocabulary": ("RxNorm 860975",)}


def test_concepts_with_all_below_them_are_refused_unless_they_are_meant_alone(tmp_path: Path) -> None:
    (items,) = sets_of(write(tmp_path, "set.json", json.dumps({"items": ITEMS}))).values()
    with pytest.raises(BadInput, match="codes-descendants"):
        from_items(items, file="set.json", source="x")
    alone = from_items(items, file="set.json", source="x", alone=True)
    assert (alone.codes.system, alone.codes.include) == ("OMOP", ("1", "2", "4"))


def test_a_concept_that_is_excluded_is_taken_out_of_concepts_that_are_matched_whole() -> None:
    items = [
        Item(concept=number, code="", vocabulary="", label="", excluded=out, descendants=False, mapped=False)
        for number, out in (("1", False), ("2", False), ("2", True))
    ]
    made = from_items(items, file="set.json", source="x")
    assert (made.codes.include, made.codes.exclude) == (("1",), ())


def test_a_set_without_those_below_is_a_list_of_the_codes_alone(tmp_path: Path) -> None:
    items = [concept(1, "E11", "CIM10"), concept(2, "E10.1", "ICD10")]
    (read,) = sets_of(write(tmp_path, "set.json", json.dumps({"items": items}))).values()
    made = from_items(read, file="set.json", source="x", system="CIM10")
    assert (made.codes.include, made.codes.descendants) == (("E101", "E11"), False)


@pytest.mark.parametrize("text", ["{", "{}", "[1, 2]", '{"items": []}', "[" * 100_000])
def test_json_that_is_no_concept_set_is_refused_in_words(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInput) as caught:
        import_codes(write(tmp_path, "set.json", text), Wanted(name="x"))
    assert caught.value.code in {"codes-file", "codes-none"}


@pytest.mark.parametrize("mark", ['"', "\\", "\n", "\x00", "#", "]", "é", "'"])
def test_the_block_reads_back_as_the_list_whatever_labels_hold(tmp_path: Path, mark: str) -> None:
    rows = [["code", "term"], ["C670", f"a{mark}b"], ["C671", f'"{mark}']]
    made = from_rows(rows, file="l.csv", source=f"l{mark}.csv")
    from rempart.records.code_list_text import toml_block

    parsed = tomllib.loads(toml_block("x", made, version=f"v{mark}"))["codes"]["x"]
    assert list_id(read_code_list(Fields(parsed, file="s.toml"))) == made.id


def test_a_list_is_put_at_the_end_and_nothing_else_changes(tmp_path: Path) -> None:
    text = package_data.text("examples/glitazones/study.toml").replace("\n", "\r\n") + "# the last comment"
    study = write(tmp_path, "study.toml", text)
    lists = write(tmp_path, "l.csv", "code,term\nJDFA001,x\n")
    _, block = import_codes(lists, Wanted(name="resection"))
    put_into(study, "resection", block)
    after = study.read_bytes().decode()
    assert after.startswith(text)
    assert "resection" in study_from_dict(tomllib.loads(after)).codes
    with pytest.raises(Refused, match="codes-there"):
        put_into(study, "resection", block)
    assert study.read_bytes().decode() == after


def test_a_study_of_ten_megabytes_is_read_in_bounded_time_and_its_last_error_named(tmp_path: Path) -> None:
    lists = []
    for number in range(40):
        codes = ",\n".join(f'  "34009{number:02}{code:06}"' for code in range(12_500))
        lists.append(f'[codes.list_{number}]\nsystem = "CIP13"\ninclude = [\n{codes}\n]\n')
    text = package_data.text("examples/glitazones/study.toml") + "\n" + "\n".join(lists)
    assert len(text) > 9_000_000
    begun = time.perf_counter()
    found, problems = judge_study(write(tmp_path, "study.toml", text))
    assert found is not None, problems
    assert time.perf_counter() - begun < 90
    wrong = text[: text.rindex('"34009')] + '"C67"\n]\n'
    found, problems = judge_study(write(tmp_path, "study.toml", wrong))
    assert found is None
    assert [error.facts["line"] for error in problems] == [wrong.count("\n") - 1]


def test_no_word_of_these_errors_is_a_trace(tmp_path: Path) -> None:
    for data in (b"\xff\xfe\x00", b"\x00" * 100, b'"unclosed\nC67', b";;;\n;;;"):
        (tmp_path / "l.csv").write_bytes(data)
        with pytest.raises(RempartError):
            import_codes(tmp_path / "l.csv", Wanted(name="x"))


CONCEPTS_FILE = (
    "concept_id\tconcept_name\tvocabulary_id\tconcept_code\n"
    "1\tx\tCIM10\tC67\n2\tx\tCIM10\tC67.0\n3\tx\tCIM10\tI10.00\n4\tx\tATC\tA10BG03\n5\tx\tBDPM\t3556324\n6\tx\tICD9\tC99\n70\tx\tICD9\t7\n"
)


@pytest.mark.parametrize(
    ("system", "include", "unknown"),
    [
        ("CIM10", ["C67", "C670", "C6", "C99", "I1000", "I1001"], ("C99", "I1001")),
        ("ATC", ["A10", "A10BG03", "A10BG04"], ("A10BG04",)),
        ("CIP13", ["3400935563248", "3400935563538"], ("3400935563538",)),
        ("CIP7", ["3556324", "3556325"], ("3556325",)),
        ("OMOP", [1, 6, 7], ("7",)),
        ("CCAM", ["JDFA001"], ()),
    ],
)
def test_codes_that_a_vocabulary_does_not_have_are_named(
    tmp_path: Path, system: str, include: list[Any], unknown: tuple[str, ...]
) -> None:
    write(tmp_path, "CONCEPT.csv", CONCEPTS_FILE)
    codes = read_code_list(Fields({"system": system, "include": include}, file="s.toml"))
    names = {"CIM10": "CIM10", "ATC": "ATC", "CIP13": "BDPM", "CIP7": "BDPM", "CCAM": "CCAM"}
    assert unknown_codes(tmp_path, {"x": codes}, names).get("x", ()) == unknown


def test_a_folder_without_a_vocabulary_is_said(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="vocabulary-file"):
        unknown_codes(tmp_path, {}, {})
    write(tmp_path, "CONCEPT.csv", "a\tb\n")
    with pytest.raises(BadInput, match="vocabulary-column"):
        unknown_codes(tmp_path, {}, {})
