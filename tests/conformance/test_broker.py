# SPDX-License-Identifier: Apache-2.0
"""What ports.broker.Broker promises, through the socket of a broker that runs as a process of its own."""

import datetime
from collections.abc import Iterator
from pathlib import Path

import pytest

from rempart.errors import Missing, NotTrusted, Refused, Unavailable
from rempart.ports.broker import Broker, GrantRequest
from rempart.records.canonical import content_id
from rempart.records.signature import Signature, verify
from rempart.wiring.broker import connect
from tests.conformance.broker_house import BrokerHouse, both_ways, correspondence

pytestmark = pytest.mark.server
KEY = b"d" * 32


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerHouse]:
    house = BrokerHouse(tmp_path_factory.mktemp("a folder") / "warehouse")
    house.start()
    yield house
    house.stop()


@pytest.fixture
def broker(house: BrokerHouse) -> Broker:
    return connect(house.directory)


def test_keys_go_round_through_the_process(house: BrokerHouse, broker: Broker) -> None:
    first, second = broker.grant(both_ways(house.ingest()), uses=2)
    items = [(correspondence(f"part {n}"), bytes([n]) * 32) for n in range(100)]
    wrapped = broker.wrap(first, items)
    again = [(context, blob) for (context, _), blob in zip(items, wrapped, strict=True)]
    assert broker.unwrap(second, again) == [key for _, key in items]
    with pytest.raises(Refused) as caught:
        broker.unwrap(second, again[:1])
    assert caught.value.code == "grant-spent"


def test_the_ledger_holds_the_grant_when_the_reference_arrives(house: BrokerHouse, broker: Broker) -> None:
    intent = house.ingest()
    before = house.ledger().size()
    broker.grant(both_ways(intent))
    (leaf,) = house.ledger().leaves(before)
    assert b'"kind":"key-grant"' in leaf


def test_errors_arrive_as_they_were_raised(house: BrokerHouse, broker: Broker) -> None:
    intent = house.ingest()
    with pytest.raises(Refused) as refused:
        broker.grant(GrantRequest(intent=intent, tables=(("warehouse", "person", "main", "read"),)))
    assert (refused.value.code, refused.value.facts) == ("grant-scope", {"use": "warehouse/person/main/read"})
    (reference,) = broker.grant(both_ways(intent))
    with pytest.raises(NotTrusted, match="wrapped-key"):
        broker.unwrap(reference, [(correspondence(), bytes(60))])
    (reader,) = broker.grant(GrantRequest(intent=intent, tables=(), secrets=("warehouse/shard",)))
    with pytest.raises(Missing) as missing:
        broker.secrets(reader, ["warehouse/shard"])
    assert missing.value.facts == {"key": "warehouse/shard"}


def test_secrets_are_the_same_for_every_grant(house: BrokerHouse, broker: Broker) -> None:
    first, second = broker.grant(both_ways(house.ingest()), uses=2)
    (secret,) = broker.secrets(first, ["identity"])
    assert broker.secrets(second, ["identity"]) == [secret]
    assert len(secret) == 32


def test_signatures_are_of_the_keys_made_at_init(house: BrokerHouse, broker: Broker) -> None:
    over = content_id({"manifest": 1})
    signature = Signature(alg="ed25519", actor="vault", over=over, sig=broker.sign("vault", over))
    verify(signature, public=house.public["vault_public"], alg="ed25519", over=over)
    with pytest.raises(Refused, match="sign-form"):
        broker.sign("ledger", "rempart/other\n1\n" + "A" * 43 + "=\n")


def test_status_tells_when_it_ends(broker: Broker) -> None:
    status = broker.status()
    left = datetime.datetime.fromisoformat(str(status["expires"])) - datetime.datetime.now(datetime.UTC)
    assert datetime.timedelta(0) < left <= datetime.timedelta(minutes=5)
    assert isinstance(status["pid"], int)


def test_a_locked_broker_is_unavailable(tmp_path: Path) -> None:
    house = BrokerHouse(tmp_path / "warehouse")
    with pytest.raises(Unavailable, match="broker-locked"):
        connect(house.directory)
    house.start()
    broker = connect(house.directory)
    broker.lock()
    with pytest.raises(Unavailable, match="broker-locked"):
        broker.grant(both_ways(0))
