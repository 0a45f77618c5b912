"""How well a network does on what was held out."""

from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from selfattn.training.data.encoded import Encoded


@dataclass(frozen=True)
class Quality:
    """Mean loss a text or a token predicted, the share that is right, and macro F1 where there are labels."""

    loss: float
    accuracy: float
    f1: float | None


@torch.no_grad()
def held_out(network: PreTrainedModel, data: Encoded, size: int) -> Quality:
    """Measure a network on every held-out text; it is left in the mode it was in."""
    training = network.training
    network.eval()
    loss, count = 0.0, 0
    guesses, truths = [], []
    for rows in data.in_order(size):
        batch = data.batch(rows)
        output = network(**{name: tensor.to(network.device) for name, tensor in batch.items()})
        guess, truth = output.logits.argmax(-1).cpu(), batch["labels"]
        if data.labels is None:
            real = truth[:, 1:] != -100
            guess, truth = guess[:, :-1][real], truth[:, 1:][real]
        loss += output.loss.item() * len(truth)
        count += len(truth)
        guesses.append(guess)
        truths.append(truth)
    network.train(training)
    guess, truth = torch.cat(guesses), torch.cat(truths)
    accuracy = (guess == truth).float().mean().item()
    return Quality(loss / count, accuracy, None if data.labels is None else macro_f1(guess, truth))


def macro_f1(guess: Tensor, truth: Tensor) -> float:
    """The mean over the labels that occur of `F1 = 2 tp / (2 tp + fp + fn)`."""
    count = int(max(guess.max(), truth.max())) + 1
    right = torch.bincount(truth[guess == truth], minlength=count)
    either = torch.bincount(guess, minlength=count) + torch.bincount(truth, minlength=count)
    occurs = either > 0
    return (2 * right[occurs] / either[occurs]).mean().item()
