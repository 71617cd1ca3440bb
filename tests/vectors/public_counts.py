# SPDX-License-Identifier: Apache-2.0
"""Our answers to the questions of counts, matched sets, strata and case series, on public data."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rempart.study.estimators import case_control, conditional_poisson
from rempart.study.estimators.conditional import ConditionalFit
from rempart.study.estimators.count_regression import CountFit, fit_negative_binomial, fit_poisson
from rempart.study.estimators.count_rows import CountRows
from rempart.study.estimators.pooled_logistic import PatternCounts, fit_counts
from rempart.study.estimators.sccs import case_series
from rempart.study.estimators.sccs_design import Cases, Exposure, Levels, Window
from tests.vectors.public_data import Answer, Column, Frame, answers, columns, frame, matrix, where, whole


def regression(name: str, table: Callable[[], Frame], *terms: str, negative: bool = False) -> None:
    """Register a Poisson or negative binomial regression of ``events`` in ``time``, by row and, where there is one, by ``cluster``."""

    @answers(f"{name}-negative-binomial" if negative else f"{name}-poisson")
    def answer() -> Answer:
        used = table()
        fit = fit_negative_binomial if negative else fit_poisson
        found = fit(_rows(used, terms))
        said = {
            "beta": found.beta,
            "error": np.sqrt(np.diag(found.covariance)),
            "robust": np.sqrt(np.diag(found.robust)),
            "log_likelihood": found.log_likelihood,
        }
        if "cluster" in used:
            said["clustered"] = np.sqrt(np.diag(fit(_rows(used, terms, clustered=True)).robust))
        return Answer(used=used, said=said | (_dispersion(found) if negative else {}))


def _rows(used: Frame, terms: Sequence[str], *, clustered: bool = False) -> CountRows:
    return CountRows(
        events=used["events"],
        time=used["time"],
        x=matrix(used, *terms),
        terms=tuple(terms),
        cluster=whole(used["cluster"]) if clustered else None,
    )


def _dispersion(found: CountFit) -> dict[str, float]:
    """θ = 1/α and its error."""
    theta = 1 / found.dispersion
    return {"theta": theta, "theta_error": (found.dispersion_error or np.nan) * theta**2}


def quine() -> Frame:
    """Days absent from school."""
    d = columns("MASS", "quine")
    ages = {word: d["Age"] == age for word, age in (("one", "F1"), ("two", "F2"), ("three", "F3"))}
    return frame(events=d["Days"], time=1, other=d["Eth"] == "N", male=d["Sex"] == "M", **ages, slow=d["Lrn"] == "SL")


def ships() -> Frame:
    """Damage to ships; those without a month of service are left out."""
    d = columns("MASS", "ships")
    d = where(d, d["service"] > 0)
    kinds = {word: d["type"] == word.upper() for word in "bcde"}
    years = {f"y{year}": d["year"] == year for year in (65, 70, 75)}
    return frame(events=d["incidents"], time=d["service"], **kinds, **years, late=d["period"] == 75)


def epil() -> Frame:
    """Seizures in four fortnights."""
    d = columns("MASS", "epil")
    parts = {part: d[part] for part in ("lbase", "lage", "V4")}
    return frame(events=d["y"], time=1, treated=d["trt"] == "progabide", **parts, cluster=d["subject"])


def insurance() -> Frame:
    """Claims of car insurance by holders."""
    d = columns("MASS", "Insurance")
    districts = {f"d{k}": d["District"] == k for k in (2, 3, 4)}
    group = _ranked(d["Group"], ("<1l", "1-1.5l", "1.5-2l", ">2l"))
    age = _ranked(d["Age"], ("<25", "25-29", "30-35", ">35"))
    return frame(events=d["Claims"], time=d["Holders"], **districts, group=group, age=age)


def _ranked(given: Column, levels: Sequence[str]) -> Column:
    """Words as places, from 1, in the order that R's factor has."""
    return np.array([list(levels).index(word) + 1 for word in given])


def warpbreaks() -> Frame:
    """Breaks of yarn on looms."""
    d = columns("datasets", "warpbreaks")
    return frame(
        events=d["breaks"],
        time=1,
        b=d["wool"] == "B",
        medium=d["tension"] == "M",
        high=d["tension"] == "H",
    )


