"""Live progress: in a terminal, in a notebook (a stand-in display), and with WORKSHOP_STATIC."""

from __future__ import annotations

import sys
import types

import pytest

from helpers import live
from helpers.live import Line, Note, Step, Tick


def work(fail: bool = False):
    yield Step("A", "waiting", "thing")
    yield Step("B", "waiting", "thing")
    yield Note("Something to know.")
    yield Step("A", "CREATE_IN_PROGRESS", "thing")
    yield Tick()
    yield Line("log line")
    yield Step("A", "CREATE_COMPLETE", "thing")
    yield Note("Something to know.")
    if fail:
        raise ValueError("broken")
    return "result"


@pytest.fixture
def notebook(monkeypatch):
    """An IPython with a kernel that records what it is asked to display."""
    shown: list[tuple[str, str]] = []

    class Handle:
        def update(self, thing):
            shown.append(("update", str(thing)))

    def display(thing, display_id=None):
        shown.append(("display", str(thing)))
        return Handle() if display_id else None

    fake = types.ModuleType("IPython")
    fake.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    fake.display = types.ModuleType("IPython.display")
    fake.display.display = display
    monkeypatch.setitem(sys.modules, "IPython", fake)
    monkeypatch.setitem(sys.modules, "IPython.display", fake.display)
    return shown


def test_a_terminal_gets_a_line_for_each_thing_that_happens(capsys):
    assert live.draw(work(), "Working") == "result"
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines] == ["Working", "know.", "thing", "line", "thing"]
    assert "CREATE_IN_PROGRESS" in lines[2] and "CREATE_COMPLETE" in lines[4]


def test_a_notebook_gets_one_display_updated_in_place(notebook, monkeypatch):
    monkeypatch.setattr(live, "SECONDS_BETWEEN_UPDATES", 0)
    live.draw(work(), "Working")
    assert [kind for kind, _ in notebook] == ["display"] + ["update"] * 9
    last = notebook[-1][1]
    assert "CREATE_COMPLETE" in last and "log line" in last and last.count("Something to know.") == 1


def test_updates_are_held_back_but_the_last_is_always_drawn(notebook):
    live.draw(work(), "Working")
    assert [kind for kind, _ in notebook] == ["display", "update"]
    assert "CREATE_COMPLETE" in notebook[-1][1]


def test_the_last_drawing_has_no_times_and_nothing_that_never_began(notebook):
    live.draw(work(), "Working")
    assert "0 s" in notebook[0][1]
    assert " s" not in notebook[-1][1].splitlines()[0]
    assert "B" not in [line.split()[0] for line in notebook[-1][1].splitlines()]


def test_static_shows_only_the_end(notebook, monkeypatch):
    monkeypatch.setenv("WORKSHOP_STATIC", "1")
    live.draw(work(), "Working")
    assert [kind for kind, _ in notebook] == ["display"]
    assert "CREATE_COMPLETE" in notebook[0][1]


def test_what_led_to_a_failure_is_drawn_before_it_is_raised(notebook):
    with pytest.raises(ValueError, match="broken"):
        live.draw(work(fail=True), "Working")
    assert "CREATE_COMPLETE" in notebook[-1][1]


def test_a_pause_ticks_and_ends():
    assert list(live.pause(0)) == []
    assert {type(event) for event in live.pause(0.01)} == {Tick}


def test_what_was_only_of_interest_meanwhile_is_gone_at_the_end():
    progress = live.Progress("Working", ("", "", "Status", ""))
    progress.add(Note("Waiting for it.", passing=True))
    progress.add(Note("It is large."))
    assert "Waiting for it." in str(progress)
    progress.finished = True
    assert "Waiting for it." not in str(progress)
    assert "It is large." in str(progress)
