# SPDX-License-Identifier: Apache-2.0
"""Rule cohorts as a study file says them, histories in, days out, checked by hand. They stand in docs/reference/study-file.md.

Notation of histories: tests/rule_histories.py. Entries fall on days 0 to 364, data end on day 729, everybody is observed throughout.
"""

from dataclasses import dataclass

from tests.rule_histories import CUT

Periods = tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """``text``: the keys of ``[cohorts.x]``; ``histories``: lines of one person, parted by ``;`` → the periods in the cohort."""

    about: str
    text: str
    histories: tuple[tuple[str, Periods], ...]


E11 = '{ any = [{ domain = "condition", codes = "diabetes", status = ["DP"] }] }'
RULES = (
    Rule(
        about="The first principal diagnosis in the period enters; membership lasts while data do.",
        text=f"entry = {E11}",
        histories=(
            ("10 condition E110 DP", ((10, CUT),)),
            ("-5 condition E110 DP; 30 condition E119 DP", ((30, CUT),)),
            ("10 condition E110 DAS", ()),
            ("10 condition E10 DP", ()),
            ("365 condition E11 DP", ()),
        ),
    ),
    Rule(
        about="Every event enters, for fifteen days; periods that lie five days apart or less are one.",
        text='entry = { any = [{ domain = "condition", codes = "diabetes" }], limit = "every" }\nexit = { days = 15 }\ncollapse_days = 5',
        histories=(
            ("10 condition E11 DP; 90 condition E11 DP", ((10, 25), (90, 105))),
            ("10 condition E11 DP; 30 condition E11 DP; 90 condition E11 DP", ((10, 45), (90, 105))),
        ),
    ),
    Rule(
        about="The second day with an event; two records of one day are one event.",
        text='entry = { any = [{ domain = "drug", codes = "metformin" }], limit = { nth = 2 } }',
        histories=(
            ("10 drug metformin; 40 drug metformin", ((40, CUT),)),
            ("10 drug metformin; 10 drug metformin; 60 drug metformin", ((60, CUT),)),
            ("10 drug metformin", ()),
        ),
    ),
    Rule(
        about="No such event on the hundred days before: days before the period count.",
        text='entry = { any = [{ domain = "condition", codes = "diabetes" }], limit = "every" }\nwashout_days = 100',
        histories=(
            ("-91 condition E11 DP; 10 condition E11 DP", ((10, CUT),)),
            ("-90 condition E11 DP; 10 condition E11 DP", ()),
        ),
    ),
    Rule(
        about="A drug on the ninety days before, both ends included.",
        text=f'entry = {E11}\ninclude = [{{ name = "treated", domain = "drug", codes = "metformin", days = [-90, -1] }}]',
        histories=(
            ("100 condition E11 DP; 10 drug metformin", ((100, CUT),)),
            ("100 condition E11 DP; 9 drug metformin", ()),
            ("100 condition E11 DP; 100 drug metformin", ()),
        ),
    ),
    Rule(
        about="Two dispensings on different days before; a third person has two on one day.",
        text=f'entry = {E11}\ninclude = [{{ domain = "drug", codes = "metformin", days = [-90, 0], count = ">= 2", distinct = "day" }}]',
        histories=(
            ("100 condition E11 DP; 50 drug metformin; 60 drug metformin", ((100, CUT),)),
            ("100 condition E11 DP; 50 drug metformin", ()),
            ("100 condition E11 DP; 50 drug metformin; 50 drug metformin", ()),
        ),
    ),
    Rule(
        about="Two of three, one of which is itself a choice.",
        text=f"""entry = {E11}
[[cohorts.x.include]]
name = "two of three"
number = 2
at_least = [
  {{ domain = "drug", codes = "metformin", days = [-90, 0] }},
  {{ domain = "drug", codes = "insulin", days = [-90, 0] }},
  {{ any = [{{ domain = "procedure", codes = "act", days = [-90, 0] }}, {{ domain = "visit", days = [-90, 0] }}] }},
]""",
        histories=(
            ("100 condition E11 DP; 90 drug metformin; 80..85 visit inpatient #1", ((100, CUT),)),
            ("100 condition E11 DP; 80..85 visit inpatient #1; 81 procedure JDFA001 #1", ()),
            ("100 condition E11 DP; 90 drug metformin; 70 drug insulin", ((100, CUT),)),
        ),
    ),
    Rule(
        about="An act in the same stay as the diagnosis.",
        text=f'entry = {E11}\ninclude = [{{ domain = "procedure", codes = "act", days = [-5, 0], same_visit = true }}]',
        histories=(
            ("100 condition E11 DP #4; 98 procedure JDFA001 #4", ((100, CUT),)),
            ("100 condition E11 DP #4; 98 procedure JDFA001 #3", ()),
        ),
    ),
    Rule(
        about="A stay that overlaps the month before.",
        text=f'entry = {E11}\nexclude = [{{ domain = "visit", setting = ["inpatient"], days = [-30, 0], overlap = true }}]',
        histories=(
            ("100 condition E11 DP; 60..69 visit inpatient #1", ((100, CUT),)),
            ("100 condition E11 DP; 60..70 visit inpatient #1", ()),
            ("100 condition E11 DP; 95..140 visit inpatient #1", ()),
        ),
    ),
    Rule(
        about="Days counted from another event: metformin in the month before an act of the last year.",
        text=f"""entry = {E11}
[[cohorts.x.include]]
domain = "drug"
codes = "metformin"
days = [-30, 0]
relative_to = {{ event = {{ domain = "procedure", codes = "act", days = [-365, 0] }} }}""",
        histories=(
            ("300 condition E11 DP; 100 procedure JDFA001; 80 drug metformin", ((300, CUT),)),
            ("300 condition E11 DP; 100 procedure JDFA001; 60 drug metformin", ()),
            ("300 condition E11 DP; 80 drug metformin", ()),
        ),
    ),
    Rule(
        about="Whichever way out comes first; an event counts from the day after entry.",
        text=f'entry = {E11}\nexit = {{ event = {{ domain = "condition", codes = "tumour" }}, days = 200 }}',
        histories=(
            ("100 condition E11 DP; 130 condition C670 DP", ((100, 130),)),
            ("100 condition E11 DP; 100 condition C670 DP", ((100, 300),)),
            ("100 condition E11 DP", ((100, 300),)),
        ),
    ),
    Rule(
        about="A landmark moves time zero to day 90 after the event: whatever decides who is in happened by then.",
        text=f'entry = {E11}\nlandmark_days = 90\ninclude = [{{ domain = "drug", codes = "metformin", days = [0, 90] }}]',
        histories=(
            ("10 condition E11 DP; 40 drug metformin", ((100, CUT),)),
            ("10 condition E11 DP; 100 drug metformin", ((100, CUT),)),
            ("10 condition E11 DP; 101 drug metformin", ()),
        ),
    ),
    Rule(
        about="A rule that varies with time: membership begins on the day on which it is met.",
        text=f"""entry = {E11}
[[cohorts.x.include]]
domain = "drug"
codes = "metformin"
days = [0, 365]
count = ">= 2"
distinct = "day"
time_varying = true""",
        histories=(
            ("10 condition E11 DP; 40 drug metformin; 90 drug metformin", ((90, CUT),)),
            ("10 condition E11 DP; 40 drug metformin", ()),
        ),
    ),
)