QUINE = ("other", "male", "one", "two", "three", "slow")
EPIL = ("treated", "lbase", "lage", "V4")
regression("quine", quine, *QUINE)
regression("quine", quine, *QUINE, negative=True)
regression("ships", ships, "b", "c", "d", "e", "y65", "y70", "y75", "late")
regression("epil", epil, *EPIL)
regression("epil", lambda: {k: v for k, v in epil().items() if k != "cluster"}, *EPIL, negative=True)
regression("insurance", insurance, "d2", "d3", "d4", "group", "age")
regression("warpbreaks", warpbreaks, "b", "medium", "high")
regression("warpbreaks", warpbreaks, "b", "medium", "high", negative=True)


def counted(name: str, table: Callable[[], Frame], *terms: str) -> None:
    """Register a logistic regression of ``events`` among ``n``."""

    @answers(name)
    def answer() -> Answer:
        used = table()
        x = np.column_stack([np.ones(len(used["n"])), matrix(used, *terms)])
        found = fit_counts(PatternCounts(x=x, terms=("intercept", *terms), n=used["n"], events=used["events"]))
        return Answer(used=used, said={"beta": found.beta, "error": found.error()})


def esoph() -> Frame:
    """Oesophageal cancer in Ille-et-Vilaine."""
    d = columns("datasets", "esoph")
    age = _ranked(d["agegp"], ("25-34", "35-44", "45-54", "55-64", "65-74", "75+"))
    alcohol = _ranked(d["alcgp"], ("0-39g/day", "40-79", "80-119", "120+"))
    tobacco = _ranked(d["tobgp"], ("0-9g/day", "10-19", "20-29", "30+"))
    used = frame(events=d["ncases"], n=d["ncases"] + d["ncontrols"], age=age, alcohol=alcohol, tobacco=tobacco)
    return where(used, used["n"] > 0)


def _added(events: Column, n: Column, **parts: Column) -> Frame:
    """Rows of equal parts put together, those of nobody left out."""
    kinds, of = np.unique(np.column_stack(list(parts.values())).astype(float), axis=0, return_inverse=True)
    sums = [np.bincount(of.reshape(-1), weights=column) for column in (events, n)]
    used = frame(events=sums[0], n=sums[1], **dict(zip(parts, kinds.T, strict=True)))
    return where(used, used["n"] > 0)


def titanic() -> Frame:
    """Who survived the Titanic."""
    d = columns("datasets", "Titanic")
    classes = {word: d["Class"] == kind for word, kind in (("second", "2nd"), ("third", "3rd"), ("crew", "Crew"))}
    other = {"female": d["Sex"] == "Female", "adult": d["Age"] == "Adult"}
    return _added(d["Freq"] * (d["Survived"] == "Yes"), d["Freq"], **classes, **other)


def admissions() -> Frame:
    """Who was admitted at Berkeley."""
    d = columns("datasets", "UCBAdmissions")
    departments = {word: d["Dept"] == word for word in "BCDEF"}
    return _added(d["Freq"] * (d["Admit"] == "Admitted"), d["Freq"], female=d["Gender"] == "Female", **departments)


counted("esoph-pooled", esoph, "age", "alcohol", "tobacco")
counted("titanic-pooled", titanic, "second", "third", "crew", "female", "adult")
counted("admissions-pooled", admissions, "female", "B", "C", "D", "E", "F")


def matched(name: str, table: Callable[[], Frame], *terms: str, ties: str = "exact") -> None:
    """Register a conditional logistic regression of ``case`` within ``set``."""

    @answers(name)
    def answer() -> Answer:
        used = table()
        found = case_control.fit(whole(used["set"]), used["case"] == 1, matrix(used, *terms), terms, ties=ties)
        return Answer(
            used=used,
            said=_conditional(found)
            | {"log_likelihood": found.log_likelihood, "null_log_likelihood": found.log_likelihood_null},
        )


def _conditional(found: ConditionalFit) -> dict[str, Any]:
    return {"beta": found.beta, "error": found.error}


def infert() -> Frame:
    """Infertility after abortions, two controls a case."""
    d = columns("datasets", "infert")
    parts = {part: d[part] for part in ("case", "spontaneous", "induced")}
    return frame(set=d["stratum"], **parts)


CHOICES = ("craftsmen", "operatives", "professional", "sales")


def logan() -> Frame:
    """Occupation by education: each person chooses among five (a set of five rows)."""
    d = columns("survival", "logan")
    size, own = len(d["occupation"]), np.tile(d["occupation"], 5)
    of = np.repeat(np.array(["farm", *CHOICES]), size)
    education = np.tile(d["education"], 5)
    plain = {word: of == word for word in CHOICES}
    crossed = {f"{word}_e": education * (of == word) for word in CHOICES}
    return frame(set=np.tile(np.arange(size) + 1, 5), case=own == of, **plain, **crossed)


