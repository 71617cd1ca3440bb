# SPDX-License-Identifier: Apache-2.0
"""The tree of commands: the words a person types → the function that serves them."""

from collections.abc import Callable
from typing import Any

from rempart.cli import (
    backup_commands,
    data_commands,
    host_commands,
    key_commands,
    migrate_commands,
    people_commands,
    proof_commands,
    result_commands,
    rotation_commands,
)
from rempart.cli.demo import demo

TREE: dict[str, Callable[..., Any]] = {
    "init": people_commands.init,
    "keys unlock": key_commands.unlock,
    "keys lock": key_commands.lock,
    "keys status": key_commands.status,
    "keys ceremony": key_commands.ceremony,
    "keys rotate": rotation_commands.rotate,
    "keys destroy": rotation_commands.destroy,
    "keys revoke": people_commands.revoke,
    "person add": people_commands.add,
    "person quorum": people_commands.quorum,
    "person list": people_commands.list_persons,
    "hosts add": host_commands.add,
    "hosts node": host_commands.node,
    "hosts show": host_commands.show,
    "hosts posture": host_commands.posture,
    "hosts leakage": host_commands.leakage,
    "hosts order-report": host_commands.order_report,
    "synth": data_commands.synth,
    "ingest": data_commands.ingest,
    "objection record": data_commands.record_objections,
    "permit check": data_commands.check_permit,
    "permit grant": data_commands.grant,
    "permit list": data_commands.list_permits,
    "study check": result_commands.check,
    "study run": result_commands.run,
    "study list": result_commands.list_runs,
    "release submit": result_commands.submit,
    "release review": result_commands.review,
    "release publish": result_commands.publish,
    "release list": result_commands.list_releases,
    "release verify": result_commands.verify,
    "migrate plan": migrate_commands.plan,
    "migrate run": migrate_commands.run,
    "migrate verify": migrate_commands.verify,
    "migrate cutover": migrate_commands.cutover,
    "backup": backup_commands.backup,
    "restore": backup_commands.restore,
    "audit verify": proof_commands.verify,
    "audit export": proof_commands.export,
    "audit witness": backup_commands.witness,
    "audit scan": proof_commands.scan,
    "vault hash": proof_commands.content,
    "demo": demo,
}
