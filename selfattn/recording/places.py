"""Where a module stands in its model: the part, which is its tower, and the number of its layer.

model.layers.3.self_attn                      decoder, 3: the index of the block in its list
encoder.layers.1.blocks.0.attention.self      encoder, 2: lists of lists are counted through
vision_tower.encoder.layers.0.self_attn       vision, 0: the tower whose config is the model's `vision_config`
"""

from collections.abc import Mapping
from itertools import zip_longest
from typing import Any
from weakref import WeakKeyDictionary

from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel

from selfattn.recording.modules import attends, kind_of, part_of

# Configs of these say nothing of a part: language models tell encoder and decoder by their modules.
PLAIN = ("text", "language", "llm", "encoder", "decoder", "text_encoder", "backbone")
RENAMED = {"image": "vision", "visual": "vision"}


class Places:
    """The parts and numbers of the modules of one network, by their paths: it holds none of the modules."""

    def __init__(self, root: nn.Module) -> None:
        self.parts: dict[str, str] = {}
        self.alike: dict[tuple[str, ...], list[tuple[int, ...]]] = {}  # by path, with a star for each index
        self.layers: dict[str, tuple[int, str]] = {}  # those that were asked for
        attending: dict[str, str] = {}
        decoders: set[str] = set()  # lists of layers in which some module hides the future
        models, towers, first = {}, _towers(getattr(root, "config", None)), dict[str, str]()
        for path, module in root.named_modules():
            self.alike.setdefault(_starred(path), []).append(_indices(path))
            if isinstance(module, PreTrainedModel):
                models[path] = module
            around = [each for each in _above(path) if each in models]
            named = next((name for each in around if (name := towers.get(type(models[each].config)))), "")
            base = named or part_of(path, module)
            if attends(type(module)):  # type: ignore[arg-type]  # a class hashes
                stack = _until(path, 0).rpartition(".")[0] if _indices(path) else path
                if base == "decoder":
                    decoders.add(stack)
                elif base == "encoder" and stack in decoders:  # a cross-attention hides nothing
                    base = "decoder"
                tower = next(iter(around), "")
                base = _told(base, tower, first.setdefault(base, tower))
                attending[path] = kind_of(path, module)
            self.parts[path] = base
        self.attending = frozenset(attending)
        self._tell_stacks_apart(attending)

    @classmethod
    def of(cls, names: Mapping[nn.Module, str]) -> "Places | None":
        """Those of the network with these names, made once; None where they are not all of a network's."""
        root = next(iter(names), None)
        if root is None or names[root]:
            return None
        if root not in _known:
            _known[root] = cls(root)
        return _known[root]

    def _tell_stacks_apart(self, attending: Mapping[str, str]) -> None:
        """Two lists of layers in one part, whose numbers are the same, are parts by themselves."""
        owners: dict[tuple[str, str, int], str] = {}
        later: dict[str, str] = {}
        for path, kind in attending.items():
            if _indices(path):
                stack, part = _until(path, 0).rpartition(".")[0], self.parts[path]
                owner = owners.setdefault((part, kind, self.layer(path)[0]), stack)
                if owner != stack and stack not in later and (told := _told(part, stack, owner)) != part:
                    later[stack] = told
                elif owner != stack and stack not in later:  # it has the name, and the earlier has another
                    later |= {stack: part, owner: _told(part, owner, stack)}
        for stack, part in later.items():
            self.parts |= {path: part for path in self.parts if path.startswith(f"{stack}.")}

    def layer(self, path: str) -> tuple[int, str]:
        """The number of a module's layer, and the path of the block that has it; 0 for a module that is in no list."""
        if path not in self.layers:
            self.layers[path] = self._layer(path)
        return self.layers[path]

    def of_many(self, path: str) -> bool:
        """Does a module have others like it, in the other layers of a list?"""
        return len(self.alike.get(_starred(path), [])) > 1

    def _layer(self, path: str) -> tuple[int, str]:
        own, alike = _indices(path), self.alike.get(_starred(path), [])
        if not own or not alike:
            return 0, path
        vary = [place for place in range(len(own)) if len({each[place] for each in alike}) > 1]
        if len(vary) < 2:
            place = vary[0] if vary else 0
            return own[place], _until(path, place)
        block = _until(path, vary[-1])
        return sorted(self.alike[_starred(block)]).index(_indices(block)), block


_known: "WeakKeyDictionary[nn.Module, Places]" = WeakKeyDictionary()


def _indices(path: str) -> tuple[int, ...]:
    return tuple(int(name) for name in path.split(".") if name.isdigit())


def _starred(path: str) -> tuple[str, ...]:
    return tuple("*" if name.isdigit() else name for name in path.split("."))


def _until(path: str, place: int) -> str:
    """A path as far as its index at that place among its indices."""
    names = path.split(".")
    return ".".join(names[: [at for at, name in enumerate(names) if name.isdigit()][place] + 1])


def _above(path: str) -> list[str]:
    """A path, and those of the modules around it, the nearest first."""
    names = path.split(".")
    return [".".join(names[:end]) for end in range(len(names), -1, -1)]


def _towers(config: Any, outer: str = "") -> dict[type, str]:
    """The part that each config inside a model's config is of, where it says one and no other has its class."""
    found: dict[type, str] = {}
    inside = [(key, each) for key, each in vars(config).items() if isinstance(each, PreTrainedConfig)] if config else []
    for key, each in inside:
        name = key.removesuffix("_config")
        name = "" if name in PLAIN else RENAMED.get(name, name.replace("_", " "))
        shared = type(each) is type(config) or sum(type(other) is type(each) for _, other in inside) > 1
        found |= _towers(each, name) | ({type(each): f"{outer} {name}".strip() if name else ""} if not shared else {})
    return found


def _told(base: str, tower: str, first: str) -> str:
    """The name of a part in a tower, where the first tower with parts of that name is another."""
    if tower == first:
        return base
    own, other = tower.split("."), first.split(".")
    name = next((a for a, b in zip_longest(own, other) if a != b), None) or own[-1]
    words = name.removesuffix("_model").removesuffix("_tower").replace("_", " ")
    return words if words.endswith(base) or words == "encoder" else f"{words} {base}"
