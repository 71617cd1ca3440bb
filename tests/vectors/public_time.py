# SPDX-License-Identifier: Apache-2.0
"""Our answers to the questions of follow-up: curves, tests of curves and restricted means on public data."""

import numpy as np

from rempart.study.estimators.cumulative_incidence import cumulative_incidence
from rempart.study.estimators.curve_tests import CurveTest, gray, log_rank
from rempart.study.estimators.restricted_mean import restricted_mean
from rempart.study.estimators.survival_cells import SurvivalCells
from rempart.study.estimators.survival_curves import kaplan_meier
from tests.vectors.public_data import Answer, Frame, answers, columns, frame, where, whole


def cells(table: Frame) -> SurvivalCells:
    """Rows with ``day``, ``arm``, ``cause`` (or ``event``) and perhaps ``stratum``, counted."""
    status = table["cause" if "cause" in table else "event"]
    named = [table["arm"], table["day"], status, table.get("stratum", np.zeros(len(status)))]
    kinds, n = np.unique(np.column_stack([whole(column) for column in named]), axis=0, return_counts=True)
    return SurvivalCells(
        arms=tuple(f"arm {arm}" for arm in np.unique(table["arm"]).astype(int)),
        causes=tuple(f"cause {cause}" for cause in range(1, int(status.max()) + 1)),
        arm=kinds[:, 0],
        exit_=kinds[:, 1],
        status=kinds[:, 2],
        stratum=kinds[:, 3],
        n=n,
    )


def leukemia() -> Frame:
    """Acute myelogenous leukaemia: maintenance or none."""
    d = columns("survival", "leukemia")
    return frame(day=d["time"], event=d["status"], arm=d["x"] == "Nonmaintained")


def lung() -> Frame:
    """Advanced lung cancer by sex."""
    d = columns("survival", "cancer")
    return frame(day=d["time"], event=d["status"] - 1, arm=d["sex"] - 1)


def gehan() -> Frame:
    """Freireich's trial."""
    d = columns("MASS", "gehan")
    return frame(day=d["time"], event=d["cens"], arm=d["treat"] == "control")


def ovarian() -> Frame:
    """Ovarian cancer by treatment."""
    d = columns("survival", "ovarian")
    return frame(day=d["futime"], event=d["fustat"], arm=d["rx"] - 1)


KAPLAN_MEIER = {
    "leukemia": (leukemia, (5, 13, 23, 40), 40),
    "lung": (lung, (60, 180, 365, 730), 365),
    "gehan": (gehan, (5, 10, 15, 20), 20),
    "ovarian": (ovarian, (300, 400, 500), 600),
}


def _curves(name: str) -> None:
    table, days, horizon = KAPLAN_MEIER[name]

    @answers(f"{name}-km")
    def curves() -> Answer:
        used = table()
        at = [curve.at(np.array(days)) for curve in kaplan_meier(cells(used))]
        parts = ("value", "error", "lower", "upper")
        return Answer(used=used, said={part: [one[k].tolist() for one in at] for k, part in enumerate(parts)})

    @answers(f"{name}-logrank")
    def test() -> Answer:
        found = log_rank(cells(used := table()))
        return Answer(used=used, said=_test(found))

    @answers(f"{name}-rmst")
    def mean() -> Answer:
        found = restricted_mean(cells(used := table()), horizon)
        return Answer(used=used, said={"value": found.value, "error": found.error})


def _test(found: CurveTest) -> dict[str, object]:
    return {"chi2": found.chi2, "expected": found.expected, "variance": found.covariance.tolist()}


for one in KAPLAN_MEIER:
    _curves(one)


@answers("veteran-logrank-strata")
def veteran() -> Answer:
    """Stratified by cell type, in the order of R's factor."""
    d = columns("survival", "veteran")
    kinds = ("squamous", "smallcell", "adeno", "large")
    stratum = np.array([kinds.index(kind) + 1 for kind in d["celltype"]])
    used = frame(day=d["time"], event=d["status"], arm=d["trt"] - 1, stratum=stratum)
    return Answer(used=used, said=_test(log_rank(cells(used))))


def melanoma() -> Frame:
    """Malignant melanoma: death of it (1), of something else (2); by ulceration."""
    d = columns("MASS", "Melanoma")
    cause = np.array([0, 1, 0, 2])[d["status"]]
    return frame(day=d["time"], cause=cause, arm=d["ulcer"], sex=d["sex"], thickness=np.log(d["thickness"]))


def pbc() -> Frame:
    """Primary biliary cholangitis: death (1) or transplantation (2), in the trial's two arms."""
    d = columns("survival", "pbc")
    cause = np.array([0, 2, 1])[d["status"]]
    return frame(day=d["time"], cause=cause, arm=d["trt"] - 1, age=d["age"], bili=np.log(d["bili"]))


def mgus2() -> Frame:
    """Monoclonal gammopathy: plasma cell malignancy (1) or death without it (2); months."""
    d = columns("survival", "mgus2")
    turned = d["pstat"] == 1
    return frame(
        day=np.where(turned, d["ptime"], d["futime"]),
        cause=np.where(turned, 1, 2 * d["death"]),
        arm=d["sex"] == "M",
        age=d["age"],
    )


def transplant() -> Frame:
    """Waiting for a liver: a transplant (1), death (2), withdrawal (3), by blood group; those who waited no day are left out."""
    d = columns("survival", "transplant")
    cause = np.array([{"censored": 0, "death": 2, "ltx": 1, "withdraw": 3}[kind] for kind in d["event"]])
    arm = np.array(["A", "B", "AB", "O"])
    used = frame(day=d["futime"], cause=cause, arm=[int(np.flatnonzero(arm == group)[0]) for group in d["abo"]])
    return where(used, used["day"] > 0)


COMPETING = {
    "melanoma": (melanoma, (1000, 2000, 3000)),
    "pbc": (pbc, (365, 1500, 3000)),
    "mgus2": (mgus2, (60, 120, 240)),
    "transplant": (transplant, (30, 100, 300)),
}


def _incidence(name: str) -> None:
    table, days = COMPETING[name]

    def used() -> Frame:
        return {part: column for part, column in table().items() if part in {"day", "cause", "arm"}}

    @answers(f"{name}-aj")
    def curves() -> Answer:
        at = [curve.at(np.array(days)) for curve in cumulative_incidence(cells(used()), "cause 1")]
        parts = ("value", "error", "lower", "upper")
        return Answer(used=used(), said={part: [one[k].tolist() for one in at] for k, part in enumerate(parts)})

    @answers(f"{name}-gray")
    def test() -> Answer:
        counted = cells(used())
        at = [curve.at(np.array(days)) for curve in cumulative_incidence(counted, "cause 1", variance="aalen")]
        chi2 = [gray(counted, cause).chi2 for cause in counted.causes]
        return Answer(
            used=used(),
            said={"chi2": chi2, "value": [one[0].tolist() for one in at], "error": [one[1].tolist() for one in at]},
        )


for one in COMPETING:
    _incidence(one)
