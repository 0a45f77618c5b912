"""The second door into attention: for models that compute it themselves, outside Transformers' interface.

While one of their attention modules runs, every tensor operation passes through here. A product of two tensors that
is scaled, biased and masked and then meets a softmax is recognised by those operations alone; the product of the
weights and the values is where the call is recorded, and where an edit puts its own context in place of the model's.
The model's operations do the work: with no edit the output is bit-identical to the model's without us.
"""

from collections.abc import Callable
from dataclasses import replace
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from selfattn.recording.known import Known
from selfattn.recording.products import PRODUCTS, Product
from selfattn.recording.refused import RefusedError
from selfattn.recording.scores import (
    Factor,
    Scores,
    compact,
    factor_of,
    forbids,
    multiplied_by,
    number,
    split,
    tensors_in,
)

# These leave all numbers as they are, in another shape or type.
RESHAPES = {"view", "reshape", "view_as", "unsqueeze", "squeeze", "flatten", "unflatten", "contiguous", "clone"}
RESHAPES |= {"to", "float", "type", "type_as", "dropout", "expand", "expand_as"}
TURNS = {"permute", "transpose", "swapaxes", "movedim"}
HEAD_COUNTS = ("num_attention_heads", "num_heads", "n_heads", "n_head", "num_attn_heads")
# These never scale, by design.
UNSCALED = {"GPTNeoSelfAttention"}
UNRECOGNISED = "no softmax of products of queries and keys"
# What is no tensor, and holds none.
NUMBERS = (int, float, torch.Size, torch.dtype, torch.device)
# A softmax of something else than scores; weights of nobody.
FOREIGN = object()


