# SPDX-License-Identifier: Apache-2.0
"""Codes, their hierarchy, and standard concepts from an invented Athena folder: cases that a domain expert can check."""

from pathlib import Path

import pytest

from rempart.adapters.package_data import toml
from rempart.adapters.vocabulary_reader import context_definitions, read_vocabulary
from rempart.errors import BadInput, Missing
from rempart.ingest.hierarchy import Code, Node, Standard, concepts, hierarchy, systems
from tests.spec.context_house import Shard

SYSTEMS = systems(toml("ingest/hierarchy.toml"))
FIRST = 2_000_000_001
# Invented numbers; names of vocabularies, relations and columns as Athena writes them; - = empty.
CONCEPT_COLUMNS = "concept_id concept_name domain_id vocabulary_id standard_concept concept_code invalid_reason"
CONCEPT = """
11|Tumeur "maligne" de la vessie|Condition|CIM10|-|C67.9|-
12|Essai|Condition|CIM10|-|Z99.9|-
13|Boîte|Drug|BDPM|-|3556324|-
14|Fosses|Procedure|CCAM|-|JDFA001|-
15|Other|Condition|ICD10CM|-|C67.9|-
901|Malignant tumor of bladder|Condition|SNOMED|S|399326009|-
902|Old tumor|Condition|SNOMED|S|1|D
903|Pioglitazone|Drug|RxNorm|S|2|-
904|Test finding|Observation|SNOMED|S|3|-
905|Bladder act|Procedure|SNOMED|S|4|-
906|Class|Drug|ATC|C|A10BG03|-
"""
RELATION_COLUMNS = "concept_id_1 concept_id_2 relationship_id invalid_reason"
RELATION = """
11|902|Maps to|-
11|901|Maps to|-
11|904|Maps to value|-
12|904|Maps to|-
13|903|Maps to|-
14|905|Maps to|U
15|901|Maps to|-
"""
OWN_MAP_COLUMNS = "source_code source_vocabulary_id target_concept_id invalid_reason"
OWN_MAP = """
JDFA001|CCAM|905|-
1111|ELSE|905|-
"""


def athena_file(columns: str, rows: str) -> str:
    """Tab-separated, as Athena writes."""
    lines = [
        columns.split(),
        *(["" if cell == "-" else cell for cell in row.split("|")] for row in rows.split("\n") if row),
    ]
    return "".join("\t".join(line) + "\n" for line in lines)


@pytest.fixture
def athena(tmp_path: Path) -> Path:
    """The folder."""
    (tmp_path / "CONCEPT.csv").write_text(athena_file(CONCEPT_COLUMNS, CONCEPT), encoding="utf-8")
    (tmp_path / "CONCEPT_RELATIONSHIP.csv").write_text(athena_file(RELATION_COLUMNS, RELATION), encoding="utf-8")
    (tmp_path / "SOURCE_TO_CONCEPT_MAP.csv").write_text(athena_file(OWN_MAP_COLUMNS, OWN_MAP), encoding="utf-8")
    return tmp_path


def standard(source: int, concept: int, domain: str) -> Standard:
    """What a vocabulary says."""
    return Standard(source_concept_id=source, concept_id=concept, domain=domain)


def test_a_code_maps_to_its_valid_standard_concept_of_the_right_domain(athena: Path) -> None:
    assert read_vocabulary(athena, SYSTEMS) == {
        ("CIM10", "C679"): standard(11, 901, "Condition"),
        ("CIM10", "Z999"): standard(12, 904, "Observation"),
        ("BDPM", "3556324"): standard(13, 903, "Drug"),
        ("CCAM", "JDFA001"): standard(14, 905, "Procedure"),
        ("ATC", "A10BG03"): standard(906, 0, ""),
    }


def test_without_the_operators_own_map_an_invalid_relation_maps_to_nothing(athena: Path) -> None:
    (athena / "SOURCE_TO_CONCEPT_MAP.csv").unlink()
    assert read_vocabulary(athena, SYSTEMS)["CCAM", "JDFA001"] == standard(14, 0, "")


