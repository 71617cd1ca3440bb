# SPDX-License-Identifier: Apache-2.0
"""``python -m rempart``: the ``rempart`` command, where its script is not on the path. Is nothing else."""

import sys

from rempart.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
