"""The program that measures at full size, on a GPU, is known to run before there is one: here at tiny sizes."""

import pytest
import torch

from tests.benchmarks import gpu

ROWS = """
    recording, GPT-2 / recording, Llama / its memory above the plain pass / second door, DeBERTa-v2
    temperature, GPT-2 / scale, Llama / window, GPT-2 / cosine, Llama / zeros in one head / mean in one head
    overview, N = / overview, causal, N = / its difference from the bare / trace, Llama
    exactness, float32 / exactness, bfloat16 / weights of 8 bits / weights of 4 bits
"""


@pytest.fixture
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("_one_thread")
def test_each_row_of_the_table_comes(capsys):
    rows = gpu.main(["--tiny", "recording", "edits", "long", "exactness", "bits"])
    printed = capsys.readouterr().out
    for start in ROWS.replace("\n", "/").split("/"):
        assert any(row.strip().startswith(start.strip()) for row in rows), start
    assert "3 of 3" in printed
    assert all(row in printed for row in rows)


@pytest.mark.slow
def test_training_has_its_row():
    assert gpu.main(["--tiny", "training"])[0].startswith("training")
