"""The command on a terminal: questions, progress, colours, and Ctrl-C."""

from __future__ import annotations

import signal

import pytest

from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World

from .shell import TOKEN, environment, read_until, started, terminal, without_colours

DEBUG = ("debug", "--control-plane", "storefront-production", "--path", "/slow")
SHOW_CURSOR, HIDE_CURSOR = "\x1b[?25h", "\x1b[?25l"


def test_a_debug_session_is_started_after_a_yes_and_watched_with_progress() -> None:
    with terminal(*DEBUG, "--duration", "20", "--sandbox", env=environment()) as screen:
        screen.wait_for("Go on? [y/N]")
        shown = without_colours(screen.shown)
        assert "storefront-production" in shown
        assert "path /slow, 20 s, at most 100 samples" in shown
        screen.type("y\n")
        screen.wait_for("wait until completed")
        screen.wait_for(" left")
        status, output = screen.end()
    assert status == 0
    assert output.startswith("Performance debugging · complete")
    assert "\x1b" not in output
    assert "✓ create debug session" in without_colours(screen.shown)
    assert screen.shown.rfind(SHOW_CURSOR) > screen.shown.rfind(HIDE_CURSOR)


def test_a_debug_session_is_not_started_by_default(world: World) -> None:
    with (
        Sandbox(world=world, token=TOKEN) as sandbox,
        terminal(*DEBUG, env=environment(sandbox)) as screen,
    ):
        screen.wait_for("Go on? [y/N]")
        screen.type("\n")
        assert screen.end() == (6, "")
        assert sandbox.ledger.debug_sessions_created == ()


def test_ctrl_c_at_the_question_leaves_quietly(world: World) -> None:
    with (
        Sandbox(world=world, token=TOKEN) as sandbox,
        terminal(*DEBUG, env=environment(sandbox)) as screen,
    ):
        screen.wait_for("Go on? [y/N]")
        screen.type("\x03")
        assert screen.end() == (130, "")
        assert sandbox.ledger.debug_sessions_created == ()
    assert "Traceback" not in screen.shown


def test_what_was_typed_before_the_question_answers_nothing(world: World) -> None:
    with (
        Sandbox(world=world, token=TOKEN, latency=1.0) as sandbox,
        terminal(*DEBUG, env=environment(sandbox)) as screen,
    ):
        screen.wait_for("select control plane")
        screen.type("y\n")
        screen.wait_for("Go on? [y/N]")
        screen.type("n\n")
        assert screen.end() == (6, "")
        assert sandbox.ledger.debug_sessions_created == ()


def test_a_question_says_which_requests_and_for_how_long(served: Sandbox) -> None:
    with terminal("debug", "--control-plane", "storefront-production", env=environment(served)) as screen:
        screen.wait_for("Go on? [y/N]")
        assert "every request, 60 s, at most 100 samples" in without_colours(screen.shown)
        screen.type("n\n")
        assert screen.end() == (6, "")


def test_a_token_is_typed_unseen_and_waiting_for_it_can_be_interrupted(served: Sandbox) -> None:
    arguments = ("tools", "--url", served.url, "--token-file", "-")
    with terminal(*arguments, env=environment()) as screen:
        screen.wait_for("Konnect token: ")
        screen.type(f"{TOKEN}\n")
        assert screen.end()[0] == 0
    with terminal(*arguments, env=environment()) as screen:
        screen.wait_for("Konnect token: ")
        screen.type("\x03")
        assert screen.end() == (130, "")


def test_a_closed_terminal_stops_the_debug_session(world: World) -> None:
    with Sandbox(world=world, token=TOKEN, time_scale=1) as sandbox:
        with terminal(*DEBUG, "--yes", env=environment(sandbox)) as screen:
            screen.wait_for("pending")
            screen.hang_up()
            assert screen.process.wait(60) == 129
        assert sandbox.debug_sessions_running() == ()
        assert sandbox.ledger.debug_sessions_stopped == sandbox.ledger.debug_sessions_created != ()


@pytest.mark.parametrize(
    ("received", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_an_interrupted_debug_session_is_stopped(received: signal.Signals, status: int, world: World) -> None:
    with Sandbox(world=world, token=TOKEN, time_scale=1) as sandbox:
        with started(*DEBUG, "--yes", "--verbose", env=environment(sandbox)) as process:
            log = read_until(process, "is pending after")
            assert sandbox.debug_sessions_running()
            process.send_signal(received)
            stdout, stderr = process.communicate(timeout=60)
        assert (process.returncode, stdout) == (status, "")
        assert sandbox.debug_sessions_running() == ()
        assert sandbox.ledger.debug_sessions_stopped == sandbox.ledger.debug_sessions_created
    assert "Stopping; once more to leave at once." in stderr
    assert "CreateDebugSession ok" in log
    assert "request_id=" in log
    assert "Traceback" not in stderr
    assert TOKEN not in log + stderr


def test_a_second_ctrl_c_leaves_at_once_whatever_hangs(world: World) -> None:
    with (
        Sandbox(world=world, token=TOKEN, time_scale=1, faults="ok:3,hang:99") as sandbox,
        terminal(*DEBUG, "--yes", env=environment(sandbox)) as screen,
    ):
        screen.wait_for("pending")
        screen.type("\x03")
        screen.wait_for("once more to leave at once")
        screen.type("\x03")
        assert screen.end() == (130, "")
    assert "Traceback" not in screen.shown
    assert screen.shown.rfind(SHOW_CURSOR) > screen.shown.rfind(HIDE_CURSOR)


def test_colours_are_for_terminals_and_for_those_who_want_them(served: Sandbox) -> None:
    for more, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        env = environment(served, **more)
        with terminal("tools", "GetRoute", "--quiet", env=env, results_too=True) as screen:
            assert screen.end() == (0, "")
        assert ("\x1b[" in screen.shown) is coloured


def test_a_fan_out_shows_how_far_it_is(world: World) -> None:
    with (
        Sandbox(world=world, token=TOKEN, latency=0.05) as sandbox,
        terminal("audit", "--format", "json", env=environment(sandbox)) as screen,
    ):
        screen.wait_for(" of 35 lists")
        status, output = screen.end()
    assert (status, output[0]) == (0, "{")


def test_quiet_shows_no_progress(served: Sandbox) -> None:
    with terminal("audit", "--quiet", env=environment(served)) as screen:
        status, output = screen.end()
    assert (status, screen.shown) == (0, "")
    assert output.startswith("Configuration audit")


def test_an_error_on_a_terminal_is_broken_between_words() -> None:
    with terminal("audit", "--quiet", env=environment()) as screen:
        assert screen.end() == (2, "")
    lines = screen.shown.splitlines()
    assert lines[0] == "error: No Konnect token was given."
    assert lines[1].startswith("hint: Create a personal access token")
    assert lines[2].startswith("      ")
    assert max(map(len, lines)) <= 80


def test_one_screen_tells_an_error_once(world: World) -> None:
    with Sandbox(world=world, token=TOKEN, time_scale=600, ending="timed_out") as sandbox:
        arguments = (*DEBUG, "--duration", "10", "--yes", "--quiet")
        with terminal(*arguments, env=environment(sandbox), results_too=True) as screen:
            status, _ = screen.end()
        with terminal(*arguments, env=environment(sandbox)) as beside:
            _, report = beside.end()
    assert status == 6
    assert "Performance debugging" in screen.shown
    assert "Where the time goes" in screen.shown
    told = [
        " ".join(text.split()).count("ended as timed_out") for text in (screen.shown, report, beside.shown)
    ]
    assert told == [1, 1, 1]
