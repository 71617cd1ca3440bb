# SPDX-License-Identifier: Apache-2.0
"""A real S3 server for tests: SeaweedFS's ``weed`` on loopback, with one bucket and one random credential. Sends nothing out."""

import http.client
import json
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.process import LOOPBACK, free_ports, running, wait_until

BUCKET = "rempart-tests"
_GRPC = 10_000


@dataclass(frozen=True, slots=True)
class S3Server:
    """Where it listens and what opens it."""

    port: int
    bucket: str
    access_key_id: str
    secret_access_key: str = field(repr=False)

    @property
    def endpoint(self) -> str:
        """The URL that clients are told."""
        return f"http://{LOOPBACK}:{self.port}"


def found() -> str | None:
    """The program beside this Python, or on the path; None without it."""
    beside = Path(sys.executable).parent / "weed"
    return str(beside) if beside.is_file() else shutil.which("weed")


@contextmanager
def seaweedfs(folder: Path) -> Iterator[S3Server]:
    """A server on free ports whose files lie in ``folder``, ready to be written to."""
    master, volume, filer, s3 = free_ports(4, beside=_GRPC)
    made = S3Server(s3, BUCKET, secrets.token_hex(10), secrets.token_hex(20))
    folder.mkdir(parents=True, exist_ok=True)
    credential = {"accessKey": made.access_key_id, "secretKey": made.secret_access_key}
    identity = {"name": "tests", "credentials": [credential], "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
    settings = folder / "s3.json"
    settings.write_text(json.dumps({"identities": [identity]}), encoding="utf-8")
    ports = [f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}", f"-s3.port={s3}"]
    command = [
        str(found()), "server", f"-dir={folder}", f"-ip={LOOPBACK}", f"-ip.bind={LOOPBACK}", *ports, "-filer", "-s3",
        f"-s3.config={settings}", "-s3.port.iceberg=0", "-s3.port.lance=0",
        "-volume.max=20", "-master.volumeSizeLimitMB=1024", "-master.telemetry=false", "-volume.preStopSeconds=0",
    ]  # fmt: skip
    log = folder / "weed.log"
    with running(command, log=log) as process:
        wait_until(lambda: _bucket_made(filer), process, seconds=60, log=log)
        wait_until(lambda: _answers(s3), process, seconds=60, log=log)
        yield made


def _bucket_made(filer: int) -> bool:
    """The filer takes a folder under /buckets for a bucket."""
    return _status(filer, "POST", f"/buckets/{BUCKET}/") == 201


def _answers(s3: int) -> bool:
    return _status(s3, "GET", "/") in (200, 403)


def _status(port: int, method: str, path: str) -> int:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request(method, path, headers={"Content-Length": "0"})
        return connection.getresponse().status
    except http.client.HTTPException as error:
        raise OSError from error
    finally:
        connection.close()
