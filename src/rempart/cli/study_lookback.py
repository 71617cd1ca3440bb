# SPDX-License-Identifier: Apache-2.0
"""How ``study check`` and ``study plan`` name what reads all the days before a cohort's events. Judges nothing."""

from collections.abc import Sequence

from rempart.cli.voice import Voice


def show_all_before(voice: Voice, parts: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """Each part by its cohort, and how far back it reads in a project; nothing where there is none. Gives them back."""
    if parts:
        voice.say("reads-all-before", count=len(parts))
        voice.table(["column-cohort", "column-part"], parts)
    return parts


def all_before_told(parts: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """For ``--json``."""
    return [{"cohort": cohort, "part": part} for cohort, part in parts]
