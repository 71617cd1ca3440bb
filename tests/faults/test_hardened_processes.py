# SPDX-License-Identifier: Apache-2.0
"""Every process that opens the vault is hardened before a key or a row can be in its memory."""

import subprocess
import sys
from pathlib import Path

from rempart.adapters.configuration import Configuration, write_configuration

SOURCE = Path(__file__).resolve().parents[2] / "src"
LOOK = """
import ctypes, resource, sys
from pathlib import Path
from rempart.errors import Unavailable
from rempart.wiring.warehouse import Warehouse
warehouse = Warehouse(Path(sys.argv[1]))
if sys.argv[2] == "opens":
    try:
        warehouse.vault
    except Unavailable:  # no broker answers here: the process was hardened before it asked
        pass
if sys.argv[2] == "queries":
    warehouse.new_query().close()
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE)[0])
"""


def looked(folder: Path, how: str) -> list[str]:
    """What the process says of itself: dumpable or not, core limit."""
    settings = Configuration(
        warehouse="00" * 16,
        controller="Essai",
        trust_first="sha256:" + "0" * 64,
        ledger_origin="rempart/test",
        ledger_public=bytes(32),
        vault_public=bytes(32),
        shards=2,
    )
    write_configuration(folder, settings)
    environment = {"PYTHONPATH": str(SOURCE), "PATH": "/usr/bin:/bin", "REMPART_UNENCRYPTED_SWAP": "allowed"}
    ended = subprocess.run(
        [sys.executable, "-c", LOOK, str(folder), how],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return ended.stdout.split()


def test_a_process_that_opens_the_vault_is_not_dumpable_and_leaves_no_core(tmp_path: Path) -> None:
    assert looked(tmp_path, "opens") == ["0", "0"]


def test_a_process_that_reads_rows_without_the_vault_is_hardened_too(tmp_path: Path) -> None:
    assert looked(tmp_path, "queries") == ["0", "0"]


def test_a_process_that_opens_nothing_is_left_as_it_is(tmp_path: Path) -> None:
    assert looked(tmp_path, "opens-not")[0] == "1"


def test_large_freed_blocks_are_kept_where_the_c_library_can() -> None:
    """Told to a process of its own: the setting lasts as long as a process."""
    code = (
        "import ctypes; from rempart.adapters.allocator import tune_allocator as keep; "
        "print(keep(), hasattr(ctypes.CDLL(None), 'gnu_get_libc_version'))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True
    ).stdout.split()
    assert told[0] == told[1]
