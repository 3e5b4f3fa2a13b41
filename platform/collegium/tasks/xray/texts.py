"""Which texts a model can be trained on. They come from outside and are checked when they are read.

A special token written in a text would change the form of the prompt: ``<image>`` asks the
processor for a second picture, ``</s>`` ends an answer early. The tokens of the agreed model are
known only when it is loaded (see ``prompts.py``); those of the usual models are known here.
"""

import re
import unicodedata

MAX_TEXT = 2_000  # characters of a question or an answer

_SPECIAL = re.compile(
    r"<\|[^|<>]{1,40}\|>"  # Llama 3, Qwen, Phi
    r"|</?(?:s|unk|pad|bos|eos|mask|image|img|image_soft_token|video|audio|end_of_utterance"
    r"|fake_token_around_image|global-img|row_\d+_col_\d+|start_of_turn|end_of_turn"
    r"|start_of_image|end_of_image|loc\d{4}|seg\d{3})>"
    r"|\[/?(?:INST|IMG|IMG_BREAK|IMG_END)\]"
)


def fault(text: str) -> str | None:
    """What makes a text unusable as a name, in words; None if nothing does."""
    if not text.strip():
        return "an empty text"
    if len(text) > MAX_TEXT:
        return f"{len(text):,} characters"
    if text.isprintable():  # so none of the characters below; most texts are
        return None
    for character in text:
        category = unicodedata.category(character)
        if category == "Cs":
            return f"U+{ord(character):04X}, which is half of a character"
        if category == "Cc" and character not in "\t\n\r":
            return f"the control character U+{ord(character):04X}"
    return None


def fault_for_models(text: str) -> str | None:
    """What makes a text unusable as a question or an answer, in words; None if nothing does."""
    if wrong := fault(text):
        return wrong
    special = _SPECIAL.search(text)
    return f"{special[0]}, a special token of language models" if special else None
