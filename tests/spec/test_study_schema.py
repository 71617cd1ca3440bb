# SPDX-License-Identifier: Apache-2.0
"""The published JSON Schema and the page are what the reader reads by: equal to their sources, never stricter, wrong where it is wrong."""

import copy
import datetime
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.adapters import package_data
from rempart.errors import RempartError
from rempart.records.canonical import canonical_bytes
from rempart.records.exposure_sets import filled
from rempart.records.forms import Form, Inside, Kind, Named, OneOf, Rows, Table, resolved
from rempart.records.study import study_from_dict
from rempart.records.study_forms import STUDY
from rempart.records.study_variants import expand
from tests.spec.study_file_page import SCHEMA, TARGET, page, schema_text

FILES = (
    "examples/glitazones/study.toml",
    *sorted(
        f"examples/{path.parent.name}/study.toml"
        for path in (SCHEMA.parents[1] / "examples").glob("*/study.toml")
        if path.parent.name != "glitazones"
    ),
    *(f"examples/templates/{name}" for name in package_data.names("examples/templates", ".toml")),
)
VALIDATOR = jsonschema.Draft202012Validator(json.loads(schema_text()))
PUBLISHED = {
    "glitazones": "sha256:314a9473ded71747a14690b78df8df80f35abd819ef31cb04a816616415e1767",
    "gibleed": "sha256:5c0337a547e41d299e8796f90cc6e33d4b36bef4b1b0e79b4eee8976867ae5fc",
}


WHOLE = tomllib.loads((Path(__file__).parent / "whole_language.toml").read_text(encoding="utf-8"))


def as_json(value: Any) -> Any:
    """Parsed TOML as an editor gives it to a validator: dates are text."""
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    return value.isoformat() if isinstance(value, datetime.date) else value


def with_supplies(parsed: Mapping[str, Any]) -> dict[str, Any]:
    """A study with shipped sets of rules in place of their names, as it is read from its file."""
    return filled(parsed, file="s.toml", known=package_data.toml("cohort/supply.toml"), packs_of=lambda name: [])


def accepted(parsed: dict[str, Any]) -> bool:
    """Whether the reader takes the file, its variants too."""
    try:
        for _, one in expand(parsed):
            study_from_dict(with_supplies(one))
    except RempartError:
        return False
    return True


def body(file: str = FILES[0]) -> dict[str, Any]:
    """A file, parsed; "whole": the one that uses every key."""
    return copy.deepcopy(WHOLE if file == "whole" else package_data.toml(file))


def tables_in(form: Form) -> list[Kind]:
    """The kinds of table that a form holds."""
    match form:
        case Inside() | Rows() | Named():
            return [resolved(form.of)]
        case OneOf():
            return [kind for inner in form.forms for kind in tables_in(inner)]
        case _:
            return []


def declared() -> set[str]:
    """Every key of the language."""
    seen: dict[str, Kind] = {}
    waiting: list[Kind] = [STUDY]
    while waiting:
        kind = waiting.pop()
        if kind.name not in seen:
            seen[kind.name] = kind
            waiting += (
                [inner for key in kind.keys.values() for inner in tables_in(key.form)]
                if isinstance(kind, Table)
                else kind.cases.values()
            )
    return {name for kind in seen.values() if isinstance(kind, Table) for name in kind.keys}


