"""Tiny models that read pictures, most of them with a text, each saved with a processor of its own."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers as hf
from PIL import Image
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from selfattn import Picture
from selfattn.models.loading.processors import without_video
from tests.tools.made import SPECIAL, WORDS
from tests.tools.tiny import GROUPED, PICTURE, SMALL

# What stands in the vocabulary for pictures, by their names in the processors.
MARKS = {
    "image_token": "<image>",
    "boi_token": "<boi>",
    "eoi_token": "<eoi>",
    "fake_image_token": "<fake_token_around_image>",
    "global_image_token": "<global-img>",
    "end_of_utterance_token": "<end_of_utterance>",
    "vision_start_token": "<|vision_start|>",
    "vision_end_token": "<|vision_end|>",
}
CELLS = [f"<row_{row}_col_{column}>" for row in range(1, 4) for column in range(1, 4)]
COLOURS: dict[str, Any] = {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.5, 0.25, 0.2]}
SQUARE: dict[str, Any] = COLOURS | {"size": {"height": 12, "width": 12}}
TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }} {% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image> {% else %}{{ part['text'] }} {% endif %}{% endfor %}{% endfor %}"
    "{% if add_generation_prompt %}assistant {% endif %}"
)
DECODER = GROUPED | {"bos_token_id": 1, "eos_token_id": 2}
TEXT = "the cat sat on the mat"


def picture(width: int = 40, height: int = 28, seed: int = 7) -> Picture:
    """A picture of random colours."""
    drawn = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(drawn).save(file, "PNG")
    return Picture(file.getvalue(), "it.png")


def words(image_token: str = "<image>", ends: bool = False) -> PreTrainedTokenizerFast:
    """A few lower-cased words and the marks that stand around pictures; `ends`: as a text tower of CLIP wants it."""
    marks = MARKS | {"image_token": image_token}
    listed = [*SPECIAL.values(), *WORDS, "user", "assistant", *marks.values(), *CELLS]
    vocabulary = {word: index for index, word in enumerate(listed)}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    begin, end = "[CLS]", "[SEP]"
    made.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}" if ends else f"{begin} $A",
        special_tokens=[(name, vocabulary[name]) for name in (begin, end)],
    )
    own = {"bos_token": begin, "eos_token": end}
    made_of = PreTrainedTokenizerFast(tokenizer_object=made, **SPECIAL, **own, extra_special_tokens=marks)
    made_of.add_special_tokens({"additional_special_tokens": CELLS}, replace_extra_special_tokens=False)
    return made_of


def folder(place: Path, name: str) -> Path:
    """A tiny model of that name, saved with its processor."""
    torch.manual_seed(7)
    network, processor = MADE[name]()
    with torch.no_grad():
        for path, parameter in network.named_parameters():
            if parameter.dim() > 1 and "backbone" not in path:  # so large that its attention is far from uniform
                parameter.normal_(std=0.25)
    network.save_pretrained(place)
    processor.save_pretrained(place)
    return place


def _clip() -> tuple[Any, Any]:
    text = SMALL | {"max_position_embeddings": 64, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    config = hf.CLIPConfig(text_config=text, vision_config=PICTURE, projection_dim=16)
    own = hf.CLIPImageProcessorPil(size={"shortest_edge": 12}, crop_size={"height": 12, "width": 12}, **COLOURS)
    return hf.CLIPModel(config), hf.CLIPProcessor(own, words(ends=True))


def _siglip() -> tuple[Any, Any]:
    text = SMALL | {"max_position_embeddings": 16, "projection_size": 32}
    config = hf.SiglipConfig(text_config=text, vision_config=PICTURE)
    return hf.SiglipModel(config), hf.SiglipProcessor(hf.SiglipImageProcessorPil(**SQUARE), words(ends=True))


def _llava() -> tuple[Any, Any]:
    tokenizer = words()
    config = hf.LlavaConfig(
        text_config=hf.LlamaConfig(**DECODER),
        vision_config=hf.CLIPVisionConfig(**PICTURE),
        image_token_index=tokenizer.image_token_id,
        image_seq_length=9,
    )
    own = hf.CLIPImageProcessorPil(size={"shortest_edge": 12}, crop_size={"height": 12, "width": 12}, **COLOURS)
    how = {"patch_size": 4, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1}
    processor = hf.LlavaProcessor(own, tokenizer, chat_template=TEMPLATE, **how)
    return hf.LlavaForConditionalGeneration(config), processor


def _qwen2_5_vl() -> tuple[Any, Any]:
    tokenizer = words("<|image_pad|>")
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|video_pad|>"]}, replace_extra_special_tokens=False)
    marks = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("vision_start", "vision_end")}
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 1e4}
    config = hf.Qwen2_5_VLConfig(
        text_config=DECODER | {"rope_parameters": rope},
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "num_heads": 4,
            "intermediate_size": 40,
            "out_hidden_size": 32,
            "patch_size": 4,
            "window_size": 16,
            "fullatt_block_indexes": [1],
        },
        image_token_id=tokenizer.image_token_id,
        video_token_id=tokenizer.convert_tokens_to_ids("<|video_pad|>"),
        **marks,
    )
    own = hf.Qwen2VLImageProcessorPil(patch_size=4, min_pixels=64, max_pixels=4000, **COLOURS)
    template = TEMPLATE.replace("<image>", "<|vision_start|><|image_pad|><|vision_end|>")
    processor = without_video(hf.Qwen2_5_VLProcessor)(own, tokenizer, None, chat_template=template)
    return hf.Qwen2_5_VLForConditionalGeneration(config), processor


def _gemma3() -> tuple[Any, Any]:
    tokenizer = words()
    config = hf.Gemma3Config(
        text_config=DECODER | {"sliding_window": 4, "query_pre_attn_scalar": 8},
        vision_config=PICTURE | {"image_size": 16, "vision_use_head": False},
        mm_tokens_per_image=4,
        image_token_index=tokenizer.image_token_id,
        boi_token_index=tokenizer.boi_token_id,
        eoi_token_index=tokenizer.eoi_token_id,
    )
    own = hf.Gemma3ImageProcessorPil(**COLOURS | {"size": {"height": 16, "width": 16}})
    template = TEMPLATE.replace("<image>", "<boi>")
    processor = hf.Gemma3Processor(own, tokenizer, chat_template=template, image_seq_length=4)
    return hf.Gemma3ForConditionalGeneration(config), processor


def _paligemma() -> tuple[Any, Any]:
    tokenizer = words()
    config = hf.PaliGemmaConfig(
        text_config=DECODER | {"model_type": "gemma"},
        vision_config=PICTURE | {"model_type": "siglip_vision_model", "vision_use_head": False, "projection_dim": 32},
        image_token_index=tokenizer.image_token_id,
        projection_dim=32,
    )
    own = hf.SiglipImageProcessorPil(**SQUARE)
    own.image_seq_length = 9
    return hf.PaliGemmaForConditionalGeneration(config), hf.PaliGemmaProcessor(own, tokenizer)


def _smolvlm() -> tuple[Any, Any]:
    tokenizer = words()
    config = hf.SmolVLMConfig(
        text_config=hf.LlamaConfig(**DECODER),
        vision_config=PICTURE | {"image_size": 16},
        image_token_id=tokenizer.image_token_id,
        scale_factor=2,
    )
    own = hf.SmolVLMImageProcessorPil(size={"longest_edge": 32}, max_image_size={"longest_edge": 16}, **COLOURS)
    processor = hf.Idefics3Processor(own, tokenizer, image_seq_len=4, chat_template=TEMPLATE)
    return hf.SmolVLMForConditionalGeneration(config), processor


def _blip() -> tuple[Any, Any]:
    text = SMALL | {"encoder_hidden_size": 32, "max_position_embeddings": 64, "bos_token_id": 1, "sep_token_id": 2}
    config = hf.BlipConfig(text_config=text | {"pad_token_id": 0, "eos_token_id": 2}, vision_config=PICTURE)
    own = hf.BlipImageProcessorPil(**SQUARE)
    return hf.BlipForConditionalGeneration(config), hf.BlipProcessor(own, words(ends=True))


def _trocr() -> tuple[Any, Any]:
    decoder = {"d_model": 32, "decoder_layers": 2, "decoder_attention_heads": 4, "decoder_ffn_dim": 37}
    text = hf.TrOCRConfig(vocab_size=101, max_position_embeddings=64, cross_attention_hidden_size=32, **decoder)
    config = hf.VisionEncoderDecoderConfig.from_encoder_decoder_configs(hf.ViTConfig(**PICTURE), text)
    config.decoder_start_token_id, config.pad_token_id, config.eos_token_id = 1, 0, 2
    network = hf.VisionEncoderDecoderModel(config)
    return network, hf.TrOCRProcessor(hf.ViTImageProcessorPil(**SQUARE), words(ends=True))


def _detr() -> tuple[Any, Any]:
    backbone = hf.ResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 8, 8, 16],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage4"],
    )
    layers = {"encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 40, "decoder_ffn_dim": 40}
    heads = {"encoder_attention_heads": 4, "decoder_attention_heads": 4}
    config = hf.DetrConfig(
        backbone_config=backbone, use_timm_backbone=False, d_model=32, num_queries=7, **layers, **heads, num_labels=3
    )
    own = hf.DetrImageProcessorPil(size={"shortest_edge": 64, "longest_edge": 160}, **COLOURS)
    return hf.DetrForObjectDetection(config), own


MADE = {
    "clip": _clip,
    "siglip": _siglip,
    "llava": _llava,
    "qwen2_5_vl": _qwen2_5_vl,
    "gemma3": _gemma3,
    "paligemma": _paligemma,
    "smolvlm": _smolvlm,
    "blip": _blip,
    "trocr": _trocr,
    "detr": _detr,
}
