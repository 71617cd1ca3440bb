# SPDX-License-Identifier: Apache-2.0
"""Of deliveries that overlap, what stands: the same whether they came at once or one after the other, in whatever order."""

from pathlib import Path

import pytest

from rempart.errors import BadInput
from rempart.ingest.report import IngestReport
from tests.ingest_house import bring, declare, empty_warehouse
from tests.small_delivery import OWN, PSA, TWIN, Row, Tables, card, claim, keyed, keys, simplified, whole, write

Found = tuple[dict[str, tuple[int, int, dict[str, int]]], str]
CARDS: Tables = {"IR_BEN_R": [card()]}


def line(number: int, flow: str, care: str) -> Row:
    """A consultation of one flow."""
    return claim(number, EXE_SOI_DTD=care) | keys(number, flow)


def delivery(folder: Path, produced: str, tables: Tables) -> Path:
    """A folder of its own."""
    write(folder, tables)
    declare(folder, produced)
    return folder


def told(report: IngestReport | None) -> dict[str, tuple[int, int, dict[str, int]]]:
    """Table → lines, kept, dropped by rule."""
    assert report is not None
    return {sheet.table: (sheet.lines, sheet.kept, dict(sheet.dropped)) for sheet in report.reconciliation}


def brought(root: Path, *calls: list[Path], rules: Path | None = None) -> Found:
    """What one warehouse tells after some ingests, and what stands for its content."""
    with empty_warehouse(root) as place:
        for folders in calls[:-1]:
            bring(place, *folders, later=True)
        last = bring(place, *calls[-1], rules=rules)  # type: ignore[arg-type]
        return told(last.report), "".join(sorted(last.content.values()))


def archives(into: Path, first: str, second: str, *, month: str = "") -> list[Path]:
    """Two yearly archives that both hold January 2012, which belongs to the first; or a month in the place of the first."""
    before = {"ER_PRS_F_2011": [line(1, "2011-05-01", "2011-04-10"), line(2, "2012-01-01", "2011-12-10")]}
    own = {"ER_PRS_F_201201": [line(2, "2012-01-01", "2011-12-10")]}
    after = {"ER_PRS_F_2012": [line(2, "2012-01-01", "2011-12-10"), line(4, "2012-06-01", "2012-05-10")]}
    return [delivery(into / "a", first, CARDS | (own if month else before)), delivery(into / "b", second, after)]


@pytest.mark.parametrize("month", ["", "201201"])
@pytest.mark.parametrize(("first", "second"), [("2013-01-01", "2014-01-01"), ("2014-01-01", "2013-01-01")])
def test_january_stands_once_where_two_archives_overlap_or_an_archive_and_a_month(
    tmp_path: Path, first: str, second: str, month: str
) -> None:
    one, other = archives(tmp_path, first, second, month=month)
    kept = 2 if month else 3
    found = [brought(tmp_path / "one", [one, other]), brought(tmp_path / "two", [one], [other])]
    found.append(brought(tmp_path / "three", [other], [one]))
    assert [tables["ER_PRS_F"] for tables, _ in found] == [(kept + 1, kept, {"D7": 1})] * 3
    assert len({content for _, content in found}) == 1


def test_january_stands_once_in_one_folder_and_where_the_rule_on_archives_is_off(tmp_path: Path) -> None:
    one, other = archives(tmp_path, "2013-01-01", "2014-01-01")
    together = delivery(tmp_path / "c", "2014-01-01", {})
    for path in (*one.glob("*.csv"), *other.glob("*.csv")):
        (together / path.name).write_bytes(path.read_bytes())
    assert brought(tmp_path / "one", [together])[0]["ER_PRS_F"] == (4, 3, {"D7": 1})
    rules = tmp_path / "rules.toml"
    rules.write_text("[switch]\nD7 = false\n", encoding="utf-8")
    off = brought(tmp_path / "two", [one], [other], rules=rules)[0]["ER_PRS_F"]
    assert off == (3, 3, {}), "the archive that January belongs to gives it; the other's copy is superseded"


