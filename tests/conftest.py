# SPDX-License-Identifier: Apache-2.0
"""What every test shares: the optional shared data, full size, and the rule that a skip can be made a failure.

Holds no fixture of any room: those stand beside the tests that use them.
"""

import os
from collections.abc import Generator
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"
NO_SKIP = "a skip is a failure under REMPART_TEST_REQUIRE=all"


def full_size_wanted() -> bool:
    """True under `make full`."""
    return os.environ.get("REMPART_FULL") == "1"


# No deadline: a busy machine is no bug. The same examples every time, but for the full run, which looks further.
hypothesis.settings.register_profile("usual", deadline=None, derandomize=True, database=None)
hypothesis.settings.register_profile("full", deadline=None, max_examples=1000)
hypothesis.settings.load_profile("full" if full_size_wanted() else "usual")


def skip_is_failure() -> bool:
    """True where the machine promises to have all that the tests need."""
    return os.environ.get("REMPART_TEST_REQUIRE") == "all"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what cannot run here: full-size tests by selection, shared-data tests by a skip."""
    if not full_size_wanted():
        left_out = [item for item in items if item.get_closest_marker("full")]
        if left_out:
            config.hook.pytest_deselected(items=left_out)
            items[:] = [item for item in items if not item.get_closest_marker("full")]
    if not SHARED_DATA.is_dir():
        for item in items:
            if item.get_closest_marker("shared_data"):
                item.add_marker(pytest.mark.skip(reason="../shared/data is not here"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped test into a failed one when the machine promises everything."""
    report = yield
    expected_to_fail = hasattr(report, "wasxfail")
    if report.skipped and skip_is_failure() and not expected_to_fail and not item.get_closest_marker("shared_data"):
        report.outcome = "failed"
        report.longrepr = f"{NO_SKIP}: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole file that skips itself while it is read."""
    report = yield
    if report.skipped and skip_is_failure():
        report.outcome = "failed"
        report.longrepr = f"{NO_SKIP}: {collector.nodeid}: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the tree."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder ../shared/data; mark the test `shared_data`."""
    return SHARED_DATA


@pytest.fixture(scope="session")
def full_size() -> bool:
    """Whether to work at full size (`make full`)."""
    return full_size_wanted()
