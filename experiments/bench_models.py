"""BERT and GPT-2 of one size, by this book and by other libraries.

The libraries are imported where they are used: `bench_memory.py` measures one
of them at a time, and d2l may be missing.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from bench_rounds import OURS, Contest
from torch import Tensor, nn
from torch.nn import functional as F

from reinvent import bert, gpt, gpt2
from reinvent.toolbox.inputs import IGNORED
from reinvent.toolbox.language import LanguageBatch
from reinvent.toolbox.losses import loss_in_parts


@dataclass(frozen=True, kw_only=True)
class Size:
    """The size of all models and of what they read.

    Attributes:
        batch: Texts that are read at once.
        length: Tokens in each of them.
        hidden: Words of each text that BERT has to tell.
        bert_words: Words that BERT knows.
        gpt_words: Words that GPT-2 knows.
        layers: Layers on top of each other.
        width: Numbers in every vector between the layers.
        heads: Heads of each attention.
        feed_forward: Units inside the position-wise network.
        beginning: Tokens of a text that is to be gone on with.
        written: Tokens to write, to measure rules.
        longer: Tokens to write, to measure the cache.
        fewer_words: Words of a smaller GPT-2, to measure the cache.
    """

    batch: int = 8
    length: int = 128
    hidden: int = 19  # 15%
    bert_words: int = 30_522
    gpt_words: int = 50_257
    layers: int = 4
    width: int = 256
    heads: int = 4
    feed_forward: int = 1024
    beginning: int = 16
    written: int = 64
    longer: int = 128
    fewer_words: int = 8192


FULL = Size()
QUICK = Size(
    batch=2,
    length=13,
    hidden=2,
    bert_words=211,
    gpt_words=223,
    layers=1,
    width=22,
    heads=2,
    feed_forward=29,
    beginning=3,
    written=2,
    longer=3,
    fewer_words=197,
)


class Contestant(NamedTuple):
    """A model and what is measured of it.

    Attributes:
        model: It has dropout when it trains.
        loss: Of one batch, a scalar.
        forward: Reads the same batch.
    """

    model: nn.Module
    loss: Callable[[], Tensor]
    forward: Callable[[], object]


class TorchLayers(nn.Module):
    """`nn.TransformerEncoder` where our models have their layers."""

    def __init__(self, size: Size, **options: object) -> None:
        """Makes as many layers of the same size."""
        super().__init__()
        layer = nn.TransformerEncoderLayer(
            size.width,
            size.heads,
            size.feed_forward,
            batch_first=True,
            **options,
        )
        self.encoder = nn.TransformerEncoder(
            layer, size.layers, enable_nested_tensor=False
        )

    def forward(
        self, x: Tensor, mask: Tensor, past: None, with_weights: bool
    ) -> tuple[Tensor, None, None]:
        """As one layer of ours; their masks are true where not to look."""
        if mask.dim() == 2:
            return self.encoder(x, mask=~mask, is_causal=True), None, None
        padding = ~mask[:, 0, 0]  # (B, T)
        return self.encoder(x, src_key_padding_mask=padding), None, None


def bert_batch(size: Size) -> bert.PretrainingBatch:
    """The same random words for all; of each text as many are to be told."""
    same = torch.Generator().manual_seed(0)
    shape = size.batch, size.length
    tokens = torch.randint(1, size.bert_words, shape, generator=same)
    segments = (torch.arange(size.length) > size.length // 2).long()
    places = torch.rand(shape, generator=same).argsort(dim=1)[:, : size.hidden]
    chosen = torch.zeros(shape, dtype=torch.bool).scatter(1, places, True)
    return bert.PretrainingBatch(
        tokens.masked_fill(chosen, bert.Marks().mask),
        chosen,
        tokens[chosen],
        segments.repeat(size.batch, 1),
        torch.randint(2, (size.batch,), generator=same),
    )


def our_bert(size: Size, layers: nn.Module | None = None) -> Contestant:
    """Ours; with other layers if they are given."""
    config = bert.BERTConfig(
        vocab_size=size.bert_words,
        hidden_size=size.width,
        num_layers=size.layers,
        num_heads=size.heads,
        feed_forward_size=size.feed_forward,
    )
    model, batch = bert.PretrainingBERT(bert.BERT(config)), bert_batch(size)
    if layers is not None:
        model.bert.layers = nn.ModuleList([layers])
    return Contestant(
        model,
        lambda: model.loss(batch),
        lambda: model.bert.pool(model.bert(batch.tokens, batch.segments)),
    )


def torch_bert(size: Size) -> Contestant:
    """Ours with PyTorch's layers; embeddings and heads are the same."""
    eps = bert.BERTConfig().eps
    layers = TorchLayers(size, activation="gelu", layer_norm_eps=eps)
    return our_bert(size, layers)


def their_bert(size: Size) -> Contestant:
    """That of transformers."""
    from transformers import BertConfig, BertForPreTraining

    config = BertConfig(
        vocab_size=size.bert_words,
        hidden_size=size.width,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        intermediate_size=size.feed_forward,
        attn_implementation="sdpa",
    )
    model, batch = BertForPreTraining(config), bert_batch(size)
    labels = torch.full_like(batch.tokens, IGNORED)
    labels[batch.chosen] = batch.answers
    read = {
        "input_ids": batch.tokens,
        "token_type_ids": batch.segments,
        "attention_mask": torch.ones_like(batch.tokens),
    }
    told = {"labels": labels, "next_sentence_label": batch.random_next}
    return Contestant(
        model,
        lambda: model(**read, **told).loss,
        lambda: model.bert(**read).pooler_output,
    )


