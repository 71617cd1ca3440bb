# SPDX-License-Identifier: Apache-2.0
"""The delivery on disk: true names, same bytes for a seed, and every planted defect found again by a naive reader of the files.

The reader here is written for the test alone: it shares no code with the generator nor with ingest.
"""

import csv
import gzip
import hashlib
import json
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from rempart.adapters.delivery_writer import DeliverySummary, synthetic_tables, write_delivery
from rempart.errors import BadInput, Refused
from rempart.synthetic.plan import SyntheticPlan

YEARS = (2012, 2016)
KEYS = ("FLX_DIS_DTD", "FLX_TRT_DTD", "FLX_EMT_TYP", "FLX_EMT_NUM", "FLX_EMT_ORD", "ORG_CLE_NUM", "DCT_ORD_NUM")
RETURNS = ("NIR_RET", "NAI_RET", "SEX_RET", "SEJ_RET", "FHO_RET", "PMS_RET", "DAT_RET")
DUPLICATES = "130780521", "750100018", "830100558"
Row = dict[str, str]


def plan(persons: int = 1200, seed: int = 3, mark: str | None = "CANARY7", **more: float) -> SyntheticPlan:
    return SyntheticPlan(
        persons=persons, first_year=YEARS[0], last_year=YEARS[1], seed=seed, mark=mark, tables=synthetic_tables(), **more
    )  # fmt: skip


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> DeliverySummary:
    return write_delivery(tmp_path_factory.mktemp("synthetic"), plan())


@cache
def read(folder: Path, prefix: str, suffix: str = "") -> tuple[Row, ...]:
    """All rows of the files whose name begins and ends so, each with its file name."""
    rows: list[Row] = []
    for path in sorted(folder.glob(f"{prefix}*{suffix}.csv.gz")):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
            rows += [row | {"file": path.name} for row in csv.DictReader(text, delimiter=";", quoting=csv.QUOTE_NONE)]
    return tuple(rows)


def digests(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()
    }


def key_of(row: Row) -> tuple[str, ...]:
    return (*(row[name] for name in KEYS), str(int(row["PRS_ORD_NUM"])))


def claims(delivery: DeliverySummary) -> tuple[Row, ...]:
    return read(delivery.delivery, "ER_PRS_F_")


def drugs(delivery: DeliverySummary) -> tuple[Row, ...]:
    return read(delivery.delivery, "ER_PHA_F_")


def test_a_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in {"one": 5, "again": 5, "other": 6}.items():
        write_delivery(tmp_path / name, plan(60, seed))
    one, again, other = (digests(tmp_path / name) for name in ("one", "again", "other"))
    assert one == again
    changed = {name for name in one.keys() & other.keys() if one[name] != other[name]}
    assert {
        "truth.json",
        "truth_persons.csv.gz",
        "delivery/IR_BEN_R.csv.gz",
        "delivery/ER_PRS_F_201206.csv.gz",
    } <= changed


def test_the_truth_stands_outside_the_delivery(delivery: DeliverySummary) -> None:
    assert json.loads((delivery.delivery.parent / "truth.json").read_text("utf-8")) == delivery.truth
    names = {path.name for path in delivery.delivery.iterdir()}
    assert {name for name in names if not name.endswith(".csv.gz")} == {"delivery.toml"}
    assert not any("truth" in name for name in names)


def test_the_truth_counts_the_lines_of_every_file(delivery: DeliverySummary) -> None:
    found = {p.name: len(gzip.decompress(p.read_bytes()).splitlines()) - 1 for p in delivery.delivery.glob("*.csv.gz")}
    assert found == delivery.truth["files"]
    assert sum(found.values()) == sum(delivery.truth["lines"].values())


@pytest.mark.shared_data
def test_every_table_and_column_is_in_the_public_schema(delivery: DeliverySummary, shared_data: Path) -> None:
    schemas = {
        p.stem: json.loads(p.read_text("utf-8")) for p in (shared_data / "schema-snds" / "schemas").rglob("*.json")
    }
    for table in synthetic_tables()["layouts"]["tables"].values():
        known = {field["name"] for field in schemas[table["name"]]["fields"]}
        unknown = {column[0] for column in table["columns"]} - known
        assert not unknown, (table["name"], unknown)


