# SPDX-License-Identifier: Apache-2.0
"""The commands of docs/keys.md run as they stand: a software token from nothing, and a ceremony with its unlock."""

import subprocess
from pathlib import Path

import pytest

from tests.journeys.test_docs_walk import ROOT, blocks, clone
from tests.servers.softhsm import MODULES, module

pytestmark = pytest.mark.server


def test_the_blocks_of_the_page_on_keys_run(tmp_path: Path) -> None:
    if module() is None:
        pytest.skip("softhsm2 is not installed (requirements/system.txt)")
    found = blocks(ROOT / "docs" / "keys.md")
    assert len(found) == 2
    environment = clone(tmp_path)
    script = ". .venv/bin/activate\nset -eu\n" + "\n".join(found).replace(MODULES[0], str(module()))
    ended = subprocess.run(
        ["sh", "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    assert ended.stderr == ""
    for said in (
        "a PKCS#11 token: controller",
        "2 of these custodians' shares: anna, ben, carl",
        "custody/shares/ben.share",
    ):
        assert said in ended.stdout
