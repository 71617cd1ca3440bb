# SPDX-License-Identifier: Apache-2.0
"""What is committed: no registry address, no path of a machine, locks with hashes that agree with pyproject, a budget per folder."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from tests.law.tree import ROOT, committed_files, none

TEXT = frozenset(".py .toml .md .txt .in .sh .sql .csv .json .yml .yaml .cfg .ini .service".split())
# Written with classes of one letter, so that this file does not hold what it looks for.
REGISTRY = re.compile(
    r"https?://[^\s\"'<>]*/(?:simpl[e]|package[s])(?:/|\b)|file[s]\.pythonhosted|p[y]pi\.org/simple"
    r"|--(?:extra-)?index-ur[l][ =]\S*:|--find-link[s]|registr[y]\.npmjs"
)
MACHINE_PATH = re.compile(r"(?<![\w.~$}…-])/(?:wor[k]|roo[t]|far[m]|hom[e]/\w+|User[s]/\w+|tmp/[v])(?:/|\b)")
REQUIREMENT = re.compile(r"^([a-zA-Z0-9._-]+)==(\S+)", re.MULTILINE)
MINUTES = 20
LOCKS = ("build", "run", "test")


def text_files() -> list[Path]:
    """Committed files that hold text."""
    return [p for p in committed_files() if p.suffix in TEXT or p.name in {"Makefile", "run", ".gitignore"}]


def addresses(text: str) -> list[str]:
    """Registry addresses and machine paths in a text."""
    return [hit.group() for pattern in (REGISTRY, MACHINE_PATH) for hit in pattern.finditer(text)]


def test_no_registry_address_and_no_machine_path_is_committed() -> None:
    files = text_files()
    assert ROOT / "pyproject.toml" in files
    none([f"{p.relative_to(ROOT)}: {hit}" for p in files for hit in addresses(p.read_text(encoding="utf-8"))])


@pytest.mark.parametrize(
    "parts",
    [
        ("https://example.org/", "simple", "/numpy"),
        ("https://mirror.example.org/", "packages", "/ab/numpy.whl"),
        ("--index", "-url https://example.org"),
        ("--find", "-links wheels"),
        ("see /", "root", "/.config"),
        ("cd /", "home", "/alice/rempart"),
        ("'/", "work", "/main/x'"),
    ],
)
def test_an_address_or_a_path_is_caught(parts: tuple[str, ...]) -> None:
    assert addresses("".join(parts))


def test_relative_paths_and_ordinary_addresses_are_left_alone() -> None:
    assert not addresses(
        "../shared/data src/root/x https://www.apache.org/licenses/LICENSE-2.0 DIR/work/a /usr/share /tmp/x"
    )


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_is_pinned_with_hashes(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())
    assert len(entries) > 5
    none([entry[:60] for entry in entries if not REQUIREMENT.match(entry) or "--hash=sha256:" not in entry])


def test_the_locks_agree_on_every_version() -> None:
    pinned: dict[str, set[str]] = {}
    for lock in LOCKS:
        text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
        for name in {name for name, _ in REQUIREMENT.findall(text)}:
            versions = " ".join(sorted(version for other, version in REQUIREMENT.findall(text) if other == name))
            pinned.setdefault(name, set()).add(versions)
    none([f"{name}: {sorted(versions)}" for name, versions in pinned.items() if len(versions) > 1])


def test_the_lock_of_the_node_packages_has_hashes_and_no_address() -> None:
    lock = json.loads((ROOT / "tests" / "servers" / "node" / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert "node_modules/azurite" in packages
    none([name for name, entry in packages.items() if not str(entry.get("integrity")).startswith("sha512-")])
    none([name for name, entry in packages.items() if "resolved" in entry])


def test_no_lock_brings_a_deep_learning_stack() -> None:
    text = (ROOT / "requirements" / "test.txt").read_text(encoding="utf-8")
    assert not {"torch", "tensorflow", "jax", "pydantic"} & {name for name, _ in REQUIREMENT.findall(text)}


def asked_in(lock: str) -> set[str]:
    """The lines of a requirements/*.in file."""
    lines = (ROOT / "requirements" / f"{lock}.in").read_text(encoding="utf-8").splitlines()
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}


def test_pyproject_and_the_locks_ask_for_the_same_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert asked_in("run") == set(project["project"]["dependencies"])
    assert asked_in("build") >= set(project["build-system"]["requires"])


def test_the_package_and_the_project_have_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    text = (ROOT / "src" / "rempart" / "__init__.py").read_text(encoding="utf-8")
    assert f'__version__ = "{project["project"]["version"]}"' in text


def test_every_folder_of_tests_has_its_minutes() -> None:
    minutes = tomllib.loads((ROOT / "tests" / "budget.toml").read_text(encoding="utf-8"))["minutes"]
    folders = {path.relative_to(ROOT / "tests").parts[0] for path in (ROOT / "tests").glob("*/**/test_*.py")}
    assert "law" in folders
    assert folders <= set(minutes), sorted(folders - set(minutes))
    assert sum(minutes.values()) <= MINUTES


def test_no_test_lies_outside_a_folder() -> None:
    assert not list((ROOT / "tests").glob("test_*.py"))