def bacteria() -> Frame:
    """Bacteria in children's ears, before and after the second week; each child its own control."""
    d = columns("MASS", "bacteria")
    children = {name: k + 1 for k, name in enumerate(sorted(set(d["ID"])))}
    number = [children[name] for name in d["ID"]]
    return frame(set=number, case=d["y"] == "y", late=d["week"] > 2, drug=d["trt"] != "placebo")


def birthwt() -> Frame:
    """Low birth weight, sets of equal age of mother that hold cases and controls."""
    d = columns("MASS", "birthwt")
    used = frame(set=d["age"], case=d["low"], smoke=d["smoke"], ui=d["ui"], lwt=d["lwt"])
    both = [age for age in np.unique(used["set"]) if 0 < used["case"][used["set"] == age].mean() < 1]
    return where(used, np.isin(used["set"], both))


matched("infert-clogit", infert, "spontaneous", "induced")
matched("logan-clogit", logan, *CHOICES, *(f"{word}_e" for word in CHOICES))
matched("bacteria-clogit", lambda: {k: v for k, v in bacteria().items() if k != "drug"}, "late")
for ties in case_control.TIES:
    matched(f"birthwt-clogit-{ties}", birthwt, "smoke", "ui", "lwt", ties=ties)


@answers("bacteria-case-time-control")
def case_time_control() -> Answer:
    """Treated children as cases, those on placebo as controls."""
    used = bacteria()
    found = case_control.case_time_control(
        whole(used["set"]), used["case"] == 1, used["drug"] == 1, matrix(used, "late"), ["late"]
    )
    return Answer(used=used, said={"beta": found.beta, "error": found.error})


def strata(name: str, table: Callable[[], Frame], *terms: str, dispersed: bool = True) -> None:
    """Register a conditional Poisson regression of ``events`` within ``set``."""

    @answers(name)
    def answer() -> Answer:
        used = table()
        found = conditional_poisson.fit(
            whole(used["set"]), used["events"], matrix(used, *terms), terms, dispersed=dispersed
        )
        return Answer(used=used, said=_conditional(found) | {"dispersion": found.dispersion})


def seatbelts() -> Frame:
    """Drivers killed by month; the calendar month is the stratum."""
    d = columns("datasets", "Seatbelts")
    month = np.tile(np.arange(12) + 1, len(d["law"]) // 12)
    return frame(set=month, events=d["DriversKilled"], law=d["law"], kms=d["kms"] / 1000, petrol=d["PetrolPrice"])


def epil_by_person() -> Frame:
    """Seizures within each patient who had one: the last fortnight against the others."""
    d = columns("MASS", "epil")
    used = frame(set=d["subject"], events=d["y"], last=d["V4"], last_treated=d["V4"] * (d["trt"] == "progabide"))
    had = np.bincount(whole(used["set"]), weights=used["events"])
    return where(used, had[whole(used["set"])] > 0)


strata("seatbelts-conditional", seatbelts, "law", "kms", "petrol", dispersed=False)
strata("seatbelts-quasi", seatbelts, "law", "kms", "petrol")
strata("epil-conditional", epil_by_person, "last", "last_treated")


@answers("mmr-sccs")
def mmr() -> Answer:
    """Aseptic meningitis 15 to 35 days after MMR, ages 366 to 730 days, one cut at 548: Whitaker et al. 2006, table I (facts)."""
    event = np.array([398, 413, 449, 455, 472, 474, 485, 524, 700, 399])
    vaccine = np.array([458, 392, 429, 433, 432, 395, 470, 496, 428, 716])
    person = np.arange(10)
    found = case_series(
        Cases(first=np.full(10, 366), last=np.full(10, 730), birth=np.zeros(10, dtype=np.int64)),
        person,
        event,
        [
            Exposure(
                name="mmr", person=person, start=vaccine, stop=vaccine, windows=(Window(name="risk", begin=15, end=35),)
            )
        ],
        age=Levels(cuts=np.array([548]), names=("young", "old")),
    ).fit()
    order = [found.terms.index("mmr: risk"), found.terms.index("age: old")]
    used = frame(person=person + 1, event=event, vaccine=vaccine)
    return Answer(used=used, said={"beta": found.beta[order], "error": found.error[order]})
