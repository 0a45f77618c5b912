"""The processor beside a model's weights, which makes tensors of pictures, of sounds, and of texts with pictures."""

from collections.abc import Mapping
from typing import Any

from transformers import AutoFeatureExtractor, AutoImageProcessor, AutoProcessor, PreTrainedModel
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING
from transformers.utils import is_torchvision_available

from selfattn.models.answers.tasks import task_of
from selfattn.models.errors import first_line
from selfattn.models.inputs.given import main_input


def processor_in(network: PreTrainedModel, place: Mapping[str, Any]) -> tuple[Any | None, str]:
    """What makes tensors of what the network reads beside texts, or None with what was wrong with its files."""
    try:
        if "illustrated" in task_of(network).reads:
            return _of_both(network, place), ""
        match main_input(network):
            case "pixel_values":
                return _of_pictures(place), ""
            case "input_values" | "input_features":
                return AutoFeatureExtractor.from_pretrained(**place, trust_remote_code=False), ""
    except Exception as error:  # said when the model is given a picture or a sound
        # A file that is missing needs no other word than that.
        missing = isinstance(error, OSError) and "JSON" not in str(error)
        return None, "" if missing else first_line(error)
    return None, ""


def _of_pictures(place: Mapping[str, Any]) -> Any:
    """The image processor that makes the same numbers with torchvision and without."""
    return AutoImageProcessor.from_pretrained(**place, trust_remote_code=False, backend="pil")


def _of_both(network: PreTrainedModel, place: Mapping[str, Any]) -> Any | None:
    try:
        processor = AutoProcessor.from_pretrained(**place, trust_remote_code=False)
    except Exception:
        kind = PROCESSOR_MAPPING.get(type(network.config), None)
        if kind is None or is_torchvision_available() or kind.get_attributes()[-1] != "video_processor":
            raise
        processor = without_video(kind).from_pretrained(**place, trust_remote_code=False)
    if not hasattr(processor, "image_processor") or not hasattr(processor, "tokenizer"):
        return None  # a tokenizer alone: nothing was saved that reads pictures
    processor.image_processor = _of_pictures(place)
    return processor


def without_video(kind: Any) -> Any:
    """The class of a processor, but for the part of it that reads videos, its last, which needs torchvision."""

    class Still(kind):
        @classmethod
        def get_attributes(cls) -> list[str]:
            return [each for each in super().get_attributes() if each != "video_processor"]

        @classmethod
        def _get_arguments_from_pretrained(cls, *place: Any, **named: Any) -> list[Any]:
            return [*super()._get_arguments_from_pretrained(*place, **named), None]

    Still.__name__ = kind.__name__
    return Still
