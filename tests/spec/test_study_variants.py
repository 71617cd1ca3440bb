# SPDX-License-Identifier: Apache-2.0
"""Variants of a study: grids of other values, each combination a study of its own, the rest untouched."""

import copy
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.adapters import package_data
from rempart.errors import BadInput
from rempart.records.study import study_from_dict
from rempart.records.study_variants import MOST, expand, variants
from rempart.wiring.study_files import judge_study, read_study

TEXT = package_data.text("examples/glitazones/study.toml")


def with_variants(text: str) -> dict[str, Any]:
    """The example with these tables."""
    return tomllib.loads(f"{TEXT}\n{text}")


def at(parsed: Any, path: str) -> Any:
    """What stands at a path as messages write it."""
    for part in path.replace("]", "").replace("[", ".").split("."):
        parsed = parsed[int(part) - 1] if part.isdigit() else parsed[part]
    return parsed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        (
            '[variants.w]\n"cohorts.main.washout_days" = [180, 730]',
            {"w.washout_days_180": {"cohorts.main.washout_days": 180}, "w.washout_days_730": {"cohorts.main.washout_days": 730}},
        ),
        (
            '[variants.g]\n"protocol.lag_days" = [0, 60]\n"protocol.death" = ["date"]',
            {
                "g.lag_days_0.death_date": {"protocol.lag_days": 0, "protocol.death": "date"},
                "g.lag_days_60.death_date": {"protocol.lag_days": 60, "protocol.death": "date"},
            },
        ),
        (
            '[variants.s.size]\nsmall = { "cohorts.main.age" = [60, 80], "protocol.lag_days" = 0 }\n'
            'large = { "cohorts.main.age" = [0, 120] }',
            {
                "s.small": {"cohorts.main.age": [60, 80], "protocol.lag_days": 0},
                "s.large": {"cohorts.main.age": [0, 120]},
            },
        ),
        (
            '[variants.n]\ncohorts.main.washout_days = [1]\n"cohorts.main.exclude[1].days" = [[-730, 0]]\n'
            '"analyses[5].parameters.ties" = ["breslow"]',
            {
                "n.washout_days_1.days_1.ties_breslow": {
                    "cohorts.main.washout_days": 1,
                    "cohorts.main.exclude[1].days": [-730, 0],
                    "analyses[5].parameters.ties": "breslow",
                }
            },
        ),
        (
            '[variants.a]\n"protocol.lag_days" = [0]\n[variants.b]\n"protocol.lag_days" = [0]',
            {"a.lag_days_0": {"protocol.lag_days": 0}, "b.lag_days_0": {"protocol.lag_days": 0}},
        ),
    ],
)  # fmt: skip
def test_a_grid_is_every_combination_of_its_axes(text: str, expected: dict[str, dict[str, Any]]) -> None:
    parsed = with_variants(text)
    before = copy.deepcopy(parsed)
    found = variants(parsed)
    assert {item.name: dict(item.changes) for item in found} == expected
    for item in found:
        assert {path: at(item.parsed, path) for path in item.changes} == expected[item.name]
        study_from_dict(item.parsed)
    assert parsed == before


def test_a_key_that_was_not_written_takes_a_value_too() -> None:
    changes = '{ "protocol.estimand" = "on-treatment", "protocol.grace_days" = 30 }'
    (item,) = variants(with_variants(f"[variants.g]\naxis.stop = {changes}"))
    assert study_from_dict(item.parsed).protocol.grace_days == 30


def test_values_that_are_written_alike_are_told_apart_by_their_place() -> None:
    found = variants(with_variants('[variants.g]\n"protocol.title" = ["1", 1, "A", "a"]'))
    assert [item.name for item in found] == ["g.title_1", "g.title_2", "g.title_3", "g.title_4"]


