# SPDX-License-Identifier: Apache-2.0
"""From evidence to result rows: the contract's outputs, sums that hold, person sets that are one thing under one name."""

from collections import defaultdict
from typing import Any

import pyarrow as pa
import pytest

from rempart.adapters.package_data import toml
from rempart.disclosure.check import check
from rempart.errors import BadInput
from rempart.records.result import ResultRow
from rempart.records.study import Study, study_from_dict
from rempart.study.cells import cells_of
from rempart.study.evidence import Evidence, decode, empty, encode, merge, schema_of
from rempart.study.ratio import cox
from rempart.study.results import results

FRAME = "main/target/comparator/bladder_cancer"
Cell = tuple[str, str, int, int, int]  # arm, pattern, exit, status, n


def study(**changes: Any) -> Study:
    """The first example, with a short follow-up and no lag."""
    body = toml("examples/glitazones/study.toml")
    protocol = {**body["protocol"], "lag_days": 0, "follow_up_days": 100}
    body = {**body, "protocol": protocol, **changes}
    body["analyses"][3]["parameters"]["grid_days"] = 50
    return study_from_dict(body)


def evidence(cells: list[Cell], frame: str = FRAME) -> Evidence:
    """Evidence of those cells; every person passes every step, ages are 60."""
    columns = list(zip(*cells, strict=True)) if cells else [()] * 5
    arm, pattern, exit_, status, n = columns
    table = pa.table(
        [[frame] * len(cells), arm, pattern, [0] * len(cells), exit_, status, n], schema=schema_of("cells")
    )
    arms = {a: sum(c[4] for c in cells if a in {c[0], "all"}) for a in ("all", "target", "comparator")}
    steps = [(frame, step, a, k) for step in ("01 first", "02 at risk") for a, k in arms.items()]
    sums = [(frame, a, "age", arms[a], 60 * arms[a], 3600 * arms[a]) for a in ("target", "comparator")]
    found = {"cells": table}
    for name, rows in (("attrition", steps), ("sums", sums)):
        found[name] = pa.table([list(c) for c in zip(*rows, strict=True)], schema=schema_of(name))
    return merge([found])


COHORT: list[Cell] = [
    ("target", "65-69|male", 70, 1, 14),
    ("comparator", "65-69|male", 70, 1, 13),
    ("comparator", "60-64|female", 100, 0, 50),
    ("target", "60-64|male", 20, 1, 30),
    ("target", "60-64|male", 100, 0, 500),
    ("target", "65-69|female", 40, 1, 20),
    ("target", "65-69|female", 90, 2, 40),
    ("target", "65-69|female", 100, 0, 400),
    ("comparator", "60-64|male", 30, 1, 12),
    ("comparator", "60-64|male", 100, 0, 600),
    ("comparator", "65-69|female", 60, 1, 15),
    ("comparator", "65-69|female", 100, 0, 300),
]


def rows(cells: list[Cell] | None = None, subject: Study | None = None) -> tuple[ResultRow, ...]:
    """Result rows."""
    return results(subject or study(), evidence(COHORT if cells is None else cells), run="r")


def value(found: tuple[ResultRow, ...], output: str, statistic: str, **keys: str) -> float | None:
    """The one cell with those keys."""
    hits = [
        row
        for row in found
        if row.output == output
        and row.statistic == statistic
        and keys.items() <= {**row.row_key, **row.column_key}.items()
        and ("arm" in keys) == bool(row.column_key)
    ]
    assert len(hits) == 1, hits
    return hits[0].value


def test_the_outputs_are_those_of_the_contract() -> None:
    found = {(row.output, row.output_type) for row in rows()}
    assert found == {
        ("attrition", "attrition"),
        ("table_one", "frequency"),
        ("table_one_means", "mean"),
        ("incidence", "rate"),
        ("cumulative_incidence", "survival"),
        ("hazard_ratio", "hazard_ratio"),
    }
    assert {row.run for row in rows()} == {"r"}
    assert all(row.status == "raw" for row in rows())