def d2l_bert(size: Size) -> Contestant:
    """That of "Dive into Deep Learning"; its output has its own matrix.

    Raises:
        ImportError: If d2l, or what it needs, is not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lazy layers, and old pandas
        from d2l import torch as d2l

        model = d2l.BERTModel(
            size.bert_words,
            size.width,
            size.feed_forward,
            size.heads,
            size.layers,
            dropout=0.1,
            max_len=512,
        )
    batch = bert_batch(size)
    lengths = torch.full((size.batch,), size.length)
    places = batch.chosen.nonzero()[:, 1].unflatten(0, (size.batch, -1))

    def loss() -> Tensor:
        _, words, follows = model(
            batch.tokens, batch.segments, lengths, places
        )
        loss = F.cross_entropy(words.flatten(0, 1), batch.answers)
        return loss + F.cross_entropy(follows, batch.random_next)

    def forward() -> Tensor:
        return model(batch.tokens, batch.segments, lengths)[2]

    loss()  # some of its layers get their sizes when they are first used
    return Contestant(model, loss, forward)


def gpt_sizes(size: Size) -> gpt2.GPT2Config:
    """Ours, with places for what is read and for what is written."""
    return gpt2.GPT2Config(
        vocab_size=size.gpt_words,
        hidden_size=size.width,
        num_layers=size.layers,
        num_heads=size.heads,
        feed_forward_size=size.feed_forward,
    )


def gpt_batch(size: Size) -> Tensor:
    """The same random words for all; the last is told only."""
    same = torch.Generator().manual_seed(0)
    shape = size.batch, size.length + 1
    return torch.randint(size.gpt_words, shape, generator=same)


def our_gpt2(size: Size, layers: nn.Module | None = None) -> Contestant:
    """Ours; with other layers if they are given."""
    model, tokens = gpt2.GPT2(gpt_sizes(size)), gpt_batch(size)
    if layers is not None:
        model.layers = nn.ModuleList([layers])
    batch = LanguageBatch(tokens[:, :-1], tokens[:, 1:])
    return Contestant(
        model,
        lambda: model.loss(batch),
        lambda: model(batch.tokens_in),
    )


def torch_gpt2(size: Size) -> Contestant:
    """Ours with PyTorch's layers; embeddings and output are the same."""
    layers = TorchLayers(size, activation=gpt.gelu, norm_first=True)
    return our_gpt2(size, layers)


def our_gpt2_in_parts(size: Size) -> Contestant:
    """Ours, with the loss of the toolbox that keeps no scores."""
    ours = our_gpt2(size)
    tokens = gpt_batch(size)
    read, told = tokens[:, :-1], tokens[:, 1:].flatten()
    words = ours.model.embedding.words.weight
    return ours._replace(
        loss=lambda: loss_in_parts(
            ours.model.hidden(read).flatten(0, 1), words, told
        )
    )


def their_gpt2(size: Size) -> Contestant:
    """That of transformers, which keeps nothing while it learns."""
    model = their_writer(size)
    tokens = gpt_batch(size)
    read, told = tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()
    options = {"labels": told, "shift_labels": told, "use_cache": False}
    return Contestant(
        model,
        lambda: model(read, **options).loss,
        lambda: model(read, use_cache=False).logits,
    )


def their_writer(size: Size) -> nn.Module:
    """The model of transformers that goes on with a text, without end."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=size.gpt_words,
        n_embd=size.width,
        n_layer=size.layers,
        n_head=size.heads,
        n_inner=size.feed_forward,
        bos_token_id=None,
        eos_token_id=None,
        attn_implementation="sdpa",
    )
    model = GPT2LMHeadModel(config)
    model.loss_type = "ForCausalLM"  # its default, without a warning
    return model


MODELS: dict[str, dict[str, Callable[[Size], Contestant]]] = {
    "BERT": {
        OURS: our_bert,
        "transformers": their_bert,
        "nn.TransformerEncoder": torch_bert,
        "d2l": d2l_bert,
    },
    "GPT-2": {
        OURS: our_gpt2,
        "transformers": their_gpt2,
        "nn.TransformerEncoder": torch_gpt2,
    },
    "GPT-2, loss in parts": {
        OURS: our_gpt2_in_parts,
        "transformers": their_gpt2,
    },
}


AIMS = {"BERT": 2.5, "GPT-2": 1.1, "GPT-2, loss in parts": 1.1}
"""How many times as long a training step of transformers shall take."""


def built(
    family: str, size: Size
) -> tuple[dict[str, Contestant], dict[str, str]]:
    """The models of a family, and why some are missing."""
    found, missing = {}, {}
    for name, build in MODELS[family].items():
        try:
            found[name] = build(size)
        except ImportError as error:
            missing[name] = f"not installed: {error}"
    return found, missing


def training_step(contestant: Contestant) -> Callable[[], None]:
    """Loss, gradient and a step of AdamW, in its fused form for all."""
    model = contestant.model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

    def step() -> None:
        optimizer.zero_grad()
        contestant.loss().backward()
        optimizer.step()

    return step


def reading(contestant: Contestant) -> Callable[[], object]:
    """The forward pass as it is used, without dropout and gradients."""
    contestant.model.eval()
    return torch.inference_mode()(contestant.forward)


def contests(size: Size) -> Iterator[Contest]:
    """Steps and passes of all; a model lives as long as its contests."""
    for family in MODELS:
        models, missing = built(family, size)
        works = {name: training_step(its) for name, its in models.items()}
        aim = {"transformers": AIMS[family]}
        yield Contest(f"{family}: training step", works, aim, missing)
        if family != "GPT-2, loss in parts":
            works = {name: reading(its) for name, its in models.items()}
            aim = {"transformers": 0.95}
            yield Contest(f"{family}: forward pass", works, aim, missing)