def test_what_is_no_athena_folder_is_refused(athena: Path) -> None:
    (athena / "CONCEPT_RELATIONSHIP.csv").write_text("a\tb\n1\t2\n", encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        read_vocabulary(athena, SYSTEMS)
    assert (caught.value.code, caught.value.facts["column"]) == ("vocabulary-column", "concept_id_1")
    (athena / "CONCEPT.csv").write_text(athena_file(CONCEPT_COLUMNS, CONCEPT) + "x\ty\n", encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        read_vocabulary(athena, SYSTEMS)
    assert caught.value.code == "vocabulary-form"
    (athena / "CONCEPT.csv").unlink()
    with pytest.raises(Missing):
        read_vocabulary(athena, SYSTEMS)


def tree(*seen: Code, classes: dict[Code, str] | None = None) -> dict[Code, Node]:
    """The hierarchy of some codes."""
    return {n.code: n for n in hierarchy(seen, SYSTEMS, classes=classes or {}, labels={}, first=FIRST)}


def path(nodes: dict[Code, Node], code: Code) -> list[Code]:
    """A code and all above it."""
    found: list[Code] = []
    step: Code | None = code
    while step is not None:
        found.append(step)
        step = nodes[step].parent
    return found


@pytest.mark.parametrize(
    ("code", "above"),
    [
        (("CIM-10", "C679"), ["C67", "II"]),
        (("CIM-10", "M0580"), ["M058", "M05", "XIII"]),
        (("CIM-10", "D50"), ["III"]),
        (("CIM-10", "U071"), ["U07", "XXII"]),
        (("ATC", "A10BG03"), ["A10BG", "A10B", "A10", "A"]),
        (("ATC", "B01AA"), ["B01A", "B01", "B"]),
        (("CCAM", "JDFA001"), ["JDFA", "JD", "J"]),
        (("NABM", "1104"), []),
        (("LPP", "1234567"), []),
        (("ELSE", "X"), []),
    ],
)
def test_levels_are_read_off_the_code(code: Code, above: list[str]) -> None:
    assert [step[1] for step in path(tree(code), code)[1:]] == above


def test_a_pack_hangs_under_its_class() -> None:
    pack = ("CIP13", "3400935563248")
    nodes = tree(pack, classes={pack: "A10BG03"})
    assert path(nodes, pack)[1:3] == [("ATC", "A10BG03"), ("ATC", "A10BG")]
    assert (nodes[pack].level, nodes["ATC", "A10BG03"].level, nodes["ATC", "A"].level) == (1, 5, 1)


def test_concepts_of_our_own_are_numbered_by_system_and_code() -> None:
    nodes = hierarchy([("CIM-10", "C679"), ("ATC", "A")], SYSTEMS, classes={}, labels={}, first=FIRST)
    assert [node.code for node in nodes] == sorted(node.code for node in nodes)
    assert [node.concept_id for node in nodes] == list(range(FIRST, FIRST + len(nodes)))


def test_a_standard_concept_of_another_domain_is_left_out() -> None:
    nodes = hierarchy([("CIM-10", "Z999"), ("CIM-10", "C679")], SYSTEMS, classes={}, labels={}, first=FIRST)
    seen = [("CIM-10", "Z999"), ("CIM-10", "C679")]
    found = concepts(nodes, seen, SYSTEMS, {("CIM-10", "Z999"): standard(12, 904, "Observation")})
    own = {node.code: node.concept_id for node in nodes}
    assert found == [("CIM-10", "C679", 0, own["CIM-10", "C679"]), ("CIM-10", "Z999", 0, 12)]


def test_codes_of_the_data_get_their_concepts_packs_by_their_seven_figures(athena: Path) -> None:
    shard = Shard()
    shard.context = context_definitions(vocabulary=athena)
    drug = {"cip13": "3400935563248", "cip7": "3556324", "atc": "A10BG03", "label": "PIOGLITAZONE"}
    shard.add("gross_drug_code", drug)
    shard.add(
        "gross_claim",
        {"card": 1, "kind": "drug", "code": "3400935563248"},
        {"card": 1, "kind": "act", "code": "JDFA001"},
    )
    shard.add("gross_stay", {"psa": 1, "principal": "C679", "related": "Z999"})
    shard.run()
    assert shard.rows("SELECT system, code, concept_id FROM concept_map ORDER BY ALL") == [
        ("CCAM", "JDFA001", 905), ("CIM-10", "C679", 901), ("CIM-10", "Z999", 0), ("CIP13", "3400935563248", 903),
    ]  # fmt: skip
    assert shard.prepared is not None
    rows = shard.prepared.whole["code_hierarchy"].to_pylist()
    assert [(r["parent"], r["label"]) for r in rows if r["code"] in {"3400935563248", "A10BG03"}] == [
        ("A10BG", "PIOGLITAZONE"), ("A10BG03", None),
    ]  # fmt: skip
