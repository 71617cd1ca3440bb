# SPDX-License-Identifier: Apache-2.0
"""The design that emulates target trials: its keys. Its SQL and its results are in the files of that name in ``cohort`` and ``study``.

A sequence of trials from a rule cohort of the eligible (start the drug now, or not), or one trial of a cloned cohort (meet its rule in
time, or not). docs/designs.md tells every convention.
"""

from rempart.records.describing_reading import Known
from rempart.records.design import DesignAnalysis, DesignForm
from rempart.records.fields import Fields
from rempart.records.forms import Choice, Pair, Table, Text, Texts, Whole, key

TARGET_TRIAL_DESIGN = "target-trial"
LOGISTIC, RISK, ATTRITION = "pooled_logistic", "risk", "attrition"
_FITTED = (LOGISTIC, RISK)
ENTRY, CALENDAR = "entry", "calendar"
INTENTION, PROTOCOL = "intention-to-treat", "per-protocol"
COMPETES, CENSORS = "competes", "censors"
QUADRATIC, EACH = "quadratic", "each"
_SEQUENTIAL = ("exposure",)
SEQUENTIAL_HOW = ("clock", "trials", "effect", "washout_days")

_INPUTS = Table(
    name="target_trial_inputs",
    about="Who is eligible, what is started, until which outcome.",
    keys={
        "cohort": key(
            Text(),
            "the eligible: a rule cohort; with clone_censor_weight its rule is the strategy; absent: the only one",
        ),
        "exposure": key(Text(), "the drug that is started; none with a cloned cohort"),
        "outcome": key(Text(), "an outcome, the first after entry; absent: the only one"),
        "covariates": key(Texts(), "covariates at the start of each trial; absent: all of them; []: none"),
        "changing": key(
            Texts(),
            "those of the covariates that are looked up anew on the first day of each interval, for the weights of staying; absent: none",
        ),
    },
)
_PARAMETERS = Table(
    name="target_trial_parameters",
    about="When trials begin, how long and under which strategies persons are followed.",
    keys={
        "clock": key(
            Choice((ENTRY, CALENDAR)),
            "trials begin every so many days from the person's entry into the cohort, or from the first day of the protocol's period",
            default=ENTRY,
        ),
        "every_days": key(
            Whole(1, 366), "days of an interval: a trial's window of starting, and the step of follow-up", default=30
        ),
        "trials": key(Whole(1, 400), "how many trials in sequence, at most", default=24),
        "intervals": key(Whole(1, 400), "how many intervals a trial is followed, at most", default=12),
        "washout_days": key(Whole(), "no such drug on so many days before entry", default=365),
        "effect": key(
            Choice((INTENTION, PROTOCOL)),
            "of starting, whatever comes later; or of keeping to it: who deviates is censored, and who stays weighted",
            default=INTENTION,
        ),
        "death": key(
            Choice((COMPETES, CENSORS)),
            "the dead cannot have the outcome and stay among those at risk of it; or their follow-up ends",
            default=COMPETES,
        ),
        "time": key(
            Choice((QUADRATIC, EACH)),
            "how risk changes with time: a parabola, or each interval its own",
            default=QUADRATIC,
        ),
        "truncate_percent": key(Pair(0, 100), "percentiles that weights are cut to", default=(0, 100)),
        "replicates": key(
            Whole(0, 2000),
            "0: errors robust by person, weights as known; else so many bootstraps of persons",
            default=0,
        ),
    },
)


def _check(given: Fields, analysis: DesignAnalysis, known: Known) -> None:
    cloned = analysis.inputs["cohort"] in known.cloned
    if analysis.inputs["cohort"] not in known.entered:
        raise given.wrong("inputs.cohort", "a rule cohort: matching has chosen its persons already")
    if cloned:
        told = {f"inputs.{name}" for name in _SEQUENTIAL if name in analysis.inputs}
        told |= {f"parameters.{n}" for n in SEQUENTIAL_HOW if analysis.parameters[n] != _PARAMETERS.keys[n].default}
        for field in sorted(told):
            raise given.wrong(field, "no such line: the cohort is cloned at its entry, and its rule is the strategy")
    elif "exposure" not in analysis.inputs:
        raise given.wrong("inputs.exposure", "the exposure whose start the trials are about (it is missing)")
    elif analysis.parameters["effect"] == PROTOCOL and analysis.inputs["exposure"] not in known.periods:
        raise given.wrong(
            "inputs.exposure", "an exposure with supply: per-protocol asks on which days somebody is treated"
        )
    asked_anew = changing(analysis)
    if asked_anew and not cloned and analysis.parameters["effect"] != PROTOCOL:
        raise given.wrong(
            "inputs.changing", "no such line: only staying is weighted (per-protocol, or a cloned cohort)"
        )
    if not set(asked_anew) <= set(analysis.covariates):
        raise given.wrong("inputs.changing", "names of the analysis's covariates: their first levels are adjusted for")
    low, high = analysis.parameters.get("truncate_percent", (0, 100))
    if not low < 50 < high:
        raise given.wrong("parameters.truncate_percent", "percentiles below and above 50, such as [1, 99]")
    if 0 < analysis.parameters.get("replicates", 0) < 50:
        raise given.wrong("parameters.replicates", "0, or 50 at least")


def _looks_back(analysis: DesignAnalysis) -> tuple[tuple[str, int], ...]:
    return (
        (("parameters.washout_days", -int(analysis.parameters["washout_days"])),)
        if "exposure" in analysis.inputs
        else ()
    )


def changing(analysis: DesignAnalysis) -> tuple[str, ...]:
    """Covariates that are looked up anew on the first day of each interval, in order of their names."""
    return tuple(sorted(analysis.inputs.get("changing", ())))


def attrition_steps(analysis: DesignAnalysis) -> tuple[str, ...]:
    """Names of the steps, numbered; of the cloned nobody is asked for earlier use."""
    before = f"not treated in the {analysis.parameters['washout_days']} days before entry"
    steps = ("in the cohort", *((before,) if "exposure" in analysis.inputs else ()), "in a trial, at risk")
    return tuple(f"{number:02d} {text}" for number, text in enumerate(steps, 1))


TARGET_TRIAL = DesignForm(
    design=TARGET_TRIAL_DESIGN,
    about="Trials emulated in sequence from a cohort of the eligible, or one trial of a cloned cohort.",
    types=(LOGISTIC, RISK, ATTRITION),
    inputs=_INPUTS,
    parameters=_PARAMETERS,
    used=dict.fromkeys(("covariates", "changing", "time", "truncate_percent", "replicates"), _FITTED),
    unsaid=frozenset({"exposure"}),
    check=_check,
    looks_back=_looks_back,
)