def test_person_time_and_rates_are_exact() -> None:
    found = rows()
    days = 14 * 70 + 30 * 20 + 500 * 100 + 20 * 40 + 40 * 90 + 400 * 100
    years = value(found, "incidence", "person_years", outcome="bladder_cancer", arm="target")
    assert years == days / 365.25
    assert value(found, "incidence", "events", outcome="bladder_cancer", arm="target") == 64
    rate = value(found, "incidence", "rate", outcome="bladder_cancer", arm="target")
    assert rate == pytest.approx(64 / (days / 365.25) * 1000, rel=1e-14)


def test_arms_add_up_and_levels_add_up() -> None:
    counts: dict[tuple[Any, ...], dict[str, float]] = defaultdict(dict)
    for row in rows():
        if (
            row.statistic in {"n", "persons", "events", "at_risk", "deaths", "censored"}
            and "analysis" not in row.row_key
        ):
            key = (row.output, tuple(sorted(row.row_key.items())), row.statistic)
            counts[key][row.column_key["arm"]] = row.value or 0
    assert len(counts) > 15
    assert all(arms["all"] == arms["target"] + arms["comparator"] for arms in counts.values())
    found = rows()
    levels = [
        value(found, "table_one", "n", variable="age_band", level=x, arm="target") or 0 for x in ("60-64", "65-69")
    ]
    assert sum(levels) == value(found, "table_one", "n", variable="all", level="all", arm="target") == 1004


def test_a_curve_accounts_for_every_person_on_every_day() -> None:
    found = rows()
    for day in ("00000", "00050", "00100"):
        parts = [
            value(found, "cumulative_incidence", name, day=day, arm="target")
            for name in ("at_risk", "events", "deaths", "censored")
        ]
        assert sum(part or 0 for part in parts) == 1004
    assert value(found, "cumulative_incidence", "cumulative_incidence", day="00050", arm="target") == pytest.approx(
        50 / 1004
    )


def test_one_name_of_a_person_set_is_one_number_everywhere() -> None:
    sizes: dict[str, set[int | None]] = defaultdict(set)
    outputs: dict[str, set[str]] = defaultdict(set)
    for row in rows():
        assert row.persons_ref
        sizes[row.persons_ref].add(row.n_persons)
        outputs[row.persons_ref].add(row.output)
    assert all(len(numbers) == 1 for numbers in sizes.values())
    both = {"incidence", "cumulative_incidence", "hazard_ratio"}
    assert both <= outputs["events/bladder_cancer/target"]
    assert {"attrition", "table_one", "incidence", "hazard_ratio", "table_one_means"} <= outputs["persons/target"]


def test_a_rate_and_a_ratio_stand_on_the_outcomes_behind_them() -> None:
    for row in rows():
        if row.statistic in {"rate", "rate_lower", "rate_upper"}:
            assert row.persons_ref == f"events/bladder_cancer/{row.column_key['arm']}"
        if row.statistic in {"hazard_ratio", "p_value"}:
            assert (row.persons_ref, row.n_persons) == ("events/bladder_cancer/comparator", 40)


def test_the_disclosure_rules_take_every_row() -> None:
    tables = check(rows(), toml("disclosure/rules.toml"))
    assert {table.output for table in tables} == {row.output for row in rows()}
    assert any(row.statistic == "hazard_ratio" and row.status == "rounded" for table in tables for row in table.rows)


def test_the_crude_ratio_is_that_of_the_counts_and_adjusting_changes_it() -> None:
    found = rows()
    crude = value(found, "hazard_ratio", "hazard_ratio", model="crude")
    adjusted = value(found, "hazard_ratio", "hazard_ratio", model="adjusted")
    assert crude is not None and adjusted is not None
    assert abs(crude - adjusted) > 1e-4
    lower, upper = (value(found, "hazard_ratio", name, model="crude") or 0 for name in ("lower", "upper"))
    assert lower < crude < upper
    assert lower * upper == pytest.approx(crude**2)


