"""What the browser is told of a prediction: of a number without a bar, what it was before a change, in words."""

import pytest
import torch
import transformers as hf

import selfattn
from selfattn import Ablate, Illustrated, Model, Picture
from selfattn.canvas.prediction import prediction_of
from selfattn.figures.scenes import scene
from tests.tools import illustrated, made, tiny


@pytest.mark.parametrize("outputs", [1, 2])
def test_a_score_says_what_it_was_before_a_change(outputs):
    torch.manual_seed(5)
    config = hf.BertConfig(**tiny.SMALL, num_labels=outputs, initializer_range=0.6, problem_type="regression")
    model = Model.wrap(hf.BertForSequenceClassification(config), made.word_level())
    before, after = (selfattn.trace(model, "the cat sat", edits) for edits in ((), Ablate(layers={0})))
    logits = before.model.network(**before.inputs).logits[0]
    told = prediction_of(before, after)
    was = {row["name"]: f"{logits[row['id']].item():.3f}".replace("-", "−") for row in told["rows"]}
    assert told["note"] == f"Before the change: {', '.join(f'{name} {number}' for name, number in was.items())}."
    assert not told["bars"]
    assert "a number, and no probability" in prediction_of(before, None)["note"]


def test_of_two_texts_one_is_looked_into_and_of_a_text_and_a_picture_both(tmp_path, minilm):
    network = illustrated.folder(tmp_path, "clip")
    both = selfattn.trace(str(network), Illustrated("the cat", Picture(scene("house"))))
    told = prediction_of(both, None)
    assert (told["title"], "the first text" in told["note"]) == ("Text and picture", False)
    told = prediction_of(selfattn.trace(minilm, selfattn.Pair("A cat.", "A dog.")), None)
    assert (told["title"], "the first text" in told["note"]) == ("The two texts", True)
