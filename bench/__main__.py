# SPDX-License-Identifier: Apache-2.0
"""`python -m bench [--only NAME]`: measure, print, write bench/results.json and docs/benchmarks.md; exit 1 beyond a bound."""

import argparse
import importlib
import json
import os
import pkgutil
import platform
import sys
import tomllib
from collections.abc import Collection
from pathlib import Path

import bench
from bench.registry import MEDIANS, REGISTERED, Figures, measure, middle, write

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results.json"
SHORTFALLS = ROOT / "bench" / "shortfalls.toml"
PAGE = ROOT / "docs" / "benchmarks.md"


def main() -> int:
    """Run the benches asked for."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--only", default="", help="name of one bench, or the beginning of several")
    wanted = parser.parse_args().only
    for module in pkgutil.iter_modules(bench.__path__):
        if module.name not in {"__main__", "registry"}:
            importlib.import_module(f"bench.{module.name}")
    chosen = [one for name, one in sorted(REGISTERED.items()) if name.startswith(wanted)]
    if not chosen:
        print(f"no bench is called {wanted}; there are: {', '.join(sorted(REGISTERED))}", file=sys.stderr)
        return 2
    left_out = [one for one in chosen if one.lacks()]
    for one in left_out:
        print(f"{one.name}: left out, there is no {one.lacks()} on this machine; an earlier figure stands", flush=True)
    chosen = [one for one in chosen if not one.lacks()]
    results = before(keep=bool(wanted), these={one.name for one in left_out})
    for one in chosen:
        results[one.name] = measure(one)
        tell(one.name, results[one.name])
    medians = [name for name, one in MEDIANS.items() if any(part.name in one.of for part in chosen)]
    for name in medians:
        if figures := middle(MEDIANS[name], results):
            results[name] = figures
            tell(name, figures)
    told = tomllib.loads(SHORTFALLS.read_text(encoding="utf-8"))["shortfalls"]
    write(results, machine=machine(), results_file=RESULTS, page=PAGE, shortfalls=told)
    return int(
        any(
            results[name]["ratio"] > results[name]["bound"]
            for name in {one.name for one in chosen} | {*medians} & {*results}
        )
    )


def tell(name: str, figures: Figures) -> None:
    """One line of what was measured."""
    verdict = "ok" if figures["ratio"] <= figures["bound"] else "BEYOND ITS BOUND"
    print(
        f"{name}: {figures['ratio']:.2f} x {figures['peer']} (bound {figures['bound']:.2f}, {figures['runs']} runs) {verdict}",
        flush=True,
    )


def before(*, keep: bool, these: Collection[str] = ()) -> dict[str, Figures]:
    """Earlier results of benches that still exist: all of them when only some run again, else ``these``."""
    if not RESULTS.exists():
        return {}
    earlier: dict[str, Figures] = json.loads(RESULTS.read_text(encoding="utf-8"))
    kept = {*REGISTERED, *MEDIANS} if keep else set(these)
    return {name: figures for name, figures in earlier.items() if name in kept}


def machine() -> str:
    """The machine in a few words, without its name or paths."""
    return f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
