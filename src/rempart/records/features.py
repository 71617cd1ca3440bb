# SPDX-License-Identifier: Apache-2.0
"""Features of a study file: what persons did before time zero, as many yes-or-no answers by windows and families of codes.

Form, reader and canonical form. Holds no SQL; no window ends after time zero, so that no feature can read the future.
"""

from dataclasses import dataclass
from typing import Any

from rempart.errors import Refused
from rempart.records.fields import Fields
from rempart.records.form_reading import take
from rempart.records.forms import FOREVER, Flag, Table, Texts, Whole, Wholes, key
from rempart.records.protocol import Window

COUNTS = ("visits", "dispensings", "diagnoses", "procedures")
LEAST = 11  # persons: the disclosure threshold
_LEVELS = {"atc": (1, 3, 4, 5, 7), "cim10": (1, 3, 4, 5, 6), "ccam": (1, 2, 3, 4, 7)}  # leading characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """``days``: lengths of windows that end at day ``until`` (≤ 0) of time zero; ``ever``: one more without beginning. ``atc``, ``cim10``,
    ``ccam``: leading characters of families; ``counts``: of days with such records; ``costs``: lower limits in euros; ``exclude``: code
    lists whose records are not read; ``persons``: least persons of a feature over all shards."""

    days: tuple[int, ...] = ()
    ever: bool = False
    until: int = -1
    atc: tuple[int, ...] = ()
    cim10: tuple[int, ...] = ()
    ccam: tuple[int, ...] = ()
    counts: tuple[str, ...] = ()
    costs: tuple[int, ...] = ()
    sex: bool = False
    age: tuple[int, ...] = ()
    exclude: tuple[str, ...] = ()
    persons: int = LEAST

    @property
    def looks(self) -> bool:
        """Whether it reads records."""
        return bool(self.atc or self.cim10 or self.ccam or self.counts or self.costs)

    def window(self, what: str) -> Window:
        """Its longest look, for the permit's look-back; a window without beginning looks at all that the permit has."""
        return Window(what=f"{what}.days", first=-max(self.days, default=0) if self.looks else 0)


FEATURES = Table(
    name="features",
    about="Yes-or-no answers about the time before time zero, by windows and families of codes.",
    keys={
        "days": key(Wholes(1), "lengths of the windows, which all end at the day until", default=()),
        "ever": key(Flag(), "one more window, without beginning: all that the permit has", default=False),
        "until": key(
            Whole(-FOREVER, FOREVER),
            "last day of every window, 0 or before; at -1 the records of time zero itself are not read",
            default=-1,
        ),
        "atc": key(Wholes(1, 7), "drug classes by so many leading characters: 1, 3, 4, 5 or 7", default=()),
        "cim10": key(Wholes(1, 6), "diagnoses by so many leading characters: 1, 3, 4, 5 or 6", default=()),
        "ccam": key(Wholes(1, 7), "procedures by so many leading characters: 1, 2, 3, 4 or 7", default=()),
        "counts": key(
            Texts(allowed=COUNTS, expected="of " + ", ".join(COUNTS)),
            "days with such records: at least 1, 2, 4, 8, 16, 32",
            default=(),
        ),
        "costs": key(
            Wholes(1, 10_000_000), "at least so many euros paid for visits, drugs and procedures together", default=()
        ),
        "sex": key(Flag(), "female, male or unknown", default=False),
        "age": key(Wholes(1, 120), "lower limits of age bands at time zero", default=()),
        "exclude": key(
            Texts(expected="names of code lists"), "code lists whose records are not read for families", default=()
        ),
        "persons": key(Whole(LEAST, 10_000_000), "features of fewer persons are left out", default=LEAST),
    },
)


def read_features(given: Fields) -> Features:
    """One table of features; raises BadInput ``study-field``, ``unknown-key``, Refused ``reads-after-time-zero``."""
    told = take(given, FEATURES)
    if told["until"] > 0:
        raise Refused("reads-after-time-zero", file=given.file, field=given.field("until"))
    for name, levels in _LEVELS.items():
        if not set(told[name]) <= set(levels):
            raise given.wrong(name, "of " + ", ".join(map(str, levels)))
    features = Features(**{**told, "exclude": tuple(sorted(told["exclude"]))})
    if features.looks and not (features.days or features.ever):
        raise given.wrong("days", "lengths of windows, or ever = true")
    if features.days and -features.until > features.days[0]:
        raise given.wrong("days", "windows that begin no later than the day until")
    if not (features.looks or features.sex or features.age):
        raise given.wrong("atc", "something to ask: atc, cim10, ccam, counts, costs, sex or age")
    return features


def features_dict(features: dict[str, Any]) -> dict[str, Any]:
    """Canonical form: what was not asked for is not there."""
    return {name: value for name, value in features.items() if value is not False and value not in ((), [])}
