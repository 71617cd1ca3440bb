# SPDX-License-Identifier: Apache-2.0
"""A report in French holds no word of the study file's English, whatever its design: each key, choice and label has its own."""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from rempart.adapters import package_data
from rempart.adapters.figures import draw_designs
from rempart.cli.report_commands import times_spoken
from rempart.cli.voice import Voice
from rempart.cohort.study_times import times_of
from rempart.records.design_time_varying import CURRENT, EVER, NEVER, PAST
from rempart.records.forms import ByPresence, ByValue, Choice, Inside, Kind, Named, OneOf, Rows, Texts, resolved
from rempart.records.study import study_from_dict
from rempart.records.study_forms import STUDY
from rempart.records.study_idle import estimand_read
from rempart.release.labels import reader_labels
from rempart.release.report import Told, report
from rempart.wiring.spoken import spoken
from tests.figure_cells import table
from tests.spec.test_report import ITEMS, OWN, texts

WORDS = spoken()
TEMPLATES = sorted({name.split(".")[0] for name in package_data.names("examples/templates", ".toml")})
# Tables of the file that a report shows by words of its own, or not at all.
APART = frozenset(
    {"study", "protocol", "harper", "author", "milestone", "objective", "amendment", "population", "inhabitants"}
)
PLAIN = frozenset(
    {"id", "date", "design", "inputs", "parameters", "atlas", "concepts", "system", "version", "descendants"}
)
# Words of both languages, or that French writing keeps.
BOTH = frozenset(
    "ages code codes date dates distance distribution dose doses exclusion exposition horizon inclusion incidence index "
    "intention observation percentile percentiles place point points prevalence rare sequences source table type union "
    "lasso efron breslow poisson crump meds ratio".split()
)
MORE = frozenset(
    "propensity trimming never ever past current every state versus crude adjusted observed weighting strategy risk".split()
)


def kinds(kind: Kind, seen: dict[str, None]) -> Iterator[tuple[str, str, Any]]:
    """(table, key, form) of the study file."""
    if kind.name in seen:
        return
    seen[kind.name] = None
    if isinstance(kind, ByValue | ByPresence):
        for case in kind.cases.values():
            yield from kinds(case, seen)
        return
    for name, item in kind.keys.items():
        yield kind.name, name, item.form
        for form in item.form.forms if isinstance(item.form, OneOf) else (item.form,):
            if isinstance(form, Inside | Rows | Named):
                yield from kinds(resolved(form.of), seen)


@cache
def forms() -> tuple[tuple[str, str, Any], ...]:
    return tuple(each for each in kinds(STUDY, {}) if each[0] not in APART and not each[0].startswith("codes_"))


def choices() -> set[str]:
    found: set[str] = set()
    for _, _, form in forms():
        for each in form.forms if isinstance(form, OneOf) else (form,):
            found |= set(each.allowed) if isinstance(each, Choice | Texts) else set()
    return found


def test_every_key_that_a_report_tells_has_a_french_word() -> None:
    assert {name for _, name, _ in forms()} - PLAIN - set(OWN["keys"]["fr"]) == set()


def test_every_choice_has_a_french_word() -> None:
    assert choices() - set(OWN["values"]["fr"]) == set()
    designs = set(STUDY.keys["analyses"].form.of.cases)  # type: ignore[union-attr]
    assert designs - set(OWN["values"]["fr"]) == set()


def english() -> frozenset[str]:
    """Words of the study file that are no French: of its keys and choices."""
    told = {name for _, name, _ in forms()} | choices()
    parts = {part for name in told for part in re.split(r"[_ -]", name.lower())} | MORE
    return frozenset(part for part in parts if len(part) > 3) - BOTH


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-zàâçéèêëîïôûù]+", text.lower()))


@cache
def told(name: str) -> str:
    """The French report of a template's protocol, its author's names and texts left out."""
    parsed = tomllib.loads(package_data.text(f"examples/templates/{name}.fr.toml"))
    study = study_from_dict({key: value for key, value in parsed.items() if key != "variants"})
    read = estimand_read(study, (study.analyses, study.descriptions, study.designs))
    times = times_spoken(Voice("fr", as_json=False))(times_of(study))
    body = study.as_dict()
    names = reader_labels((), study=body, words=WORDS, language="fr")
    drawn = [svg.decode() for svg in draw_designs(body, language="fr", names=names, png=False).values()]
    it = report(
        Told(study=body, study_id="sha256:" + "a" * 64, state="protocol", times=times, estimand=read),
        "fr",
        words=WORDS,
        own=OWN,
        items=ITEMS,
    )
    kept = [
        block
        for section in it.sections
        if section.name not in {"codes", "software", "data_sources", "question", "checklist"}
        for block in section.blocks
        if block.kind != "absent"
    ]
    whole = " ".join([*texts(kept), *(text for svg in drawn for text in re.findall(r"<text[^>]*>([^<]+)</", svg))])
    given = [
        key
        for kind in ("codes", "cohorts", "exposures", "outcomes", "covariates", "features")
        for key in body.get(kind, {})
    ]
    given += [item["id"] for item in body["analyses"]]
    given += [
        rule["name"]
        for cohort in body["cohorts"].values()
        for key in ("include", "exclude")
        for rule in cohort.get(key, ())
        if "name" in rule
    ]
    given += [f"{name}_cases" for name in body["cohorts"]]
    for own in sorted({name for key in given for name in (key, key.replace("_", " "))}, key=len, reverse=True):
        whole = re.sub(rf"\b{re.escape(own)}\b", " ", whole)
    return whole


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_report_of_each_design_holds_no_english_word_of_the_study_file(name: str) -> None:
    assert words(told(name)) & english() == set()


def test_the_list_of_english_words_is_long_and_an_english_report_is_full_of_them() -> None:
    assert len(english()) > 150
    for word in ("never", "propensity", "trimming", "window", "dispensing", "weights", "outcome", "matching"):
        assert word in english(), word


@pytest.mark.parametrize("state", [EVER, CURRENT, PAST])
def test_states_of_a_changing_exposure_are_said_in_french(state: str) -> None:
    terms = (f"drug_a {state} versus {NEVER}", "drug_a, every state")
    cells = [({"term": term, "model": "crude"}, arm, "events", 20) for term in terms for arm in (state, NEVER, "all")]
    found = reader_labels(
        [table("hazard_ratio", "hazard_ratio", cells)], study={"exposures": {"drug_a": {}}}, words=WORDS, language="fr"
    )
    for text in (*terms, state, NEVER):
        assert not words(found[text]) & {EVER, CURRENT, PAST, NEVER, "versus", "every", "state"}, found[text]
        assert "drug a" in found[text] or text in {state, NEVER}


def test_notes_of_what_could_not_be_estimated_are_said_in_both_languages() -> None:
    for note in (
        "cox-separation target versus comparator",
        "propensity-constant sex",
        "score-no-overlap",
        "matching-none",
    ):
        item = table("score_ratio", "hazard_ratio", [({"note": note, "model": "overlap"}, "", "hazard_ratio", None)])
        for language in ("en", "fr"):
            found = reader_labels([item], study={}, words=WORDS, language=language)[note]
            assert note.split()[0] not in found
