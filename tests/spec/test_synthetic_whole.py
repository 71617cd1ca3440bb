# SPDX-License-Identifier: Apache-2.0
"""A whole delivery of the large population, read naively with the csv module: what its truth says is what its files hold.

The reader here is written for the test alone: it shares no code with the generator nor with ingest.
"""

import csv
import gzip
import json
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from rempart.adapters.delivery_files import FORMS
from rempart.adapters.delivery_writer import DeliverySummary, synthetic_tables, write_delivery
from rempart.errors import BadInput
from rempart.synthetic.cells import Layouts
from rempart.synthetic.demography import draw_people
from rempart.synthetic.plan import SyntheticPlan
from rempart.synthetic.setting import make_setting

KEYS = ("FLX_DIS_DTD", "FLX_TRT_DTD", "FLX_EMT_TYP", "FLX_EMT_NUM", "FLX_EMT_ORD", "ORG_CLE_NUM", "DCT_ORD_NUM")
DETAILS = {
    "drugs": ("ER_PHA_F", "PHA_PRS_C13", "PHA_ACT_QSN"), "labs": ("ER_BIO_F", "BIO_PRS_IDE", "BIO_ACT_QSN"),
    "hospital_drugs": ("ER_UCD_F", "UCD_UCD_COD", "UCD_DLV_NBR"), "devices": ("ER_TIP_F", "TIP_PRS_IDE", "TIP_ACT_QSN"),
    "claim_acts": ("ER_CAM_F", "CAM_PRS_IDE", ""),
}  # fmt: skip
RETURNS = ("NIR_RET", "NAI_RET", "SEX_RET", "SEJ_RET", "FHO_RET", "PMS_RET", "DAT_RET", "COH_NAI_RET", "COH_SEX_RET")
HIDDEN = synthetic_tables()["codes"]["hidden"]
Row = dict[str, str]


def plan(persons: int = 500, **more: object) -> SyntheticPlan:
    usual = {"first_year": 2014, "last_year": 2020, "seed": 5, "density": 0.3, "population": "france", "whole": True}
    return SyntheticPlan(persons=persons, tables=synthetic_tables(), **(usual | more))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> DeliverySummary:
    return write_delivery(tmp_path_factory.mktemp("whole"), plan(leaks=True))


@cache
def read(folder: Path, prefix: str) -> tuple[Row, ...]:
    """All rows of the files whose name begins so, each with its file name."""
    rows: list[Row] = []
    for path in sorted(folder.glob(f"{prefix}*csv.gz")):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
            rows += [row | {"file": path.name} for row in csv.DictReader(text, delimiter=";", quoting=csv.QUOTE_NONE)]
    return tuple(rows)


def key_of(row: Row) -> tuple[str, ...]:
    return (*(row[name] for name in KEYS), str(int(row["PRS_ORD_NUM"])))


def usable(row: Row) -> bool:
    return (
        row["BEN_CDI_NIR"] in {"00", "03", "04"} and row["BEN_NAI_ANN"] != "1600" and row["BEN_SEX_COD"] in {"1", "2"}
    )


@cache
def persons_of(folder: Path) -> dict[tuple[str, str], int]:
    """(pseudonym, rank) to a person: everything that shares a person key or a card, found by joining until nothing changes."""
    rows = [row for row in read(folder, "IR_BEN_R") if usable(row)]
    parent: dict[object, object] = {}

    def find(node: object) -> object:
        while parent.setdefault(node, node) != node:
            node = parent[node]
        return node

    for row in rows:
        card = (row["BEN_NIR_PSA"], str(int(row["BEN_RNG_GEM"])))
        parent[find(card)] = find(row["BEN_IDT_ANO"])
    roots = sorted({str(find(node)) for node in parent if isinstance(node, tuple)})
    return {node: roots.index(str(find(node))) for node in parent if isinstance(node, tuple)}


