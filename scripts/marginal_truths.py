# SPDX-License-Identifier: Apache-2.0
"""Simulate the marginal truths of the planted studies again: writes src/rempart/synthetic/marginal.toml. Some ten minutes of one core.

Run from the root of the tree after any change of studies.toml that a test calls stale: PYTHONPATH=src python scripts/marginal_truths.py
Truths whose parameters have not changed are kept as they are.
"""

import sys
import tomllib
from pathlib import Path
from typing import Any

import tomli_w

from rempart.synthetic.potential import simulate, truth_key
from rempart.synthetic.studies import rules_of

ROOM = Path("src/rempart/synthetic")
# The demonstration asks the first study with an effect of its own.
ASKED = tuple(("pioglitazone_bladder", "boost", effect) for effect in (1.0, 2.0, 3.0))
HEAD = """\
# SPDX-License-Identifier: Apache-2.0
# Marginal truths of the planted studies, from simulated potential outcomes (synthetic/potential.py). Made by scripts/marginal_truths.py;
# not to be edited. key: hash of the study's parameters. value, error: estimate and its Monte-Carlo standard error.
"""


def show(done: int, total: int) -> None:
    """One line on standard error."""
    sys.stderr.write(f"\r{done:>10} of {total} persons")


def main() -> None:
    """Simulate what is missing or stale, and write the file."""
    tables = tomllib.loads((ROOM / "studies.toml").read_text(encoding="utf-8"))
    path = ROOM / "marginal.toml"
    known = tomllib.loads(path.read_text(encoding="utf-8"))["truths"] if path.exists() else []
    kept: dict[str, Any] = {
        truth["key"]: truth for truth in known if truth["persons"] >= tables["potential"]["persons"]
    }
    wanted = [(name, mode, None) for name in tables["studies"] for mode in ("cohort", "boost")]
    truths = []
    for name, mode, effect in [*wanted, *ASKED]:
        rules = rules_of(tables, name, mode, effect)
        truth = kept.get(truth_key(tables, rules))
        if truth is None:
            sys.stderr.write(f"\n{name} {mode}\n")
            truth = simulate(tables, rules, persons=int(tables["potential"]["persons"]), progress=show)
        truths.append(truth)
    text = tomli_w.dumps({"source": "scripts/marginal_truths.py", "date": tables["date"], "truths": truths})
    path.write_text(HEAD + text, encoding="utf-8")


if __name__ == "__main__":
    main()
