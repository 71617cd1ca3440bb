# SPDX-License-Identifier: Apache-2.0
"""Study files that no example looks like: long chains, huge numbers, byte order marks, keys that are no words. Each is read or told."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from rempart.adapters import package_data
from rempart.cohort.codes import Reads
from rempart.cohort.study_tables import tables_of
from rempart.records.cohort_reading import in_order
from rempart.records.describing import CohortAnalysis
from rempart.records.study import Study
from rempart.wiring.study_files import judge_study, read_study
from tests.journeys.house import Answer, call

EXAMPLE = package_data.text("examples/glitazones/study.toml")
ENTRY = 'entry = { any = [{ domain = "drug", codes = "pioglitazone" }] }'
LONG = 1_500


def told(tmp_path: Path, text: str, *words: str, lang: str = "en") -> Answer:
    """What ``study check`` says of a text."""
    (tmp_path / "s.toml").write_text(text, encoding="utf-8")
    return call("study", "check", tmp_path / "s.toml", *words, "--dir", tmp_path, lang=lang)


def chain(last: str) -> str:
    """The example with many cohorts, each made of the one before; ``last``: what the first is made of."""
    links = [f'[cohorts.c{i}]\nof = {{ union = ["c{i - 1}", "alone"] }}\n' for i in range(1, LONG)]
    return "\n".join([EXAMPLE, f"[cohorts.alone]\n{ENTRY}\n[cohorts.c0]", last, *links])


@pytest.fixture(scope="module")
def chained(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The study of a long chain."""
    file = tmp_path_factory.mktemp("chain") / "s.toml"
    file.write_text(chain(ENTRY), encoding="utf-8")
    return read_study(file).study


def test_a_long_chain_of_cohorts_is_put_in_order(chained: Study) -> None:
    assert in_order(chained.rules) == ("alone", *(f"c{i}" for i in range(LONG)))


def test_all_cohorts_of_a_long_chain_are_made(chained: Study) -> None:
    analysis = CohortAnalysis(id="a", type="attrition", cohorts=(f"c{LONG - 1}",))
    made = tables_of(chained, analysis, cut=chained.protocol.period[1], reads=Reads())
    assert [item.name for item in made] == ["cohort_alone", *(f"cohort_c{i}" for i in range(LONG))]


def test_a_long_circle_is_told_by_its_ends(tmp_path: Path) -> None:
    answer = told(tmp_path, chain(f'of = {{ union = ["c{LONG - 1}", "alone"] }}'), "--json")
    assert answer.error["code"] == "cohort-circle"
    circle = answer.error["facts"]["circle"]
    assert circle.startswith("c0 → ") and circle.endswith(" → c0") and len(circle) < 200


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_a_number_too_long_to_be_read_is_told_with_its_line(tmp_path: Path, lang: str) -> None:
    text = EXAMPLE.replace("lag_days = 30", "lag_days = " + "7" * 5_000)
    line = EXAMPLE[: EXAMPLE.index("lag_days")].count("\n") + 1
    answer = told(tmp_path, f"# {'1' * 5_000}\n{text}", lang=lang)
    assert answer.code == 40
    assert str(line + 1) in answer.err and "777" not in answer.err


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "plain.toml").write_text(EXAMPLE, encoding="utf-8")
    (tmp_path / "mark.toml").write_text(EXAMPLE, encoding="utf-8-sig")
    assert read_study(tmp_path / "mark.toml") == read_study(tmp_path / "plain.toml")


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_a_wrong_key_is_repeated_short_and_without_commands_to_the_terminal(tmp_path: Path, lang: str) -> None:
    keys = [f'"{"k" * 300_000}" = 1', r'"\u001b[31mred\u202e" = 1', f"[cohorts.{'n' * 300_000}]"]
    for key in keys:
        text = EXAMPLE.replace("[protocol]", f"{key}\n[protocol]")
        answer = told(tmp_path, text, lang=lang)
        assert answer.code == 40 and len(answer.err) < 1_500 and not {"\x1b", "\u202e"} & set(answer.err)
        facts = told(tmp_path, text, "--json").error["facts"]
        assert all(len(str(fact)) < 1_000 and str(fact).isprintable() for fact in facts.values())
        assert facts["line"] == EXAMPLE[: EXAMPLE.index("[protocol]")].count("\n") + 1


EXITS = f"""
[cohorts.first]
{ENTRY}
exit = {{ exposure = "target" }}
[cohorts.second]
{ENTRY}
exit = {{ exposure = "target", grace_days = 30 }}
"""
PATHS = f"""
[cohorts.first]
{ENTRY}
[[analyses]]
id = "paths"
type = "pathways"
design = "cohort"
inputs = {{ cohort = "first", exposures = ["target", "comparator"] }}
"""


@pytest.mark.parametrize(("uses", "key"), [(EXITS, "exit"), (PATHS, "inputs")])
def test_every_use_of_an_exposure_without_days_of_supply_is_told_with_its_line(
    tmp_path: Path, uses: str, key: str
) -> None:
    file = tmp_path / "s.toml"
    file.write_text(EXAMPLE + uses, encoding="utf-8")
    found, problems = judge_study(file)
    assert found is None and [problem.code for problem in problems] == ["exposure-supply"] * 2
    lines = (EXAMPLE + uses).splitlines()
    assert all(lines[int(problem.facts["line"]) - 1].startswith(f"{key} =") for problem in problems)
    assert problems[0].facts["file"] == f"s.toml:{problems[0].facts['line']}"


DEEP = ".".join(["a"] * 200)


@pytest.mark.parametrize(
    "key", [f"{DEEP} = 1", f"[{DEEP}]", "x = { " + " . ".join(["'a'"] * 200) + " = 1 }", '"a".' * 200 + "b = 1"]
)
@pytest.mark.parametrize("lang", ["en", "fr"])
def test_a_key_of_hundreds_of_levels_is_told_with_its_line_before_it_is_read(
    key: str, lang: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = tomllib.loads

    def never(text: str) -> dict[str, Any]:
        """Words are read; the study's text would take a time that grows with the square of its levels."""
        return pytest.fail("it was read") if text.startswith("# one") else read(text)

    monkeypatch.setattr("tomllib.loads", never)
    answer = told(tmp_path, f"# one\n# {DEEP}\n{key}\n", lang=lang)
    assert answer.code == 40
    assert "s.toml:3" in answer.err and "a.a" not in answer.err


@pytest.mark.parametrize("quotes", ['"""', "'''"])
def test_points_within_texts_and_comments_are_no_levels(quotes: str, tmp_path: Path) -> None:
    question = f"question = {quotes}\n{DEEP}{quotes}  # {DEEP}"
    lines = [question if line.startswith("question") else line for line in EXAMPLE.splitlines()]
    assert told(tmp_path, "\n".join([*lines, f"# {DEEP}"])).code == 0
