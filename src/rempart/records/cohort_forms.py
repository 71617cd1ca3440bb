# SPDX-License-Identifier: Apache-2.0
"""The keys of a rule cohort as forms: ``cohort_reading.py`` reads by them, the JSON Schema and the reference page are written from them."""

from rempart.records.cohort_rules import (
    DISTINCT,
    ENDS,
    EVENT_DOMAINS,
    LIMITS,
    ORIGINS,
    PERIOD_END,
    SETS,
    SETTINGS,
    SEXES,
    SIDES,
    VALUES,
)
from rempart.records.forms import (
    ByPresence,
    Choice,
    Days,
    Flag,
    Inside,
    Key,
    Kind,
    OneOf,
    Pair,
    Rows,
    Table,
    Text,
    Texts,
    Whole,
    key,
)

STATUS = Texts(pattern=r"[A-Za-z0-9_-]{1,20}", expected="short words of letters and digits")
SPECIALTY = Texts(pattern=r"[A-Za-z0-9_]{1,20}", expected="codes of specialties as the data hold them")
PLACE = Texts(
    pattern=r"\d{2}|2[AB]|9[78]\d|\d{5}|2[AB]\d{3}", expected="départements (75, 2A, 971) or communes (five characters)"
)
COMPARED = Text(pattern=r"(>=|<=|=|>|<) ?\d{1,9}", expected='a comparison such as ">= 2"')
_NAME = Text(pattern=r"[^\x00-\x1f]{1,200}", expected="up to 200 characters")
WHERE = Table(
    name="where",
    about="Numbers of the record; nights: of a stay.",
    keys={
        name: key(COMPARED, 'such as ">= 2"') for name in dict.fromkeys(n for names in VALUES.values() for n in names)
    },
)
_OF_DOMAIN: dict[str, Key] = {
    "domain": key(Choice(EVENT_DOMAINS), "the kind of record", required=True),
    "codes": key(Text(), "the code list that the record's code is of; visit, death, residence: optional"),
    "status": key(STATUS, "conditions: kinds of diagnosis (DP, DR, DAS, ALD); absent: every kind", default=()),
    "specialty": key(SPECIALTY, "specialties of the professional", default=()),
    "setting": key(Texts(allowed=SETTINGS), "kinds of the visit that the record belongs to", default=()),
    "place": key(PLACE, "residence: départements or communes", default=()),
    "where": key(Inside(WHERE), "numbers of the record compared", default={}),
}
_OF_COHORT: dict[str, Key] = {"cohort": key(Text(), "a rule cohort: the first day of a period in it", required=True)}


def _event(name: str, about: str, more: dict[str, Key]) -> ByPresence:
    return ByPresence(
        name=name,
        about=about,
        cases={
            "cohort": Table(name=f"{name}_cohort", about=about, keys={**_OF_COHORT, **more}),
            "": Table(name=f"{name}_record", about=about, keys={**_OF_DOMAIN, **more}),
        },
    )


EVENT = _event("rule_event", "A record, or the first day of a period in another cohort.", {})
_DAYS = key(Pair(), "first and last day, both included", required=True)
ANCHOR = _event(
    "rule_anchor", "Records around which others are looked for, in a window around the entry event.", {"days": _DAYS}
)
AROUND = Table(
    name="rule_around",
    about="Another event that days are counted from.",
    keys={"event": key(Inside(ANCHOR), "the event", required=True)},
)
_COUNTED: dict[str, Key] = {
    "days": _DAYS,
    "count": key(COMPARED, "how many records", default=">= 1"),
    "distinct": key(Choice(DISTINCT), "what is counted: records, their days, codes or visits", default="record"),
    "relative_to": key(
        OneOf((Choice(ORIGINS), Inside(AROUND))),
        "what days are counted from: the entry event, observation or another event",
        default="index",
    ),
    "overlap": key(Flag(), "the record's span meets the window, not its first day alone", default=False),
    "same_visit": key(Flag(), "the record belongs to the entry event's visit", default=False),
}
_NUMBER = key(Whole(0, 1000), "at_least, at_most: how many", default=0)


def _demand(name: str, about: str, more: dict[str, Key]) -> ByPresence:
    def group(kind: str) -> Table:
        numbered = {"number": key(_NUMBER.form, _NUMBER.about, required=True)} if kind.startswith("at_") else {}
        items = key(Rows(item_kind, least=1), "demands, or groups of them", required=True)
        return Table(name=f"{name}_{kind}", about=f"{about} {kind} of them.", keys={kind: items, **numbered, **more})

    groups = {kind: group(kind) for kind in ("all", "any", "at_least", "at_most")}
    return ByPresence(name=name, about=about, cases={**groups, **_event(name, about, {**_COUNTED, **more}).cases})


