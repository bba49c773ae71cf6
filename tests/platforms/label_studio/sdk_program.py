"""Run by the Python of ``.venv-platforms``, where label-studio-sdk is installed: calls it as it is told.

An order is a line of JSON on stdin: ``{"client", "name", "arguments"}``; ``name`` is the path of a method below
``LabelStudio(**client)``, such as ``projects.exports.as_json``. The answer is a line of JSON on stdout: ``{"result"}``,
or ``{"error", "status", "body"}``. Bytes and files go into the file that ``arguments["into"]`` names; their number is
the result. Of a table it is ``{"columns", "rows"}``.
"""

from __future__ import annotations

import json
import sys
from functools import reduce
from pathlib import Path
from typing import Any

from label_studio_sdk import LabelStudio
from label_studio_sdk.core.api_error import ApiError

_clients: dict[str, Any] = {}


def client(settings: dict[str, Any]) -> Any:
    """One for all calls with the same settings: its access token is kept, as in a script."""
    key = json.dumps(settings)
    if key not in _clients:
        _clients[key] = LabelStudio(**settings)
    return _clients[key]


def plain(found: Any, into: str | None) -> Any:
    """As JSON can say it."""
    if into is not None:
        content = found.read() if hasattr(found, "read") else found
        with Path(into).open("wb") as target:
            return sum(map(target.write, [content] if isinstance(content, bytes) else content))
    if hasattr(found, "to_dict") and hasattr(found, "columns"):
        return {"columns": list(found.columns), "rows": len(found)}
    if isinstance(found, list | tuple):
        return [plain(one, None) for one in found]
    if hasattr(found, "dict"):
        return json.loads(found.json())
    if found is None or isinstance(found, str | int | float | bool | dict):
        return found
    return [plain(one, None) for one in found]


def main() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        into = order["arguments"].pop("into", None)
        try:
            here = client(order["client"])
            method = reduce(getattr, order["name"].split("."), here)
            answer = {"result": plain(method(**order["arguments"]), into)}
        except Exception as error:  # it is the answer
            is_api = isinstance(error, ApiError)
            answer = {
                "error": type(error).__name__,
                "status": error.status_code if is_api else None,
                "body": error.body if is_api else str(error),
            }
        sys.stdout.write(json.dumps(answer, default=str) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
