# SPDX-License-Identifier: Apache-2.0
"""The schema files against the published schemas, and deliveries of years whose tables differ: renames, archives, other forms, 2021."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from rempart.adapters.delivery_reader import ingest_definitions, list_delivery
from rempart.errors import BadInput
from rempart.ingest.schema import TableSchema, unit_columns
from rempart.ingest.survey import survey
from tests.small_delivery import PSA, Row, chain, claim, keys, known, pack, stay
from tests.small_units import read_units

# Tables of our own layout, of an operator's reference, or (the archive) with the columns of another.
UNPUBLISHED = {
    "doses",
    "drug_reference",
    "condition_codes",
    "commune_history",
    "populations",
    "environment",
    "homes",
    "archived_beneficiaries",
}
# Two years that the catalogue of columns and the published files tell differently are taken from the catalogue.
LAST_IN_CATALOGUE = 2019


def published(shared: Path) -> dict[str, set[str]]:
    """Table → columns of the published JSON files."""
    found = {}
    for path in (shared / "schema-snds" / "schemas").rglob("*.json"):
        parsed = json.loads(path.read_text(encoding="utf-8"))
        found[parsed["name"]] = {item["name"].upper() for item in parsed["fields"]}
    return found


def catalogue(shared: Path) -> dict[tuple[str, str], set[int]]:
    """(table, column) → years of the catalogue of columns by year; empty where the table is not yearly."""
    found: dict[tuple[str, str], set[int]] = defaultdict(set)
    with (shared / "snds-ref" / "kwikly_columns_by_year.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            name = row["table"].replace("XX", "aa"), row["column"].rstrip("*").upper()
            found[name] |= {int(year) for year in row["years"].split() if year.isdigit()}
    return found


def compared() -> Iterator[TableSchema]:
    for table in known().tables.values():
        if table.word not in UNPUBLISHED:
            yield table


@pytest.mark.shared_data
def test_no_published_column_is_forgotten_and_none_is_invented(shared_data: Path) -> None:
    by_year, files = catalogue(shared_data), published(shared_data)
    for table in compared():
        expected = files.get(table.name, set()) | {column for name, column in by_year if name == table.name}
        assert set(table.columns) == {name for name in expected if name.replace("_", "").isalnum()}, table.id


@pytest.mark.shared_data
def test_the_years_of_yearly_tables_are_those_of_the_catalogue(shared_data: Path) -> None:
    by_year, checked = catalogue(shared_data), 0
    for table in compared():
        years = set().union(*(found for (name, _), found in by_year.items() if name == table.name))
        if table.period != "year" or not years:
            continue
        for name, column in table.columns.items():
            if found := by_year.get((table.name, name)):
                told = {year for year in range(min(years), max(years) + 1) if column.exists(year)}
                assert {min(told), max(told)} == {min(found), max(found)}, (table.id, name)
                checked += 1
    assert checked > 900


def test_every_form_of_a_table_gives_the_columns_of_the_usual_one() -> None:
    schema = known().tables
    forms = [table for table in schema.values() if table.form]
    assert {table.word for table in forms} >= {"claims", "drugs", "claim_acts", "labs", "devices", "beneficiaries"}
    for table in forms:
        own = {name for name in schema[table.word].made if name in table.columns or name in table.renamed}
        assert own, table.id
        kinds = {
            schema[table.word].made[name].type == (table.columns.get(name) or table.columns[table.renamed[name]]).type
            for name in own
        }
        assert kinds == {True}, table.id
        assert "line_key" in unit_columns(schema, table.word) or table.word == "beneficiaries"


def deliver(folder: Path, tables: dict[str, Sequence[Row]]) -> Path:
    """Plain files from rows."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        text = "\n".join([";".join(rows[0]), *(";".join(row.values()) for row in rows)]) + "\n"
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def record(**more: str) -> Row:
    """The key of an acute stay and more."""
    return {"ETA_NUM": "010009991", "RSA_NUM": "0000000007"} | more


