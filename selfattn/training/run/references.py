"""What a run's quality is compared with: always the same answer, and a bag of words."""

from torch import Tensor

from selfattn.training.data import encoded
from selfattn.training.data.encoded import Encoded
from selfattn.training.run.run import Run


def majority(data: Encoded) -> float:
    """The share of held-out texts that is right if the answer is always the most frequent one in training.

    For next-token prediction it is the share of tokens, each after the first of its text.
    """
    answer = _answers(data, held_out=False).bincount().argmax()
    return (_answers(data, held_out=True) == answer).float().mean().item()


def _answers(data: Encoded, held_out: bool) -> Tensor:
    if data.labels is not None:
        return data.labels[data.held_out == held_out]
    nexts = data.held_out.repeat_interleave(data.lengths) == held_out
    nexts[data.starts[:-1]] = False
    return data.ids[nexts].long()


def bag_of_words(run: Run) -> float:
    """The held-out accuracy of logistic regression on the words of the same texts, as far as the network reads them.

    Raises ValueError where scikit-learn is missing, or the run has no labels.
    """
    from selfattn.training.run import baseline

    data, tokenizer = encoded.read(run.data), run.tokenizer()
    if data.labels is None:
        raise ValueError("A bag of words predicts labels; this run predicts the next token.")
    sides = []
    for held_out in (False, True):
        rows = data.rows(held_out)
        texts = tokenizer.batch_decode([data.text(row) for row in rows.tolist()], skip_special_tokens=True)
        sides.append((texts, data.labels[rows].tolist()))
    return baseline.bag_of_words(*sides)
