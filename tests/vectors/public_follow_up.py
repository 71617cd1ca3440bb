# SPDX-License-Identifier: Apache-2.0
"""Public data sets of follow-up as Cox models see them: ``day``, ``event``, perhaps ``entry`` and ``id``, and covariates. No fitting."""

import numpy as np

from tests.vectors.public_data import Frame, columns, frame, where


def lung() -> Frame:
    """Advanced lung cancer, complete in ECOG score."""
    d = columns("survival", "cancer")
    return frame(day=d["time"], event=d["status"] - 1, age=d["age"], sex=d["sex"], ecog=d["ph.ecog"])


def veteran() -> Frame:
    """Veterans' lung cancer trial."""
    d = columns("survival", "veteran")
    kinds = {
        word: d["celltype"] == kind for word, kind in (("small", "smallcell"), ("adeno", "adeno"), ("large", "large"))
    }
    return frame(day=d["time"], event=d["status"], trt=d["trt"], karno=d["karno"], **kinds)


def leuk() -> Frame:
    """Leukaemia by white blood cells; all died."""
    d = columns("MASS", "leuk")
    return frame(day=d["time"], event=1, wbc=np.log(d["wbc"]), present=d["ag"] == "present")


def heart() -> Frame:
    """Stanford heart transplants, half days made whole."""
    d = columns("survival", "heart")
    kept = {part: d[part] for part in ("event", "age", "year", "surgery", "transplant", "id")}
    return frame(entry=2 * d["start"], day=2 * d["stop"], **kept)


def colon() -> Frame:
    """Colon cancer: recurrence and death of each person, a stratum each."""
    d = columns("survival", "colon")
    arms = {"lev": d["rx"] == "Lev", "both": d["rx"] == "Lev+5FU"}
    return frame(day=d["time"], event=d["status"], **arms, node4=d["node4"], type=d["etype"], id=d["id"])


def kidney() -> Frame:
    """Infections at the catheter, two times a patient."""
    d = columns("survival", "kidney")
    return frame(day=d["time"], event=d["status"], age=d["age"], sex=d["sex"], id=d["id"])


def pbc_all() -> Frame:
    """Primary biliary cholangitis, death."""
    d = columns("survival", "pbc")
    parts = {part: d[part] for part in ("albumin", "protime", "edema")}
    return frame(day=d["time"], event=d["status"] == 2, age=d["age"], bili=np.log(d["bili"]), **parts)


def pbcseq() -> Frame:
    """The same patients' visits: values hold until the next visit."""
    d = columns("survival", "pbcseq")
    d = where(d, np.lexsort((d["day"], d["id"])))
    last = np.r_[d["id"][1:] != d["id"][:-1], True]
    stop = np.where(last, d["futime"], np.r_[d["day"][1:], 0])
    used = frame(
        entry=d["day"],
        day=stop,
        event=last & (d["status"] == 2),
        age=d["age"],
        bili=np.log(d["bili"]),
        albumin=d["albumin"],
        id=d["id"],
    )
    return where(used, used["day"] > used["entry"])


def mgus2_age() -> Frame:
    """Monoclonal gammopathy, death, on the scale of age in months."""
    d = columns("survival", "mgus2")
    entry = 12 * d["age"]
    return frame(entry=entry, day=entry + d["futime"], event=d["death"], male=d["sex"] == "M", hgb=d["hgb"])


def retinopathy() -> Frame:
    """Two eyes a patient, hundredths of months made whole."""
    d = columns("survival", "retinopathy")
    day = np.rint(100 * d["futime"])
    return frame(day=day, event=d["status"], trt=d["trt"], adult=d["type"] == "adult", id=d["id"])


def diabetic() -> Frame:
    """The same, each patient a stratum."""
    d = columns("survival", "diabetic")
    return frame(day=np.rint(100 * d["time"]), event=d["status"], trt=d["trt"], id=d["id"])


def bladder2() -> Frame:
    """Recurrent bladder cancers."""
    d = columns("survival", "bladder2")
    parts = {part: d[part] for part in ("event", "rx", "size", "number", "enum", "id")}
    return frame(entry=d["start"], day=d["stop"], **parts)


def cgd() -> Frame:
    """Recurrent infections in chronic granulomatous disease."""
    d = columns("survival", "cgd")
    parts = {"treat": d["treat"] == "rIFN-g", "age": d["age"], "steroids": d["steroids"], "id": d["id"]}
    return frame(entry=d["tstart"], day=d["tstop"], event=d["status"], **parts)


def nwtco() -> Frame:
    """National Wilms tumour study."""
    d = columns("survival", "nwtco")
    stages = {word: d["stage"] == stage for word, stage in (("two", 2), ("three", 3), ("four", 4))}
    return frame(day=d["edrel"], event=d["rel"], histol=d["histol"] - 1, **stages)


def nwtco_subcohort() -> Frame:
    """Its case-cohort sample, others weighted by the inverse of their share."""
    d, used = columns("survival", "nwtco"), nwtco()
    inside, other = d["in.subcohort"].astype(bool), used["event"] == 0
    used["weight"] = np.where(other, other.sum() / (other & inside).sum(), 1.0)
    return where(used, inside | ~other)


def rotterdam() -> Frame:
    """Breast cancer in Rotterdam: recurrence."""
    d = columns("survival", "rotterdam")
    size = np.array([{"<=20": 1, "20-50": 2, ">50": 3}[given] for given in d["size"]])
    parts = {part: d[part] for part in ("grade", "hormon", "chemo")}
    nodes = np.log(1 + d["nodes"])
    return frame(day=d["rtime"], event=d["recur"], age=d["age"], meno=d["meno"], nodes=nodes, **parts, size=size)


def gbsg() -> Frame:
    """German breast cancer study."""
    d = columns("survival", "gbsg")
    parts = {"hormon": d["hormon"], "nodes": d["nodes"], "pgr": np.log(1 + d["pgr"]), "grade": d["grade"]}
    return frame(day=d["rfstime"], event=d["status"], **parts)


def flchain() -> Frame:
    """Free light chains and death, on the scale of age in days; who was followed for no day is left out."""
    d = columns("survival", "flchain")
    entry, flc = 365 * d["age"], np.log(d["kappa"] + d["lambda"])
    used = frame(entry=entry, day=entry + d["futime"], event=d["death"], male=d["sex"] == "M", flc=flc)
    return where(used, used["day"] > used["entry"])


def myeloma() -> Frame:
    """Multiple myeloma, followed from referral on."""
    d = columns("survival", "myeloma")
    used = frame(entry=d["entry"], day=d["futime"], event=d["death"], year=d["year"])
    return where(used, used["day"] > used["entry"])


def stanford2() -> Frame:
    """Heart transplants by mismatch, half days made whole."""
    d = columns("survival", "stanford2")
    return frame(day=np.rint(2 * d["time"]), event=d["status"], age=d["age"], t5=d["t5"])
