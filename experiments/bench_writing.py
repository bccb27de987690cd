"""GPT-2 goes on with texts: ours and that of transformers, and the cache."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch
from bench_models import Size, gpt_sizes, their_writer
from bench_rounds import OURS, Contest

from reinvent import gpt2
from reinvent.toolbox.sampling import nucleus


def contests(size: Size) -> Iterator[Contest]:
    """One text and four, by both rules; and many words and fewer."""
    for texts in (1, 4):
        for rule in ("greedy", "nucleus"):
            yield writing(size, texts, rule)
    for words in (size.gpt_words, size.fewer_words):
        yield caching(size, words)


def writing(size: Size, texts: int, rule: str) -> Contest:
    """Texts that are gone on with, by the best word or from the nucleus."""
    ours, theirs = gpt2.GPT2(gpt_sizes(size)), their_writer(size).eval()
    gpt2.load_published(ours, theirs.state_dict())
    tokens = torch.randint(size.gpt_words, (texts, size.beginning))
    options = {"do_sample": False}
    if rule == "nucleus":
        options = {"do_sample": True, "top_p": 0.9, "top_k": 0}
    chosen = partial(nucleus, p=0.9) if rule == "nucleus" else None
    works = {
        OURS: lambda: gpt2.generate(ours, tokens, size.written, chosen),
        "transformers": lambda: theirs.generate(
            tokens,
            attention_mask=torch.ones_like(tokens),
            max_new_tokens=size.written,
            pad_token_id=0,
            **options,
        ),
    }
    count = "1 text" if texts == 1 else f"{texts} texts"
    what = f"GPT-2 writes, {rule}, {count}"
    return Contest(what, works, {"transformers": 1.0})


def caching(size: Size, words: int) -> Contest:
    """Ours with its cache and without it."""
    model = gpt2.GPT2(gpt_sizes(replace(size, gpt_words=words)))
    tokens = torch.randint(words, (4, size.beginning))
    works = {
        name: partial(
            gpt2.generate, model, tokens, size.longer, cached=name == OURS
        )
        for name in (OURS, "no cache")
    }
    what = f"GPT-2 writes {size.longer} tokens, {words:,} words"
    return Contest(what, works, {"no cache": 4.0})
