# SPDX-License-Identifier: Apache-2.0
"""What a study says of a propensity score: how it makes the arms of a comparison comparable. Keys of the study file; no arithmetic.

The adjustment decides whom the estimate speaks of (the estimand), so it has no default. ``records/comparison_reading.py`` reads by it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rempart.records.fields import Fields
from rempart.records.forms import Choice, Key, Number, Whole, Wholes, key

WEIGHTS, TREATED, OVERLAP, MATCHING, STRATA = ADJUSTMENTS = (
    "weights",
    "treated-weights",
    "overlap",
    "matching",
    "strata",
)
NO_TRIMMING = "none"
TRIMMINGS = (NO_TRIMMING, "preference", "crump", "percentiles", "shared-range")
LOGISTIC, LASSO = MODELS = ("logistic", "lasso")
ESTIMANDS: Mapping[str, str] = {  # adjustment → whom the ratio and the risks speak of
    WEIGHTS: "marginal, all",
    TREATED: "marginal, treated",
    OVERLAP: "marginal, overlap",
    MATCHING: "marginal, matched treated",
    STRATA: "conditional on the strata",
}
UNADJUSTED, CONDITIONAL = "unadjusted", "conditional on the covariates"

SCORE_KEYS: Mapping[str, Key] = {
    "adjustment": key(
        Choice(ADJUSTMENTS),
        "propensity, calibration: what the score is used for: weights (everyone), treated-weights (those treated), overlap (those who "
        "might have had either), matching, strata; propensity must say it",
    ),
    "score_model": key(
        Choice(MODELS),
        "propensity, calibration: logistic, or lasso (L1, penalty by cross-validation), which features take; absent: lasso with features",
    ),
    "select": key(
        Whole(1, 20000),
        "with features: only so many, those most able to bias (high-dimensional selection); absent: every one",
    ),
    "trimming": key(
        Choice(TRIMMINGS),
        "propensity, calibration: who is left out for want of persons alike in the other arm; the score is fitted anew on the others",
        default=NO_TRIMMING,
    ),
    "truncation": key(
        Number(0, 0.2), "weights, treated-weights: weights beyond this quantile from above are held at it", default=0.0
    ),
    "strata": key(Whole(2, 100), "strata: how many, at quantiles of the score of all", default=5),
    "ratio": key(Whole(1, 10), "matching: comparators of each treated, at most", default=1),
    "caliper": key(Number(0, 5), "matching: in standard deviations of the logit of the score", default=0.2),
    "risk_days": key(
        Wholes(1, 36600),
        "propensity: days since time zero by whose end risks are told; absent: protocol.follow_up_days",
    ),
    "replicates": key(
        Whole(0, 10000),
        "propensity: replicates of a bootstrap over persons for the intervals, 50 at least, never of matching; 0: robust errors",
        default=0,
    ),
}
OF_ADJUSTMENT: Mapping[str, tuple[str, ...]] = {  # a key that acts with some adjustments only
    "truncation": (WEIGHTS, TREATED),
    "strata": (STRATA,),
    "ratio": (MATCHING,),
    "caliper": (MATCHING,),
}
LEAST_REPLICATES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreUse:
    """How a score is fitted and used; keys as in ``SCORE_KEYS``, of other adjustments at their defaults. ``features``: names."""

    adjustment: str
    score_model: str = LOGISTIC
    features: tuple[str, ...] = ()
    select: int = 0
    trimming: str = NO_TRIMMING
    truncation: float = 0.0
    strata: int = 5
    ratio: int = 1
    caliper: float = 0.2
    risk_days: tuple[int, ...] = ()
    replicates: int = 0

    @property
    def estimand(self) -> str:
        """Whom the ratio speaks of, and whether it is marginal or conditional."""
        return ESTIMANDS[self.adjustment]


def read_use(told: Mapping[str, Any], given: Fields, *, features: tuple[str, ...], days: tuple[int, ...]) -> ScoreUse:
    """The use of a score from the parameters as read by their forms; ``days``: by whose end risks are told where the file does not say.

    Raises BadInput ``study-field``.
    """
    adjustment = told["adjustment"]
    if adjustment is None:
        raise given.wrong("parameters.adjustment", "one of " + ", ".join(ADJUSTMENTS))
    held = given.table("parameters")
    for name, uses in OF_ADJUSTMENT.items():
        if held.has(name) and adjustment not in uses:
            raise given.wrong(f"parameters.{name}", f"no such line: it acts with {', '.join(uses)} alone")
    if told["select"] is not None and not features:
        raise given.wrong(
            "parameters.select", "no such line: it selects among features, and inputs.features names none"
        )
    model = told["score_model"] or (LASSO if features else LOGISTIC)
    if model == LOGISTIC and features and told["select"] is None:
        raise given.wrong("parameters.score_model", "lasso, or a number of features to select: features are many")
    check_replicates(told["replicates"], adjustment, given)
    return ScoreUse(
        adjustment=adjustment,
        score_model=model,
        features=tuple(sorted(features)),
        select=told["select"] or 0,
        trimming=told["trimming"],
        truncation=told["truncation"],
        strata=told["strata"],
        ratio=told["ratio"],
        caliper=told["caliper"],
        risk_days=tuple(sorted(told["risk_days"] or days)),
        replicates=told["replicates"],
    )


def plain_use(told: Mapping[str, Any], *, days: tuple[int, ...]) -> ScoreUse:
    """The use of a score on covariates alone, from the parameters of a design, every default written out."""
    names = ("trimming", "truncation", "strata", "ratio", "caliper", "replicates")
    return ScoreUse(
        adjustment=told["adjustment"],
        score_model=told.get("score_model", LOGISTIC),
        risk_days=tuple(sorted(told.get("risk_days", ()) or days)),
        **{name: told[name] for name in names},
    )


def check_replicates(replicates: int, adjustment: str, given: Fields) -> None:
    """Raises BadInput ``study-field`` for a bootstrap of matching, or of too few replicates."""
    if replicates and adjustment == MATCHING:
        raise given.wrong(
            "parameters.replicates", "no such line with matching: the bootstrap's error is wrong for nearest neighbours"
        )
    if 0 < replicates < LEAST_REPLICATES:
        raise given.wrong("parameters.replicates", f"0, or {LEAST_REPLICATES} and more")


def use_dict(use: ScoreUse, *, of_ratio_alone: bool) -> dict[str, Any]:
    """The parameters of the canonical form: those that act, defaults written out. ``of_ratio_alone``: no risks are told."""
    told = {name: value for name, value in asdict(use).items() if name != "features"}
    idle = {"risk_days", "replicates"} if of_ratio_alone else set() if use.risk_days else {"risk_days"}
    idle |= {name for name, uses in OF_ADJUSTMENT.items() if use.adjustment not in uses}
    idle |= set() if use.select else {"select"}
    return {name: list(value) if name == "risk_days" else value for name, value in told.items() if name not in idle}
