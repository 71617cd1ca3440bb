# SPDX-License-Identifier: Apache-2.0
"""What a reader sees in place of labels: every step a study can have, the arms by name, nothing of English in the French page."""

import datetime
import re
from typing import Any

import pytest

from rempart.cohort.compile import compile_study
from rempart.disclosure.check import check
from rempart.records.result import CheckedTable, ResultRow
from rempart.records.study import study_from_dict
from rempart.release.labels import arm_names, reader_labels
from rempart.release.summary import summary
from tests.disclosure_rows import RULES, row, submission, toml

WORDS = toml("release/words.toml")
FACTS = {"context": "c", "permit": "p", "controls": "k"}


def study(**changes: Any) -> dict[str, Any]:
    """The published example in canonical form, with changes: non_users, lag_days, washout_days."""
    found = toml("examples/glitazones/study.toml")
    found["protocol"]["lag_days"] = changes.get("lag_days", 30)
    found["cohorts"]["main"]["washout_days"] = changes.get("washout_days", 365)
    if changes.get("non_users"):
        found["exposures"]["comparator"]["non_users"] = True
        for analysis in found["analyses"]:
            analysis["design"] = "new-user-non-users"
    return study_from_dict(found).as_dict()


def steps(body: dict[str, Any]) -> CheckedTable:
    """An attrition table with every step of the study, arms and all."""
    plan = compile_study(study_from_dict(body), cut=datetime.date(2017, 12, 31))[0]
    rows = [
        row("attrition", "attrition", {"step": step}, arm, "n", 500) for step in plan.steps for arm in ("all", "target")
    ]
    return CheckedTable(output="attrition", output_type="attrition", rows=tuple(rows), rules="r")


@pytest.mark.parametrize("changes", [{}, {"non_users": True}, {"lag_days": 0}, {"washout_days": 0}], ids=str)
def test_every_step_that_a_study_can_have_is_said_in_french(changes: dict[str, Any]) -> None:
    body = study(**changes)
    table = steps(body)
    labels = reader_labels([table], study=body, words=WORDS, language="fr")
    for item in table.rows:
        step = item.row_key["step"]
        assert step in labels, step
        assert step.partition(" ")[2] in labels, step
        assert not re.search(r"\b(the|on|days?|drug|condition|before|aged)\b", labels[step]), labels[step]


def test_a_step_keeps_its_figures_and_the_names_that_the_study_gave() -> None:
    labels = reader_labels([steps(study())], study=study(), words=WORDS, language="fr")
    written = "06 no bladder_cancer (condition) on days -365 to 0"
    assert labels[written] == "6. sans bladder cancer (diagnostic) du jour -365 au jour 0"
    assert labels["05 aged 40 to 120"] == "5. âge de 40 à 120 ans"


RULED = {
    "01 first day with heart_failure (condition) or act (procedure) from 2013-01-01 to 2017-12-31": (
        "1. premier jour avec heart failure (diagnostic) ou act (acte), du 2013-01-01 au 2017-12-31",
        "1. first day with heart failure (condition) or act (procedure) from 2013-01-01 to 2017-12-31",
    ),
    "01 day 2 with act (procedure) from 2013-01-01 to 2017-12-31": (
        "1. jour n° 2 avec act (acte), du 2013-01-01 au 2017-12-31",
        "",
    ),
    "03 no such event in the 365 days before": ("3. aucun tel événement dans les 365 jours avant", ""),
    "05 without act (procedure) on days -365 to 0": ("5. sans act (acte) du jour -365 au jour 0", ""),
    "06 no heart_failure (condition) before the landmark, day 90": (
        "6. sans heart failure (diagnostic) avant le point de repère, jour 90",
        "6. no heart failure (condition) before the landmark, day 90",
    ),
    "07 alive at the landmark, 2017-12-31": ("7. en vie au point de repère, 2017-12-31", ""),
    "08 still exposed at the landmark, day 90": ("8. exposition en cours au point de repère, jour 90", ""),
    "09 within its 30 days at the landmark, 2017-12-31": (
        "9. dans ses 30 jours au point de repère, 2017-12-31",
        "",
    ),
    "10 observed at the landmark, day 90": ("10. suivi connu au point de repère, jour 90", ""),
    "11 data at hand at the landmark, day 90": ("11. données connues au point de repère, jour 90", ""),
    "06 a name of the study or another": ("", ""),
    "01 cases": ("1. cas", ""),
    "02 cases with a control": ("2. cas avec un témoin", ""),
    "03 cases with 2 controls": ("3. cas avec 2 témoins", ""),
}


@pytest.mark.parametrize("step", RULED)
def test_steps_of_rule_cohorts_are_said_in_both_languages(step: str) -> None:
    body = {"codes": {"heart_failure": {}, "act": {}}, "cohorts": {"drawn": {"match": {}}}}
    table = CheckedTable(
        output="attrition",
        output_type="attrition",
        rows=(row("attrition", "attrition", {"step": step}, "drawn_cases", "n", 500),),
        rules="r",
    )
    for language, said in zip(("fr", "en"), RULED[step], strict=True):
        labels = reader_labels([table], study=body, words=WORDS, language=language)
        plain = f"{int(step[:2])}. {step[3:]}"
        assert labels[step] == (said or plain)
        assert labels["drawn_cases"] == "drawn cases"


def test_arms_are_called_by_their_code_lists() -> None:
    assert arm_names(study(), words=WORDS, language="fr") == {
        "target": "pioglitazone",
        "comparator": "sulfonylurea",
        "target versus comparator": "pioglitazone contre sulfonylurea",
    }
    assert arm_names(study(non_users=True), words=WORDS, language="en")["comparator"] == "non-users (sulfonylurea)"


def test_arms_keep_their_roles_when_analyses_compare_different_exposures() -> None:
    body = study()
    body["exposures"]["other"] = body["exposures"]["target"]
    body["analyses"][0]["inputs"]["target"] = "other"
    assert arm_names(body, words=WORDS, language="en") == {}


def page(language: str, tables: tuple[CheckedTable, ...]) -> str:
    """The summary of these tables under the example study."""
    return summary(language, release="R-2026-0001", facts=FACTS, study=study(), tables=tables, figures=[], words=WORDS)


def test_the_summary_names_study_arms_and_columns_in_its_language() -> None:
    french, english = (page(language, check(submission(), RULES)) for language in ("fr", "en"))
    assert "traitement étudié (`target` dans les fichiers CSV) : pioglitazone" in french
    assert "target (`target` in the CSV files): pioglitazone" in english
    assert (
        "| bras | événement | personnes | événements | personnes-années | taux (pour 1 000 personnes-années) |"
        in french
    )
    assert "| arm | outcome | persons | events | person-years | rate (per 1,000 person-years) |" in english
    bars = [line for line in french.splitlines() if line.startswith("| ") and "step" not in line]  # steps of the test
    assert not re.search(r"\b(arm|level|rate|lower|upper|events|target|comparator)\b", "\n".join(bars))


def test_a_suppressed_value_is_said_in_the_language_and_a_fraction_written_as_it_does() -> None:
    def cell(arm: str, value: float | None, status: Any) -> ResultRow:
        from dataclasses import replace

        return replace(row("incidence", "rate", {"outcome": "c"}, arm, "rate", 500), value=value, status=status)

    rows = (cell("target", None, "suppressed"), cell("comparator", 40.7, "rounded"))
    table = CheckedTable(output="incidence", output_type="rate", rows=rows, rules="r")
    assert "| c | masqué | 40,7 |" in page("fr", (table,))
    assert "| c | suppressed | 40.7 |" in page("en", (table,))