def claim_rules(folder: Path) -> dict[tuple[str, ...], str]:
    direct = {key_of(row) for row in read(folder, "ER_ETE_F") if row["ETE_IND_TAA"] == "1"}
    cards = persons_of(folder)
    met = {}
    for row in read(folder, "ER_PRS_F"):
        rules = {
            "D1": bool({row["DPN_QLF"], row["PRS_DPN_QLP"]} & {"71", "72"}), "D2": key_of(row) in direct,
            "D3": row["BSE_PRS_NAT"] == "0", "D4": int(row["CPL_MAJ_TOP"]) >= 2, "T1": row["EXE_SOI_DTD"] < "1601",
            "R1": (row["BEN_NIR_PSA"], row["BEN_RNG_GEM"]) not in cards,
        }  # fmt: skip
        met[key_of(row)] = "+".join(rule for rule, broken in rules.items() if broken)
    return met


def test_the_delivered_keys_resolve_persons_as_the_truth_says(delivery: DeliverySummary) -> None:
    told, cards = delivery.truth["identities"], persons_of(delivery.delivery)
    assert len(set(cards.values())) == told["best_resolution"]["persons"] > told["true_persons"]
    with gzip.open(delivery.delivery.parent / "truth_persons.csv.gz", "rt", encoding="utf-8") as text:
        truth = list(csv.DictReader(text, delimiter=";"))
    split, owners = 0, defaultdict(set)
    for row in truth:
        mine = [(psa, rank) for psa, rank, _ in (one.split(":") for one in row["identities"].split("|"))]
        found = [cards[card] for card in mine]
        split += len(set(found)) > 1
        for person in found:
            owners[person].add(row["person"])
        assert len(set(found)) == len(set(row["resolved"].split("|")))
    assert split == told["best_resolution"]["split_persons"] > 0
    assert all(len(who) == 1 for who in owners.values())
    assert told["best_resolution"]["split_by_changing_rank"] > 0
    assert told["irreducible_share"] == pytest.approx(split / len(truth), abs=1e-6)


def test_every_line_meets_the_rules_that_the_truth_counts(delivery: DeliverySummary) -> None:
    folder, told = delivery.delivery, delivery.truth["rules"]
    met = claim_rules(folder)
    assert Counter(met.values()) == told["claims"]
    assert {"D1", "D2", "D3", "D4", "D1+D3", "T1", "R1"} <= told["claims"].keys()
    for word, (table, _, _) in DETAILS.items():
        assert Counter(met[key_of(row)] for row in read(folder, table)) == told[word], word


def test_net_quantities_are_those_of_the_truth(delivery: DeliverySummary) -> None:
    folder, cards = delivery.delivery, persons_of(delivery.delivery)
    met, claim = claim_rules(folder), {key_of(row): row for row in read(folder, "ER_PRS_F")}
    numbers: dict[tuple[str, ...], str] = {}
    with gzip.open(folder.parent / "truth_persons.csv.gz", "rt", encoding="utf-8") as text:
        for row in csv.DictReader(text, delimiter=";"):
            for one, number in zip(row["identities"].split("|"), row["resolved"].split("|"), strict=True):
                numbers[tuple(one.split(":")[:2])] = number
    assert len(set(numbers.values())) == len(set(cards.values()))
    sums: Counter[tuple[str, ...]] = Counter()
    for table, code, quantity in DETAILS.values():
        for row in read(folder, table):
            line = claim[key_of(row)]
            if not set(met[key_of(row)].split("+")) & {"D1", "D2", "D3", "T1", "R1"}:
                who = numbers[line["BEN_NIR_PSA"], line["BEN_RNG_GEM"]]
                sums[who, line["EXE_SOI_DTD"], row[code].strip()] += int(
                    row[quantity] if quantity else line["PRS_ACT_QTE"]
                )
    with gzip.open(folder.parent / "truth_net.csv.gz", "rt", encoding="utf-8") as text:
        truth = {
            (row["resolved"], row["day"], row["code"]): int(row["quantity"])
            for row in csv.DictReader(text, delimiter=";")
        }
    assert {key: total for key, total in sums.items() if total > 0} == truth
    assert sum(told["rows"] for told in delivery.truth["net"].values()) == len(truth)


