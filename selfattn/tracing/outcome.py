"""What a pass came to, where no call of it is kept."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from selfattn.models.answers.predictions import Prediction


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one version of a pass came to, as `Trace` has it."""

    prediction: Prediction | None
    output: Float[Tensor, "token d"] | None  # the last layer's, of a model without a head
