# SPDX-License-Identifier: Apache-2.0
"""The source tree as the laws see it: parsed modules, names with their imports resolved, files under version control.

Judges nothing itself.
"""

import ast
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
LAW = Path(__file__).resolve().parent

ROOMS = frozenset(
    "ingest identity keys vault permits cohort study disclosure release audit synthetic hosts migration".split()
)
PURE = ROOMS | {"records", "ports", "errors"}
DOORS = frozenset({"cli", "worker", "broker", "agent", "spark_driver", "mover", "witness", "keeper", "__main__"})

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One Python file: its dotted name, its path as shown in messages, its text and its tree."""

    name: str
    path: str
    text: str
    tree: ast.Module

    @property
    def room(self) -> str:
        """The part after ``rempart``: ``vault`` for ``rempart.vault.aead``; empty for the package itself."""
        parts = self.name.split(".")
        return parts[1] if len(parts) > 1 else ""


def snippet(text: str, name: str = "rempart.cohort.example") -> Module:
    """A module made of ``text``, for showing that a checker catches what it should."""
    return Module(name=name, path=f"<{name}>", text=text, tree=ast.parse(text))


@cache
def python_files(folder: str) -> tuple[Module, ...]:
    """Every Python file under ``folder`` of the repository."""
    top = ROOT / folder
    found = []
    for path in sorted(top.rglob("*.py")):
        text, shown = path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix()
        found.append(Module(name=_dotted(path, top), path=shown, text=text, tree=ast.parse(text, shown)))
    return tuple(found)


def source() -> tuple[Module, ...]:
    """Every module of the package; fails when there is none, so that no law holds for want of a subject."""
    modules = python_files("src")
    assert any(module.name == "rempart.errors" for module in modules), "src/rempart is not where the laws look for it"
    return modules


def _dotted(path: Path, top: Path) -> str:
    parts = path.relative_to(top).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def committed_files() -> tuple[Path, ...]:
    """Files under version control or about to be; outside a repository, every file but caches and the environment."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True).stdout.decode().split("\0")
        found = [ROOT / name for name in listed if name]
    except (OSError, subprocess.CalledProcessError):
        found = [path for path in ROOT.rglob("*") if not any(part.startswith(".") for part in path.parts[1:])]
    return tuple(path for path in found if path.is_file())


def law_table(name: str) -> dict[str, object]:
    """A data file of the laws: who may do what, with the reason."""
    return tomllib.loads((LAW / f"{name}.toml").read_text(encoding="utf-8"))


def allowed(module: str, patterns: list[str]) -> bool:
    """Whether a dotted module name fits one of the patterns (``rempart.keys.*`` covers ``rempart.keys`` too)."""
    return any(
        fnmatchcase(module, pattern) or (pattern.endswith(".*") and module == pattern[:-2]) for pattern in patterns
    )


def imports(module: Module) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of all that is imported, at any depth: ``from a import b`` gives ``a.b``."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(module.name, node)
            for alias in node.names:
                yield node.lineno, f"{origin}.{alias.name}"


def _origin(module: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = module.split(".")[: -node.level]
    return ".".join([*package, node.module] if node.module else package)


def aliases(module: Module) -> dict[str, str]:
    """Local name → dotted name it stands for, from the import statements."""
    known: dict[str, str] = {}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                known[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                known[alias.asname or alias.name] = f"{_origin(module.name, node)}.{alias.name}"
    return known


def resolve(node: ast.expr, known: dict[str, str]) -> str:
    """``datetime.now`` → ``datetime.datetime.now`` through the imports; empty when it is no plain dotted name."""
    if isinstance(node, ast.Name):
        return known.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        inner = resolve(node.value, known)
        return f"{inner}.{node.attr}" if inner else ""
    return ""


def calls(module: Module) -> Iterator[tuple[ast.Call, str]]:
    """Every call with the dotted name of what is called (empty when it is not a plain name)."""
    known = aliases(module)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            yield node, resolve(node.func, known)


def functions(module: Module) -> Iterator[Function]:
    """Every function and method, nested ones too."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def docstrings(module: Module) -> frozenset[int]:
    """Identities of the constant nodes that are docstrings."""
    found = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                found.add(id(first.value))
    return frozenset(found)


def at(module: Module, line: int, what: str) -> str:
    """One line of a complaint."""
    return f"{module.path}:{line} {what}"


def none(complaints: list[str]) -> None:
    """Fail with every complaint, one a line."""
    assert not complaints, "\n" + "\n".join(complaints)
