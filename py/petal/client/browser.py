"""The worker's Python side: training code, its calls, and the participant.

`web/worker/bridge.js` calls `define`, `call`, `run` and `stop`; each answers `{value}` or
`{error: {name, message, stack}}` as JavaScript objects, so that no PyProxy crosses.
"""

import functools
import inspect
import sys
import traceback
import types

import numpy as np
from js import Object
from pyodide.ffi import JsProxy, to_js

TASK = "petal_task"


def _javascript(value):
    """`value` as JavaScript: arrays as typed arrays (flat), dictionaries as objects."""
    return to_js(_plain(value), dict_converter=Object.fromEntries, create_pyproxies=False)


def _plain(value):
    if isinstance(value, np.ndarray):
        return np.ascontiguousarray(value).reshape(-1).data
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _python(value):
    """A JavaScript value as Python: typed arrays as numpy arrays, objects as dictionaries."""
    return _with_arrays(value.to_py() if isinstance(value, JsProxy) else value)


def _with_arrays(value):
    if isinstance(value, memoryview):
        return np.asarray(value)
    if isinstance(value, dict):
        return {key: _with_arrays(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_arrays(item) for item in value]
    return value


def _answering(function):
    """Turn the result, or whatever was raised, into the answer that the bridge expects."""

    @functools.wraps(function)
    async def answer(*args):
        try:
            value = function(*args)
            if inspect.isawaitable(value):
                value = await value
            return _javascript({"value": value})
        except Exception as error:  # noqa: BLE001, it is told on the page
            stack = "".join(traceback.format_exception(error))
            plain = {"name": type(error).__name__, "message": str(error), "stack": stack}
            return _javascript({"error": plain})

    return answer


@_answering
def define(name: str, source: str) -> None:
    """Make `source` an importable module; run at once."""
    module = types.ModuleType(name)
    module.__file__ = f"{name}.py"
    sys.modules[name] = module
    exec(compile(source, module.__file__, "exec"), module.__dict__)  # noqa: S102, the user's code


@_answering
def call(name: str, args: JsProxy):
    """Call a public function of the training module."""
    function = getattr(sys.modules.get(TASK), name, None)
    if name.startswith("_") or not callable(function):
        raise AttributeError(f"the training module has no function {name!r}")
    return function(*_python(args))
