# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL server for tests: Debian's programs, on a socket in a folder of its own, no port. As root it runs as ``postgres``."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.servers.process import wait_until

ACCOUNT = "postgres"
_NAMES = count(1)


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """``folder``: where its socket lies."""

    folder: Path

    def database(self) -> str:
        """The URL of a place without tables: a schema of its own, which is made faster than a database."""
        import psycopg

        name = f"rempart{next(_NAMES)}"
        with psycopg.connect(dbname=ACCOUNT, user=ACCOUNT, host=str(self.folder), autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        return f"postgresql+psycopg://{ACCOUNT}@/{ACCOUNT}?host={self.folder}&options=-csearch_path%3D{name}"


def found() -> Path | None:
    """The folder of the newest installed programs."""
    told = shutil.which("initdb")
    if told:
        return Path(told).parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return installed[-1].parent if installed else None


@contextmanager
def postgres() -> Iterator[PostgresServer]:
    """A server that ends with the block. It is told to stop, not killed: a killed one leaves shared memory behind."""
    programs, folder = found(), Path(tempfile.mkdtemp(prefix="rempart-pg-", dir="/tmp"))
    account = ACCOUNT if os.geteuid() == 0 else None
    if account:
        shutil.chown(folder, account, account)
    given = {"user": account, "group": account, "extra_groups": []} if account else {}
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}
    data, log = folder / "data", folder / "log"
    try:
        made = [f"{programs}/initdb", "-D", str(data), "-U", ACCOUNT, "--auth=trust", "--no-sync", "-E", "UTF8"]
        subprocess.run(made, check=True, capture_output=True, cwd=folder, env=environment, timeout=120, **given)
        settings = ["-k", str(folder), "-c", "listen_addresses=", "-c", "fsync=off", "-c", "shared_buffers=16MB"]
        with log.open("wb") as out:
            command = [f"{programs}/postgres", "-D", str(data), *settings]
            server = subprocess.Popen(command, stdout=out, stderr=out, cwd=folder, env=environment, **given)
        try:
            wait_until(lambda: _answers(folder), server, seconds=60, log=log)
            yield PostgresServer(folder)
        finally:
            server.send_signal(signal.SIGQUIT)
            server.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _answers(folder: Path) -> bool:
    import psycopg

    try:
        psycopg.connect(dbname=ACCOUNT, user=ACCOUNT, host=str(folder)).close()
    except psycopg.OperationalError as error:
        raise OSError from error
    return True
