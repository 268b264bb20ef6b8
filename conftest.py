"""For the tests in tests/ and in e2e/: where PETAL_TEST_ALL is set, nothing is left out quietly."""

import os

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """What is missing fails the test that needs it, in the words in which it would be left out.

    A mark (`skip`, `skipif`) says on which platforms a test can run at all: those stay.
    """
    report = yield
    if os.environ.get("PETAL_TEST_ALL") and lacks_something(item, report):
        report.outcome = "failed"
        report.longrepr = f"{call.excinfo.value} (PETAL_TEST_ALL is set: nothing is left out)"
    return report


def lacks_something(item, report):
    for_the_platform = any(item.get_closest_marker(mark) for mark in ("skip", "skipif"))
    return report.skipped and not for_the_platform and not hasattr(report, "wasxfail")