def test_a_former_name_is_read_as_the_present_one_and_told(tmp_path: Path) -> None:
    years = {
        "08": {"UM_TYP": "07"},
        "12": {"AUT_TYP1_UM": "07", "ETA_NUM_GEO1": "10009992"},
        "15": {"AUT_TYP1_UM": "07"},
    }
    for year, columns in years.items():
        old = {name: code for name, code in chain().items() if not (year == "08" and name.startswith(("EXE", "COH")))}
        old = {name: code for name, code in old.items() if not (year == "12" and name.startswith("COH"))}
        old |= {"EXE_SOI_DTF": f"20{year}-05-06"} if "EXE_SOI_DTF" in old else {}
        record_ = {name: code for name, code in stay().items() if year == "15" or name != "TYP_GEN_RSA"}
        deliver(
            tmp_path / "d", {f"T_MCO{year}C": [old], f"T_MCO{year}B": [record_], f"T_MCO{year}UM": [record(**columns)]}
        )
    found = read_units(tmp_path / "d")
    assert [row["AUT_TYP1_UM"] for row in found.rows["mco_wards"]] == ["07"] * 3
    assert [row["ETA_NUM_GEO"] for row in found.rows["mco_wards"]] == [None, "010009992", None]
    assert ("column-renamed", "T_MCOaaUM", "UM_TYP 2008") in found.notes
    assert ("column-not-yet", "T_MCOaaC", "EXE_SOI_DTD 2008") in found.notes
    assert [row["COH_NAI_RET"] for row in found.rows["mco_chaining"]] == ["0"] * 3
    assert [row["EXE_SOI_DTD"] is None for row in found.rows["mco_chaining"]] == [True, False, False]


def test_the_simplified_form_gives_the_same_tables(tmp_path: Path) -> None:
    line = {
        "CLE_DCI_JNT": "12345", "FLX_DIS_DTD": "2015-03-01", "BEN_IDT_ANO": "N" * 17, "EXE_SOI_DTD": "2015-02-10", "PRE_PRE_DTD": "",
        "PRS_NAT_REF": "3313", "DPN_QLF": "0", "PRS_ACT_QTE": "1", "PFS_EXE_NUM": "75000000", "PFS_PRE_NUM": "75000001",
    }  # fmt: skip
    detail = {
        "CLE_DCI_JNT": "0012345",
        "FLX_DIS_DTD": "2015-03-01",
        "PHA_PRS_C13": "3400935563248",
        "PHA_ACT_QSC": "2",
        "PHA_ACT_PRU": "1",
    }
    found = read_units(deliver(tmp_path / "d", {"NS_PRS_F_201503": [line], "NS_PHA_F_201503": [detail]}))
    assert found.rows["drugs"][0]["PHA_ACT_QSN"] == 2
    assert found.rows["drugs"][0]["line_key"] == found.rows["claims"][0]["line_key"]
    assert found.rows["claims"][0]["BEN_IDT_ANO"] == "N" * 17
    with pytest.raises(BadInput, match="delivery-forms-mixed"):
        read_units(deliver(tmp_path / "d", {"ER_PHA_F_201503": [pack(1)]}))


def test_an_archive_of_a_year_holds_the_flows_to_february_of_the_next(tmp_path: Path) -> None:
    flows = ("2012-03-01", "2012-12-01", "2013-02-01")
    lines = [claim(1) | keys(number, flow) for number, flow in enumerate(flows)]
    found = read_units(deliver(tmp_path / "d", {"ER_PRS_F_2012": lines}))
    assert found.flows == {"dcir/2012": {146, 155, 157}}
    with pytest.raises(BadInput, match="delivery-flow"):
        read_units(deliver(tmp_path / "d", {"ER_PRS_F_2012": [claim(1) | keys(1, "2013-03-01")]}))


def test_a_delivery_of_2021_is_read_and_what_is_new_in_it_is_named(tmp_path: Path) -> None:
    dose = {"BEN_NIR_PSA": PSA, "BEN_RNG_GEM": "1", "VAC_DAT": "2021-05-03", "VAC_RNG": "2", "VAC_PRD": "COMIRNATY"}
    folder = deliver(tmp_path / "d", {
        "T_MCO21C": [chain(ID_MAM_ENF="M" * 32, EXE_SOI_DTF="2021-05-06")], "T_MCO21B": [stay(COD_POST="75013")], "VAC_SI_F_202105": [dose],
        "ER_PRS_F_202101": [claim(1) | keys(1, "2021-01-01")],
    })  # fmt: skip
    found = read_units(folder)
    assert ("column-unknown", "T_MCOaaB", "COD_POST 2021") in found.notes
    assert {("schema-of-2019", "T_MCOaaC", "2021"), ("schema-of-2019", "ER_PRS_F", "2021")} <= found.notes
    assert found.rows["mco_chaining"][0]["ID_MAM_ENF"] == "M" * 32
    assert found.rows["doses"][0]["VAC_RNG"] == 2
    assert "COD_POST" not in found.rows["mco_stays"][0]
    own = tmp_path / "schema"
    own.mkdir()
    (own / "2021.toml").write_text(
        'source = "ATIH"\ndate = "2021-01-01"\n[tables.mco_stays]\nwanted = ["COD_POST"]\n'
        '[tables.mco_stays.columns]\nCOD_POST = "code 5 2020-"\n',
        encoding="utf-8",
    )
    found = read_units(folder, definitions=ingest_definitions(own))
    assert not [note for note in found.notes if note[0] == "column-unknown"]
    assert not [note for note in found.notes if note[:2] == ("schema-of-2019", "T_MCOaaB")]
    assert found.rows["mco_stays"][0]["COD_POST"] == "75013"


