"""A step of training: the average that follows it, and words that are hidden from it."""

import pytest
import torch
from transformers import set_seed

from selfattn.models.encoder import SelfAttentionForSequenceClassification
from selfattn.training.data.encoded import without_words
from selfattn.training.fit import Descent
from selfattn.training.run.checkpoints import Counters
from selfattn.training.run.loop import _better
from selfattn.training.run.progress import Evaluation
from selfattn.training.run.settings import Settings

BATCH = {
    "input_ids": torch.tensor([[1, 7, 8, 2], [1, 9, 2, 0]]),
    "attention_mask": torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]]),
    "labels": torch.tensor([0, 1]),
}


def network() -> SelfAttentionForSequenceClassification:
    set_seed(0)
    return SelfAttentionForSequenceClassification(
        Settings(layers=1, heads=2, d_model=8, d_ff=8).config(12, ("a", "b"))
    ).train()


def test_the_average_is_that_of_a_slow_loop():
    descent = Descent(network(), steps=30, learning_rate=0.01, warm_up=0, averaging=0.6)
    slow = None
    for step in range(30):
        descent.step(BATCH)
        now = {name: weight.detach().clone() for name, weight in descent.network.named_parameters()}
        if slow is None:
            slow = now
            continue
        kept = min(0.6, (1 + step) / (10 + step))
        slow = {name: kept * slow[name] + (1 - kept) * now[name] for name in now}
    found = dict(descent.kept.named_parameters())
    for name, weight in slow.items():
        torch.testing.assert_close(found[name], weight, atol=1e-6, rtol=1e-5)
    assert not torch.equal(found["classifier.weight"], descent.network.classifier.weight)


def test_without_an_average_the_trained_network_is_kept():
    descent = Descent(network(), steps=3, learning_rate=0.01)
    assert descent.kept is descent.network


def test_words_are_hidden_by_their_share_and_no_text_is_empty():
    torch.manual_seed(0)
    batch = {"input_ids": torch.ones(200, 50, dtype=torch.long), "attention_mask": torch.ones(200, 50).long()}
    batch["attention_mask"][:, 40:] = 0
    batch["input_ids"][:, 1::2] = 2
    hidden = without_words(batch, torch.tensor([0.0, 0.1, 0.3]))
    seen = hidden["attention_mask"]
    assert seen[:, 0].all()
    assert not seen[:, 40:].any()
    assert seen[:, 1:40:2].float().mean() == pytest.approx(0.7, abs=0.03)
    assert seen[:, 2:40:2].float().mean() == pytest.approx(0.9, abs=0.03)
    assert batch["attention_mask"][:, :40].all()
    assert hidden["input_ids"] is batch["input_ids"]


def test_a_hidden_word_has_no_say():
    model = network().eval()
    with torch.no_grad():
        hidden = model(BATCH["input_ids"], torch.tensor([[1, 0, 1, 1], [1, 1, 1, 0]])).logits[0]
        other = model(torch.tensor([[1, 3, 8, 2]]), torch.tensor([[1, 0, 1, 1]])).logits[0]
    torch.testing.assert_close(hidden, other)


def measured(loss: float, accuracy: float, f1: float | None = 0.5) -> Evaluation:
    return Evaluation(1, 0.0, loss, accuracy, f1, 0.0, (), 0.0)


@pytest.mark.parametrize(
    ("found", "before", "better"),
    [
        (measured(0.9, 0.5), Counters(), True),
        (measured(0.9, 0.8), Counters(best=0.5, best_accuracy=0.7), True),
        (measured(0.4, 0.7), Counters(best=0.5, best_accuracy=0.7), True),
        (measured(0.5, 0.7), Counters(best=0.5, best_accuracy=0.7), False),
        (measured(0.1, 0.6), Counters(best=0.5, best_accuracy=0.7), False),
        (measured(0.9, 0.9, None), Counters(best=0.5, best_accuracy=0.7), False),  # of next tokens the loss is asked
        (measured(0.4, 0.1, None), Counters(best=0.5, best_accuracy=0.7), True),
    ],
)
def test_the_best_has_most_texts_right_and_of_as_many_the_smaller_loss(found, before, better):
    assert _better(found, before) is better
