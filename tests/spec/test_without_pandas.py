# SPDX-License-Identifier: Apache-2.0
"""A process that leaves pandas out computes the same and never loads it; one that does not, loads it where it is installed."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GROUPS = (
    "import sys\n"
    "{first}\n"
    "import duckdb\n"
    "import pyarrow as pa\n"
    "table = pa.table({{'a': pa.array(['x', 'x', None], pa.string()), 'n': pa.array([1, 2, 3])}})\n"
    "session = duckdb.connect()\n"
    "session.register('t', table)\n"
    "found = session.sql('SELECT a, sum(n)::BIGINT AS n FROM t GROUP BY a ORDER BY a').to_arrow_table()\n"
    "same = table.group_by('a').aggregate([('n', 'sum')])\n"
    "print(found.column('n').to_pylist(), sorted(same.column('n_sum').to_pylist()), 'pandas' in sys.modules)\n"
)
LEFT_OUT = "from rempart.adapters.without_pandas import leave_out; leave_out()"


@pytest.mark.parametrize(("first", "loaded"), [(LEFT_OUT, False), ("", True)])
def test_tables_are_made_and_summed_without_pandas(first: str, *, loaded: bool, tmp_path: Path) -> None:
    (tmp_path / "pandas").mkdir()
    (tmp_path / "pandas" / "__init__.py").write_text("__version__ = '0.0.1'\n", encoding="utf-8")  # stands for any
    paths = {"PYTHONPATH": f"{tmp_path}:{ROOT / 'src'}", "PATH": "/usr/bin:/bin"}
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", GROUPS.format(first=first)],
        env=paths,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert ended.stdout.split("\n")[0] == f"[3, 3] [3, 3] {loaded}"
