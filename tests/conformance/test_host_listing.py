# SPDX-License-Identifier: Apache-2.0
"""Everything that lies on a host, foreign names and times too, from a folder and from a bucket: more than the host port tells."""

import datetime
from pathlib import Path
from typing import Any, cast

import obstore
import pytest
from obstore.store import MemoryStore

from rempart.adapters.directory_host import DirectoryHost
from rempart.adapters.host_listing import everything
from rempart.adapters.object_store_host import ObjectStoreHost
from rempart.ports.host import Host

OURS = "o/" + "0" * 32


@pytest.fixture(params=["directory", "bucket"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Host:
    """A host with one object of ours and one file that is none."""
    objects = {OURS: b"sealed", "notes/ward.txt": b"who was ill", "o/readme": b"?"}
    if request.param == "bucket":
        store = MemoryStore()
        for name, data in objects.items():
            obstore.put(store, name, data)
        return ObjectStoreHost(cast(Any, store), label="bucket")
    for name, data in objects.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return DirectoryHost(tmp_path)


def test_foreign_names_are_listed_with_sizes_and_times(host: Host) -> None:
    now = datetime.datetime.now(datetime.UTC)
    told = everything(host)
    assert [(name, size) for name, size, _ in told] == [("notes/ward.txt", 11), (OURS, 6), ("o/readme", 1)]
    assert all(arrived is not None and abs(arrived - now) < datetime.timedelta(minutes=1) for _, _, arrived in told)
    assert list(host.listing()) == [(OURS, 6)]


def test_a_link_in_a_folder_is_told_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "link").symlink_to("/etc/hostname")
    assert [name for name, _, _ in everything(DirectoryHost(tmp_path))] == ["o/link"]