@pytest.mark.shared_data
def test_a_column_appears_in_the_years_it_existed_and_no_other(delivery: DeliverySummary, shared_data: Path) -> None:
    years: dict[tuple[str, str], set[str]] = {}
    with (shared_data / "snds-ref" / "kwikly_columns_by_year.csv").open(encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            years[row["table"], row["column"]] = set(row["years"].replace("*", "").split())
    checked = 0
    for path in delivery.delivery.glob("T_MCO*"):
        year, letter = "20" + path.name[5:7], path.name[7]
        for column in gzip.decompress(path.read_bytes()).split(b"\n", 1)[0].decode().split(";"):
            existed = years.get((f"T_MCOXX{letter}", column), set())
            assert not existed or year in existed, (path.name, column)
            checked += bool(existed)
    assert checked > 250


def test_a_column_born_later_is_missing_before(delivery: DeliverySummary) -> None:
    headers = {p.name: gzip.decompress(p.read_bytes()).split(b"\n", 1)[0] for p in delivery.delivery.glob("T_MCO*B*")}
    assert b"TYP_GEN_RSA" not in headers["T_MCO14B.csv.gz"]
    assert b"TYP_GEN_RSA" in headers["T_MCO15B.csv.gz"]


def test_nine_keys_name_one_claim_and_every_drug_line_has_its_claim(delivery: DeliverySummary) -> None:
    keys = [key_of(row) for row in claims(delivery)]
    assert len(set(keys)) == len(keys)
    assert {key_of(row) for row in drugs(delivery)} <= set(keys)
    assert all(row["file"][9:15] == row["FLX_DIS_DTD"].replace("-", "")[:6] for row in claims(delivery))


def test_keys_are_padded_differently_in_tables_that_join(delivery: DeliverySummary) -> None:
    assert {len(row["PRS_ORD_NUM"]) for row in claims(delivery)} == {5}
    assert {len(row["PRS_ORD_NUM"]) for row in drugs(delivery)} == {3}
    stays, acts = read(delivery.delivery, "T_MCO", "B"), read(delivery.delivery, "T_MCO", "A")
    assert {len(row["RSA_NUM"]) for row in acts} == {10}
    assert not any(row["RSA_NUM"].startswith("0") or row["ETA_NUM"].startswith("0") for row in stays)
    assert any(row["ETA_NUM"].startswith("0") for row in acts)
    assert any(row["ETA_NUM"].startswith("2A") for row in stays)


def test_every_line_information_only_or_without_nature_is_counted(delivery: DeliverySummary) -> None:
    planted, rows = delivery.truth["defects"], claims(delivery)
    informed = [row for row in rows if {row["DPN_QLF"], row["PRS_DPN_QLP"]} & {"71", "72"}]
    assert len(informed) == planted["lines_information_only"] > 5
    assert sum(row["BSE_PRS_NAT"] == "0" for row in rows) == planted["lines_without_nature"] > 5
    both = sum(row["BSE_PRS_NAT"] == "0" for row in informed)
    assert both == planted["lines_information_only_and_without_nature"]
    assert {row["DPN_QLF"] for row in rows} == {"", "0", "71", "72"}


def test_surcharges_late_flows_and_missing_care_dates_are_counted(delivery: DeliverySummary) -> None:
    planted, rows = delivery.truth["defects"], claims(delivery)
    assert sum(row["CPL_MAJ_TOP"] == "2" for row in rows) == planted["surcharge_lines"] > 5
    assert sum(row["EXE_SOI_DTD"] == "0001-01-01" for row in rows) == planted["lines_without_care_date"]
    lags = [
        12 * (int(row["FLX_DIS_DTD"][:4]) - int(row["EXE_SOI_AMD"][:4]))
        + int(row["FLX_DIS_DTD"][5:7]) - int(row["EXE_SOI_AMD"][4:])
        for row in rows
    ]  # fmt: skip
    assert min(lags) == 1
    assert max(lags) == planted["latest_flow_lag_months"] <= 27
    assert sum(lag > 6 for lag in lags) == planted["lines_later_than_6_months"] > 5


def test_cancelled_and_corrected_lines_arrive_in_later_flows_and_net_out(delivery: DeliverySummary) -> None:
    claim_of = {key_of(row): row for row in claims(delivery)}
    groups: dict[tuple[str, ...], list[tuple[str, int]]] = {}
    for row in drugs(delivery):
        claim = claim_of[key_of(row)]
        assert claim["PRS_ACT_QTE"] == row["PHA_ACT_QSN"]
        who = tuple(claim[name] for name in ("BEN_NIR_PSA", "BEN_RNG_GEM", "EXE_SOI_DTD", "PFS_PRE_NUM"))
        groups.setdefault((*who, row["PHA_PRS_C13"]), []).append((row["FLX_DIS_DTD"], int(row["PHA_ACT_QSN"])))
    planted = delivery.truth["defects"]
    negative = {key: lines for key, lines in groups.items() if any(quantity < 0 for _, quantity in lines)}
    back = sum(quantity < 0 for lines in negative.values() for _, quantity in lines)
    assert back == planted["cancelled_pairs"] + planted["corrected_triples"]
    assert all(sum(quantity for _, quantity in lines) >= 0 for lines in groups.values())
    equal = sum(
        lines.count((flow, 1)) - 1
        for lines in groups.values()
        for flow in {f for f, quantity in lines if quantity == 1}
    )
    assert 0.9 * planted["dispensings_on_two_equal_lines"] < equal
    nothing = sum(sum(quantity for _, quantity in lines) == 0 for lines in negative.values())
    assert 0.9 * planted["cancelled_pairs"] < nothing <= planted["cancelled_pairs"]
    for lines in negative.values():
        first = min(flow for flow, quantity in lines if quantity > 0)
        assert all(flow > first for flow, quantity in lines if quantity < 0)


def test_stays_to_set_aside_are_counted(delivery: DeliverySummary) -> None:
    planted = delivery.truth["defects"]
    stays, chain = read(delivery.delivery, "T_MCO", "B"), read(delivery.delivery, "T_MCO", "C")
    hidden = synthetic_tables()["codes"]["hidden"]
    assert len(hidden["facilities"]) == 46
    assert set(DUPLICATES) <= set(hidden["facilities"])
    assert sum(row["ETA_NUM"] in hidden["facilities"] for row in stays) == planted["stays_duplicate_facility"] > 2
    assert sum(row["GRG_GHM"].startswith("90") for row in stays) == planted["stays_ungrouped"] > 2
    assert sum(row["SEJ_TYP"] == "B" for row in stays) == planted["stays_inter_facility"] > 2
    assert sum(row.get("TYP_GEN_RSA", "0") != "0" for row in stays) == planted["stays_generated"] > 0
    assert sum(any(row[name] != "0" for name in RETURNS) for row in chain) == planted["stays_bad_return"] > 2
    assert sum(row["NIR_ANO_17"] in hidden["invalid_nir"] for row in chain) == planted["stays_invalid_nir"] > 2


def test_cards_tell_of_several_pseudonyms_twins_and_nobody(delivery: DeliverySummary) -> None:
    told, rows = delivery.truth["identities"], read(delivery.delivery, "IR_BEN_R")
    fictive = [row for row in rows if row["BEN_CDI_NIR"] not in {"00", "03", "04"}]
    assert len(fictive) == told["fictive_cards"] > 1
    unusable = [row for row in rows if row["BEN_NAI_ANN"] == "1600" or row["BEN_SEX_COD"] not in {"1", "2"}]
    assert len(unusable) == told["unusable_cards"] > 1
    real = [row for row in rows if row not in fictive and row not in unusable]
    assert len({row["BEN_IDT_ANO"] for row in real}) == told["resolvable_persons"]
    pseudonyms = Counter(row["BEN_NIR_PSA"] for row in real)
    assert 2 * sum(count > 1 for count in pseudonyms.values()) == told["twins_sharing_a_pseudonym"] > 0
    held = Counter(row["BEN_IDT_ANO"] for row in real if row["BEN_IDT_TOP"] == "1")
    fragments = told["resolvable_persons"] - told["true_persons"]
    several = sum(count > 1 for count in held.values())
    assert several <= told["persons_with_several_pseudonyms"] <= several + fragments
    assert all(
        row["BEN_IDT_ANO"] == row["BEN_NIR_PSA"] + str(int(row["BEN_RNG_GEM"]))
        for row in rows
        if row["BEN_IDT_TOP"] == "0"
    )
    assert sum(row["BEN_DCD_DTE"] == "1600-01-01" for row in rows) == delivery.truth["defects"]["death_dates_1600"] > 0
    assert sum(row["BEN_DCD_DTE"] == "0001-01-01" for row in rows) == delivery.truth["defects"]["death_dates_0001"] > 0


def test_some_deaths_are_known_from_a_stay_or_a_certificate_alone(delivery: DeliverySummary) -> None:
    planted, folder = delivery.truth["defects"], delivery.delivery
    psa_of: dict[str, set[str]] = {}
    registered, persons = set(), read(folder, "IR_BEN_R")
    for row in persons:
        psa_of.setdefault(row["BEN_NIR_PSA"], set()).add(row["BEN_IDT_ANO"])
        if row["BEN_DCD_DTE"] > "1601":
            registered.add(row["BEN_IDT_ANO"])
    chain = {(row["file"][:7], row["ETA_NUM"], row["RSA_NUM"]): row for row in read(folder, "T_MCO", "C")}
    died = [row for row in read(folder, "T_MCO", "B") if row["SOR_MOD"] == "9"]
    in_stay = {psa for row in died if (psa := chain[row["file"][:7], row["ETA_NUM"], row["RSA_NUM"]]["NIR_ANO_17"])}
    linked = {row["BEN_IDT_ANO"] for row in read(folder, "KI_CCI_R_") if row["DCD_IDT_TOP"] == "1"}
    only_stay = {key for psa in in_stay for key in psa_of[psa]} - registered - linked
    twins = {key for keys in psa_of.values() if len(keys) > 1 for key in keys}
    assert len(only_stay - twins) == planted["deaths_known_only_from_a_stay"] > 0
    assert len(linked - registered) >= planted["deaths_known_only_from_a_certificate"] > 0
    assert len(read(folder, "KI_CCI_R_")) == planted["deaths"]


def test_long_term_conditions_carry_padding_and_sentinels(delivery: DeliverySummary) -> None:
    rows, planted = read(delivery.delivery, "IR_IMB_R"), delivery.truth["defects"]
    assert {len(row["MED_MTF_COD"]) for row in rows} == {5}
    assert sum(row["MED_MTF_COD"].endswith(" ") for row in rows) == planted["condition_codes_padded"] == len(rows)
    assert sum(row["IMB_ALD_DTF"] == "1600-01-01" for row in rows) == planted["condition_ends_1600"] > 0
    assert sum(row["IMB_ALD_DTF"] == "2099-12-31" for row in rows) == planted["condition_ends_2099"] > 0
    assert sum(row["IMB_ALD_NUM"] == "0" for row in rows) == planted["condition_numbers_lost"] > 0


def test_a_mark_plants_one_code_one_pseudonym_and_one_file_name(delivery: DeliverySummary) -> None:
    code, psa, file = delivery.canaries
    assert file == "ER_PHA_F_201403_CANARY7.csv.gz"
    assert (delivery.delivery / file).exists()
    assert [row["file"] for row in drugs(delivery) if row["PHA_PRS_C13"] == code] == [file]
    assert sum(row["BEN_NIR_PSA"] == psa for row in read(delivery.delivery, "IR_BEN_R")) == 1
    assert any(row["BEN_NIR_PSA"] == psa for row in claims(delivery))


def test_without_a_mark_there_is_no_canary(tmp_path: Path) -> None:
    summary = write_delivery(tmp_path, plan(40, mark=None))
    assert summary.canaries == []
    assert (summary.delivery / "ER_PHA_F_201403.csv.gz").exists()


def test_progress_is_told_file_by_file_to_the_last_person(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    summary = write_delivery(tmp_path, plan(40), lambda *step: told.append(step))
    assert len(told) == summary.files
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert told[-1][1:] == (40, 40)


def test_many_blocks_make_one_delivery_whose_keys_are_unique(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rempart.synthetic.plan._LINES_AT_ONCE", 0)
    monkeypatch.setattr("rempart.synthetic.plan._SMALLEST", 60)
    made = write_delivery(tmp_path, plan(200))
    rows = claims(made)
    assert {row["FLX_EMT_ORD"] for row in rows} == {"1", "2", "3", "4"}
    keys = [(*key_of(row), row["FLX_EMT_ORD"]) for row in rows]
    assert len(set(keys)) == len(keys) == made.truth["lines"]["ER_PRS_F"]
    stays = [(row["file"], row["ETA_NUM"], row["RSA_NUM"]) for row in read(made.delivery, "T_MCO", "B")]
    assert len(set(stays)) == len(stays)
    with gzip.open(tmp_path / "truth_persons.csv.gz", "rt", encoding="utf-8") as text:
        assert [row["person"] for row in csv.DictReader(text, delimiter=";")] == [str(n) for n in range(200)]
    assert made.truth["identities"]["true_persons"] == 200
    keys_told = {row["BEN_IDT_ANO"] for row in read(made.delivery, "IR_BEN_R") if usable(row)}
    assert len(keys_told) == made.truth["identities"]["resolvable_persons"]


def usable(row: Row) -> bool:
    """A card of a true person."""
    return (
        row["BEN_CDI_NIR"] in {"00", "03", "04"} and row["BEN_NAI_ANN"] != "1600" and row["BEN_SEX_COD"] in {"1", "2"}
    )


def test_a_folder_that_holds_a_delivery_is_refused(tmp_path: Path) -> None:
    write_delivery(tmp_path, plan(20))
    with pytest.raises(Refused, match="synth-not-empty"):
        write_delivery(tmp_path, plan(20))


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"persons": 3}, "synth-persons"), ({"first_year": 2017, "last_year": 2017}, "synth-years"),
        ({"first_year": 1999}, "synth-years"), ({"effect": 0.0}, "synth-effect"), ({"effect": float("nan")}, "synth-effect"),
        ({"seed": -1}, "synth-seed"), ({"mark": "a/b"}, "synth-mark"), ({"tables": {}}, "synth-tables"),
    ],
)  # fmt: skip
def test_a_plan_that_makes_no_sense_is_bad_input(given: dict[str, object], code: str) -> None:
    usual = {"persons": 50, "first_year": 2012, "last_year": 2014, "seed": 1, "tables": synthetic_tables()}
    with pytest.raises(BadInput, match=code):
        SyntheticPlan(**(usual | given))  # type: ignore[arg-type]
