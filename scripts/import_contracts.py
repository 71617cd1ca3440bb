# SPDX-License-Identifier: Apache-2.0
"""Run the import contracts of pyproject.toml on src/, as `lint-imports` does. Needs no console script and no cache."""

import sys
from pathlib import Path

from importlinter.cli import lint_imports

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))
    sys.exit(lint_imports(no_cache=True))
