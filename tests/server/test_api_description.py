"""Every call of the API's description, with requests good and bad, against a real coordinator.

schemathesis makes the requests out of the description and holds each answer to it: its status, its
type, its headers, its schema; that bad requests are refused and nothing ever is a 500.
"""

import json

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from petal_server.openapi import DOCUMENT

from .test_serve import serving

EXAMPLES = 40

schema = schemathesis.openapi.from_dict(json.loads(DOCUMENT.body))


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("storage")
    variables = {"PETAL__STORAGE__KIND": "sqlite", "PETAL__STORAGE__PATH": str(folder)}
    with serving(**variables, PETAL__WEB__ENABLE="true") as (address, process, log):
        yield address
        assert process.poll() is None, "the coordinator ended"
    assert "Traceback" not in "".join(log)


# A stream without end has tests of its own.
@schema.exclude(path="/events").parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_answers_are_as_described(case, url):
    if case.path == "/message":
        # Without it the answer has no body, and so no type: the description cannot say that.
        case.headers["Accept"] = "application/json"
    case.call_and_validate(base_url=url)
