# SPDX-License-Identifier: Apache-2.0
"""A standardised difference and one arm's count give the other's: ``balance`` hides what ``table_one`` hides, and nothing else."""

from rempart.disclosure.check import check
from rempart.records.result import ResultRow
from rempart.study.differences import share_moments, standardised_difference
from tests.disclosure_rows import RULES, frequency

TARGET = {"40-49": 9, "50-59": 391, "60-69": 300, "70+": 300}  # 1 000 persons
COMPARATOR = {"40-49": 210, "50-59": 290, "60-69": 270, "70+": 230}
FEATURE = ("feature", "C10AA05")


def difference(target: int, comparator: int) -> float:
    """Of a level with so many of the thousand of each arm."""
    found = standardised_difference(share_moments(target, 1000), share_moments(comparator, 1000))
    assert found is not None
    return found


def balance() -> list[ResultRow]:
    """Before and after, on so many persons that by themselves all of them may be shown; and a feature, which table one has not."""
    levels = {("age_band", level): difference(TARGET[level], COMPARATOR[level]) for level in TARGET}
    return [
        ResultRow(
            run="run",
            output="balance",
            output_type="balance",
            row_key={"variable": variable, "level": level},
            column_key={"weighting": weighting},
            statistic="smd",
            value=value,
            unit="standard deviations",
            n_persons=200,
        )
        for (variable, level), before in (levels | {FEATURE: 0.2}).items()
        for weighting, value in (("before", before), ("overlap", 0.01))
    ]


def shown(*tables: list[ResultRow]) -> dict[tuple[str, str, str, str], float | None]:
    """(output, level, arm or weighting, statistic) → what is shown, None where it is hidden."""
    found = check([item for table in tables for item in table], RULES)
    return {
        (item.output, item.row_key["level"], *item.column_key.values(), item.statistic): item.value  # type: ignore[misc]
        for table in found
        for item in table.rows
    }


def test_what_one_arm_s_hidden_count_would_follow_from_is_hidden_before_and_after() -> None:
    counts = frequency({"target": TARGET, "comparator": COMPARATOR}, variable="age_band")
    told = shown(counts, balance())
    hidden = {
        level for level in TARGET if None in {told["table_one", level, arm, "n"] for arm in ("target", "comparator")}
    }
    assert "40-49" in hidden and hidden != set(TARGET), "nine persons, and a second count that guards them"
    for level in TARGET:
        for weighting in ("before", "overlap"):
            assert (told["balance", level, weighting, "smd"] is None) == (level in hidden), level
    assert told["balance", "C10AA05", "before", "smd"] == 0.2


def test_the_difference_would_give_the_hidden_count_back() -> None:
    """The attack: of all counts of the target, those whose difference from the comparator's count rounds to the one shown."""
    counts = frequency({"target": TARGET, "comparator": COMPARATOR}, variable="age_band")
    told = shown(counts, balance())
    guard = next(level for level in TARGET if level != "40-49" and told["table_one", level, "target", "n"] is None)
    given = round(difference(TARGET[guard], COMPARATOR[guard]), 2)
    fitting = [n for n in range(1001) if round(difference(n, COMPARATOR[guard]), 2) == given]
    assert TARGET[guard] in fitting and len(fitting) < 11, "closer than an attacker may come"
    assert told["balance", guard, "before", "smd"] is None


def test_without_a_table_of_the_counts_the_balance_stands_on_its_own_persons() -> None:
    told = shown(balance())
    assert None not in told.values()
    assert told["balance", "40-49", "before", "smd"] == round(difference(9, 210), 2)


def test_a_level_whose_counts_are_shown_keeps_its_difference() -> None:
    large = {level: max(count, 40) for level, count in TARGET.items()}
    told = shown(frequency({"target": large, "comparator": COMPARATOR}, variable="age_band"), balance())
    assert None not in told.values()


def test_another_variable_s_level_of_the_same_name_hides_nothing() -> None:
    counts = frequency({"target": TARGET, "comparator": COMPARATOR}, variable="other")
    told = shown(counts, balance())
    assert None not in {value for (output, *_), value in told.items() if output == "balance"}