def stay_rules(delivery: DeliverySummary, main: Row, chain: Row) -> str:
    """The rules of one stay of MCO, from its two lines."""
    invalid = chain["NIR_ANO_17"] in HIDDEN["invalid_nir"]
    rules = {
        "P1": main["ETA_NUM"] in HIDDEN["facilities"], "P2": main["GRG_GHM"].startswith("90"), "P3": main["SEJ_TYP"] == "B",
        "P4": main.get("TYP_GEN_RSA", "0") != "0", "P5": any(chain[name] != "0" for name in RETURNS if name in chain),
        "P6": invalid, "R2": not invalid and chain["NIR_ANO_17"] in shared(delivery.delivery),
    }  # fmt: skip
    return "+".join(rule for rule, broken in rules.items() if broken)


@cache
def shared(folder: Path) -> frozenset[str]:
    """Pseudonyms of several resolved persons."""
    held: dict[str, set[int]] = defaultdict(set)
    for (psa, _), person in persons_of(folder).items():
        held[psa].add(person)
    return frozenset(psa for psa, persons in held.items() if len(persons) > 1)


def test_stays_meet_the_rules_that_the_truth_counts(delivery: DeliverySummary) -> None:
    folder, told = delivery.delivery, delivery.truth["rules"]
    chains = {(row["file"][:7], row["ETA_NUM"], row["RSA_NUM"]): row for row in read(folder, "T_MCO[0-9][0-9]C.")}
    mains = read(folder, "T_MCO[0-9][0-9]B.")
    met = [stay_rules(delivery, row, chains[row["file"][:7], row["ETA_NUM"], row["RSA_NUM"]]) for row in mains]
    assert Counter(met) == told["mco_stays"]
    assert {"P1", "P2", "P3", "P4", "P5", "P6"} <= told["mco_stays"].keys()
    late = {
        (row["file"], row["ETA_NUM"], row["RHA_NUM"])
        for row in read(folder, "T_SSR[0-9][0-9]B.")
        if row["MOI_ANN"][2:] != f"20{row['file'][5:7]}"
    }
    assert len(late) == sum(count for rules, count in told["ssr_stays"].items() if "P8b" in rules) > 0
    failed = sum(row["GHT_NUM"] == "99" for row in read(folder, "T_HAD[0-9][0-9]GRP."))
    assert failed == sum(count for rules, count in told["had_stays"].items() if "P8a" in rules) > 0
    visits = sum(any(row[name] != "0" for name in ("NIR_RET", "NAI_RET", "SEX_RET", "IAS_RET", "ENT_DAT_RET"))
                 for row in read(folder, "T_MCO[0-9][0-9]CSTC."))  # fmt: skip
    assert visits == sum(count for rules, count in told["ace_stays"].items() if "P5" in rules) > 0


def test_mothers_and_children_are_linked_but_for_the_share_that_is_not(delivery: DeliverySummary) -> None:
    chains = {
        (row["file"][:7], row["ETA_NUM"], row["RSA_NUM"]): row for row in read(delivery.delivery, "T_MCO[0-9][0-9]C.")
    }
    born, mothers, unlinked = 0, set(), 0
    for row in read(delivery.delivery, "T_MCO[0-9][0-9]B."):
        chain = chains[row["file"][:7], row["ETA_NUM"], row["RSA_NUM"]]
        link = chain["NIR_ANO_MAM"] if "NIR_ANO_MAM" in chain else chain["ID_MAM_ENF"]
        if row["DGN_PAL"] == "O800":
            mothers.add(link)
            assert (
                "NIR_ANO_MAM" not in chain
                or link == chain["NIR_ANO_17"]
                or chain["NIR_ANO_17"].upper().startswith("XXX")
            )
    for row in read(delivery.delivery, "T_MCO[0-9][0-9]B."):
        chain = chains[row["file"][:7], row["ETA_NUM"], row["RSA_NUM"]]
        if row["AGE_JOU"] == "0":
            born += 1
            link = chain["NIR_ANO_MAM"] if "NIR_ANO_MAM" in chain else chain["ID_MAM_ENF"]
            unlinked += link == "ABAB" * 8
            assert link in mothers or link == "ABAB" * 8
            assert int(row["POI_NAI"]) >= 500
    assert born > 10
    assert unlinked >= 1 or delivery.truth["defects"]["births_without_link"] == 0
    assert delivery.truth["defects"]["births"] >= len(mothers) > 10


