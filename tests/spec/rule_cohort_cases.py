# SPDX-License-Identifier: Apache-2.0
"""Rule cohorts as a study file says them, histories in, days out, and who serves as a control: checked by hand.

They stand in docs/reference/study-file.md.

Notation of histories: tests/rule_histories.py, and ``person`` below. Entries fall on days 0 to 364, data end on day 729, everybody is a man
born in 1950 who is observed throughout unless said otherwise.
"""

from dataclasses import dataclass
from typing import Any

from tests.rule_histories import CUT, Person

Periods = tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """``text``: the keys of ``[cohorts.x]``; ``more``: other tables of the file; ``histories``: lines of one person, parted by ``;`` → the
    periods in the cohort."""

    about: str
    text: str
    histories: tuple[tuple[str, Periods], ...]
    more: str = ""


_SEX = {"woman": 8532, "man": 8507}


def person(text: str) -> Person:
    """A person from lines parted by ``;``: records, and ``woman``, ``born 1974``, ``observed -50..800``, ``died 140``."""
    lines, told = list[str](), dict[str, Any]()
    for line in text.split("; "):
        word, _, rest = line.partition(" ")
        if word in _SEX:
            told["sex"] = _SEX[word]
        elif word in {"born", "died"}:
            told[{"born": "born", "died": "death"}[word]] = int(rest)
        elif word == "observed":
            first, last = map(int, rest.split(".."))
            told["observed"] = ((first, last),)
        else:
            lines.append(line)
    return Person(lines=tuple(lines), **told)


