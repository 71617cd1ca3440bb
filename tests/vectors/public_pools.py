# SPDX-License-Identifier: Apache-2.0
"""Our answers to the questions of meta-analysis, on public trials."""

from typing import Any

from rempart.study.estimators.meta_analysis import pool
from rempart.study.estimators.meta_tables import Tables, effect_sizes, mantel_haenszel, peto
from tests.vectors.public_data import Answer, Frame, answers, columns, frame


def trials(name: str) -> Frame:
    """Tables of trials."""
    if name == "bcg":
        d = columns("HSAUR", "BCG")
        return frame(events1=d["BCGTB"], persons1=d["BCGVacc"], events0=d["NoVaccTB"], persons0=d["NoVacc"])
    d = columns("HSAUR", "smoking")
    return frame(events1=d["qt"], persons1=d["tt"], events0=d["qc"], persons0=d["tc"])


METHODS = {"ee": "fixed", "dl": "dersimonian-laird", "reml": "reml", "knapp": "reml"}


def pooled(name: str, measure: str, how: str) -> None:
    """Register a pool."""

    @answers(f"{name}-{how}")
    def answer() -> Answer:
        used = trials(name)
        tables = Tables(names=tuple(f"trial {k}" for k in range(len(used["events1"]))), **used)
        if how == "mh":
            found = mantel_haenszel(tables, measure)
        elif how == "peto":
            found = peto(tables)
        else:
            interval = "hartung-knapp" if how == "knapp" else "normal"
            found = pool(effect_sizes(tables, measure), method=METHODS[how], interval=interval)
        said: dict[str, Any] = {part: getattr(found, part) for part in ("estimate", "error", "lower", "upper")}
        if found.heterogeneity:
            said |= {"q": found.heterogeneity.q, "tau_squared": found.heterogeneity.tau_squared}
        return Answer(used=used, said=said)


for how in (*METHODS, "mh", "peto"):
    pooled("bcg", "risk-ratio", how)
    pooled("gum", "odds-ratio", how)
