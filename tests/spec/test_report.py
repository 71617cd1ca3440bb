# SPDX-License-Identifier: Apache-2.0
"""A study's report: everything the author wrote stands in it once, nothing unchecked does, and both renderings are whole in
themselves."""

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import pytest

from rempart.adapters.package_data import toml
from rempart.adapters.report_html import report_html
from rempart.adapters.report_pdf import report_pdf
from rempart.errors import Refused
from rempart.records.harper import SECTIONS
from rempart.records.result import CheckedTable, ResultRow, Status
from rempart.records.study import study_from_dict
from rempart.release.report import State, Told, report
from rempart.release.report_blocks import Report
from rempart.release.report_protocol import Version
from rempart.release.report_words import Speaker

WORDS, OWN, ITEMS = (toml(f"release/{name}.toml") for name in ("words", "report", "record_pe"))
LANGUAGES = ("en", "fr")
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"><rect width="20" height="10" fill="red"/></svg>'
EVIL = '<script>alert(1)</script> #include "x" $x$ *b* & \\ `r`'


def body(example: str = "glitazones_protocol", **harper: Any) -> dict[str, Any]:
    """An example's study in canonical form, its protocol's text changed."""
    parsed = toml(f"examples/{example}/study.toml")
    if harper:
        parsed["protocol"]["harper"] = {**parsed["protocol"].get("harper", {}), **harper}
    return study_from_dict(parsed).as_dict()


def row(output: str, kind: str, value: float | None, status: Status = "kept", **keys: str) -> ResultRow:
    return ResultRow(
        run="S-1",
        output=output,
        output_type=kind,
        row_key=keys or {"step": "01 first dispensing in the period"},
        column_key={"arm": "target"},
        statistic="n",
        value=value,
        unit="persons",
        n_persons=20,
        status=status,
    )


def flow(status: Status = "kept", value: float | None = 4242.0) -> CheckedTable:
    rows = (row("attrition", "attrition", value, status),)
    return CheckedTable(output="attrition", output_type="attrition", rows=rows, rules="rules-1")


def made(
    language: str = "en", *, study: Mapping[str, Any] | None = None, state: State = "protocol", **more: Any
) -> Report:
    told = Told(study=study or body(), study_id="sha256:" + "a" * 64, state=state, **more)
    return report(told, language, words=WORDS, own=OWN, items=ITEMS)


