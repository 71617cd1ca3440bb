# SPDX-License-Identifier: Apache-2.0
"""Conditions of a rule cohort that hold for everybody or for nobody, whatever the data: slips of the pen, refused by their key.

Knows nothing of the data: a cohort of nobody there is an answer.
"""

from collections.abc import Mapping

from rempart.records.fields import Fields

_ALL, _NONE = ">= 0", "< 0"
_NEVER_NEGATIVE = ("nights", "days_supply")


def check_count(given: Fields, count: str) -> None:
    """``count`` as it is compared (``>= 2``); raises BadInput ``study-field``."""
    if count == _ALL:
        raise given.wrong("count", "a number that not everybody has: >= 0 holds for everybody")
    if count == _NONE:
        raise given.wrong("count", 'a number that somebody may have: < 0 holds for nobody (none at all: "= 0")')


def check_where(given: Fields, where: Mapping[str, str]) -> None:
    """Numbers of a record that are never below 0; raises BadInput ``study-field``."""
    for name in _NEVER_NEGATIVE:
        if where.get(name) == _NONE:
            raise given.wrong(f"where.{name}", "a number that a record may have: < 0 holds for none")


def check_most(given: Fields, number: int, demands: int) -> None:
    """``at_most`` so many of so many demands; raises BadInput ``study-field``."""
    if number >= demands:
        raise given.wrong(
            "number", f"less than the number of demands, {demands}: at most all of them holds for everybody"
        )