def test_the_study_itself_keeps_its_id_and_each_variant_has_its_own() -> None:
    parsed = with_variants('[variants.w]\n"cohorts.main.washout_days" = [180, 365, 730]')
    ids = {name: study_from_dict(one).content_id for name, one in expand(parsed)}
    assert ids[""] == study_from_dict(tomllib.loads(TEXT)).content_id
    assert ids["w.washout_days_365"] == ids[""]  # the value that the study has
    assert len(set(ids.values())) == 3


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4))
@settings(max_examples=30, deadline=None)
def test_as_many_studies_as_the_product_of_the_axes_and_no_two_alike(sizes: list[int]) -> None:
    paths = (
        "protocol.lag_days",
        "protocol.grace_days",
        "cohorts.main.washout_days",
        "cohorts.main.prior_observation_days",
    )
    count = 1
    for size in sizes:
        count *= size
    parsed = {
        **tomllib.loads(TEXT.replace('estimand = "initiation"', 'estimand = "on-treatment"')),
        "variants": {"g": {path: list(range(size)) for path, size in zip(paths, sizes, strict=False)}},
    }
    if count > MOST:
        with pytest.raises(BadInput, match="study-variants"):
            variants(parsed)
        return
    found = variants(parsed)
    assert len({item.name for item in found}) == len(found) == count
    assert len({study_from_dict(item.parsed).content_id for item in found}) == count


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("[variants.x]", "variants.x."),
        ('[variants.x]\n"cohorts.man.washout_days" = [1]', "variants.x.cohorts.man.washout_days"),
        ('[variants.x]\n"analyses[9].id" = ["a"]', "variants.x.analyses[9].id"),
        ('[variants.x]\n"analyses[0].id" = ["a"]', "variants.x.analyses[0].id"),
        ('[variants.x]\n"cohorts.main.exclude[1]" = []', "variants.x.cohorts.main.exclude[1]"),
        ('[variants.x]\n"permit" = ["P-2026-0009"]', "variants.x.permit"),
        ('[variants.x]\n"a..b" = [1]', "variants.x.a..b"),
        ("[variants.x]\naxis = { short = 1 }", "variants.x.axis.short"),
        ("[variants.x]\naxis = { }", "variants.x.axis"),
        ("[variants.Bad]", "variants.Bad"),
        ('[variants.x]\n"protocol.lag_days" = [1, 2, 1]', "variants.x.protocol.lag_days"),
    ],
)
def test_a_grid_that_leads_nowhere_is_named(text: str, field: str) -> None:
    with pytest.raises(BadInput) as caught:
        variants(with_variants(text))
    assert (caught.value.code, caught.value.facts["field"]) == ("study-field", field)


def test_too_many_combinations_are_counted_and_refused() -> None:
    text = (
        '[variants.x]\n"protocol.lag_days" = '
        + str(list(range(30)))
        + '\n"protocol.grace_days" = '
        + str(list(range(30)))
    )
    with pytest.raises(BadInput) as caught:
        variants(with_variants(text))
    assert (caught.value.code, caught.value.facts["count"], caught.value.facts["limit"]) == (
        "study-variants",
        900,
        MOST,
    )


def test_a_variant_is_judged_as_a_study_and_its_error_stands_on_its_own_line(tmp_path: Path) -> None:
    text = TEXT + '\n[variants.lag]\n"protocol.lag_days" = [\n  0,\n  9999,\n]\n'
    (tmp_path / "s.toml").write_text(text, encoding="utf-8")
    found, (error,) = judge_study(tmp_path / "s.toml")
    assert found is None
    assert error.facts["variant"] == "lag.lag_days_9999"
    assert error.facts["line"] == text.count("\n", 0, text.index('"protocol.lag_days"')) + 1
    (tmp_path / "s.toml").write_text(text.replace("9999", "99"), encoding="utf-8")
    assert set(read_study(tmp_path / "s.toml").variants) == {"lag.lag_days_0", "lag.lag_days_99"}