def test_a_published_schema_of_an_operator_makes_its_columns_known(tmp_path: Path) -> None:
    item = {"name": "COD_POST", "type": "string", "length": "5", "dateCreated": "2020", "dateDeleted": ""}
    (tmp_path / "T_MCOaaB.json").write_text(json.dumps({"name": "T_MCOaaB", "fields": [item]}), encoding="utf-8")
    table = ingest_definitions(tmp_path).tables["mco_stays"]
    assert table.columns["COD_POST"].exists(2021)
    assert not table.columns["COD_POST"].exists(2019)
    assert table.missing(list(stay()), 2021) == []


@pytest.mark.shared_data
def test_the_published_schemas_laid_over_ours_still_read_an_old_delivery(shared_data: Path, tmp_path: Path) -> None:
    laid = ingest_definitions(shared_data / "schema-snds" / "schemas")
    folder = deliver(
        tmp_path / "d",
        {
            "T_MCO21C": [chain(EXE_SOI_DTF="2021-05-06")],
            "T_MCO21B": [stay()],
            "ER_PRS_F_202101": [claim(1) | keys(1, "2021-01-01")],
        },
    )
    assert read_units(folder, definitions=laid).lines["claims"] == 1


@pytest.mark.parametrize("text", ["[tables", '{"name": "T_MCOaaB"}', "[]", "[tables.mco_stays]\nwanted = ['NO_SUCH']"])
def test_a_file_that_is_no_schema_is_named(text: str, tmp_path: Path) -> None:
    name = "x.json" if text[0] in "{[" and "tables" not in text else "x.toml"
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match="schema-unreadable") as caught:
        ingest_definitions(tmp_path)
    assert caught.value.facts == {"file": name}


def test_units_are_named_and_a_declaration_is_read(tmp_path: Path) -> None:
    folder = deliver(tmp_path / "d", {
        "ER_PRS_F_201503_a": [claim(1)], "ER_PRS_F_201503_b": [claim(2)], "T_MCO15C": [chain()], "T_MCO15B": [stay()],
        "ENV_PM25_2015": [{"COM": "75056", "DATE": "2015", "VALUE": "12.5", "UNIT": "µg/m3", "SOURCE": "model"}],
        "REF_POPULATION_2017": [{"COM": "75056", "SEX": "1", "AGE": "30", "POP": "1000"}],
    })  # fmt: skip
    (folder / "readme.txt").write_text("hello", encoding="utf-8")
    (folder / "delivery.toml").write_text(
        'schema = "rempart.delivery/1"\nid = "2015-A"\nproduced = 2016-01-10\n[population]\ntarget = "all"\nfraction = 0.1\nweight = 10\n',
        encoding="utf-8",
    )
    given = list_delivery(folder)
    found = survey(given.files, known().tables)
    assert [unit.name for unit in found.units] == [
        "dcir/201503",
        "mco/2015",
        "reference/populations/2017",
        "environment/pm25/2015",
    ]
    assert found.other == ("readme.txt",)
    assert (given.id, str(given.declaration.produced), given.declaration.fraction, given.declaration.weight) == (
        "2015-A",
        "2016-01-10",
        0.1,
        10,
    )
    read = read_units(folder)
    assert (read.rows["environment"][0]["VALUE"], read.rows["environment"][0]["UNIT"]) == (12.5, "µg/m3")
    assert read.lines["claims"] == 2


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('schema = "rempart.delivery/1"\nproduzed = "2016-01-10"', "produzed"),
        ('schema = "rempart.delivery/1"\nproduced = "10/01/2016"', "produced"),
        ('schema = "rempart.delivery/1"\n[population]\nfraction = 0.0', "population.fraction"),
        ('schema = "rempart.delivery/1"\n[population]\nsize = 3', "population.size"),
        ('schema = "rempart.delivery/1"\n[format]\nencoding = "ebcdic"', "format.encoding"),
        ('schema = "rempart.delivery/2"', "schema"),
        ("schema =", "schema"),
    ],
)
def test_a_declaration_that_is_none_is_named_by_its_key(text: str, key: str, tmp_path: Path) -> None:
    folder = deliver(tmp_path / "d", {"ER_PRS_F_201503": [claim(1)]})
    (folder / "delivery.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match="delivery-declaration") as caught:
        list_delivery(folder)
    assert caught.value.facts["key"] == key
