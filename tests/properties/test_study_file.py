# SPDX-License-Identifier: Apache-2.0
"""The study file: read strictly, one canonical form, nothing that looks past time zero."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.adapters.package_data import toml
from rempart.errors import BadInput, Refused, RempartError
from rempart.records.canonical import canonical_bytes
from rempart.records.study import study_from_dict

EXAMPLES = ("glitazones", "gibleed")


def body(name: str = "glitazones") -> dict[str, Any]:
    """An example file, parsed."""
    return copy.deepcopy(toml(f"examples/{name}/study.toml"))


def raised(value: dict[str, Any], error: type[RempartError] = BadInput) -> tuple[str, dict[str, Any]]:
    """Code and facts of the refusal."""
    with pytest.raises(error) as caught:
        study_from_dict(value, file="s.toml")
    return caught.value.code, dict(caught.value.facts)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all tables in a file."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    here = [path] if isinstance(value, dict) else []
    return here + [found for key, item in inner for found in places(item, (*path, key))]


def reach(value: Any, path: tuple[Any, ...]) -> Any:
    """The table at a path."""
    for key in path:
        value = value[key]
    return value


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_canonical_form_reads_back_as_the_same_study(name: str) -> None:
    first = study_from_dict(body(name))
    again = study_from_dict(json.loads(canonical_bytes(first.as_dict())))
    assert again == first
    assert again.content_id == first.content_id


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_order_of_keys_and_codes_does_not_change_the_id(data: st.DataObject) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shuffled(value[key]) for key in data.draw(st.permutations(list(value)))}
        return value

    mixed = shuffled(body())
    mixed["codes"]["sulfonylurea"]["include"] = data.draw(st.permutations(mixed["codes"]["sulfonylurea"]["include"]))
    assert study_from_dict(mixed).content_id == study_from_dict(body()).content_id


def test_a_default_written_out_does_not_change_the_id_but_a_change_does() -> None:
    written = body()
    written["protocol"]["same_day_order"] = ["exposure", "outcome", "censoring"]
    written["protocol"]["grace_days"] = 0
    assert study_from_dict(written).content_id == study_from_dict(body()).content_id
    written["protocol"]["lag_days"] = 31
    assert study_from_dict(written).content_id != study_from_dict(body()).content_id


@given(st.sampled_from([path for path in places(body()) if path not in {("codes",), ("cohorts",)}]))
@settings(max_examples=60, deadline=None)
def test_an_unknown_key_anywhere_is_bad_input(path: tuple[Any, ...]) -> None:
    changed = body()
    reach(changed, path)["surprise"] = 1
    code, facts = raised(changed)
    if path in {("exposures",), ("outcomes",), ("covariates",)}:
        assert code == "study-field"
    else:
        assert (code, facts["file"]) == ("unknown-key", "s.toml")
        assert facts["key"].endswith("surprise")


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("permit",), "P-1", "permit"),
        (("schema",), "rempart.study/2", "schema"),
        (("protocol", "estimand"), "per-protocol", "protocol.estimand"),
        (("protocol", "lag_days"), -1, "protocol.lag_days"),
        (("protocol", "lag_days"), True, "protocol.lag_days"),
        (("protocol", "follow_up_days"), 30, "protocol.follow_up_days"),
        (("protocol", "period"), ["2014-01-01", "2013-01-01"], "protocol.period"),
        (("protocol", "period"), ["2014-01-01", "soon"], "protocol.period"),
        (("protocol", "same_day_order"), ["outcome", "exposure", "censoring"], "protocol.same_day_order"),
        (("codes", "bladder_cancer", "include"), ["C67' OR true --"], "codes.bladder_cancer.include"),
        (("codes", "bladder_cancer", "include"), ["C67.0"], "codes.bladder_cancer.include"),
        (("codes", "bladder_cancer", "include"), [], "codes.bladder_cancer.include"),
        (("codes", "pioglitazone", "include"), ["123"], "codes.pioglitazone.include"),
        (("codes", "pioglitazone", "exclude"), ["3400935563248"], "codes.pioglitazone.exclude"),
        (("cohorts", "main", "age"), [60, 40], "cohorts.main.age"),
        (("exposures", "target", "codes"), "bladder_cancer", "exposures.target"),
        (("outcomes", "bladder_cancer", "any", 0, "status"), ["D'P"], "outcomes.bladder_cancer.any[1].status"),
        (("outcomes", "bladder_cancer", "any"), [], "outcomes.bladder_cancer.any"),
        (("covariates", "age_band", "bands"), [60, 50], "covariates.age_band.bands"),
        (("covariates", "sex", "type"), "income", "covariates.sex.type"),
        (("analyses", 4, "parameters", "ties"), "exact", "analyses[5].parameters.ties"),
        (("analyses", 4, "design"), "new-user-non-users", "analyses[5].design"),
        (("analyses", 4, "inputs", "comparator"), "target", "analyses[5].inputs.target"),
        (("analyses",), [], "analyses"),
        (("protocol",), 3, "protocol"),
    ],
)
def test_a_wrong_field_is_named(path: tuple[Any, ...], value: Any, field: str) -> None:
    changed = body()
    reach(changed, path[:-1])[path[-1]] = value
    code, facts = raised(changed)
    assert (code, facts["field"], facts["file"]) == ("study-field", field, "s.toml")


@pytest.mark.parametrize("name", ["cohort", "target", "comparator", "outcome"])
def test_a_name_that_is_not_defined_is_said(name: str) -> None:
    changed = body()
    changed["analyses"][4]["inputs"][name] = "nothing"
    code, facts = raised(changed)
    assert (code, facts["name"]) == ("study-name", "nothing")


def test_two_analyses_of_one_id_are_refused() -> None:
    changed = body()
    changed["analyses"][1]["id"] = changed["analyses"][0]["id"]
    assert raised(changed)[1]["field"] == "analyses"


@pytest.mark.parametrize("days", [[-365, 1], [0, 1], [1, 5]])
def test_who_enters_and_how_persons_differ_is_not_read_from_the_future(days: list[int]) -> None:
    changed = body()
    changed["cohorts"]["main"]["exclude"][0]["days"] = days
    assert raised(changed, Refused)[0] == "reads-after-time-zero"
    changed = body()
    changed["covariates"]["before"] = {
        "type": "history",
        "domain": "condition",
        "codes": "bladder_cancer",
        "days": days,
    }
    assert raised(changed, Refused)[0] == "reads-after-time-zero"


def test_an_outcome_takes_no_window() -> None:
    changed = body()
    changed["outcomes"]["bladder_cancer"]["any"][0]["days"] = [0, 5]
    assert raised(changed)[0] == "unknown-key"
