# SPDX-License-Identifier: Apache-2.0
"""Law 5: rooms, journeys, ports, records and errors do no I/O, read no clock, no environment, draw nothing, log nothing, print nothing."""

import ast

import pytest

from tests.law.tree import PURE, Module, aliases, at, imports, none, resolve, snippet, source

# A name is banned with all that lies under it.
BANNED = frozenset(
    """
    open print input breakpoint exec eval
    os sys.argv sys.stdin sys.stdout sys.stderr pathlib.Path pathlib.PosixPath shutil tempfile glob io.open fcntl mmap
    time datetime.datetime.now datetime.datetime.utcnow datetime.datetime.today datetime.date.today zoneinfo locale
    random secrets uuid.uuid1 uuid.uuid4 uuid.getnode
    logging warnings.warn syslog
    subprocess socket ssl select selectors signal asyncio threading multiprocessing concurrent http urllib.request requests
    gzip.open gzip.GzipFile bz2.open lzma.open zipfile tarfile sqlite3 pickle shelve
    duckdb sqlalchemy rich cyclopts altair vl_convert importlib builtins ctypes platform getpass
    pyarrow.memory_map pyarrow.OSFile pyarrow.input_stream pyarrow.output_stream pyarrow.fs pyarrow.dataset
    numpy.random.seed numpy.random.rand numpy.random.randn numpy.random.random numpy.random.randint numpy.random.choice
    numpy.random.normal numpy.random.shuffle numpy.random.permutation
    numpy.load numpy.save numpy.loadtxt numpy.savetxt numpy.memmap numpy.fromfile
    """.split()
)
# A generator is welcome when its seed is given, and only then.
SEEDED = frozenset(
    "numpy.random.default_rng numpy.random.Philox numpy.random.PCG64 numpy.random.SeedSequence numpy.random.RandomState".split()
)
FRESH_KEYS = frozenset({"generate", "generate_key", "generate_private_key"})


def is_banned(name: str) -> bool:
    """Whether a dotted name, or something it lies under, is banned."""
    parts = name.split(".")
    return any(".".join(parts[:length]) in BANNED for length in range(1, len(parts) + 1))


def impurities(module: Module) -> list[str]:
    """Where a module reaches the outside world by itself."""
    found = [at(module, line, f"imports {name}") for line, name in imports(module) if is_banned(name)]
    known = aliases(module)
    bound = _bound_names(module)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name | ast.Attribute):
            name = resolve(node, known)
            if is_banned(name) and name.split(".")[0] not in bound:
                found.append(at(module, node.lineno, f"uses {name}"))
        if isinstance(node, ast.Call):
            found += [at(module, node.lineno, complaint) for complaint in _bad_draw(node, resolve(node.func, known))]
    return found


def _bound_names(module: Module) -> frozenset[str]:
    """Names bound in the module itself (arguments, variables): a parameter called ``time`` is no clock."""
    arguments = {node.arg for node in ast.walk(module.tree) if isinstance(node, ast.arg)}
    stored = {n.id for n in ast.walk(module.tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return frozenset(arguments | stored)


def _bad_draw(call: ast.Call, name: str) -> list[str]:
    unseeded = not call.args and not call.keywords
    none_given = any(isinstance(value, ast.Constant) and value.value is None for value in call.args)
    if name in SEEDED and (unseeded or none_given):
        return [f"{name} without a seed"]
    if name.split(".")[-1] in FRESH_KEYS and isinstance(call.func, ast.Attribute):
        return [f"{name or call.func.attr} draws a key; take the bytes as an argument"]
    return []


def test_rooms_take_the_world_as_arguments() -> None:
    none([complaint for module in source() if module.room in PURE | {"journeys"} for complaint in impurities(module)])


@pytest.mark.parametrize(
    "text",
    [
        "import os\n",
        "import os.path as p\n",
        "from pathlib import Path\n",
        "import pathlib\nx = pathlib.Path('a')\n",
        "x = open('a')\n",
        "print('a')\n",
        "import logging\n",
        "def f():\n    import subprocess\n",
        "from datetime import datetime\nx = datetime.now()\n",
        "import datetime as dt\nx = dt.date.today()\n",
        "import time\nx = time.time()\n",
        "from time import perf_counter as tick\n",
        "import secrets\n",
        "from random import Random\n",
        "import numpy as np\nx = np.random.default_rng()\n",
        "import numpy as np\nx = np.random.default_rng(None)\n",
        "import numpy as np\nx = np.random.rand(3)\n",
        "import duckdb\n",
        "import uuid\nx = uuid.uuid4()\n",
        "import gzip\nx = gzip.open('a')\n",
        "import pyarrow as pa\nx = pa.memory_map('a')\n",
        "from importlib import resources\n",
        "from x import AESGCM\nk = AESGCM.generate_key(256)\n",
        "import sys\nsys.stderr.write('a')\n",
    ],
)
def test_a_room_that_reaches_out_is_caught(text: str) -> None:
    assert impurities(snippet(text))


@pytest.mark.parametrize(
    "text",
    [
        "import datetime\nx = datetime.date(2020, 1, 1)\n",
        "import datetime\ndef f(clock): return clock.now()\n",
        "import numpy as np\ndef f(seed): return np.random.default_rng(seed)\n",
        "from pathlib import PurePosixPath\n",
        "import io\nx = io.BytesIO(b'')\n",
        "def f(time, secrets): return time.x + secrets.y\n",
        "import hashlib, hmac, zlib\n",
    ],
)
def test_a_room_that_takes_arguments_is_left_alone(text: str) -> None:
    assert not impurities(snippet(text))
