# SPDX-License-Identifier: Apache-2.0
"""What proof costs a move: our mover with every byte hashed twice against rclone that checks nothing, between the same two servers."""

import atexit
import base64
import contextlib
import hashlib
import hmac
import itertools
import os
import shutil
import subprocess
import tempfile
import urllib.parse
from pathlib import Path

from bench.registry import Work, bench
from tests.move_house import MoveHouse
from tests.servers.azurite import AzureServer, azurite
from tests.servers.hosts import azure, azure_connection, azure_credentials, s3_connection, s3_credentials
from tests.servers.seaweedfs import S3Server, seaweedfs

PARTS, SIZE, THREADS = 24, 21 << 20, 4
MEMORY = 500_000_000
NOTE = (
    f"{PARTS} parts of {SIZE >> 20} MiB from azurite to SeaweedFS, {THREADS} at once, both as processes; ours proves log and "
    "manifest, hashes each object while it streams and again from the target, in less than 500 MB of memory; rclone "
    "(--ignore-checksum --s3-disable-checksum) reads nothing back"
)


@bench(
    "repatriation-copy",
    peer="rclone copy without verification",
    bound=1.25,
    runs=5,
    note=NOTE,
)
def copy() -> tuple[Work, Work]:
    """Each run writes under a prefix of its own: nothing is there before it."""
    stack, root = contextlib.ExitStack(), Path(tempfile.mkdtemp(prefix="rempart-bench-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    atexit.register(stack.close)
    far = stack.enter_context(azurite(root / "azurite"))
    near = stack.enter_context(seaweedfs(root / "weed"))
    house = MoveHouse(root / "house")
    house.root.mkdir()
    house.commit_heavy(azure(far, prefix="from"), parts=PARTS, size=SIZE)
    given = {"from": azure_credentials(far), "to": s3_credentials(near)}
    numbers = itertools.count()

    def ours() -> None:
        prefix = f"ours-{next(numbers)}"
        source = azure_connection(far, prefix="from").as_dict()
        house.order(source=source, target=s3_connection(near, prefix=prefix).as_dict())
        ended = house.run(threads=THREADS, credentials=given)
        if ended.code or ended.report["memory"] > MEMORY:
            raise RuntimeError(f"the mover ended with {ended.code}: {ended.report or ended.lines}")

    def peer() -> None:
        words = ["copy", f"far:{far.container}/from", f"near:{near.bucket}/peer-{next(numbers)}"]
        options = [
            "--transfers",
            str(THREADS),
            "--checkers",
            str(THREADS),
            "--ignore-checksum",
            "--s3-disable-checksum",
        ]
        options += [
            "--no-check-dest",
            "--s3-no-check-bucket",
            "--s3-no-head",
            "--no-update-modtime",
            "--config",
            os.devnull,
        ]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(root),
            **_rclone(far, near),
        }
        subprocess.run(["rclone", *words, *options], env=environment, check=True, capture_output=True)

    return ours, peer


def _rclone(far: AzureServer, near: S3Server) -> dict[str, str]:
    """Both servers as rclone reads them from its environment: random keys of this run."""
    told = {
        "FAR": {"TYPE": "azureblob", "SAS_URL": f"{far.endpoint}/{far.container}?{_read_token(far)}"},
        "NEAR": {
            "TYPE": "s3", "PROVIDER": "Other", "ACCESS_KEY_ID": near.access_key_id, "SECRET_ACCESS_KEY": near.secret_access_key,
            "ENDPOINT": near.endpoint, "FORCE_PATH_STYLE": "true",
        },
    }  # fmt: skip
    return {f"RCLONE_CONFIG_{name}_{key}": value for name, table in told.items() for key, value in table.items()}


def _read_token(far: AzureServer) -> str:
    """A service SAS to list and read the container: rclone 1.60 takes no other endpoint than Azure's own with an account key."""
    said = {"sp": "rl", "st": "", "se": "2100-01-01T00:00:00Z", "resource": f"/blob/{far.account}/{far.container}"}
    said |= {"si": "", "sip": "", "spr": "", "sv": "2018-11-09", "sr": "c"}
    signed = "\n".join([*said.values(), *[""] * 6])  # no snapshot, no headers of its own
    mac = hmac.new(base64.b64decode(far.account_key), signed.encode(), hashlib.sha256).digest()
    token = {name: said[name] for name in ("sp", "se", "sv", "sr")} | {"sig": base64.b64encode(mac).decode()}
    return urllib.parse.urlencode(token)