def written(value: Any) -> set[str]:
    """Every key of a parsed file."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {*(value if isinstance(value, dict) else ()), *(name for item in inner for name in written(item))}


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all values in a file, tables and lists among them."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([path] if path else []), *(found for key, item in inner for found in leaves(item, (*path, key)))]


def put(value: Any, path: tuple[Any, ...], new: Any) -> None:
    """Set what stands at a path."""
    for key in path[:-1]:
        value = value[key]
    value[path[-1]] = new


def test_the_published_schema_is_made_of_the_readers_forms() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema_text(), "run python -m tests.spec.study_file_page"
    jsonschema.Draft202012Validator.check_schema(json.loads(schema_text()))


def test_the_page_is_made_of_the_readers_forms() -> None:
    assert TARGET.read_text(encoding="utf-8") == page(), "run python -m tests.spec.study_file_page"


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_study_of_before_keeps_its_id(name: str) -> None:
    assert study_from_dict(body(f"examples/{name}/study.toml")).content_id == PUBLISHED[name]


def test_one_study_uses_every_key_of_the_language() -> None:
    assert len(declared()) > 80
    assert declared() - written(WHOLE) == set(), "write these keys into tests/spec/whole_language.toml"


@pytest.mark.parametrize("file", [*FILES, "whole"])
def test_every_example_and_template_is_right_by_reader_and_schema(file: str) -> None:
    assert accepted(body(file))
    assert [error.message for error in VALIDATOR.iter_errors(as_json(body(file)))] == []


@pytest.mark.parametrize("file", [*FILES, "whole"])
def test_the_canonical_form_is_right_by_the_schema_too(file: str) -> None:
    for _, parsed in expand(body(file)):
        canonical = study_from_dict(with_supplies(parsed)).as_dict()
        assert [error.message for error in VALIDATOR.iter_errors(canonical)] == []


def test_the_canonical_form_of_every_key_reads_back_as_the_same_study() -> None:
    for _, parsed in expand(body("whole")):
        first = study_from_dict(parsed)
        again = study_from_dict(json.loads(canonical_bytes(first.as_dict())))
        assert again == first
        assert again.content_id == first.content_id


TEMPLATES = sorted({name.split(".")[0] for name in package_data.names("examples/templates", ".toml")})


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_says_the_same_in_both_languages(name: str) -> None:
    english, french = (
        study_from_dict(expand(body(f"examples/templates/{name}.{tongue}.toml"))[0][1]) for tongue in ("en", "fr")
    )
    assert english.analyses == french.analyses
    assert (english.descriptions, english.designs) == (french.descriptions, french.designs)
    assert english.exposures == french.exposures
    assert set(english.codes) == set(french.codes)
    assert english.protocol.period == french.protocol.period


WRONG: tuple[tuple[tuple[Any, ...], Any], ...] = (
    (("schema",), "rempart.study/2"),
    (("permit",), "P-1"),
    (("permit",), 5),
    (("surprise",), 1),
    (("protocol", "estimand"), "intention"),
    (("protocol", "lag_days"), -1),
    (("protocol", "lag_days"), 1.5),
    (("protocol", "lag_days"), "30"),
    (("protocol", "period"), ["2014-01-01"]),
    (("protocol", "period"), ["2014-01-01", "soon"]),
    (("protocol", "title"), " "),
    (("protocol", "lagg_days"), 1),
    (("codes", "Bladder"), {"system": "CIM10", "include": ["C67"]}),
    (("codes", "bladder_cancer", "system"), "ICD"),
    (("codes", "bladder_cancer", "include"), []),
    (("codes", "bladder_cancer", "include"), ["C67.0"]),
    (("codes", "bladder_cancer", "include"), ["C67", "C67"]),
    (("codes", "bladder_cancer", "include"), "C67"),
    (("codes", "pioglitazone", "include"), ["123"]),
    (("codes", "pioglitazone", "exclude"), ["3400935563248"]),
    (("codes", "pioglitazone", "descendants"), False),
    (("cohorts", "main", "age"), [40]),
    (("cohorts", "main", "washout"), 3),
    (("cohorts", "main", "exclude", 0, "domain"), "weather"),
    (("outcomes", "bladder_cancer", "any"), []),
    (("outcomes", "bladder_cancer", "any", 0, "days"), [0, 5]),
    (("covariates", "age_band", "bands"), []),
    (("covariates", "sex", "bands"), [50]),
    (("analyses",), []),
    (("analyses", 4, "parameters", "ties"), "exact"),
    (("analyses", 4, "id"), "A b"),
    (("variants",), {"x": {}}),
    (("variants",), {"x": {"protocol.lag_days": []}}),
)


@pytest.mark.parametrize(("path", "value"), WRONG)
def test_what_the_forms_forbid_is_wrong_by_reader_and_schema(path: tuple[Any, ...], value: Any) -> None:
    changed = body()
    put(changed, path, value)
    assert not accepted(changed)
    assert not VALIDATOR.is_valid(as_json(changed))


VALUES = st.sampled_from(
    [
        None,
        True,
        0,
        1,
        -1,
        7,
        10**7,
        0.5,
        "",
        " ",
        "x",
        "C67",
        "drug",
        "2015-01-01",
        [],
        [1],
        [1, 2],
        [2, 1],
        ["a"],
        ["a", "a"],
        {},
        {"domain": "drug", "codes": "pioglitazone"},
        [{"domain": "drug", "codes": "x"}],
        ["2013-01-01", "2014-01-01"],
        "first",
        ">= 2",
    ]
)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_the_schema_is_never_stricter_than_the_reader(data: st.DataObject) -> None:
    changed = body(data.draw(st.sampled_from([*FILES, *("whole",) * 6])))
    put(changed, data.draw(st.sampled_from(leaves(changed))), data.draw(VALUES))
    if accepted(changed):
        assert [error.message for error in VALIDATOR.iter_errors(as_json(changed))] == []
