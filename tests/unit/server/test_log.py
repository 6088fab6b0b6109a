"""The log: one JSON object a line, whoever speaks."""

from __future__ import annotations

import json
import logging
import warnings
from typing import Any

import pytest

from server import log


@pytest.mark.filterwarnings("default")
def test_libraries_speak_in_the_same_lines(capfd: Any) -> None:
    """A warning and an error of a library are JSON lines; of an error's words nothing is written."""
    with log.capturing_libraries():
        warnings.showwarning("overflow", RuntimeWarning, "lib.py", 7)
        try:
            raise ValueError("secret of user-77")
        except ValueError:
            logging.getLogger("asyncio").exception("it said %s", "secret")
        logging.getLogger("quiet").info("nothing of this")
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    warned, failed = (line for line in lines if line["event"] == "library_message")
    assert warned["why"] == "lib.py:7: RuntimeWarning: overflow"
    assert failed["trace"][0] == "ValueError"
    assert "secret" not in json.dumps(lines)
