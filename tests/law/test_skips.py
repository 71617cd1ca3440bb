# SPDX-License-Identifier: Apache-2.0
"""The rules of tests/conftest.py: under REMPART_TEST_REQUIRE=all a skip is a failure, ../shared/data apart."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.law.tree import ROOT

FILES = {
    "test_skip.py": "import pytest\n\ndef test_a():\n    pytest.skip('not here')\n",
    "test_mark.py": "import pytest\n\n@pytest.mark.skip(reason='not here')\ndef test_a(): pass\n",
    "test_file.py": "import pytest\npytest.skip('not here', allow_module_level=True)\n",
    "test_shared.py": "import pytest\n\n@pytest.mark.shared_data\ndef test_a(shared_data): raise ValueError\n",
    "test_xfail.py": "import pytest\n\n@pytest.mark.xfail\ndef test_a(): raise ValueError\n",
    "test_pass.py": "def test_a(): pass\n",
    "test_full.py": "import pytest\n\n@pytest.mark.full\ndef test_b(): raise ValueError\ndef test_a(): pass\n",
}


@pytest.fixture
def nest(tmp_path: Path) -> Path:
    """A tree with our conftest and the small tests above, far from any shared data."""
    (tmp_path / "repo" / "tests").mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path / "repo" / "tests")
    shutil.copy(ROOT / "pyproject.toml", tmp_path / "repo")
    for name, text in FILES.items():
        (tmp_path / "repo" / "tests" / name).write_text(text, encoding="utf-8")
    return tmp_path / "repo"


def outcomes(nest: Path, **environment: str) -> dict[str, str]:
    """Run every small test: file → what pytest says of it (passed, failed, error, skipped, xfailed)."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-rA",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "--continue-on-collection-errors",
    ]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REMPART_", "PYTEST_"))}
    told = subprocess.run(
        command, cwd=nest, env=kept | environment, capture_output=True, encoding="utf-8", check=False
    ).stdout
    found = re.findall(r"^(PASSED|FAILED|ERROR|SKIPPED|XFAIL)(?: \[\d+\])? tests/(test_\w+)\.py", told, re.MULTILINE)
    return {file: outcome for outcome, file in found}


def test_a_skip_is_told_as_a_skip_on_an_ordinary_machine(nest: Path) -> None:
    told = outcomes(nest)
    assert {told[file] for file in ("test_skip", "test_mark", "test_file", "test_shared")} == {"SKIPPED"}
    assert told["test_pass"] == told["test_full"] == "PASSED"


def test_a_skip_is_a_failure_where_everything_is_promised_shared_data_apart(nest: Path) -> None:
    told = outcomes(nest, REMPART_TEST_REQUIRE="all")
    assert {told[file] for file in ("test_skip", "test_mark", "test_file")} <= {"FAILED", "ERROR"}
    assert told["test_shared"] == "SKIPPED"
    assert told["test_xfail"] == "XFAIL"
    assert told["test_pass"] == told["test_full"] == "PASSED"


def test_shared_data_and_full_size_tests_run_where_they_can(nest: Path) -> None:
    (nest.parent / "shared" / "data").mkdir(parents=True)
    told = outcomes(nest, REMPART_FULL="1")
    assert told["test_shared"] == told["test_full"] == "FAILED"
