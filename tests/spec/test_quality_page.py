# SPDX-License-Identifier: Apache-2.0
"""The quality page writes numbers as its language does and alarms by failures alone; a threshold without effect is refused."""

import dataclasses
import datetime
from collections.abc import Sequence
from pathlib import Path

import pytest

from rempart.adapters import package_data
from rempart.adapters.quality_page import Page, write_page
from rempart.cli.quality_commands import quality
from rempart.cli.session import Session
from rempart.cli.voice import Voice
from rempart.errors import BadInput
from rempart.ingest.quality import Finding, settings
from rempart.journeys.quality import Report
from rempart.wiring.quality import quality_settings

DAY = datetime.date(2026, 1, 2)


FINDING = Finding(
    kind="linked",
    category="completeness",
    table="stay",
    field="",
    detail="ace undated",
    status="failed",
    failing="12345",
    base="67890123",
    share="<0.02",
    percent=0.5,
    why="",
)


def page(folder: Path, language: str, findings: Sequence[Finding] = (FINDING,)) -> str:
    rules = settings(package_data.toml("ingest/quality.toml"), today=DAY)
    told = Page(
        head="ab" * 32, day=DAY, scans=1234, shards=16, rows=4567890, seconds=12.34, hiding=rules.facts["hiding"]
    )
    write_page(folder / "q.html", told, findings, rules.kinds, language=language)
    return (folder / "q.html").read_text(encoding="utf-8")


def test_the_french_page_has_decimal_commas_narrow_spaces_and_fragments(tmp_path: Path) -> None:
    text = page(tmp_path, "fr")
    for wanted in (
        "12\u202f345",
        "67\u202f890\u202f123",
        "&lt;0,02",
        ">0,5<",
        "12,3 s",
        "16 fragments",
        "ace sans date",
    ):
        assert wanted in text, wanted
    assert "1\u202f234 agrégats" in text
    assert "4\u202f567\u202f890 lignes" in text
    assert "partition" not in text
    assert "amp;lt" not in text


def test_the_english_page_has_points_and_commas(tmp_path: Path) -> None:
    text = page(tmp_path, "en")
    for wanted in ("12,345", "67,890,123", "&lt;0.02", ">0.5<", "12.3 s", "16 shards", "ace undated"):
        assert wanted in text, wanted


@pytest.mark.parametrize(
    ("language", "wanted"),
    [("fr", ("ace sans date", "multiple de 22", "<0,02")), ("en", ("ace undated", "nearest 22", "<0.02"))],
)
def test_the_terminal_speaks_its_language_and_says_that_counts_are_rounded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], language: str, wanted: tuple[str, ...]
) -> None:
    report = Report(findings=(FINDING,), scans=1, shards=1, rows=20, head="ab" * 32)
    monkeypatch.setattr("rempart.wiring.quality.quality", lambda *_, **__: report)
    monkeypatch.setattr("rempart.wiring.warehouse.Warehouse", lambda _: None)
    assert quality(Session(voice=Voice(language, as_json=False), directory=Path())) == 1
    text = capsys.readouterr().out
    for words in wanted:
        assert words in text, words


@pytest.mark.parametrize(
    ("row", "key", "expected"),
    [
        ('kind = "fillled"\npercent = 0', "kind = fillled", "filled"),
        ("percent = 0", "kind = ", "filled"),
        ('kind = "filled"\ntable = "persons"\npercent = 0', "table = persons", "person"),
        ('kind = "filled"\ntable = "person"\nfield = "quantity"\npercent = 0', "field = quantity", "year_of_birth"),
        ('kind = "filled"\nfield = "quantitty"\npercent = 0', "field = quantitty", "quantity"),
        ('kind = "filled"\nshare = 3\npercent = 0', "share", "percent"),
        ('kind = "filled"\npercent = 101', "percent = 101", "0…100"),
        ('kind = "filled"', "percent = None", "0…100"),
    ],
)
def test_a_threshold_that_would_have_no_effect_is_refused(tmp_path: Path, row: str, key: str, expected: str) -> None:
    file = tmp_path / "own.toml"
    file.write_text(f"[[thresholds]]\n{row}\n", encoding="utf-8")
    with pytest.raises(BadInput) as raised:
        quality_settings(file)
    assert raised.value.code == "unknown-key"
    assert raised.value.facts["key"] == key
    assert expected in str(raised.value.facts["expected"])


def test_thresholds_of_every_sort_of_place_are_taken(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    rows = (
        'kind = "linked"\ntable = "stay"\npercent = 3.5',
        'kind = "year-break"\nfield = "CIM-10 C"\npercent = 50',
        'kind = "sex-of-group"\nfield = "CCAM"\npercent = 2',
        'kind = "filled"\ntable = "person"\nfield = "day_of_birth"\npercent = 7',
    )
    file.write_text("".join(f"[[thresholds]]\n{row}\n" for row in rows), encoding="utf-8")
    said = quality_settings(file)
    assert said.percent("linked", "stay", "") == 3.5
    assert said.percent("filled", "person", "day_of_birth") == 7


@pytest.mark.parametrize(
    ("language", "said"), [("en", "no vocabulary loaded (1)"), ("fr", "aucun vocabulaire chargé (1)")]
)
def test_each_kind_says_why_checks_do_not_apply_and_a_line_breaks_after_underscores_only(
    tmp_path: Path, language: str, said: str
) -> None:
    reasons = ("vocabulary", "table", "field", "few", "empty")
    none = [dataclasses.replace(FINDING, status="none", share="", why=why) for why in reasons]
    text = page(tmp_path, language, [dataclasses.replace(FINDING, field="care_site_id"), *none])
    assert said in text
    assert "<code>care_<wbr>site_<wbr>id</code>" in text
    assert "<script" not in text


def test_no_failure_is_no_alarm(tmp_path: Path) -> None:
    """A zero is not in the colour of failures; what stands for each number is told where a screen is too narrow for heads."""
    text = page(tmp_path, "fr", [dataclasses.replace(FINDING, status="passed")])
    assert '<dd class="none">0</dd>' in text
    assert 'class="n failed"' not in text
    assert '.checks .breaking::before{content:"en défaut "}' in text
    assert '<td class="first passed">réussi</td>' in text
