"""While all tests run, functions of arrays have their shapes checked, and only those."""

import pytest
import torch
from jaxtyping import TypeCheckError

from selfattn.maths.similarity import dot
from selfattn.recording.call import Call
from selfattn.recording.edits import Setting
from tests.conftest import is_quick


@pytest.fixture(autouse=True)
def _whole(pytestconfig):
    if is_quick(pytestconfig):
        pytest.skip("the quick tests run without these checks")


def test_a_key_of_another_width_is_seen():
    with pytest.raises(TypeCheckError, match="key"):
        dot(torch.zeros(3, 5), torch.zeros(7, 11))


def test_what_takes_no_array_is_let_go():
    assert Call.shape.fget.__no_type_check__
    assert Setting.of.__func__.__no_type_check__
    assert not hasattr(dot, "__no_type_check__")