def item_kind() -> Kind:
    """A demand in a group, which may be a group itself."""
    return ITEM


ITEM = _demand("rule_item", "A demand of the entry event.", {})
_NAMED: dict[str, Key] = {"name": key(_NAME, "how attrition calls it")}
INCLUDE = _demand(
    "rule_include",
    "Who stays.",
    {**_NAMED, "time_varying": key(Flag(), "the person enters on the day on which it is met", default=False)},
)
EXCLUDE = _demand("rule_exclude", "Who goes.", _NAMED)
NTH = Table(
    name="rule_nth",
    about="Which one.",
    keys={"nth": key(Whole(1, 1000), "2: the second day with such an event", required=True)},
)
ENTRY = Table(
    name="rule_entry",
    about="The events at which persons enter.",
    keys={
        "any": key(Rows(EVENT, least=1), "any of these events", required=True),
        "limit": key(
            OneOf((Choice(LIMITS), Inside(NTH))),
            "which of a person's days with such an event in the period",
            default="first",
        ),
    },
)
EXIT = Table(
    name="rule_exit",
    about="When persons leave: whichever comes first. The end of observation and of the data always count.",
    keys={
        "days": key(Whole(), "so many days after the entry event"),
        "of": key(Choice(SIDES), "the entry event's side that days are counted from", default="start"),
        "exposure": key(Text(), "with the end of continuous exposure"),
        "grace_days": key(
            Whole(0, 3660), "days after the last covered day, and longest gap within exposure", default=0
        ),
        "event": key(
            OneOf((Inside(EVENT), Rows(EVENT))), "with the first such record after the entry event", default=()
        ),
        "death": key(Flag(), "with death", default=False),
    },
)
RULE_COHORT = Table(
    name="rule_cohort",
    about="Persons who enter at an event, and are followed until they leave.",
    keys={
        "entry": key(Inside(ENTRY), "the events at which persons enter", required=True),
        "prior_observation_days": key(Whole(), "observed at least so long before the entry event", default=0),
        "washout_days": key(Whole(), "no such event on so many days before", default=0),
        "age": key(Pair(0, 150), "youngest and oldest, both included, at entry"),
        "sex": key(Texts(allowed=SEXES), "absent: everyone", default=()),
        "place": key(PLACE, "where the person lives at entry: départements or communes", default=()),
        "period": key(Days(), "first and last possible day of the entry event; absent: the protocol's"),
        "include": key(Rows(INCLUDE), "demands that hold", default=()),
        "exclude": key(Rows(EXCLUDE), "demands that do not hold", default=()),
        "exit": key(OneOf((Choice(ENDS), Inside(EXIT))), "when persons leave", default="observation"),
        "collapse_days": key(Whole(), "periods of a person that lie so near are one", default=0),
        "landmark_days": key(
            Whole(1), "time zero moves to so many days after the entry event; who left before is not in"
        ),
        "landmark": key(Choice((PERIOD_END,)), "time zero moves to the last day of the period"),
        "clone_censor_weight": key(
            Flag(),
            "one rule may read after time zero: its strategies are compared by a target trial, persons cloned, censored and weighted",
            default=False,
        ),
    },
)
OF = Table(
    name="rule_of",
    about="Days in cohorts put together as sets.",
    keys={
        name: key(Texts(least=2, expected="names of cohorts"), f"{name} of the days in these cohorts") for name in SETS
    },
    one_of=(SETS,),
)
SET_COHORT = Table(
    name="set_cohort",
    about="A cohort made of other cohorts' days.",
    keys={
        "of": key(Inside(OF), "union, intersection, difference", required=True),
        "collapse_days": key(Whole(), "periods of a person that lie so near are one", default=0),
    },
)
ATLAS_COHORT = Table(
    name="atlas_cohort",
    about="A cohort definition that was drawn in ATLAS. Its content becomes part of the study when the file is read.",
    keys={
        "atlas": key(
            Text(), "the definition's file (JSON as ATLAS exports it), from the study file's folder", required=True
        ),
        "concepts": key(
            Text(),
            "a CSV file (concept_set, concept_id) of what the concept sets hold, where they ask for descendants or mapped concepts",
        ),
        "landmark_days": key(
            Whole(1), "time zero moves to so many days after the entry event; who left before is not in"
        ),
    },
)
