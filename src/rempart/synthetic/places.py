# SPDX-License-Identifier: Apache-2.0
"""Where people live: communes as numbers, the codes each table writes for them, merges, schemes of insurance."""

from typing import Any

import numpy as np

from rempart.synthetic.plan import Calendar, Floats, Ints, SyntheticPlan, Texts

_OVERSEAS = {"971": "9A", "972": "9B", "973": "9C", "974": "9D"}


class Places:
    """The communes of ``places.toml``, one entry each; ``share`` of the inhabitants, ``dense`` 0 (country) to 3 (large town)."""

    def __init__(self, plan: SyntheticPlan, calendar: Calendar) -> None:
        given = plan.tables["places"]
        rows = given["communes"]
        codes = [row[0] for row in rows]
        self.insee: Texts = np.array(codes)
        self.department: Texts = np.array([c[:3] if c[:3] in _OVERSEAS else "0" + c[:2] for c in codes])
        self.commune: Texts = np.array([c[2:] for c in codes])
        self.hospital_department: Texts = np.array([_OVERSEAS.get(c[:3], c[:2]) for c in codes])
        self.area: Texts = np.array([_area(row[0], row[1]) for row in rows])
        self.region: Texts = np.array([row[2] for row in rows])
        self.share: Floats = np.array([row[3] for row in rows], dtype=float)
        self.share /= self.share.sum()
        self.dense: Ints = np.array([row[4] for row in rows])
        self.into: Ints = np.arange(len(rows))
        self.merged: Ints = np.full(len(rows), np.iinfo(np.int64).max)
        for before, after, day in given["merged"]:
            self.into[codes.index(before)] = codes.index(after)
            self.merged[codes.index(before)] = calendar.day_of(day)
        self.schemes: list[dict[str, Any]] = given["schemes"]
        bodies = [scheme["body"] for scheme in self.schemes]
        self.payers: Texts = np.array([f"{body}{c[:2]}1000" for c in codes for body in bodies])

    def __len__(self) -> int:
        return len(self.insee)

    def at(self, home: Ints, day: Ints) -> Ints:
        """The commune that a home lies in on a day: of merged communes, the one after."""
        return np.where(day >= self.merged[home], self.into[home], home)

    def payer(self, home: Ints, scheme: Ints) -> Ints:
        """Number in ``payers`` of the body of a scheme at a home."""
        return home * len(self.schemes) + scheme

    def slope(self, factor: float) -> Floats:
        """A factor of each commune, from 1 in the south to ``factor`` in the north of the country."""
        north = {"32": 1.0, "28": 0.8, "44": 0.8, "11": 0.6, "53": 0.7, "27": 0.6, "24": 0.5, "52": 0.5, "84": 0.4}
        step = np.array([north.get(region, 0.1) for region in self.region.tolist()])
        return np.asarray(1 + (factor - 1) * step)


def _area(insee: str, postal: str) -> str:
    if insee[:3] in _OVERSEAS:
        return _OVERSEAS[insee[:3]] + postal[2:]
    return insee[:2] + postal[2:] if insee[:2] in {"2A", "2B"} else postal
