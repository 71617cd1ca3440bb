# SPDX-License-Identifier: Apache-2.0
"""What `keys status` tells of every space, with the broker open and shut: it asks neither host nor key."""

from tests.faults.warehouse.place import Place


def test_keys_status_tells_the_epoch_of_every_space(place: Place) -> None:
    told = place.run("keys", "status").answer["data"]["spaces"]
    assert [(space["space"], space["epoch"], space["rotated"]) for space in told[:1]] == [("warehouse", 1, "")]
    assert place.run("keys", "rotate", "--space", "warehouse", "--by", place.key("officer")).code == 0
    (now,) = [s for s in place.run("keys", "status").answer["data"]["spaces"] if s["space"] == "warehouse"]
    assert now["epoch"] == 2
    assert now["rotated"].startswith("20")
    assert not now["gone"]