def test_columns_come_and_go_with_the_years(tmp_path: Path) -> None:
    made = write_delivery(tmp_path, plan(60, first_year=2008, last_year=2020), facts=False)

    def header(name: str) -> set[str]:
        with gzip.open(made.delivery / f"{name}.csv.gz", "rt", encoding="utf-8") as text:
            return set(text.readline().strip().split(";"))

    assert "NIR_ANO_MAM" not in header("T_MCO12C")
    assert "NIR_ANO_MAM" in header("T_MCO13C")
    assert "ID_MAM_ENF" in header("T_MCO19C")
    assert "NIR_ANO_MAM" not in header("T_MCO19C")
    assert "EXE_SOI_DTD" not in header("T_MCO08C")
    assert "COD_IGS" in header("T_MCO09B")
    assert "IGS2_COD" in header("T_MCO10UM")
    assert {"UM_TYP", "AUT_TYP1_UM"} & header("T_MCO09UM") == {"UM_TYP"}
    assert "COD_POST" in header("T_MCO20B")
    assert not (made.delivery / "T_SSR13CSARR.csv.gz").exists()
    assert (made.delivery / "T_SSR14CSARR.csv.gz").exists()


def test_a_home_in_a_commune_that_merged_is_written_with_the_code_of_the_day(tmp_path: Path) -> None:
    made = write_delivery(tmp_path, plan(2500, first_year=2014, last_year=2018, density=0.05), facts=False)
    merged = {
        "50173": "50129",
        "50602": "50129",
        "50416": "50129",
        "74093": "74010",
        "74268": "74010",
        "74011": "74010",
    }
    seen = Counter()
    for row in read(made.delivery, "ER_PRS_F"):
        code, day = row["BEN_RES_DPT"][1:] + row["BEN_RES_COM"], row["EXE_SOI_DTD"]
        if code in merged and day > "1601":
            seen[code] += 1
            assert day < ("2016-01-01" if code[0] == "5" else "2017-01-01")
    assert seen


def test_a_delivery_a_month_holds_what_the_whole_one_holds(tmp_path: Path) -> None:
    small = {"first_year": 2017, "last_year": 2018, "density": 0.1, "archives_until": 2017}
    whole = write_delivery(tmp_path / "one", plan(250, **small), facts=False)
    parts = write_delivery(tmp_path / "many", plan(250, monthly=True, **small), facts=False)
    assert parts.lines == whole.lines
    assert parts.truth["rules"] == whole.truth["rules"]
    latest: dict[str, tuple[str, Path]] = {}
    for path in parts.delivery.rglob("*.csv.gz"):
        said = (path.parent / "delivery.toml").read_text("utf-8")
        produced = said.split("produced = ")[1].split("\n")[0]
        latest[path.name] = max(latest.get(path.name, ("", path)), (produced, path))
    assert {name: path.read_bytes() for name, (_, path) in latest.items()} == {
        path.name: path.read_bytes() for path in whole.delivery.glob("*.csv.gz")
    }
    assert (parts.delivery / "201806" / "ER_PRS_F_201806.csv.gz").exists()
    assert (parts.delivery / "201806-corrected" / "ER_PRS_F_201806.csv.gz").exists()
    early = gzip.decompress((parts.delivery / "000000" / "IR_BEN_R.csv.gz").read_bytes())
    assert early != gzip.decompress((parts.delivery / "999999" / "IR_BEN_R.csv.gz").read_bytes())


