# SPDX-License-Identifier: Apache-2.0
"""Law 3, alive: the mover's own process holds no module that decrypts, and does its work on an account that reads no key."""

import ast
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.law.test_cryptography import CIPHERS
from tests.law.tree import Module, imports, snippet, source
from tests.move_house import MoveHouse, contents, mover_command, mover_environment

FORBIDDEN = (
    "rempart.keys",
    "rempart.vault.aead",
    "rempart.vault.manifest",
    "rempart.vault.seal",
    "cryptography.hazmat.primitives.ciphers",
    "cryptography.hazmat.primitives.hpke",
    "cryptography.hazmat.primitives.kdf",
    "cryptography.fernet",
    "argon2",
    "nacl",
    "Crypto",
    "tink",
    "pkcs11",
    "hvac",
)
NOBODY = 65534
PROBE = """
import atexit, json, runpy, sys
def tell():
    named = {{m: sorted(set(vars(v)) & set({ciphers!r})) for m, v in list(sys.modules.items()) if hasattr(v, "__dict__")}}
    sys.stderr.write("\\nMODULES" + json.dumps({{"modules": sorted(sys.modules), "named": {{m: n for m, n in named.items() if n}}}}))
atexit.register(tell)
{more}
sys.argv = {arguments!r}
runpy.run_module("rempart.mover", run_name="__main__", alter_sys=True)
"""

# Imported first and the account given up after: the interpreter itself may lie where no other account can read it.
ACCOUNT = """
import codecs, gettext, locale, os, sys
for name in ("ascii", "utf-16be", "latin-1"):
    codecs.lookup(name)
from rempart.adapters import directory_host
from rempart.mover import main
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid({nobody})
    os.setuid({nobody})
try:
    open({key!r})
except PermissionError:
    sys.exit(main({arguments!r}))
sys.exit("this account can read the key")
"""


def forbidden(modules: list[str]) -> list[str]:
    """Those that could decrypt, or hold a key."""
    return [name for name in modules if any(name == one or name.startswith(one + ".") for one in FORBIDDEN)]


def alive(house: MoveHouse, *, verify: bool = False, more: str = "") -> tuple[int, list[str], dict[str, list[str]]]:
    """Run the mover to its end: exit code, every module it then had, and names of ciphers in any of them."""
    arguments = mover_command(house.folder, verify=verify)[2:]
    probe = PROBE.format(arguments=arguments, more=more, ciphers=sorted(CIPHERS))
    done = subprocess.run(
        [sys.executable, "-c", probe], env=mover_environment(), capture_output=True, check=False, timeout=120
    )
    told = json.loads(done.stderr.decode().rpartition("MODULES")[2])
    return done.returncode, told["modules"], told["named"]


@pytest.fixture
def house(tmp_path: Path) -> MoveHouse:
    """One snapshot, ordered to move."""
    made = MoveHouse(tmp_path)
    made.commit("the mover alive")
    made.order()
    return made


@pytest.mark.parametrize("verify", [False, True])
def test_the_live_mover_has_no_module_that_could_decrypt(house: MoveHouse, verify: bool) -> None:
    if verify:
        assert house.run().code == 0
    code, modules, named = alive(house, verify=verify, more="import rempart.adapters.bucket_host")
    assert code == 0
    assert "rempart.migration.copy" in modules
    assert "rempart.adapters.object_store_host" in modules
    assert forbidden(modules) == []
    assert named == {}


def test_the_look_at_the_live_mover_sees_a_cipher(house: MoveHouse) -> None:
    _, modules, named = alive(house, more="import rempart.vault.aead, rempart.keys.envelope")
    assert {"rempart.vault.aead", "rempart.keys.envelope"} <= set(forbidden(modules))
    assert any(module.startswith("rempart.") for module in named)


def reachable(start: str, modules: dict[str, Module]) -> set[str]:
    """Modules of the house that ``start`` can import, imports inside functions too."""
    seen, waiting = set[str](), [start]
    while waiting:
        name = waiting.pop()
        if name in seen or name not in modules:
            continue
        seen.add(name)
        waiting += [found for _, told in imports(modules[name]) for found in (told, told.rpartition(".")[0])]
    return seen


def test_no_import_even_inside_a_function_leads_the_mover_to_a_key() -> None:
    modules = {module.name: module for module in source()}
    found = reachable("rempart.mover", modules)
    assert "rempart.journeys.migration" in found
    assert forbidden(sorted(found)) == []
    foreign = [name for one in found for _, name in imports(modules[one]) if not name.startswith("rempart")]
    assert forbidden(foreign) == []


def test_an_import_hidden_in_a_function_is_found() -> None:
    hidden = snippet("def f():\n    from rempart.vault import aead\n", "rempart.mover")
    other = snippet("x = 1\n", "rempart.vault.aead")
    assert "rempart.vault.aead" in reachable("rempart.mover", {one.name: one for one in (hidden, other)})
    assert isinstance(hidden.tree, ast.Module)


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A folder that another account can enter (that of pytest cannot be)."""
    folder = Path(tempfile.mkdtemp(prefix="rempart-mover-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_the_mover_works_on_an_account_that_can_read_no_key(open_place: Path) -> None:
    house = MoveHouse(open_place / "m")
    house.root.mkdir()
    house.commit("another account")
    house.order()
    keys = open_place / "controller" / "keys"
    keys.mkdir(parents=True)
    (keys / "root.key").write_bytes(b"a key")
    is_root = os.geteuid() == 0
    if is_root:
        for path in [house.root, *house.root.rglob("*")]:
            os.chown(path, NOBODY, NOBODY)
        keys.chmod(0o700)
    else:
        keys.chmod(0)
    probe = ACCOUNT.format(arguments=mover_command(house.folder)[3:], nobody=NOBODY, key=str(keys / "root.key"))
    done = subprocess.run(
        [sys.executable, "-c", probe], env=mover_environment(), cwd="/", capture_output=True, check=False, timeout=120
    )
    keys.chmod(stat.S_IRWXU)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    assert house.names() <= set(contents(house.target))
