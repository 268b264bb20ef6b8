"""Values between Python and JavaScript, so that no PyProxy crosses."""

import functools
import inspect
import traceback

import numpy as np
from js import Object
from pyodide.ffi import JsProxy, jsnull, to_js


def to_javascript(value):
    """`value` as JavaScript: arrays as typed arrays (flat), dictionaries as objects."""
    return to_js(_plain(value), dict_converter=Object.fromEntries, create_pyproxies=False)


def _plain(value):
    if value is None:
        return jsnull
    if isinstance(value, np.ndarray):
        return np.ascontiguousarray(value).reshape(-1).data
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def to_python(value):
    """A JavaScript value as Python: typed arrays as numpy arrays, objects as dictionaries."""
    return _with_arrays(value.to_py() if isinstance(value, JsProxy) else value)


def _with_arrays(value):
    if value is jsnull:
        return None
    if isinstance(value, memoryview):
        return np.asarray(value)
    if isinstance(value, dict):
        return {key: _with_arrays(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_arrays(item) for item in value]
    return value


def answering(function):
    """Turn the result, or whatever was raised, into the answer that bridge.js expects."""

    @functools.wraps(function)
    async def answer(*args):
        try:
            value = function(*args)
            if inspect.isawaitable(value):
                value = await value
            return to_javascript({"value": value})
        except Exception as error:  # noqa: BLE001, it is told on the page
            stack = "".join(traceback.format_exception(error))
            return to_javascript({"error": {**_plain_error(error), "stack": stack}})

    return answer


def _plain_error(error: Exception) -> dict:
    if isinstance(error, MemoryError):  # numpy's is a subclass with a name of its own
        return {"name": "MemoryError", "message": _OUT_OF_MEMORY}
    return {"name": type(error).__name__, "message": str(error)}


_OUT_OF_MEMORY = (
    "This tab ran out of memory, so its worker was ended and its memory freed. Close other tabs, "
    "then start again, or use a larger device."
)
