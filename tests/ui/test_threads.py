"""However a computation ends, PyTorch has as many threads after it as before, and nobody else has fewer meanwhile."""

import re
from threading import Barrier, Thread

import pytest
import torch
from streamlit.runtime.scriptrunner import RerunData, RerunException

from selfattn.places import HOME
from selfattn.threads import threads
from selfattn.ui import steps


@pytest.fixture(autouse=True)
def usual():
    """Three threads: a number that nothing here asks for."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield 3
    torch.set_num_threads(before)


def of_a_new_thread() -> int:
    found: list[int] = []
    thread = Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return found[0]


def test_the_number_is_of_the_block_and_of_this_thread_alone():
    with threads(1):
        assert torch.get_num_threads() == 1
        assert of_a_new_thread() == 3
    assert (torch.get_num_threads(), of_a_new_thread()) == (3, 3)


def test_none_leaves_it():
    with threads(None):
        assert torch.get_num_threads() == 3


def test_two_whose_blocks_overlap():
    inside, left = Barrier(2), Barrier(2)
    found = []

    def first():
        with threads(1):
            inside.wait(10)
        left.wait(10)

    def second():
        with threads(2):
            inside.wait(10)
            left.wait(10)
            found.append(torch.get_num_threads())
        found.append(torch.get_num_threads())

    both = [Thread(target=act) for act in (first, second)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert (found, of_a_new_thread()) == ([2, 3], 3)


@pytest.mark.parametrize("ending", [RuntimeError("a layer broke"), RerunException(RerunData())])
def test_a_step_that_breaks_or_is_left_leaves_no_trace(ending):
    """A reader who clicks elsewhere ends it by Streamlit's own exception."""

    def broken():
        yield 0, torch.get_num_threads()
        raise ending

    done = {}
    with pytest.raises(type(ending)):
        steps.walk(broken(), done, 2, "a name", "steps")
    assert done == {0: 1}
    assert (torch.get_num_threads(), of_a_new_thread()) == (3, 3)


def test_nobody_else_sets_the_number():
    """But the scripts that made the specimens, which have a process of their own."""
    files = [file.relative_to(HOME) for file in (HOME / "selfattn").rglob("*.py")]
    setting = {str(file) for file in files if re.search(r"set_num_threads", (HOME / file).read_text())}
    assert {file for file in setting if "specimens" not in file} == {"selfattn/threads.py"}
