"""What an operator reads: a round from the log alone, levels by target, never a secret."""

import json
import logging

import pytest
import structlog

from petal_server import logs
from petal_server.log_filter import LogFilter
from petal_server.outcome import Reason
from petal_server.phases import PhaseName
from petal_server.settings import LogSettings

from .harness import running
from .members import summers


@pytest.fixture
def restore_logging():
    root, level = logging.root, logging.root.level
    yield
    root.setLevel(level)
    root.removeHandler(next(handler for handler in root.handlers if handler.name == logs.HANDLER))
    for name in list(root.manager.loggerDict):
        if name.startswith(("petal", "uvicorn", "httpx")):
            logging.getLogger(name).setLevel(logging.NOTSET)
    structlog.reset_defaults()


@pytest.fixture
def json_log(capsys, restore_logging):
    """Call it to start logging; call what it gives for the lines since."""

    def lines():
        return [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    def start():
        logs.configure(LogSettings(format="json", filter="debug,asyncio=warn"))
        return lines

    return start


@pytest.mark.parametrize(
    ("text", "default", "loggers"),
    [
        ("info", logging.INFO, {}),
        ("", logging.ERROR, {}),
        ("off", logging.CRITICAL + 10, {}),
        (
            "xaynet=debug,http=warn,info",
            logging.INFO,
            {"petal": logging.DEBUG, "uvicorn.access": logging.WARNING},
        ),
        ("xaynet_server::state=trace", logging.ERROR, {"xaynet_server.state": logging.DEBUG}),
        ("petal.intake=INFO, warn", logging.WARNING, {"petal.intake": logging.INFO}),
        ("petal", logging.ERROR, {"petal": logging.DEBUG}),
    ],
)
def test_filters_in_xaynets_form(text, default, loggers):
    assert LogFilter.parse(text) == LogFilter(default, loggers)


@pytest.mark.parametrize("text", ["petal=", "=info", "a b", "x[span]=info", "petal=loud", "1=info"])
def test_a_filter_that_says_nothing_is_refused(text):
    with pytest.raises(ValueError, match="is not LEVEL or TARGET=LEVEL"):
        LogFilter.parse(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("info", ["petal.intake info", "petal.phase info"]),
        ("warn,petal.phase=info", ["petal.phase info"]),
        ("off", []),
    ],
)
def test_levels_by_target(capsys, restore_logging, text, shown):
    logs.configure(LogSettings(format="json", filter=text))
    for name in ("petal.intake", "petal.phase"):
        structlog.get_logger(name).debug("x")
        structlog.get_logger(name).info("x")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [f"{line['logger']} {line['level']}" for line in lines] == shown


@pytest.mark.anyio
async def test_a_round_can_be_read_from_the_log(json_log):
    json_lines = json_log()
    async with running() as coordinator:
        await coordinator.finish(await coordinator.to_sum2())
        model_id = coordinator.ctx.board.model_id
    lines = [line for line in json_lines() if line["logger"] == "petal.phase"]
    starts = [(li["phase"], li["round"]) for li in lines if li["event"] == "phase starts"]
    names = ("sum", "update", "sum2", "unmask", "idle")
    assert starts == [("idle", 0), *((n, 1) for n in names), ("sum", 2), ("shutdown", 2)]
    ends = {(li["phase"], li["round"]): li for li in lines if li["event"] == "phase ends"}
    assert ends["update", 1]["accepted"] == 3
    assert ends["update", 1]["rejected"] == ends["update", 1]["discarded"] == 0
    models = [line for line in lines if line["event"] == "global model"]
    assert [(li["model"], li["updates"], li["round"]) for li in models] == [(model_id, 3, 1)]


@pytest.mark.anyio
async def test_a_rejection_names_reason_and_participant(json_log):
    json_lines = json_log()
    async with running() as coordinator:
        member = summers(coordinator.params, 1)[0]
        await coordinator.post(member.sum())
        await coordinator.post(member.sum())
    (line,) = [line for line in json_lines() if line["event"] == "message rejected"]
    assert line["level"] == "info"
    assert line["reason"] == Reason.REPLAYED
    assert line["participant"] == member.pk.hex()[:8]
    assert (line["phase"], line["tag"]) == ("sum", "sum")


@pytest.mark.anyio
async def test_a_failed_round_says_why(json_log):
    json_lines = json_log()
    async with running() as coordinator:
        coordinator.clock.advance(10)
        await coordinator.reaches(PhaseName.FAILURE, after=60)
    (line,) = [line for line in json_lines() if line["event"] == "round failed"]
    assert (line["level"], line["reason"], line["phase"]) == ("warning", "timeout", "sum")
    assert line["detail"] == "0 of 1 messages after 60 s"


@pytest.mark.anyio
async def test_no_secret_is_logged_or_shown(json_log):
    json_lines = json_log()
    async with running() as coordinator:
        sums = await coordinator.to_sum2()
        secret = coordinator.ctx.state.keys.secret
        shown = repr(coordinator.ctx) + repr(coordinator.ctx.state)
        seeds = coordinator.seeds_of(sums[0].pk)
        mask_seeds = [sums[0].ephemeral.open(sealed) for sealed in seeds.values()]
        await coordinator.finish(sums)
    text = shown + json.dumps(json_lines())
    for hidden in (secret, *mask_seeds, *seeds.values()):
        assert hidden.hex() not in text
        assert repr(hidden)[2:-1] not in text