def texts(value: object) -> list[str]:
    """Every text of a report."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, tuple | list):
        return [text for item in value for text in texts(item)]
    if isinstance(value, dict):
        return texts(list(value.values()))
    slots = getattr(type(value), "__slots__", ())
    return [text for name in slots for text in texts(getattr(value, name))]


class Page(HTMLParser):
    """What an HTML file opens, closes and names."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append((tag, given))
        self.ids += [given["id"]] if given.get("id") else []  # type: ignore[list-item]
        self.links += [given["href"]] if given.get("href") else []  # type: ignore[list-item]
        if tag not in {"meta", "img", "col"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def test_every_section_that_an_author_wrote_stands_in_the_report_once() -> None:
    written = {name: f"zzz {name} zzz" for name in SECTIONS}
    told = texts(made(study=body(**written)))
    assert {name: told.count(words) for name, words in written.items()} == dict.fromkeys(written, 1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_protocol_without_text_says_which_key_fills_each_gap_and_one_with_all_says_none(language: str) -> None:
    gaps = [
        block
        for section in made(language, study=body("glitazones")).sections
        for block in section.blocks
        if block.kind == "absent"
    ]
    named = {key for block in gaps for key in re.findall(r"protocol\.harper\.(\w+)", block.caption)}
    assert named >= {"abstract", "background", "objectives", "milestones", "bias", "limitations", "adverse_events"}
    assert not [block for section in made(language).sections for block in section.blocks if block.kind == "absent"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_checklist_points_to_sections_that_are_there_and_says_what_is_still_to_be_written(language: str) -> None:
    full, bare = (made(language, study=study) for study in (body(), body("glitazones")))
    answers = {}
    for name, it in (("full", full), ("bare", bare)):
        lines = next(
            block.lines
            for section in it.sections
            if section.name == "checklist"
            for block in section.blocks
            if block.lines
        )
        answers[name] = {line[0]: line[3] for line in lines}
    there = {f"{section.number} {section.title}" for section in full.sections}
    assert answers["full"]["9"] in there  # bias
    assert answers["full"]["7.1"] in there  # code lists, which come after the checklist
    assert answers["full"]["18"] == OWN["say"][language]["by_authors"]
    assert answers["bare"]["9"] == OWN["say"][language]["to_write"]
    assert answers["full"]["13"] == OWN["say"][language]["to_write"]  # no attrition without a run
    with_flow = made(language, state="synthetic", tables=(flow(),))
    assert "12.1" in next(
        line[3]
        for section in with_flow.sections
        if section.name == "checklist"
        for line in section.blocks[1].lines
        if line[0] == "13"
    )


def test_every_item_of_the_checklist_has_words_and_points_to_sections_of_the_report() -> None:
    drawn = made(state="synthetic", tables=(flow(),))
    there = {section.name for section in drawn.sections} | {"title_page", "funding"}
    for item in ITEMS["items"]:
        assert item["en"] and item["fr"] and item["of"] in {"STROBE", "RECORD", "RECORD-PE"}, item
        assert {name for name in item["where"] if not name.startswith("out:")} <= there, item["id"]
    ids = [item["id"] for item in ITEMS["items"]]
    assert len(set(ids)) == len(ids) == 49


def test_both_languages_have_the_same_words() -> None:
    for table in ("say", "page"):
        assert set(OWN[table]["en"]) == set(OWN[table]["fr"]), table


@pytest.mark.parametrize("state", ["protocol", "unreleased"])
def test_a_table_stands_in_no_report_of_a_run_that_was_not_let_out(state: State) -> None:
    with pytest.raises(Refused, match="release-unchecked"):
        made(state=state, tables=(flow(),))


@pytest.mark.parametrize("state", ["synthetic", "released"])
def test_a_raw_row_stands_in_no_report(state: State) -> None:
    with pytest.raises(Refused, match="release-unchecked"):
        made(state=state, tables=(flow("raw"),))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_html_is_whole_runs_nothing_loads_nothing_and_every_link_leads_somewhere(language: str) -> None:
    figures = {f"attrition-{language}.svg": SVG}
    study = body(abstract=EVIL, references=[EVIL], authors=[{"name": EVIL}])
    html = report_html(
        made(language, study=study, state="released", tables=(flow(),), figures=figures, diagrams=(SVG.decode(),))
    )
    page = Page(html)
    assert not page.wrong and not page.open
    assert len(set(page.ids)) == len(page.ids)
    assert {link for link in page.links if not link.startswith("#")} == set()
    assert {link[1:] for link in page.links} <= set(page.ids)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "iframe", "link", "object", "embed", "form", "base"}
    assert not [given for _, given in page.tags if any(name.startswith("on") for name in given)]
    pictures = [given for tag, given in page.tags if tag == "img"]
    assert len(pictures) == 2
    assert all(given["alt"] and str(given["src"]).startswith("data:image/svg+xml;base64,") for given in pictures)
    assert b"default-src &#39;none&#39;" in html or b"default-src 'none'" in html
    assert page.tags[0] == ("html", {"lang": language})
    assert b"<script" not in html and b"&lt;script&gt;" in html
    assert not re.search(rb"url\(|@import|src=\"http", html)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pdf_takes_any_text_as_text_and_is_the_same_each_time(language: str) -> None:
    study = body(abstract=EVIL, limitations="#panic() @x <y> " * 5, references=["[#text(1)]"])
    it = made(language, study=study, state="synthetic", tables=(flow(),), figures={f"attrition-{language}.svg": SVG})
    first = report_pdf(it)
    assert first.startswith(b"%PDF-") and first == report_pdf(it)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_dry_run_says_so_above_in_the_title_and_at_the_end(language: str) -> None:
    it = made(language, state="synthetic", tables=(flow(),), facts={"persons": "2 000", "seed": "1"})
    html = report_html(it).decode()
    assert it.mark == "SYNTHETIC" and "SYNTHETIC" in it.notice
    assert re.search(r"<title>SYNTHETIC", html) and re.search(r'<div class="mark"[^>]*>.*SYNTHETIC', html)
    assert html.rindex("SYNTHETIC") > html.index("<footer>")
    assert "SYNTHETIC" not in report_html(made(language)).decode()


def test_the_value_shown_is_the_checked_one_and_a_hidden_one_is_a_word() -> None:
    shown = texts(made(state="released", tables=(flow(),)))
    hidden = texts(made(state="released", tables=(flow("suppressed", None),)))
    assert "4242" in shown and "suppressed" in hidden and "4242" not in hidden


def test_versions_and_other_protocols_of_the_permit_are_told() -> None:
    first = Version(study="sha256:" + "1" * 64, time="2026-01-02T03:04:05+00:00", leaf=7)
    amendment = {"date": "2026-02-03", "reason": "a longer lag", "sections": ["lag_days"]}
    second = Version(study="sha256:" + "2" * 64, time="2026-02-03T03:04:05+00:00", leaf=9, amendment=amendment)
    other = Version(study="sha256:" + "3" * 64, time="2026-01-03T03:04:05+00:00", leaf=8, title="another question")
    told = " ".join(texts(made(versions=(first, second), others=(other,))))
    for words in (
        first.study,
        second.study,
        other.study,
        "a longer lag (lag_days)",
        "another question",
        "2026-01-02 03:04 UTC",
    ):
        assert words in told


def test_a_design_that_no_word_knows_is_shown_as_the_file_writes_it() -> None:
    speaker = Speaker(own=OWN, language="fr")
    told = dict(speaker.definition({"new_key": {"inner": [-30, -1]}, "days": [-365, 0], "flag": True, "off": False}))
    assert told == {"new key · inner": "de −30 à −1", "fenêtre": "jours −365 à 0", "flag": "oui"}


def test_the_checklist_points_to_the_outputs_of_every_design() -> None:
    """Whatever an output is called, an item names it or what its name begins with; attrition has a section of its own."""
    pointed = {
        name.removeprefix("out:") for item in ITEMS["items"] for name in item["where"] if name.startswith("out:")
    }
    outputs = set(WORDS["titles"]["en"])
    assert {name for name in outputs - {"attrition"} if not any(name.startswith(each) for each in pointed)} == set()
    assert {each for each in pointed if not any(name.startswith(each) for name in outputs)} == set()


@pytest.mark.parametrize(
    ("output", "kind", "items"),
    [
        ("relative_incidence_main", "relative_incidence", {"15", "16"}),
        ("pooled_odds_ratio", "pooled_ratio", {"16"}),
        ("odds_ratio", "odds_ratio", {"15", "16"}),
        ("lag_effects", "lag_effects", {"16"}),
        ("e_values", "sensitivity", {"17", "19"}),
        ("controls", "controls", {"12.1.a", "17", "19"}),
        ("prediction", "prediction", {"16"}),
        ("score_risk", "risk", {"16"}),
    ],
)
def test_the_results_of_a_design_are_pointed_to_by_the_items_that_they_answer(
    output: str, kind: str, items: set[str]
) -> None:
    cells = (row(output, kind, 42.0, outcome="x"),)
    told = made(state="synthetic", tables=(CheckedTable(output=output, output_type=kind, rows=cells, rules="r"),))
    number = next(section.number for section in told.sections if section.name == f"out:{output}")
    (checklist,) = [section for section in told.sections if section.name == "checklist"]
    answered = {line[0] for line in checklist.blocks[1].lines if f"{number} " in line[3]}
    assert answered >= items
