"""Run by a Python of ``.venv-labelbox``, where a release of Labelbox's SDK is: runs scripts as they are sent, each a
line of JSON ``{"script", "before"}``; answers ``{"output", "error", "names"}``, a line each.

``before`` is run first (the client, the ids), and its names stay for the script.
"""

import contextlib
import io
import json
import logging
import sys
import time
import traceback

import labelbox as lb  # type: ignore[import-not-found]

# the SDK waits two seconds between two looks at a task
_sleep = time.sleep
time.sleep = lambda seconds: _sleep(min(float(seconds), 0.2))  # type: ignore[assignment]


def ran(order):
    output = io.StringIO()
    names = {"lb": lb, "json": json, "logging": logging}
    error = ""
    with contextlib.redirect_stdout(output):
        try:
            exec(compile(order["before"], "before", "exec"), names)
            exec(compile(order["script"], "page", "exec"), names)
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}"
            if "TRACE" in order:
                traceback.print_exc()
    return {"output": output.getvalue(), "error": error}


for line in sys.stdin:
    print(json.dumps(ran(json.loads(line))), flush=True)
