# SPDX-License-Identifier: Apache-2.0
"""Invented names, numbers, telephones and addresses in free text of death certificates: what a delivery must never hold."""

import numpy as np

from rempart.synthetic.plan import SyntheticPlan, Texts

KINDS = ("name", "number", "telephone", "address")
HANDFUL = 3
_LABELS = ("INSUFFISANCE CARDIAQUE", "CHOC SEPTIQUE", "PNEUMOPATHIE", "CANCER METASTATIQUE", "AVC ISCHEMIQUE")
_SURNAMES = ("MARTINAUD", "DUBOISSET", "LEFEVRIER", "MOREAUDIN", "GIRARDET", "ROUSSELIN")
_GIVEN = ("JEANNE", "PIERRE", "MARIE", "LOUIS", "SUZANNE", "ANDRE")
_STREETS = ("RUE DES LILAS", "AVENUE DE LA GARE", "PLACE DU MARCHE", "CHEMIN DES VIGNES")


def labels(plan: SyntheticPlan, size: int, share: float = 0.03) -> tuple[Texts, dict[str, int]]:
    """Free text of so many causes, and how many of each kind of leak are in it: a share, and at least a handful of each kind where there
    are causes enough. Numbers carry a right key; nobody bears them."""
    draw = plan.stream("leaks")
    texts = np.array(_LABELS, dtype="U80")[draw.integers(0, len(_LABELS), size)]
    counts = dict.fromkeys(KINDS, 0)

    def plant(row: int, kind: str) -> None:
        counts[kind] += 1
        texts[row] = f"{texts[row]} {_leak(draw, kind)}"

    drawn = draw.random(size) < share
    for row in np.flatnonzero(drawn).tolist():
        plant(row, KINDS[int(draw.integers(0, len(KINDS)))])
    clean = iter(draw.permutation(np.flatnonzero(~drawn)).tolist())
    wanted = [kind for turn in range(HANDFUL) for kind in KINDS if counts[kind] <= turn]
    for kind, row in zip(wanted, clean, strict=False):
        plant(row, kind)
    return texts, {f"leaks_{kind}": count for kind, count in counts.items()}


def _leak(draw: np.random.Generator, kind: str) -> str:
    pick = [int(draw.integers(0, 1000)) for _ in range(5)]
    if kind == "name":
        return f"MME {_SURNAMES[pick[0] % 6]} {_GIVEN[pick[1] % 6]}"
    if kind == "number":
        number = f"{1 + pick[0] % 2}{30 + pick[1] % 60}{1 + pick[2] % 12:02d}99{pick[3]:03d}{pick[4]:03d}"
        return f"{number}{97 - int(number) % 97:02d}"
    if kind == "telephone":
        return f"TEL 06 {pick[0] % 100:02d} {pick[1] % 100:02d} {pick[2] % 100:02d} {pick[3] % 100:02d}"
    return f"{1 + pick[0] % 90} {_STREETS[pick[1] % 4]} 75{1 + pick[2] % 20:03d} PARIS"