E11 = '{ any = [{ domain = "condition", codes = "diabetes", status = ["DP"] }] }'
SETS = f"""[cohorts.ill]
entry = {E11}
exit = {{ days = 100 }}

[cohorts.treated]
entry = {{ any = [{{ domain = "drug", codes = "metformin" }}] }}
exit = {{ days = 100 }}"""
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
    Rule(
        about="Women aged 40 to 60 who live in Paris, all on the day of entry; age is the difference of years.",
        text=f'entry = {E11}\nage = [40, 60]\nsex = ["female"]\nplace = ["75"]',
        histories=(
            ("woman; born 1974; -400..700 residence 75; 10 condition E11 DP", ((10, CUT),)),
            ("woman; born 1975; -400..700 residence 75; 10 condition E11 DP", ()),
            ("woman; born 1953; -400..700 residence 75; 10 condition E11 DP", ()),
            ("man; born 1974; -400..700 residence 75; 10 condition E11 DP", ()),
            ("woman; born 1974; -400..9 residence 75; 10..700 residence 2A; 10 condition E11 DP", ()),
            ("woman; born 1974; 10 condition E11 DP", ()),
        ),
    ),
    Rule(
        about="Residence is a history: somebody who lived in Paris on some day from a year to ten months before entry.",
        text=f'entry = {E11}\ninclude = [{{ domain = "residence", place = ["75"], days = [-365, -300], overlap = true }}]',
        histories=(
            ("-900..-290 residence 75; -289..700 residence 2A; 10 condition E11 DP", ((10, CUT),)),
            ("-900..-355 residence 75; -354..700 residence 2A; 10 condition E11 DP", ((10, CUT),)),
            ("-900..-356 residence 75; -355..700 residence 2A; 10 condition E11 DP", ()),
            ("-289..700 residence 75; 10 condition E11 DP", ()),
        ),
    ),
    Rule(
        about="What a record holds: two boxes or more, prescribed by a general practitioner.",
        text='entry = { any = [{ domain = "drug", codes = "metformin", where = { quantity = ">= 2" }, specialty = ["01"] }] }',
        histories=(
            ("5 drug metformin x2 @01", ((5, CUT),)),
            ("5 drug metformin x1 @01; 40 drug metformin x3 @01", ((40, CUT),)),
            ("5 drug metformin x2 @07", ()),
            ("5 drug metformin x2", ()),
        ),
    ),
    Rule(
        about="The setting is that of the record's visit: a diagnosis in a stay, not one of an outpatient visit.",
        text='entry = { any = [{ domain = "condition", codes = "diabetes", setting = ["inpatient"] }] }',
        histories=(
            ("9..12 visit inpatient #2; 10 condition E11 DP #2", ((10, CUT),)),
            ("5 visit outpatient #1; 5 condition E11 DP #1", ()),
            ("5..9 visit inpatient #1; 6 condition E11 DP", ()),
        ),
    ),
    Rule(
        about="How long a stay lasts is known when it has lasted so long: time zero moves to the day of the fourth night.",
        text='entry = { any = [{ domain = "visit", where = { nights = ">= 4" } }] }\nlandmark_days = 4\nexit = "death"',
        histories=(
            ("5..9 visit inpatient #1", ((9, CUT),)),
            ("5..8 visit inpatient #1", ()),
            ("5..9 visit inpatient #1; died 9", ((9, 9),)),
        ),
    ),
    Rule(
        about="At most one of two: none or one, not both.",
        text=f"""entry = {E11}
[[cohorts.x.include]]
number = 1
at_most = [
  {{ domain = "drug", codes = "metformin", days = [-90, 0] }},
  {{ domain = "drug", codes = "insulin", days = [-90, 0] }},
]""",
        histories=(
            ("100 condition E11 DP", ((100, CUT),)),
            ("100 condition E11 DP; 90 drug insulin", ((100, CUT),)),
            ("100 condition E11 DP; 90 drug insulin; 91 drug insulin", ((100, CUT),)),
            ("100 condition E11 DP; 90 drug insulin; 91 drug metformin", ()),
        ),
    ),
    Rule(
        about="Days counted from the beginning of observation: metformin in its first ninety days, known by entry to have passed.",
        text=f"""entry = {E11}
prior_observation_days = 90
[[cohorts.x.include]]
domain = "drug"
codes = "metformin"
days = [0, 90]
relative_to = "observation_start\"""",
        histories=(
            ("observed -50..800; 100 condition E11 DP; 40 drug metformin", ((100, CUT),)),
            ("observed -50..800; 100 condition E11 DP; 41 drug metformin", ()),
            ("observed 20..800; 100 condition E11 DP; 40 drug metformin", ()),
        ),
    ),
    Rule(
        about="The end of exposure, with five days of grace for everybody; who comes back within them goes on.",
        text='entry = { any = [{ domain = "drug", codes = "metformin" }] }\nexit = { exposure = "metformin", grace_days = 5 }',
        more="""[exposures.metformin]
domain = "drug"
codes = "metformin"
supply = [{ rule = "fixed", days = 30 }]""",
        histories=(
            ("100 drug metformin", ((100, 134),)),
            ("100 drug metformin; 135 drug metformin", ((100, 169),)),
            ("100 drug metformin; 136 drug metformin", ((100, 134),)),
            ("100 drug metformin; observed -1000..120", ((100, 120),)),
        ),
    ),
    Rule(
        about="Days count from the entry event's last day; death, the end of observation and of data end a period too.",
        text='entry = { any = [{ domain = "visit", setting = ["inpatient"] }] }\nexit = { days = 30, of = "end", death = true }',
        histories=(
            ("100..110 visit inpatient #1", ((100, 140),)),
            ("100..110 visit inpatient #1; died 120", ((100, 120),)),
            ("100..110 visit inpatient #1; observed -1000..115", ((100, 115),)),
            ("100..720 visit inpatient #1", ((100, CUT),)),
            ("100..110 visit inpatient #1; died 99", ()),
        ),
    ),
    Rule(
        about="The last event of the period is known to be the last when the period is over: time zero is its last day.",
        text='entry = { any = [{ domain = "condition", codes = "diabetes" }], limit = "last" }\n'
        'landmark = "period_end"\ninclude = [{ domain = "drug", codes = "metformin", days = [-30, 0] }]',
        histories=(
            ("10 condition E11 DP; 90 condition E11 DP; 80 drug metformin", ((364, CUT),)),
            ("10 condition E11 DP; 90 condition E11 DP; 5 drug metformin", ()),
            ("90 condition E11 DP; 80 drug metformin; observed -1000..363", ()),
        ),
    ),
    Rule(
        about="Days in both of two other cohorts.",
        text='of = { intersection = ["ill", "treated"] }',
        more=SETS,
        histories=(
            ("10 condition E11 DP; 50 drug metformin", ((50, 110),)),
            ("50 condition E11 DP; 10 drug metformin", ((50, 110),)),
            ("10 condition E11 DP; 110 drug metformin", ((110, 110),)),
            ("10 condition E11 DP; 111 drug metformin", ()),
            ("10 condition E11 DP", ()),
        ),
    ),
    Rule(
        about="Days in the first and not in the other.",
        text='of = { difference = ["ill", "treated"] }',
        more=SETS,
        histories=(
            ("10 condition E11 DP; 50 drug metformin", ((10, 49),)),
            ("50 condition E11 DP; 10 drug metformin", ((111, 150),)),
            ("10 condition E11 DP; 200 drug metformin", ((10, 110),)),
            ("10 drug metformin", ()),
        ),
    ),
    Rule(
        about="Entry at the first day of a period in another cohort; its members alone.",
        text='entry = { any = [{ cohort = "ill" }], limit = "every" }\nexclude = [{ cohort = "treated", days = [-30, 0], overlap = true }]',
        more=SETS,
        histories=(
            ("10 condition E11 DP", ((10, CUT),)),
            ("150 condition E11 DP; 10 drug metformin", ((150, CUT),)),
            ("140 condition E11 DP; 10 drug metformin", ()),
            ("10 drug metformin", ()),
        ),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """``text``: the keys of a matching beside ``to`` and ``from``; ``who``: the controls of Ann when as many as there are may serve."""

    about: str
    text: str
    who: str


PEOPLE = """
#  person  sex    born  lives in                      observed                  falls ill
1  Ann     woman  1950  75                            2010-01-01 2019-12-31     2015-03-01
2  Bea     woman  1951  75                            2010-01-01 2019-12-31     -
3  Carl    man    1950  75                            2010-01-01 2019-12-31     -
4  Dora    woman  1950  75 until 2015-02-10, then 13  2010-01-01 2019-12-31     -
5  Eva     woman  1950  75                            2010-01-01 2019-12-31     2015-02-01
6  Fay     woman  1950  75                            2010-01-01 2019-12-31     2016-07-01
7  Gil     woman  -     75                            2010-01-01 2019-12-31     -
8  Hana    woman  1950  75                            2010-01-01 2015-02-28     -
9  Ida     woman  1954  75                            2010-01-01 2019-12-31     -
10 Jo      -      1950  75                            2010-01-01 2019-12-31     2016-01-01
11 Kim     woman  1950  75                            2015-03-01 2015-03-01     -
12 Lea     woman  1950  -                             2010-01-01 2019-12-31     -
13 Mia     woman  1950  75                            2015-03-01 2019-12-31     2015-03-01
14 Noa     -      1950  75                            2010-01-01 2019-12-31     -
"""
DRAWN = (
    Drawn(
        about="at risk on the day Ann falls ill: observed, not ill by then; of her sex, year and place",
        text='kind = "risk-set", on = ["sex", "age", "place", "calendar"]',
        who="Fay Kim",
    ),
    Drawn(
        about="a year older or younger will do",
        text='kind = "risk-set", on = ["sex", "age", "place", "calendar"], age_years = 1',
        who="Bea Fay Kim",
    ),
    Drawn(
        about="of her sex and place, whatever the age",
        text='kind = "risk-set", on = ["sex", "place"]',
        who="Bea Fay Gil Ida Kim",
    ),
    Drawn(
        about="of her sex and age: an unknown year of birth agrees with nothing",
        text='kind = "risk-set", on = ["sex", "age"]',
        who="Dora Fay Kim Lea",
    ),
    Drawn(
        about="anybody at risk",
        text='kind = "risk-set", on = []',
        who="Bea Carl Dora Fay Gil Ida Jo Kim Lea Noa",
    ),
    Drawn(
        about="whose own observation begins on that day, and who is no case of that day",
        text='kind = "exact", on = ["sex", "calendar"], replace = true',
        who="Kim",
    ),
)