def test_a_month_stands_again_once_the_archive_that_held_it_was_replaced_by_one_without(tmp_path: Path) -> None:
    june, july = line(1, "2012-06-01", "2012-05-10"), line(2, "2012-07-01", "2012-06-10")
    month = delivery(tmp_path / "m", "2013-01-01", CARDS | {"ER_PRS_F_201206": [june]})
    first = delivery(tmp_path / "a1", "2014-01-01", {"ER_PRS_F_2012": [june, july]})
    second = delivery(tmp_path / "a2", "2016-01-01", {"ER_PRS_F_2012": [july]})
    once = brought(tmp_path / "one", [month, first, second])
    assert once[0]["ER_PRS_F"] == (2, 2, {})
    assert brought(tmp_path / "two", [month], [first], [second]) == once
    assert brought(tmp_path / "three", [first], [month], [second]) == once


def test_two_versions_of_one_month_and_day_are_refused_in_either_order(tmp_path: Path) -> None:
    one = delivery(tmp_path / "a", "2016-01-01", CARDS | {"ER_PRS_F_201503": [claim(1)]})
    other = delivery(tmp_path / "b", "2016-01-01", {"ER_PRS_F_201503": [claim(1), claim(5)]})
    for number, calls in enumerate(([[one, other]], [[one], [other]], [[other], [one]])):
        with pytest.raises(BadInput, match="delivery-tie"):
            brought(tmp_path / f"house-{number}", *calls)


BEFORE = PSA + "1"
"""The key of a person who is not certified yet."""


def test_simplified_claims_under_a_key_from_before_certification_stay_their_persons(tmp_path: Path) -> None:
    early = card(BEN_IDT_ANO=BEFORE, BEN_IDT_TOP="0", BEN_NIR_ANO="", BEN_DTE_MAJ="2014-01-01")
    claims = {"NS_PRS_F_201503": [simplified(1, BEFORE), simplified(2, OWN, EXE_SOI_DTD="2015-02-20")]}
    first = delivery(tmp_path / "a", "2015-04-01", {"IR_BEN_R": [early]} | claims)
    later = delivery(tmp_path / "b", "2016-01-01", CARDS)
    found = brought(tmp_path / "one", [first], [later])
    assert found[0]["ER_PRS_F"] == (2, 2, {})
    assert brought(tmp_path / "two", [later], [first]) == found


def test_a_new_reference_file_without_the_archive_leaves_the_archive_as_it_was(tmp_path: Path) -> None:
    tables = whole() | {"IR_BEN_R_ARC": [card(BEN_NIR_PSA=TWIN, BEN_IDT_ANO=TWIN, BEN_NIR_ANO=TWIN)]}
    tables["ER_PRS_F_201503"].append(claim(9, BEN_NIR_PSA=TWIN))
    first = delivery(tmp_path / "a", "2015-06-01", tables)
    later = delivery(tmp_path / "b", "2016-01-01", {"IR_BEN_R": [card(BEN_DTE_MAJ="2015-12-30")]})
    with empty_warehouse(tmp_path / "planned") as place:
        bring(place, first, later=True)
        planned = place.run("ingest", str(later), "--plan")
        assert ("archive-stays", "IR_BEN_R_ARC") in {(n["code"], n["table"]) for n in planned.answer["data"]["notes"]}
    found = brought(tmp_path / "one", [first], [later])
    assert found[0]["IR_BEN_R_ARC"] == (1, 1, {})
    assert found[0]["ER_PRS_F"] == (3, 3, {})
    assert brought(tmp_path / "two", [later], [first]) == found


def test_the_register_of_simplified_claims_and_that_of_cards_take_nothing_from_each_other(tmp_path: Path) -> None:
    claims = {
        "NS_PRS_F_201504": [simplified(n, key, FLX_DIS_DTD="2015-04-01") for n, key in enumerate((BEFORE, TWIN), 5)]
    }
    first = delivery(tmp_path / "a", "2015-06-01", {"IR_BEN_R": [card()], "ER_PRS_F_201503": [claim(1)]})
    later = delivery(tmp_path / "b", "2016-01-01", {"IR_IBA_R": [keyed(BEFORE), keyed(TWIN)]} | claims)
    found = brought(tmp_path / "one", [first], [later])
    assert found[0]["ER_PRS_F"] == (3, 3, {}), "each of them finds its person, those without a card too"
    assert found[0]["IR_BEN_R"] == (3, 3, {})
    assert brought(tmp_path / "two", [later], [first]) == found
