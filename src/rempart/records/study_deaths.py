# SPDX-License-Identifier: Apache-2.0
"""What of a study waits for deaths, beside ``protocol.death``: a protocol that ignores them cannot end a cohort with them."""

from collections.abc import Mapping, Sequence

from rempart.records.cohort_rules import RuleCohort
from rempart.records.design import ANY_DEATH, DesignAnalysis
from rempart.records.designs import DESIGN_FORMS
from rempart.records.fields import Fields
from rempart.records.protocol import DEATH, Criterion, Protocol

IGNORED = "ignore"


def check_deaths(
    protocol: Protocol, outcomes: Mapping[str, tuple[Criterion, ...]], rules: Mapping[str, RuleCohort], given: Fields
) -> None:
    """Raises BadInput ``study-field`` where an outcome or a cohort asks for deaths that the protocol ignores."""
    if protocol.death != IGNORED:
        return
    if any(item.domain == DEATH for items in outcomes.values() for item in items):
        raise given.wrong("protocol.death", "month or date: an outcome asks for deaths by cause")
    for name, cohort in rules.items():
        if cohort.exit.death:
            raise given.wrong("protocol.death", f"month or date: the cohort {name} ends with death (exit)")
        if any(event.domain == DEATH for _, event in cohort.events()):
            raise given.wrong("protocol.death", f"month or date: a rule of the cohort {name} asks for deaths")


def check_awaited(
    protocol: Protocol, outcomes: Mapping[str, object], designs: Sequence[DesignAnalysis], given: Fields
) -> None:
    """Raises BadInput ``study-field`` where the outcome of an analysis is death of any cause, and the protocol ignores deaths."""
    for item in designs if protocol.death == IGNORED else ():
        if DESIGN_FORMS[item.design].death and ANY_DEATH in item.outcomes and ANY_DEATH not in outcomes:
            raise given.wrong("protocol.death", f"month or date: the outcome of {item.id} is death")