def test_flows_of_january_and_february_lie_in_the_archive_of_the_year_before(tmp_path: Path) -> None:
    small = {"first_year": 2012, "last_year": 2014, "density": 0.1, "archives_until": 2013}
    made = write_delivery(tmp_path, plan(60, **small), facts=False)
    rows = read(made.delivery, "ER_PRS_F")
    for row in rows:
        year, month = int(row["FLX_DIS_DTD"][:4]), int(row["FLX_DIS_DTD"][5:7])
        archive = year - (month <= 2)
        expected = str(archive) if archive <= 2013 else f"{year}{month:02d}"
        assert row["file"] == f"ER_PRS_F_{expected}.csv.gz"
    assert {row["FLX_DIS_DTD"][5:7] for row in rows if row["file"] == "ER_PRS_F_2013.csv.gz"} >= {"01", "02", "03"}


def test_plain_text_and_parquet_hold_the_same_rows(tmp_path: Path) -> None:
    small = plan(60, first_year=2017, last_year=2018, density=0.1)
    made = {form: write_delivery(tmp_path / form, small, form=form, facts=False) for form in FORMS}
    assert made[".csv"].lines == made[".csv.gz"].lines == made[".parquet"].lines
    for path in made[".csv.gz"].delivery.glob("*.csv.gz"):
        text = gzip.decompress(path.read_bytes())
        stem = path.name.removesuffix(".csv.gz")
        assert (made[".csv"].delivery / f"{stem}.csv").read_bytes() == text
        table = pyarrow.parquet.read_table(made[".parquet"].delivery / f"{stem}.parquet")
        assert table.num_rows == len(text.splitlines()) - 1
        assert table.column_names == text.split(b"\n", 1)[0].decode().split(";")


def test_names_and_numbers_leak_only_when_asked_and_are_counted(delivery: DeliverySummary, tmp_path: Path) -> None:
    told = {name: count for name, count in delivery.truth["defects"].items() if name.startswith("leaks_")}
    labels = [row["ECD_CAU_LIB"] for row in read(delivery.delivery, "KI_ECD_R")]
    assert sum(" TEL 06 " in label for label in labels) == told["leaks_telephone"]
    assert sum(" MME " in label for label in labels) == told["leaks_name"]
    numbers = [word for label in labels for word in label.split() if len(word) == 15 and word.isdecimal()]
    assert len(numbers) == told["leaks_number"]
    assert all(int(number[13:]) == 97 - int(number[:13]) % 97 for number in numbers)
    clean = write_delivery(tmp_path, plan(60, density=0.1), facts=False)
    assert "ECD_CAU_LIB" not in read(clean.delivery, "KI_ECD_R")[0]


@pytest.mark.shared_data
def test_ages_and_deaths_are_near_those_of_france(shared_data: Path) -> None:
    with (shared_data / "snds-ref" / "population_france_2017_age_sex.csv").open(encoding="utf-8", newline="") as text:
        rows = [row for row in csv.DictReader(text) if row["age"].isdecimal()]
    people = draw_people(make_setting(plan(60_000)))
    for number, sex in ((1, "male"), (2, "female")):
        true = np.array([float(row[sex]) for row in rows])
        ages = np.array([int(row["age"]) for row in rows])
        mine = people.age[people.sex == number]
        for low, high in ((0, 20), (20, 40), (40, 60), (60, 75), (75, 100)):
            share = ((mine >= low) & (mine < high)).mean()
            assert share == pytest.approx(true[(ages >= low) & (ages < high)].sum() / true.sum(), abs=0.015)
    with (shared_data / "snds-ref" / "mortality_TH00-02_TF00-02.csv").open(encoding="utf-8", newline="") as text:
        table = {int(row["age"]): row for row in csv.DictReader(text)}
    first = make_setting(plan(20)).calendar.first
    for number, sex in ((1, "male"), (2, "female")):
        old = (people.sex == number) & (people.age >= 70) & (people.age < 75)
        died = (people.death[old] < first + 365).mean()
        expected = np.mean([float(table[age][f"qx_{sex}"]) for age in range(70, 75)])
        assert 0.6 * expected < died < 1.3 * expected


