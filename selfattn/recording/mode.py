"""A network in train mode is run in eval mode while it is recorded, and put back: dropout would make every run another.

A step of training that another thread makes in that moment goes without its dropout.
"""

from threading import Lock
from weakref import WeakKeyDictionary

from torch import nn

# The recordings that run through a network now, and its modules that were in train mode before the first of them.
_resting: "WeakKeyDictionary[nn.Module, tuple[int, list[nn.Module]]]" = WeakKeyDictionary()
_lock = Lock()


def rest(network: nn.Module) -> None:
    """Put into eval mode what is in train mode, until `resume`."""
    with _lock:
        runs, training = _resting.get(network, (0, []))
        if runs == 0:
            training = _in_train_mode(network)
        for module in training:
            module.training = False
        _resting[network] = runs + 1, training


def _in_train_mode(network: nn.Module) -> list[nn.Module]:
    """Those of `network.modules()`, whose own walk takes as long as a small layer does."""
    found, level = [], [network]
    while level:
        found += [module for module in level if module.training]
        level = [each for module in level for each in module._modules.values() if each is not None]
    return found


def resume(network: nn.Module) -> None:
    """Put everything back once the last recording has ended."""
    with _lock:
        runs, training = _resting.pop(network, (0, []))
        if runs > 1:
            _resting[network] = runs - 1, training
            return
        for module in training:
            module.training = True