class Watch(TorchFunctionMode):
    """The tensor operations of the attention modules of one forward pass, followed from the product to the context."""

    def __init__(self, recorder: Any) -> None:
        super().__init__()
        self.recorder = recorder  # of the first door: it takes the calls of both
        self.inside: list[nn.Module] = []
        self.recorded = 0  # calls before the outermost module began
        self.idle = True  # no operation ran since: it was given nothing to attend to
        self.waiting: set[object] = set()  # softmaxes whose product with the values is still to come
        self.known = Known()
        self.splits = Known()

    def enter(self, module: nn.Module) -> None:
        """An attention module begins."""
        if not self.inside:
            self.recorded, self.idle = self.recorder.count, True
            self.__enter__()
        self.inside.append(module)

    def leave(self, finished: bool) -> None:
        """An attention module ends, or breaks off. Raises ValueError where nothing of it could be recorded."""
        module = self.inside.pop()
        if self.inside:
            return
        self.__exit__(None, None, None)
        self.known.clear()
        self.splits.clear()
        waiting, self.waiting = self.waiting, set()
        if finished and (waiting or self.recorder.count == self.recorded) and not self.idle:
            raise _refusal(module, f"{UNRECOGNISED}, times values, is recognised in its operations")

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, arguments: tuple[Any, ...] = (), keywords: Any = None
    ) -> Any:
        self.idle, keywords = False, keywords or {}
        name: str = getattr(function, "__name__", "")
        if name == "multi_head_attention_forward" and not self.recorder.busy:
            return self._many_heads(function, arguments, keywords)
        output = function(*arguments, **keywords)
        # A size, say: most of what a module asks for.
        if isinstance(output, NUMBERS) or self.recorder.busy:
            return output
        if name == "scaled_dot_product_attention":
            return self._fused(output, *arguments, **keywords)
        name = name if name.endswith("__") else name.removesuffix("_")  # `add_` is `add`, in place
        product = Product.of(name, output, arguments, keywords) if name in PRODUCTS else None
        if product is not None:
            self._multiplied(product, output)
        elif name == "softmax":
            self._normalised(output, *arguments, **keywords)
        else:
            self._follow(name, output, arguments, keywords)
        return output

    def _multiplied(self, product: Product, output: Tensor) -> None:
        """Queries times keys begin scores; weights times values end a call."""
        node, other = self.known.get(product.left), self.known.get(product.right)
        if node is FOREIGN:
            raise _refusal(self.inside[-1], f"{UNRECOGNISED} is recognised in its weights")
        if isinstance(other, Scores) and other.softmax is not None:
            raise _refusal(self.inside[-1], "its weights are multiplied from the left")
        if isinstance(node, Scores):
            if node.softmax is not None:
                self._context(node.turned(product.left_axes), product)
            return
        left, right = product.operands
        factors = factor_of(node), factor_of(other)
        scores = Scores.of(left, right, self._heads(), *factors)
        if scores is None:
            return
        scores = scores.times(product.alpha)
        if product.added is not None:
            scores = scores.plus(*self._split(product.added, scores))
        self.known[output] = scores.turned(product.back_axes)

    def _normalised(self, output: Tensor, scores: Tensor, dim: int | None = None, *_: Any, **__: Any) -> None:
        node = self.known.get(scores)
        if isinstance(node, Scores) and node.softmax is None and node.settled and dim in (-1, scores.dim() - 1):
            self.known[output] = weights = replace(node, softmax=object())
            self.waiting.add(weights.softmax)
        else:
            self.known[output] = FOREIGN

    def _context(self, weights: Scores, product: Product) -> None:
        if weights.softmax not in self.waiting:
            raise _refusal(self.inside[-1], "its weights meet more than one set of values")
        self.waiting.remove(weights.softmax)
        self._record(weights, product.operands[1], product.result, causal=False)

    def _many_heads(self, function: Any, arguments: tuple[Any, ...], keywords: Any) -> Any:
        """PyTorch's own attention, whose operations are followed like any other's."""
        if isinstance(self.inside[-1], nn.MultiheadAttention) and arguments[0] is arguments[1]:
            raise _refusal(self.inside[-1], "where nobody looks, PyTorch computes it by a function of another order")
        # It hands itself to whoever watches before it begins: here it must not, or it would never begin.
        names = {**function.__globals__, "has_torch_function": lambda _: False}
        body = FunctionType(function.__code__, names, function.__name__, function.__defaults__)
        with self:
            return body(*arguments, **keywords)

    def _fused(
        self,
        output: Tensor,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> Tensor:
        factors = (factor_of(self.known.get(each)) for each in (query, key))
        scores = Scores.of(query, key.transpose(-1, -2), self._heads(), *factors)
        if scores is None or enable_gqa:
            raise _refusal(self.inside[-1], "the axes of its queries do not tell which are heads")
        scores = scores.times(query.shape[-1] ** -0.5 if scale is None else scale)
        queries, keys = scores.shape[2:]
        if is_causal and queries != keys:
            attn_mask, is_causal = torch.ones(queries, keys, dtype=torch.bool, device=query.device).tril(), False
        if attn_mask is not None:
            boolean = attn_mask.dtype == torch.bool
            added = (None, self._kept(attn_mask, scores, False)) if boolean else self._split(attn_mask, scores)
            scores = scores.plus(*added)
        self._record(scores, value, output, causal=is_causal)
        return output

    def _record(self, scores: Scores, value: Tensor, output: Tensor, **rest: Any) -> None:
        """Make the call, and write what edits make of it into the model's own context."""
        module = self.inside[-1]
        query, key, value = scores.query, scores.key, scores.canonical(value)
        native = scores.canonical(output).transpose(1, 2)
        if key.shape[1] != value.shape[1]:
            key, value = (each.expand(-1, scores.heads, -1, -1) for each in (key, value))
        scales = tuple((scores.scale * scores.on_query * scores.on_key).tolist())
        # A scale that is nowhere to be seen may be in the projection: only some models are known to have none.
        told = scales != (1.0,) or type(module).__name__ in UNSCALED
        call = self.recorder.call(
            module,
            query,
            key,
            value.expand(query.shape[0], *value.shape[1:]),
            scale=sum(scales) / len(scales),
            head_scales=scales if len(scales) > 1 else None,
            prescale=scores.on_query if told else None,
            mask=scores.keep,
            position_bias=scores.bias,
            **rest,
        )
        context = self.recorder.attend(call, lambda: native)
        if native.untyped_storage().data_ptr() != output.untyped_storage().data_ptr():
            raise _refusal(module, "the axes of its context lie in an order into which no edit can be written")
        if context is not native:
            native.copy_(context)

    def _follow(self, name: str, output: Any, arguments: tuple[Any, ...], keywords: Any) -> None:
        """Any other operation: what is known of its result, by what is known of what went in."""
        nodes = self.known.among(arguments)
        if not nodes and name not in ("mul", "div"):
            return  # what is made of unknown tensors is new, and unknown
        node: Any = None
        if not nodes:
            if isinstance(output, Tensor) and output.is_floating_point():
                node = multiplied_by(name, arguments)
        elif any(isinstance(each, Scores) for each in nodes):
            node = self._step(name, output, arguments, keywords)
            if node is None:
                node = self._left(name, output, [each for each in nodes if isinstance(each, Scores) and each.softmax])
        elif FOREIGN in nodes:
            if name in PRODUCTS:
                raise _refusal(self.inside[-1], f"{UNRECOGNISED} is recognised in its weights")
            node = None if name == "linear" else FOREIGN
        elif name in RESHAPES | TURNS:
            node = nodes[0]
        elif isinstance(nodes[0], Factor) and name in ("mul", "div"):
            more = multiplied_by(name, arguments)
            node = None if more is None else Factor(nodes[0].factor * more.factor)
        elif name in ("add", "sub") and len(nodes) == len(tensors_in(arguments)) and len(set(nodes)) == 1:
            node = nodes[0] if isinstance(nodes[0], Factor) else None  # both were scaled alike
        if isinstance(output, Tensor) and node is not None:
            self.known[output] = node
        else:
            self.known.drop(arguments[0] if name == "__setitem__" else output)

    def _left(self, name: str, output: Any, weights: list[Scores]) -> Any:
        """Weights that leave their way to the values: too early, or once they have met them, to be shown or so."""
        numbers = any(each.is_floating_point() for each in tensors_in((output,)))
        if not weights or not (numbers or name == "__setitem__"):
            return None
        if any(each.softmax in self.waiting for each in weights):
            raise _refusal(self.inside[-1], f"its weights pass through {name!r} before they meet the values")
        return FOREIGN

    def _step(self, name: str, output: Any, arguments: tuple[Any, ...], keywords: Any) -> Scores | None:
        """One operation on scores, or on weights; None where it is none of those known."""
        if not isinstance(output, Tensor):
            return None
        found = ((i, node) for i, each in enumerate(arguments) if isinstance(node := self.known.get(each), Scores))
        place, node = next(found, (0, None))
        if node is None:
            return None
        if name in RESHAPES:
            return node.viewed(output.shape)
        if name in TURNS:
            return replace(node, layout=getattr(node.layout, name)(*arguments[1:], **keywords))
        if output.shape != node.layout.shape or len(arguments) < 2:
            return None
        other: Any = arguments[1 - place] if place < 2 else None
        if node.softmax is not None:
            zeros = name == "masked_fill" and number(arguments[2]) == 0
            return node if zeros and node.forbidden(self._kept(other, node, hidden=True)) else None
        constant = number(other)
        match name:
            case "mul":
                return node.times(constant) if constant is not None else node.times_each(other)
            case "div" if place == 0:
                return node.times(1 / constant) if constant is not None else node.times_each(1 / other)
            case "add" | "sub" if place == 0 or name == "add":
                if "alpha" in keywords:
                    return None
                return node.plus(*self._split(other, node, -1 if name == "sub" else 1))
            case "masked_fill" if forbids(arguments[2]):
                return node.plus(None, self._kept(other, node, hidden=True))
            case "where" if place > 0 and forbids(arguments[3 - place]):
                return node.plus(None, self._kept(arguments[0], node, hidden=place == 2))
            case "max" | "maximum" | "clamp" | "clip" if forbids(other):
                return node
        return None

    def _split(self, term: Any, scores: Scores, sign: int = 1) -> tuple[Tensor | None, Tensor | None]:
        """What is added to scores, as a bias and a mask: done once for a tensor that many layers share."""
        if not isinstance(term, Tensor):
            return split(torch.full((1, 1, 1, 1), sign * float(term), device=scores.left.device))
        return self._once(term, (scores, sign), lambda: split(scores.canonical(term if sign == 1 else -term)))

    def _kept(self, mask: Tensor, scores: Scores, hidden: bool) -> Tensor | None:
        return self._once(mask, (scores, hidden), lambda: compact(scores.canonical(~mask if hidden else mask)))

    def _once(self, tensor: Tensor, how: tuple[Scores, Any], make: Callable[[], Any]) -> Any:
        scores, which = how
        key = (scores.layout.shape, scores.layout.stride(), which, tensor._version if not tensor.is_inference() else 0)
        if tensor not in self.splits:
            self.splits[tensor] = {}
        known = self.splits.get(tensor)
        if key not in known:
            known[key] = make()
        return known[key]

    def _heads(self) -> int | None:
        for module in reversed(self.inside):
            for name in HEAD_COUNTS:
                if isinstance(found := getattr(module, name, None), int):
                    return found
        return None


def _refusal(module: nn.Module, reason: str) -> RefusedError:
    return RefusedError(f"The attention of {type(module).__name__} cannot be recorded exactly: {reason}.")
