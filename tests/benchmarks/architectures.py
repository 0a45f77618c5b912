"""Is what is recorded what the model computed? One row for each of many tiny random networks; differences are largest.

python -m tests.benchmarks.architectures
python -m tests.benchmarks.architectures --all       every model type of Transformers: see `reach.py`

    weights    from the network's own eager `output_attentions`, float32; a batch of two, the second padded on the right
    left       the same, padded on the left, where a causal network generates from such texts
    output     is it bit-identical while recording, in float32, float16 and bfloat16?
    float16    contexts recomputed in float32 from those that the network used, as a share of the largest of them
    edits      how many kinds of edit run, and how far the output is from that of a slow loop in float64
"""

import math
import sys
import warnings

import torch
import transformers as hf

from tests.tools import exactness, tiny


def of_edits(name: str) -> str:
    """How many kinds of edit run, how far they are from the slow loop, and the sentence of each that is refused."""
    found = exactness.edit_differences(name)
    differences = [each for each in found.values() if isinstance(each, float)]
    far = "no slow loop" if math.isnan(sum(differences)) else f"{max(differences):.1g}"
    refused = [f"\n    {label}: {each}" for label, each in found.items() if isinstance(each, str)]
    return "".join([f"{len(differences)} of {len(found)}, {far}", *refused])


def row(name: str) -> str:
    """What is measured of one architecture."""
    whole = exactness.measure(name)
    left = exactness.measure(name, "left") if name in tiny.DECODERS else None
    halves = [exactness.measure(name, dtype=dtype) for dtype in (torch.float16, torch.bfloat16)]
    silent = all(each.silent for each in [whole, *halves] + ([left] if left else []))
    kinds = [call.kind for call in whole.calls]
    return (
        f"{name:<18}{whole.door:<23}{kinds.count('self'):>4} + {kinds.count('cross'):<4}{whole.weights:>9.1e}"
        f"{f'{left.weights:.1e}' if left else '-':>9}  {'identical' if silent else 'CHANGED':<11}"
        + "".join(f"{each.context:<10.1e}" for each in halves)
        + of_edits(name)
    )


if __name__ == "__main__":
    if "--all" in sys.argv:
        from tests.benchmarks import reach

        reach.main([each for each in sys.argv[1:] if each != "--all"])
        sys.exit()
    torch.set_num_threads(1)
    hf.logging.set_verbosity_error()
    # WavLM hands PyTorch a mask of booleans and a bias of numbers.
    warnings.filterwarnings("ignore", "Support for mismatched key_padding_mask")
    names = sys.argv[1:] or [*tiny.FAMILIES]
    print(
        f"{'architecture':<18}{'door':<23}{'self + cross':<13}{'weights':>7}{'left':>9}  "
        f"{'output':<11}{'float16':<10}{'bfloat16':<10}edits"
    )
    for name in names:
        print(row(name), flush=True)
    print(f"{len(names)} architectures, {len(exactness.EDITS)} kinds of edit.")