def test_an_arm_without_outcome_gives_no_ratio_and_says_why() -> None:
    cells = [cell for cell in COHORT if cell[:1] + cell[3:4] != ("comparator", 1)]
    ratios = [row for row in rows(cells) if row.statistic in {"hazard_ratio", "lower", "upper", "p_value"}]
    ratios = [row for row in ratios if row.output == "hazard_ratio"]
    assert len(ratios) == 8
    assert all(row.value is None and row.rule == "cox-separation" for row in ratios)
    assert value(rows(cells), "incidence", "events", outcome="bladder_cancer", arm="comparator") == 0


def test_no_person_at_all_gives_a_result_all_the_same() -> None:
    found = results(study(), empty(), run="r")
    assert value(found, "incidence", "persons", outcome="bladder_cancer", arm="all") == 0
    assert value(found, "incidence", "rate", outcome="bladder_cancer", arm="all") is None
    assert value(found, "hazard_ratio", "hazard_ratio", model="adjusted") is None


def fitted(cells: list[Cell], *covariates: str) -> float:
    """The adjusted coefficient."""
    subject = study()
    return float(cox(cells_of(subject, subject.frames[0], evidence(cells)["cells"]), covariates).beta[0])


def test_a_level_without_outcome_is_the_limit_of_a_level_with_almost_none() -> None:
    without = [*COHORT, ("target", "80+|male", 100, 0, 50000), ("comparator", "80+|male", 100, 0, 9000)]
    almost = [*without, ("target", "80+|male", 99, 1, 1)]
    assert fitted(without, "age_band") == pytest.approx(fitted(COHORT, "age_band"), abs=1e-12)
    assert fitted(almost, "age_band") == pytest.approx(fitted(COHORT, "age_band"), abs=0.02)


def test_a_covariate_that_repeats_another_changes_nothing() -> None:
    twin = {"60-64|male": "60-64|male", "65-69|female": "65-69|female", "65-69|male": "65-69|female"}
    cells = [(arm, twin[pattern], *rest) for arm, pattern, *rest in COHORT if pattern in twin]
    assert fitted(cells, "age_band", "sex") == pytest.approx(fitted(cells, "age_band"), abs=1e-12)
    assert fitted(COHORT, "age_band", "sex") != pytest.approx(fitted(COHORT, "age_band"), abs=1e-6)


def test_a_covariate_that_tells_the_arms_apart_leaves_no_adjusted_ratio() -> None:
    cells = [(arm, "60-64|male" if arm == "target" else "60-64|female", *rest) for arm, _, *rest in COHORT]
    adjusted = [r for r in rows(cells) if r.row_key.get("model") == "adjusted" and r.statistic == "hazard_ratio"]
    assert [(row.value, row.rule) for row in adjusted] == [(None, "cox-collinear")]
    assert value(rows(cells), "hazard_ratio", "hazard_ratio", model="crude") is not None


def test_the_parameter_ties_reaches_the_fit() -> None:
    body = toml("examples/glitazones/study.toml")
    body["analyses"][4]["parameters"]["ties"] = "breslow"
    breslow = value(rows(subject=study(analyses=body["analyses"])), "hazard_ratio", "hazard_ratio", model="crude")
    efron = value(rows(), "hazard_ratio", "hazard_ratio", model="crude")
    assert breslow != pytest.approx(efron, rel=1e-6)


def test_analyses_of_one_type_get_names_of_their_own() -> None:
    body = toml("examples/glitazones/study.toml")
    crude = {**body["analyses"][4], "id": "crude_only", "inputs": {"covariates": []}}
    found = rows(subject=study(analyses=[*body["analyses"], crude]))
    names = {row.output for row in found}
    assert {"hazard_ratio_main", "hazard_ratio_crude_only"} <= names
    assert {row.row_key["model"] for row in found if row.output == "hazard_ratio_crude_only"} == {"crude"}


def test_evidence_that_is_cut_or_altered_in_form_is_refused() -> None:
    whole = encode(evidence(COHORT))
    assert decode(whole)["cells"].equals(evidence(COHORT)["cells"])
    for broken in (
        whole[:-1],
        whole[:20],
        b"",
        whole + b"\0",
        b"\0\0\0\1x" + whole,
        whole.replace(b"sums", b"tums", 1),
    ):
        with pytest.raises(BadInput) as caught:
            decode(broken)
        assert caught.value.code == "evidence-form"
