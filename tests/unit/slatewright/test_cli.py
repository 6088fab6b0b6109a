"""The command line finds, runs and explains; it imports only what the command needs."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

from recsys.errors import BundleNotFoundError
from slatewright import call, cli
from slatewright.v1 import copy_pb2, feedback_pb2
from slatewright.v1 import recommendation_pb2 as pb


def use(monkeypatch: pytest.MonkeyPatch, run: Any) -> None:
    """Put a command named `build` in place."""
    module = ModuleType("fake_command")
    module.HELP, module.EXAMPLE = "help", "slatewright build"  # type: ignore[attr-defined]
    module.add_arguments, module.run = lambda parser: None, run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fake_command", module)
    monkeypatch.setitem(cli.COMMANDS, "build", cli.Command("fake_command", "help", "offline"))


def raising(error: BaseException) -> Any:
    def run(_args: Any) -> int:
        raise error

    return run


def test_the_exit_code_is_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command returns is what the shell sees."""
    use(monkeypatch, lambda _args: 7)
    assert cli.main(["build"]) == 7


def test_a_deliberate_error_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """Exit 2, `error: …` on stderr, no traceback."""
    use(monkeypatch, raising(BundleNotFoundError("nothing there; build first")))
    assert cli.main(["build"]) == 2
    assert capsys.readouterr().err == "error: nothing there; build first\n"


def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupted command leaves without a traceback."""
    use(monkeypatch, raising(KeyboardInterrupt()))
    assert cli.main(["build"]) == 130


def test_a_missing_library_names_the_install(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """The message names the library and the command that brings it."""
    use(monkeypatch, raising(ModuleNotFoundError("no", name="duckdb")))
    assert cli.main(["build"]) == 2
    said = capsys.readouterr().err
    assert "duckdb" in said
    assert "pip install 'slatewright[offline]'" in said


def test_a_bug_is_not_dressed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected exception keeps its traceback."""
    use(monkeypatch, raising(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        cli.main(["build"])


@pytest.mark.parametrize("arguments", [["nope"], ["--nope"]])
def test_an_unknown_command_is_refused(arguments: list[str]) -> None:
    """Exit 2 and its list of commands."""
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    assert left.value.code == 2


def test_help_lists_every_command(capsys: Any) -> None:
    """`--help` and no command at all show the table; nothing of a command is imported."""
    for arguments in (["--help"], []):
        with pytest.raises(SystemExit) as left:
            cli.main(arguments)
        assert left.value.code == 0
        shown = capsys.readouterr().out
        assert all(name in shown for name in cli.COMMANDS)


@pytest.mark.parametrize("name", ["recommend", "similar", "events", "serve", "tune"])
def test_every_command_has_help_and_an_example(name: str, capsys: Any) -> None:
    """`slatewright COMMAND --help` ends with an example that its own parser takes."""
    with pytest.raises(SystemExit) as left:
        cli.main([name, "--help"])
    assert left.value.code == 0
    assert f"example: slatewright {name}" in capsys.readouterr().out


def test_a_server_that_is_not_there_is_explained(capsys: Any) -> None:
    """Calling nobody says how to start somebody."""
    assert cli.main(["recommend", "--target", "127.0.0.1:9", "--timeout", "2"]) == 2
    assert "slatewright serve" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["recommend", "--n", "99999999999"],
        ["recommend", "--n", "ten"],
        ["recommend", "--user", "\udcff\udcfe"],
        ["recommend", "--category", "\udcff"],
        ["recommend", "--timeout", "nan"],
        ["recommend", "--timeout", "-1"],
        ["similar", "--item", "\udcff"],
        ["events", "--user", "\udcff", "click", "1"],
        ["events", "--user", "u", "search", "\udcff"],
    ],
    ids=ascii,
)
def test_what_cannot_be_sent_is_refused(arguments: list[str], capsys: Any) -> None:
    """Exit 2 with the flag named, before any server is called."""
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert "error: argument" in said
    assert said.isascii()


def test_a_slate_is_a_table_for_people(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rank, title, id, pitch, origin and reasons in words, in lines of at most 100 columns."""
    monkeypatch.setenv("COLUMNS", "200")
    pitch = pb.SlateItem().pitch
    pitch.text, pitch.origin = "A fine lamp, " * 12, copy_pb2.PITCH_ORIGIN_TEMPLATE
    lamp = pb.SlateItem(item_id="i1", rank=1, title="Desk lamp " * 15, pitch=pitch)
    lamp.reasons.add(code="bought_before", evidence_item_id="i1")
    lamp.reasons.add(code="similar_to", evidence_item_id="i2")
    lamp.reasons.add(code="often_bought_next", evidence_item_id="i9")
    answer = pb.RecommendResponse(items=[lamp, pb.SlateItem(item_id="i2", rank=2, title="Bulb", sources=["als"])])
    call.show_slate(answer)
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 100
    words = " ".join(shown.split())
    assert "(template)" in words
    assert "why: bought before; similar to Bulb; often bought next item i9" in words
    assert "2. Bulb [i2] why: found by als" in words


def test_a_rejected_event_is_a_failure(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """`slatewright events` exits 2 and says why on stderr; an accepted one exits 0."""
    answer = feedback_pb2.RecordEventsResponse(accepted=1)
    monkeypatch.setattr("slatewright.client.Client.record_events", lambda *_a, **_n: answer)
    assert cli.main(["events", "--user", "u", "dislike", "i1"]) == 0
    assert capsys.readouterr().out == "accepted 1\n"
    answer = feedback_pb2.RecordEventsResponse()
    answer.rejected.add(index=0, reason="bad_item_id: item_id is ''")
    for flags in ([], ["--json"]):
        assert cli.main(["events", "--user", "u", "dislike", "", *flags]) == 2
        assert "bad_item_id" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", ["import slatewright", "import slatewright.cli", "import slatewright.commands.recommend"]
)
def test_a_base_install_is_enough(command: str) -> None:
    """The client and the shell import nothing heavier than grpc and protobuf."""
    script = (
        f"import sys; {command}; heavy = {{'numpy', 'recsys', 'server', 'torch', 'pandas', 'google.rpc'}}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