def test_a_study_is_planted_and_told(tmp_path: Path) -> None:
    asked = plan(400, mode="boost", studies=("cyproterone_meningioma",), first_year=2012, last_year=2016, density=0.05)
    made = write_delivery(tmp_path, asked)
    told = made.truth["studies"]["cyproterone_meningioma"]
    assert sum(arm["persons"] for arm in told["planted"].values()) > 50
    with gzip.open(tmp_path / "truth_studies.csv.gz", "rt", encoding="utf-8") as text:
        rows = list(csv.DictReader(text, delimiter=";"))
    assert {row["study"] for row in rows} == {"cyproterone_meningioma"}
    packs = {item["cip13"] for item in _packs(synthetic_tables()["studies"]["studies"]["cyproterone_meningioma"])}
    assert packs & {row["PHA_PRS_C13"] for row in read(made.delivery, "ER_PHA_F")}
    assert json.loads((tmp_path / "truth.json").read_text("utf-8"))["mode"] == "boost"


def _packs(value: object) -> list[dict[str, str]]:
    if isinstance(value, dict):
        return [value] if "cip13" in value else [pack for part in value.values() for pack in _packs(part)]
    return [pack for part in value for pack in _packs(part)] if isinstance(value, list) else []


def test_the_small_population_keeps_its_question_and_its_canaries_among_all_the_tables(tmp_path: Path) -> None:
    asked = plan(400, population="study", first_year=2012, last_year=2015, density=0.05, mark="CANARY9")
    made = write_delivery(tmp_path, asked, facts=False)
    assert all(arm["new_users"] > 20 for arm in made.truth["arms"].values())
    code, psa, file = made.canaries
    assert [row["file"] for row in read(made.delivery, "ER_PHA_F") if row["PHA_PRS_C13"] == code] == [file]
    assert any(row["BEN_NIR_PSA"] == psa for row in read(made.delivery, "IR_BEN_R"))
    assert any(row["DGN_PAL"].startswith("C67") for row in read(made.delivery, "T_MCO[0-9][0-9]B."))


@pytest.mark.shared_data
def test_every_column_of_every_table_is_public_or_said_to_be_ours(shared_data: Path) -> None:
    known = defaultdict(set)
    for path in (shared_data / "schema-snds" / "schemas").rglob("*.json"):
        told = json.loads(path.read_text("utf-8"))["fields"]
        known[path.stem.replace("aa", "XX")] |= {field["name"] for field in told}
    with (shared_data / "snds-ref" / "kwikly_columns_by_year.csv").open(encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            known[row["table"]].add(row["column"].rstrip("*"))
    layouts = Layouts(plan(20))
    for word, table in layouts.tables.items():
        name = table["name"].replace("aa", "XX").removesuffix("_ARC")
        if name.split("_")[0] not in {"REF", "ENV", "VAC"}:
            columns = {column[0] for column in layouts.columns(word)} - {"COD_POST"}
            assert columns <= known[name], (word, columns - known[name])


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"population": "mars"}, "synth-population"),
        ({"density": 0.0}, "synth-density"),
        ({"density": 99.0}, "synth-density"),
    ],
)
def test_a_population_that_makes_no_sense_is_bad_input(given: dict[str, object], code: str) -> None:
    with pytest.raises(BadInput, match=code):
        plan(60, **given)
