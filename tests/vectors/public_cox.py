# SPDX-License-Identifier: Apache-2.0
"""Our answers to the questions of hazards: Cox in all its forms, and Fine–Gray, on public data."""

from collections.abc import Callable
from typing import Any

import numpy as np

from rempart.study.estimators.cox_input import CoxCells, CoxRows
from rempart.study.estimators.cox_proportional import proportionality
from rempart.study.estimators.cox_rows import CoxRowsFit, fit_cells, fit_rows
from rempart.study.estimators.fine_gray import CompetingRows, fit_fine_gray
from tests.vectors.public_data import Answer, Frame, answers, columns, frame, matrix, whole
from tests.vectors.public_follow_up import (
    bladder2,
    cgd,
    colon,
    diabetic,
    flchain,
    gbsg,
    heart,
    kidney,
    leuk,
    lung,
    mgus2_age,
    myeloma,
    nwtco,
    nwtco_subcohort,
    pbc_all,
    pbcseq,
    retinopathy,
    rotterdam,
    stanford2,
    veteran,
)
from tests.vectors.public_time import gehan, melanoma, mgus2, ovarian, pbc


def described(found: CoxRowsFit) -> dict[str, Any]:
    """What R's answers of a Cox model hold."""
    return {
        "beta": found.beta,
        "error": found.error,
        "log_likelihood": found.log_likelihood,
        "null_log_likelihood": found.null_log_likelihood,
    }


def cox(
    name: str,
    table: Callable[[], Frame],
    *terms: str,
    ties: str = "efron",
    robust: bool = False,
    proportional: bool = False,
    strata: str = "",
) -> None:
    """Register a Cox model of a table that holds ``day``, ``event`` and, where they play a part, ``entry``, ``id`` and ``weight``."""

    @answers(name)
    def answer() -> Answer:
        used = table()
        rows = CoxRows(
            x=matrix(used, *terms),
            terms=terms,
            exit_=whole(used["day"]),
            event=used["event"] == 1,
            entry=whole(used["entry"]) if "entry" in used else None,
            strata=whole(used[strata]) if strata else None,
            weight=used.get("weight"),
            person=whole(used["id"]) if robust and "id" in used else None,
            clones="entry" not in used,
        )
        found = fit_rows(rows, ties=ties, robust=robust, idle_strata="keep")
        said = described(found)
        if proportional:
            test = proportionality(rows, found)
            said["proportional"] = np.append(test.chi2, test.global_chi2)
        return Answer(used=used, said=said)


for ties in ("efron", "breslow"):
    cox(f"lung-cox-{ties}", lung, "age", "sex", "ecog", ties=ties, proportional=True)
    cox(
        f"gehan-cox-{ties}",
        lambda: {"control" if k == "arm" else k: v for k, v in gehan().items()},
        "control",
        ties=ties,
    )


KIND = ("histol", "two", "three", "four")
cox("veteran-cox", veteran, "trt", "karno", "small", "adeno", "large", proportional=True)
cox(
    "ovarian-cox",
    lambda: {**{k: v for k, v in ovarian().items() if k != "arm"}, **_ovarian_covariates()},
    "age",
    "rx",
    ties="breslow",
)
cox("leuk-cox", leuk, "wbc", "present")
cox("heart-cox", heart, "age", "year", "surgery", "transplant")
cox("heart-cox-robust", heart, "age", "year", "surgery", "transplant", robust=True)
cox("colon-cox", colon, "lev", "both", "node4", robust=True, strata="type")
cox("kidney-cox", kidney, "age", "sex", robust=True)
cox("pbc-cox", pbc_all, "age", "bili", "albumin", "protime", "edema", proportional=True)
cox("pbcseq-cox", pbcseq, "age", "bili", "albumin", robust=True)
cox("mgus2-cox-age", mgus2_age, "male", "hgb", proportional=True)
cox("retinopathy-cox", retinopathy, "trt", "adult", robust=True)
cox("diabetic-cox", diabetic, "trt", strata="id")
cox("bladder2-cox", bladder2, "rx", "size", "number", robust=True)
cox("bladder2-cox-strata", bladder2, "rx", "size", "number", robust=True, strata="enum")
cox("cgd-cox", cgd, "treat", "age", "steroids", robust=True)
cox("nwtco-cox-weights", nwtco_subcohort, *KIND, robust=True)
cox(
    "rotterdam-cox",
    rotterdam,
    "age",
    "meno",
    "nodes",
    "grade",
    "hormon",
    "chemo",
    strata="size",
    proportional=True,
)
cox("gbsg-cox", gbsg, "hormon", "nodes", "pgr", "grade", ties="breslow", proportional=True)
cox("flchain-cox-age", flchain, "male", "flc")
cox("myeloma-cox", myeloma, "year")
cox("stanford2-cox", stanford2, "age", "t5")


def _ovarian_covariates() -> Frame:
    d = columns("survival", "ovarian")
    return frame(age=d["age"], rx=d["rx"])


@answers("nwtco-cox-cells")
def nwtco_cells() -> Answer:
    """The whole cohort as counts by pattern and day."""
    used = nwtco()
    patterns, pattern = np.unique(matrix(used, *KIND), axis=0, return_inverse=True)
    table = np.column_stack([pattern.reshape(-1), used["day"], used["event"]]).astype(np.int64)
    kinds, n = np.unique(table, axis=0, return_counts=True)
    found = fit_cells(
        CoxCells(x=patterns, terms=KIND, pattern=kinds[:, 0], n=n, exit_=kinds[:, 1], event=kinds[:, 2] == 1)
    )
    return Answer(used=used, said=described(found))


def subdistribution(name: str, table: Callable[[], Frame], *terms: str, ties: str = "efron", crr: bool = False) -> None:
    """Register a Fine–Gray model, beside finegray and, where ``crr``, beside cmprsk as well."""

    def fitted() -> tuple[Frame, CoxRowsFit]:
        used = table()
        rows = CompetingRows(x=matrix(used, *terms), terms=terms, exit_=whole(used["day"]), cause=whole(used["cause"]))
        return used, fit_fine_gray(rows, ties=ties)

    @answers(f"{name}-finegray")
    def answer() -> Answer:
        used, found = fitted()
        return Answer(used=used, said=described(found))

    if crr:

        @answers(f"{name}-crr")
        def coefficients() -> Answer:
            used, found = fitted()
            return Answer(used=used, said={"beta": found.beta})


subdistribution("melanoma", melanoma, "arm", "sex", "thickness", ties="breslow", crr=True)
subdistribution("pbc", pbc, "arm", "age", "bili")
subdistribution("mgus2", mgus2, "arm", "age")
