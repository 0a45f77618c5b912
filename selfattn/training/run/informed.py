"""Where word vectors begin: not at random alone, but with what the labels of the training texts say of each word."""

import torch
from jaxtyping import Float
from torch import Tensor

from selfattn.training.data.encoded import Encoded


def log_ratios(data: Encoded, vocabulary: int, labels: int) -> Float[Tensor, "label token"]:
    """How much more often a token is in the training texts of a label than in those of the others, as a logarithm.

    `r = log(p / sum(p)) - log(q / sum(q))`, where p is one more than the texts of the label that have the token, and q
    the same of the other texts (Wang and Manning, "Baselines and bigrams", 2012). Held-out texts have no say.
    """
    assert data.labels is not None
    counts = torch.zeros(labels, vocabulary)
    for row in data.rows(held_out=False).tolist():
        counts[data.labels[row], data.text(row).unique()] += 1
    own, others = 1 + counts, 1 + counts.sum(0) - counts
    return (own / own.sum(1, keepdim=True)).log() - (others / others.sum(1, keepdim=True)).log()


def inform(table: Float[Tensor, "token d"], ratios: Float[Tensor, "label token"], generator: torch.Generator) -> None:
    """Add each label's ratios to the word vectors, along a direction of its own that a layer norm lets through."""
    directions = torch.randn(len(ratios), table.shape[1], generator=generator)
    directions -= directions.mean(1, keepdim=True)
    directions /= directions.norm(dim=1, keepdim=True)
    with torch.no_grad():
        table += ratios.T @ directions
