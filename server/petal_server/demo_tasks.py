"""The demo's learning tasks: a ``task.json`` and a Python module each, found in the page's folder.

docs/tasks.md describes both files. The coordinator names the task that it runs at ``GET /task``.
"""

import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from petal_server.answers import answer
from petal_server.published import Published
from petal_server.settings import Settings

log = structlog.get_logger("petal.task")

DEFAULT = "digits"


class TaskError(Exception):
    """There is no such task, or its files are not what they must be; the message says which."""


@dataclass(frozen=True)
class Task:
    """A task by its folder's name; ``about`` is what its task.json says."""

    name: str
    folder: Path
    about: dict[str, Any]

    @property
    def data(self) -> Path:
        return self.folder / self.about["data"]

    @property
    def model(self) -> tuple[int, str]:
        """The number of weights and the masking configuration."""
        return self.about["model"]["length"], self.about["model"]["mask"]

    def load_module(self) -> ModuleType:
        """Run the task's module, which tabs run too."""
        path = self.folder / self.about["module"]
        spec = importlib.util.spec_from_file_location(f"petal_demo_{self.name}", path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module


def find_tasks(web_dir: Path) -> dict[str, Task]:
    """All tasks in ``web_dir``, by name."""
    files = sorted((web_dir / "demo" / "tasks").glob("*/task.json"))
    return {file.parent.name: _read(file) for file in files}


def _read(file: Path) -> Task:
    try:
        task = Task(file.parent.name, file.parent, json.loads(file.read_text(encoding="utf-8")))
        length, mask = task.model
        if length < 1 or not task.data.is_file() or len(mask.split("/")) != 4:
            raise ValueError("its data is missing, or its model is not described")
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise TaskError(f"{file} describes no task: {error!r}; see docs/tasks.md") from error
    return task


def find_task(web_dir: Path, name: str) -> Task:
    """The task of that name."""
    tasks = find_tasks(web_dir)
    if not tasks:
        raise TaskError(f"{web_dir / 'demo' / 'tasks'} holds no task")
    if name not in tasks:
        raise TaskError(f"there is no task {name!r}; known are {', '.join(tasks)}")
    return tasks[name]


def running_task(settings: Settings, web_dir: Path) -> Task:
    """The task that is set; else the one whose model is the coordinator's; else the default."""
    if settings.web.task:
        task = find_task(web_dir, settings.web.task)
        if task.model != _model(settings):
            log.warning(
                "the task's model is another than the coordinator's",
                task=task.name,
                task_model=task.model,
                coordinator_model=_model(settings),
            )
        return task
    fitting = [task for task in find_tasks(web_dir).values() if task.model == _model(settings)]
    return fitting[0] if fitting else find_task(web_dir, DEFAULT)


def _model(settings: Settings) -> tuple[int, str]:
    return settings.model.length, str(settings.mask.config.vect)


def task_routes(settings: Settings, web_dir: Path) -> list[Route]:
    """``GET /task``: the running task's task.json with its ``name``; none without a task."""
    try:
        task = running_task(settings, web_dir)
    except TaskError as error:
        log.warning("the page has no task", detail=str(error))
        return []
    about = json.dumps({"name": task.name, **task.about}).encode()
    published = Published.of(about, "application/json")

    async def get_task(request: Request) -> Response:
        return answer(request, published)

    return [Route("/task", get_task)]
