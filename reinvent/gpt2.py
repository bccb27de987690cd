"""A language model that is good enough is given its task as a text.

Radford, Wu, Child, Luan, Amodei, Sutskever (2019), "Language Models are
Unsupervised Multitask Learners", a report of OpenAI,
https://openai.com/blog/better-language-models/. What it leaves open follows
the authors' program, https://github.com/openai/gpt-2. Its bytes and merges
are in `reinvent.byte_bpe`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reinvent import gpt  # §2.3: follows the OpenAI GPT model, except
from reinvent.toolbox.guards import evaluating
from reinvent.toolbox.sampling import draw

PUBLISHED = {
    "wte": ("embedding.words",),
    "wpe": ("embedding.places",),
    "ln_f": ("norm",),
    **{
        name: ours
        for name, ours in gpt.PUBLISHED.items()
        if not name.endswith("_embed")
    },
}
"""Names in the published files, and the parts of `GPT2` that stand there."""


@dataclass(frozen=True, kw_only=True)
class GPT2Config(gpt.GPTConfig):
    """Sizes and switches of `GPT2`; the defaults are the smallest of table 2.

    Attributes:
        vocab_size: 256 bytes, 50,000 merges and the end of a text.
        max_positions: Longest text in tokens, twice that of GPT.
        dropout: As in GPT; the paper does not say.
        norm: "pre": in front of each sub-layer, and a last one (section
            2.3).
        position_std: In the authors' program half of that of the words.
        scaled: Whether the weights that add to the residual stream start
            smaller (section 2.3).
        pad_id: Piece that pads texts, and that no loss counts. -1 for none:
            in the published vocabulary 0 is an exclamation mark.
    """

    vocab_size: int = 50_257
    max_positions: int = 1024
    norm: str = "pre"
    position_std: float = 0.01
    scaled: bool = True
    pad_id: int = -1


def config_of(layers: int, hidden: int, heads: int) -> GPT2Config:
    """A model of table 2; the published files have these heads."""
    return GPT2Config(
        num_layers=layers,
        hidden_size=hidden,
        num_heads=heads,
        feed_forward_size=4 * hidden,
    )


SIZES = {
    "124M": config_of(12, 768, 12),
    "355M": config_of(24, 1024, 16),
    "774M": config_of(36, 1280, 20),
    "1558M": config_of(48, 1600, 25),
}
"""The four models of table 2 by their parameters, counted anew.

The table says 117M, 345M, 762M and 1542M; the authors took that back.
"""

TINY = GPT2Config(
    hidden_size=64,
    num_layers=2,
    num_heads=4,
    feed_forward_size=256,
    max_positions=64,
    dropout=0.0,
    word_std=0.15,
    weight_std=0.07,
    position_std=0.02,
    pad_id=0,
)


class GPT2(gpt.GPT):
    """GPT with its norms moved, and smaller weights where layers add up.

    Differs: the authors' program starts all matrices as N(0, 0.02), without
    the factor of section 2.3; `scaled=False` is that.
    """

    def __init__(self, config: GPT2Config) -> None:
        """Makes the layers.

        In section 2.3 the weights of residual layers start smaller by
        1 / sqrt(N), where N is the number of residual layers: two in each
        of our layers.

        Raises:
            ValueError: As in `GPT`.
        """
        super().__init__(config)
        small = config.weight_std / math.sqrt(2 * config.num_layers)  # N
        for layer in self.layers if config.scaled else ():
            for last in layer.attention.to_output, layer.feed_forward.narrow:
                nn.init.normal_(last.weight, std=small)

    def loss_after(self, hidden: Tensor, tokens: Tensor) -> Tensor:
        """The loss, when h_n (B, T, D) was followed by tokens (B, T)."""
        words = tokens != self.config.pad_id  # (B, T)
        logits = self.to_logits(hidden[words])  # (words, V)
        return F.cross_entropy(logits, tokens[words])


def generate(
    model: gpt.GPT,
    tokens: Tensor,
    count: int,
    rule: Callable[[Tensor], Tensor] | None = None,
    generator: torch.Generator | None = None,
    *,
    end: int | None = None,
    cached: bool = True,
) -> Tensor:
    """Goes on with texts, one word after the other.

    Args:
        model: A trained one; it runs in eval mode and gets its own back.
        tokens: Ids of the beginnings, without padding, shape (B, T).
        count: How many words to write, at most.
        rule: What to draw the next words from: from their scores (B, V) to
            scores, such as the rules of `reinvent.toolbox.sampling`. None
            takes the best word.
        generator: Where chance comes from; torch's own if None.
        end: Id behind which a text has nothing but this id. When all texts
            have it, nothing more is written.
        cached: Whether to keep the keys and values of the words so far.
            Otherwise every step reads all of them again.

    Returns:
        Ids of the beginnings and what follows, shape (B, T + words).

    Raises:
        ValueError: If the count is negative, or the text would have more
            words than the model has places; and as in `GPT.read`.
    """
    most = model.config.max_positions
    if count < 0 or tokens.shape[-1] + count > most:
        raise ValueError(
            f"{tokens.shape[-1]} tokens and {count} more, expected at least 0"
            f" more and at most {most} together"
        )
    unread, past = tokens, None
    ended = tokens.new_zeros(len(tokens), dtype=torch.bool)
    with evaluating(model):
        for _ in range(count):
            logits, past = model.step(unread, past)
            if rule is None:
                word = logits.argmax(dim=-1)  # (B,)
            else:
                word = draw(rule(logits), generator)  # (B,)
            if end is not None:
                word = word.masked_fill(ended, end)  # (B,)
                ended |= word == end
            tokens = torch.cat([tokens, word[:, None]], dim=1)  # (B, T + 1)
            unread = word[:, None]  # (B, 1)
            if not cached:
                unread, past = tokens, None
            if ended.all():
                break
    return tokens


def load_published(model: GPT2, state: Mapping[str, Tensor]) -> None:
    """Puts published weights into a model of the same sizes.

    Args:
        model: Its weights are written over.
        state: Weights by their published names, as `transformers` has them,
            with or without "transformer." in front.

    Raises:
        ValueError: As in `reinvent.gpt.load_published`.
    """
    gpt.load_published(model, state, PUBLISHED)
