"""Which class of Transformers, or of this package, a checkpoint is opened with."""

from typing import Any

import transformers as hf
from transformers.models.auto import modeling_auto as auto
from transformers.utils import DummyObject, requires_backends

from selfattn.models import encoder  # registers the local model with the Auto classes, too


def class_of(config: Any) -> Any:
    """The class that the checkpoint was saved from, if Transformers or this package has it; else its base model.

    The name comes from a file: what it names must be a network that is made from such a config. Raises ImportError
    where a library that it needs is not installed.
    """
    named = next(iter(config.architectures or ()), None)
    for home in (encoder, hf):
        kind = getattr(home, named, None) if isinstance(named, str) and named.isidentifier() else None
        if isinstance(kind, DummyObject):  # a library that it needs is not installed
            requires_backends(kind, kind._backends)
        if isinstance(kind, type) and issubclass(kind, hf.PreTrainedModel) and _reads(kind, config):
            return kind
    return auto.AutoModel


def _reads(kind: type[hf.PreTrainedModel], config: Any) -> bool:
    """Is such a network made from such a config? Some types have no network of their own, and are another's."""
    wanted: Any = kind.config_class
    if isinstance(wanted, type) and isinstance(config, wanted):
        return True
    listed = (names.get(config.model_type, ()) for key, names in vars(auto).items() if key.endswith("_MAPPING_NAMES"))
    return any(kind.__name__ in ([each] if isinstance(each, str) else each) for each in listed)
