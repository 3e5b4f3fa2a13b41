"""Tiny random models of the vision-language families that people are likely to put on a card.

They answer nonsense. What matters is that each goes the same way through processor, chat template,
LoRA, loss and generation as the shipped base does.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    Gemma3ImageProcessor,
    Gemma3Processor,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3ImageProcessor,
    Idefics3Processor,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PaliGemmaConfig,
    PaliGemmaForConditionalGeneration,
    PaliGemmaProcessor,
    PreTrainedTokenizerFast,
    SiglipImageProcessor,
)

TEXTS = ["Is there pneumonia? yes no", "What is the diagnosis? left pleurisy, lung cancer"] * 5
BASIC = ["<pad>", "<s>", "</s>", "<unk>"]
EDGE = 32
VISION = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": EDGE,
    "patch_size": 8,
}
TEXT = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
# Dialogue in the manner of Gemma: turns fenced by tokens, line breaks after the end of a turn.
TEMPLATE = (
    "{% for m in messages %}<turn>{{ m['role'] }}\n{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}IMAGE{% else %}{{ c['text'] }}{% endif %}{% endfor %}</s>\n"
    "{% endfor %}{% if add_generation_prompt %}<turn>assistant\n{% endif %}"
)
# In the manner of LLaVA 1.5: words as roles, no end token after an answer.
WORDS = (
    "{% for m in messages %}{{ m['role'].upper() }}: {% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<image>\n{% else %}{{ c['text'] }} {% endif %}{% endfor %}"
    "{% endfor %}{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)


def tokenizer(*special: str, **named: Any) -> PreTrainedTokenizerFast:
    bpe = Tokenizer(models.BPE(unk_token="<unk>"))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=360,
        special_tokens=[*BASIC, "<turn>", *special],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(TEXTS, trainer)
    extra = named or ["<turn>", *special]
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        extra_special_tokens=extra,
    )


def idefics3() -> tuple[Any, Any]:
    tokens = tokenizer("<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>")
    edge = {"longest_edge": EDGE}
    processor = Idefics3Processor(
        image_processor=Idefics3ImageProcessor(
            size=edge, max_image_size=edge, do_image_splitting=False
        ),
        tokenizer=tokens,
        image_seq_len=4,
        chat_template=TEMPLATE.replace("IMAGE", "<image>"),
    )
    config = Idefics3Config(
        vision_config=VISION,
        text_config=LlamaConfig(vocab_size=len(tokens), **TEXT),
        image_token_id=tokens.convert_tokens_to_ids("<image>"),
        scale_factor=2,
        pad_token_id=0,
    )
    return Idefics3ForConditionalGeneration(config), processor


def gemma3() -> tuple[Any, Any]:
    tokens = tokenizer(
        "<image_soft_token>",
        "<start_of_image>",
        "<end_of_image>",
        boi_token="<start_of_image>",
        eoi_token="<end_of_image>",
        image_token="<image_soft_token>",
    )
    processor = Gemma3Processor(
        image_processor=Gemma3ImageProcessor(
            size={"height": EDGE, "width": EDGE}, do_pan_and_scan=False
        ),
        tokenizer=tokens,
        image_seq_length=4,
        chat_template=TEMPLATE.replace("IMAGE", "<start_of_image>"),
    )
    config = Gemma3Config(
        vision_config={**VISION, "model_type": "siglip_vision_model", "vision_use_head": False},
        text_config={
            **TEXT,
            "model_type": "gemma3_text",
            "vocab_size": len(tokens),
            "head_dim": 16,
            "sliding_window": 64,
        },
        mm_tokens_per_image=4,
        boi_token_index=tokens.convert_tokens_to_ids("<start_of_image>"),
        eoi_token_index=tokens.convert_tokens_to_ids("<end_of_image>"),
        image_token_index=tokens.convert_tokens_to_ids("<image_soft_token>"),
    )
    return Gemma3ForConditionalGeneration(config), processor


def llava() -> tuple[Any, Any]:
    tokens = tokenizer("<image>")
    processor = LlavaProcessor(
        image_processor=CLIPImageProcessor(
            size={"shortest_edge": EDGE}, crop_size={"height": EDGE, "width": EDGE}
        ),
        tokenizer=tokens,
        patch_size=8,
        vision_feature_select_strategy="default",
        image_token="<image>",
        num_additional_image_tokens=1,
        chat_template=WORDS,
    )
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(projection_dim=32, **VISION),
        text_config=LlamaConfig(vocab_size=len(tokens), **TEXT),
        image_token_index=tokens.convert_tokens_to_ids("<image>"),
        vision_feature_select_strategy="default",
        vision_feature_layer=-1,
    )
    return LlavaForConditionalGeneration(config), processor


def paligemma() -> tuple[Any, Any]:
    images = SiglipImageProcessor(size={"height": EDGE, "width": EDGE})
    images.image_seq_length = 16
    processor = PaliGemmaProcessor(image_processor=images, tokenizer=tokenizer("<image>"))
    tokens = processor.tokenizer
    config = PaliGemmaConfig(
        vision_config={**VISION, "model_type": "siglip_vision_model", "projection_dim": 32},
        text_config={
            **TEXT,
            "model_type": "gemma",
            "vocab_size": len(tokens),
            "head_dim": 16,
        },
        image_token_index=tokens.convert_tokens_to_ids("<image>"),
        projection_dim=32,
        hidden_size=32,
    )
    return PaliGemmaForConditionalGeneration(config), processor


FAMILIES: dict[str, Callable[[], tuple[Any, Any]]] = {
    "gemma3": gemma3,
    "idefics3": idefics3,
    "llava": llava,
    "paligemma": paligemma,
}


def save(family: str, folder: Path) -> Path:
    """Write a model of this family with weights of a fixed seed."""
    torch.manual_seed(0)
    model, processor = FAMILIES[family]()
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
