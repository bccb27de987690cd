"""BERT: its masks, its pairs, its heads, and transformers' own."""

import hashlib
import math
from collections import Counter
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from threading import Thread

import pytest
import torch
import transformers
from real_data import real_data
from shaken import shaken
from torch import Tensor, nn
from torch.nn import functional as F

from reinvent.bert import (
    BERT,
    LARGE,
    TINY,
    BERTClassifier,
    BERTConfig,
    BERTReader,
    BERTTagger,
    Marks,
    PretrainingBatch,
    PretrainingBERT,
    TaskBatch,
    best_spans,
    load_published,
    mask_tokens,
    next_sentence_pairs,
)
from reinvent.toolbox import checks, published_names
from reinvent.toolbox.downloads import (
    SOURCES,
    DownloadError,
    Source,
    fetch,
)
from reinvent.toolbox.foreign_weights import read_safetensors
from reinvent.toolbox.inputs import IGNORED
from reinvent.toolbox.sentence_vectors import sentence_vectors
from reinvent.transformer import padding_mask
from reinvent.wordpiece import WordPieces

B, T, H, K, V, N, C, P = 5, 7, 2, 11, 23, 3, 13, 17
D = H * K
CONFIG = BERTConfig(
    vocab_size=V,
    hidden_size=D,
    num_layers=N,
    num_heads=H,
    feed_forward_size=4 * D,
    max_positions=P,
    dropout=0.0,
)
MARKS = Marks(cls=1, sep=2, mask=V - 1)
NORMS = pytest.mark.parametrize("norm", ["post", "pre", "none"])
NEAR = {"rtol": 0, "atol": 1e-5}


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def model():
    return shaken(PretrainingBERT(BERT(CONFIG)))


@pytest.fixture
def batch():
    return batch_of(2, 3, 4, 1, 3)


def texts(*lengths: int) -> list[list[int]]:
    """Ids of words, none of them a mark."""
    return [torch.randint(3, V - 1, (n,)).tolist() for n in lengths]


def pairs(*lengths: int) -> tuple[Tensor, Tensor]:
    """Tokens and segments of pairs of texts of these and other lengths."""
    return MARKS.batch([texts(n, 1 + n % 3) for n in lengths])


def batch_of(*lengths: int) -> PretrainingBatch:
    """Pairs with every third word to be told, and a second question."""
    tokens, segments = pairs(*lengths)
    chosen = tokens > 2
    chosen &= torch.arange(tokens.shape[1]) % 3 > 0
    answers = tokens[chosen]
    tokens[chosen] = MARKS.mask
    follows = torch.arange(len(lengths)) % 2
    return PretrainingBatch(tokens, chosen, answers, segments, follows)


# Inputs


def test_an_input_is_that_of_figure_2():
    cls, sep = MARKS.cls, MARKS.sep
    assert MARKS.around([3, 4]) == ([cls, 3, 4, sep], [0, 0, 0, 0])
    assert MARKS.around([3, 4], [5]) == (
        [cls, 3, 4, sep, 5, sep],
        [0, 0, 0, 0, 1, 1],
    )
    tokens, segments = MARKS.batch([[[3, 4], [5]], [torch.tensor([6])]])
    assert tokens.tolist() == [
        [cls, 3, 4, sep, 5, sep],
        [cls, 6, sep, 0, 0, 0],
    ]
    assert segments.tolist() == [[0, 0, 0, 0, 1, 1], [0] * 6]
    tokens, segments = Marks(pad=7, cls=0).batch([[[3, 4]], [[5]]])
    assert tokens[1].tolist() == [0, 5, 102, 7]
    assert not segments.any()


def chi_square(found: list[int], expected: list[float]) -> float:
    """How far counts are from what they should be."""
    return sum((f - e) ** 2 / e for f, e in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    ("rate", "shares"), [(0.15, (0.8, 0.1, 0.1)), (0.4, (0.5, 0.2, 0.3))]
)
def test_as_many_words_are_masked_swapped_and_kept_as_the_paper_says(
    rate, shares
):
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(3, V - 1, (997, 211), generator=generator)
    batch = mask_tokens(
        tokens, MARKS, V, rate=rate, shares=shares, generator=generator
    )
    masked = batch.tokens == MARKS.mask
    changed = (batch.tokens != tokens) & ~masked
    # A random word is the same again once in V - 4.
    same = 1 / (V - 4)
    parts = [
        shares[0],
        shares[1] * (1 - same),
        shares[2] + shares[1] * same,
    ]
    found = [
        int((~batch.chosen).sum()),
        int(masked.sum()),
        int(changed.sum()),
        int((batch.chosen & (batch.tokens == tokens)).sum()),
    ]
    expected = [1 - rate, *(rate * part for part in parts)]
    total = tokens.numel()
    assert sum(found) == total
    # With 3 degrees of freedom, 16.27 is exceeded once in a thousand.
    assert chi_square(found, [total * share for share in expected]) < 16.27
    assert not (changed & ~batch.chosen).any()
    # All words are equally likely, and nothing but words: 17 degrees.
    drawn = Counter(batch.tokens[changed].tolist())
    assert set(drawn) == set(range(3, V - 1))
    each = [changed.sum().item() / (V - 4)] * (V - 4)
    assert chi_square(list(drawn.values()), each) < 42.31  # 18 degrees


def test_all_places_are_chosen_equally_often():
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(3, V - 1, (10_007, P), generator=generator)
    chosen = mask_tokens(tokens, MARKS, V, generator=generator).chosen
    each = [chosen.sum().item() / P] * P
    # With 16 degrees of freedom, 39.25 is exceeded once in a thousand.
    assert chi_square(chosen.sum(dim=0).tolist(), each) < 39.25


def test_only_words_are_chosen_and_the_rest_stays():
    tokens, _ = pairs(2, 3, 4, 1, 3)
    batch = mask_tokens(tokens, MARKS, V, rate=1.0)
    assert torch.equal(batch.chosen, tokens > 2)
    assert torch.equal(batch.answers, tokens[tokens > 2])
    assert torch.equal(batch.tokens[tokens < 3], tokens[tokens < 3])
    assert batch.segments is None
    assert batch.random_next is None
    hidden = torch.full((1, T), MARKS.mask)
    assert not mask_tokens(hidden, MARKS, V, rate=1.0).chosen.any()


@pytest.mark.parametrize(
    ("shares", "left"), [((1, 0, 0), {MARKS.mask}), ((0, 0, 1), None)]
)
def test_shares_can_be_all_or_none(shares, left):
    tokens = torch.randint(3, V - 1, (B, T))
    found = mask_tokens(tokens, MARKS, V, rate=1.0, shares=shares).tokens
    if left:
        assert set(found.flatten().tolist()) == left
    else:
        assert torch.equal(found, tokens)


def test_the_same_generator_hides_the_same_words():
    tokens = torch.randint(3, V - 1, (B, T))
    first, again, other = (
        mask_tokens(
            tokens, MARKS, V, generator=torch.Generator().manual_seed(s)
        )
        for s in (0, 0, 1)
    )
    assert torch.equal(first.tokens, again.tokens)
    assert torch.equal(first.chosen, again.chosen)
    assert not torch.equal(first.chosen, other.chosen)


def documents() -> list[list[list[int]]]:
    """997 documents; a token tells its document, sentence and place."""
    rng = Random(0)
    return [
        [
            [100 * (10 * d + s) + t for t in range(rng.randrange(2, 6))]
            for s in range(rng.randrange(2, 6))
        ]
        for d in range(1, 998)
    ]


def test_half_of_the_pairs_belong_together():
    given = documents()
    made = list(next_sentence_pairs(given, 53, Random(0)))
    assert len(made) == len(given)  # each is short enough for one piece
    for document, pair in zip(given, made, strict=True):
        whole = [token for sentence in document for token in sentence]
        if pair.random_next:
            sources = {token // 1000 for token in pair.second}
            assert len(sources) == 1
            assert sources != {whole[0] // 1000}
            assert whole[: len(pair.first)] == pair.first
        else:
            assert pair.first + pair.second == whole
        assert pair.second[0] % 100 == 0  # sentences are whole
    found = Counter(pair.random_next for pair in made)
    half = len(made) / 2
    # With 1 degree of freedom, 10.83 is exceeded once in a thousand.
    assert chi_square([found[True], found[False]], [half, half]) < 10.83


def test_long_documents_give_many_pairs_that_fit():
    given = [[[d] * 3 for _ in range(41)] for d in (1, 2)]
    made = list(next_sentence_pairs(given, 23, Random(0)))
    assert len(made) == 2 * 6  # 7 sentences make 21 tokens
    for pair in made:
        assert 2 <= len(pair.first) + len(pair.second) <= 20
    one = [[[1] * 3], [[2] * 3]]
    for _ in range(7):
        alone = list(next_sentence_pairs(one, 23, Random(0)))
        assert [pair.random_next for pair in alone] == [True, True]


# The model is what the paper says


def test_the_embedding_is_a_normed_sum_of_three(model):
    tokens, segments = pairs(2, 4)
    bert = model.bert
    x = bert.embed(tokens, segments)
    for b in range(2):
        for t in range(tokens.shape[1]):
            e = (
                bert.embedding.words.weight[tokens[b, t]]
                + bert.embedding.places.weight[t]
                + bert.segments.weight[segments[b, t]]
            )
            e = (e - e.mean()) / (e.var(unbiased=False) + 1e-12).sqrt()
            expected = e * bert.norm.weight + bert.norm.bias
            torch.testing.assert_close(x[b, t], expected)
    torch.testing.assert_close(
        bert.embed(tokens, None), bert.embed(tokens, 0 * segments)
    )


def test_the_layers_are_those_of_the_transformer_encoder(model):
    tokens, segments = pairs(2, 4)
    bert = model.bert.double()
    length = int((tokens[0] != 0).sum())
    assert length < tokens.shape[1]
    x = bert.embed(tokens, segments)[0, :length]
    for layer in bert.layers:
        x = block(layer, x)
    torch.testing.assert_close(bert(tokens, segments)[0, :length], x)


def block(layer: nn.Module, x: Tensor) -> Tensor:
    """norm(x + attention), norm(n + network), one place after the other."""
    attention, network = layer.attention, layer.feed_forward
    changes = []
    for t in range(len(x)):
        query = attention.to_query(x[t])
        heads = []
        for h in range(H):
            part = slice(h * K, (h + 1) * K)
            keys = attention.to_key(x)[:, part]
            values = attention.to_value(x)[:, part]
            weights = (keys @ query[part] / math.sqrt(K)).softmax(0)
            heads.append(weights @ values)
        changes.append(attention.to_output(torch.cat(heads)))
    n = layer.around_attention.norm(x + torch.stack(changes))
    inner = network.widen(n)
    inner = inner * 0.5 * (1 + torch.erf(inner / math.sqrt(2)))  # x Phi(x)
    return layer.around_feed_forward.norm(n + network.narrow(inner))


def test_the_loss_is_the_sum_of_two_means(model, batch):
    hidden = model.bert(batch.tokens, batch.segments)
    head, words = model.words, model.bert.embedding.words.weight
    told, answers = [], iter(batch.answers)
    for b, t in batch.chosen.nonzero().tolist():
        x = head.norm(F.gelu(head.transform(hidden[b, t])))
        shares = (words @ x + head.bias).softmax(0)
        told.append(-shares[next(answers)].log())
    followed = []
    for b, label in enumerate(batch.random_next):
        pooled = torch.tanh(model.bert.pooler(hidden[b, 0]))
        followed.append(-model.to_next(pooled).softmax(0)[label].log())
    only_words = sum(told) / len(told)
    torch.testing.assert_close(
        model.loss(batch), only_words + sum(followed) / len(followed)
    )
    torch.testing.assert_close(
        model.loss(batch._replace(random_next=None)), only_words
    )


def test_scores_are_computed_at_chosen_places_only(model, batch):
    seen = []
    model.words.register_forward_hook(
        lambda _, inputs, output: seen.append((inputs[0].shape, output.shape))
    )
    model.loss(batch)
    count = len(batch.answers)
    assert seen == [((count, D), (count, V))]
    assert count < (batch.tokens != 0).sum()
    logits = model(batch.tokens, batch.chosen, batch.segments)
    everywhere = model(batch.tokens, batch.tokens >= 0, batch.segments)
    everywhere = everywhere.unflatten(0, batch.tokens.shape)
    torch.testing.assert_close(logits, everywhere[batch.chosen])


# Parity with transformers

SIZES = {
    "vocab_size": V,
    "hidden_size": D,
    "num_hidden_layers": N,
    "num_attention_heads": H,
    "intermediate_size": 4 * D,
    "max_position_embeddings": P,
}


def reference(name: str, **settings: object) -> nn.Module:
    """Their model, small, with random weights everywhere."""
    config = transformers.BertConfig(**SIZES, **settings)
    return shaken(getattr(transformers, name)(config)).eval()


def theirs_reads(
    theirs: nn.Module, tokens: Tensor, segments: Tensor | None, **more
) -> object:
    mask = (tokens != 0).long()
    return theirs(tokens, attention_mask=mask, token_type_ids=segments, **more)


def test_the_body_gives_what_theirs_gives():
    theirs = reference("BertModel", attn_implementation="eager")
    ours = BERT(CONFIG)
    assert load_published(ours, theirs.state_dict()) == []
    tokens, segments = pairs(2, 3, 4, 1, 3)
    out = theirs_reads(
        theirs,
        tokens,
        segments,
        output_attentions=True,
        output_hidden_states=True,
    )
    words = tokens != 0
    layers = ours.represent(tokens, segments)
    expected = torch.stack(out.hidden_states, dim=1)
    words = words.unsqueeze(1).expand(layers.shape[:3])
    torch.testing.assert_close(layers[words], expected[words], **NEAR)
    torch.testing.assert_close(
        ours(tokens, segments)[tokens != 0],
        out.last_hidden_state[tokens != 0],
        **NEAR,
    )
    torch.testing.assert_close(
        ours.pool(ours(tokens, segments)), out.pooler_output, **NEAR
    )
    for ours_looked, looked in zip(
        ours.attention(tokens, segments),
        torch.stack(out.attentions, 1),
        strict=True,
    ):
        torch.testing.assert_close(ours_looked, looked, **NEAR)


def theirs_loss(theirs: nn.Module, batch: PretrainingBatch, **more) -> object:
    labels = torch.full_like(batch.tokens, IGNORED)
    labels[batch.chosen] = batch.answers
    return theirs_reads(
        theirs, batch.tokens, batch.segments, labels=labels, **more
    )


def test_pretraining_gives_their_outputs_losses_and_gradients(batch):
    theirs = reference("BertForPreTraining")
    ours = PretrainingBERT(BERT(CONFIG))
    assert load_published(ours, theirs.state_dict()) == []
    out = theirs_loss(theirs, batch, next_sentence_label=batch.random_next)
    torch.testing.assert_close(
        ours(batch.tokens, batch.chosen, batch.segments),
        out.prediction_logits[batch.chosen],
        **NEAR,
    )
    torch.testing.assert_close(
        ours.follows(batch.tokens, batch.segments),
        out.seq_relationship_logits,
        **NEAR,
    )
    loss = ours.loss(batch)
    torch.testing.assert_close(loss, out.loss, **NEAR)
    loss.backward()
    out.loss.backward()
    # Gradients go through the same names as weights.
    gradients = PretrainingBERT(BERT(CONFIG))
    load_published(
        gradients,
        {name: p.grad for name, p in theirs.named_parameters()},
    )
    for name, parameter in ours.named_parameters():
        expected = gradients.get_parameter(name)
        torch.testing.assert_close(
            parameter.grad, expected.data, **NEAR, msg=name
        )


def test_a_masked_language_model_has_neither_pooler_nor_second_head(batch):
    theirs = reference("BertForMaskedLM")
    ours = PretrainingBERT(BERT(CONFIG))
    pooler = ours.bert.pooler.weight.clone()
    assert load_published(ours, theirs.state_dict()) == [
        "bert.pooler.weight",
        "bert.pooler.bias",
        "to_next.weight",
        "to_next.bias",
    ]
    torch.testing.assert_close(ours.bert.pooler.weight, pooler)
    out = theirs_loss(theirs, batch)
    loss = ours.loss(batch._replace(random_next=None))
    torch.testing.assert_close(loss, out.loss, **NEAR)


def task(name: str) -> tuple[nn.Module, TaskBatch]:
    """One of our heads, and examples for it."""
    tokens, segments = pairs(2, 3, 4, 1, 3)
    bert = shaken(BERT(CONFIG))
    if name == "BertForSequenceClassification":
        labels = torch.arange(B) % C
        ours = BERTClassifier(bert, C, dropout=0.0)
    elif name == "BertForTokenClassification":
        labels = torch.where(tokens > 2, tokens % C, IGNORED)
        ours = BERTTagger(bert, C, dropout=0.0)
    else:
        first = (segments == 1).int().argmax(dim=1)
        labels = torch.stack([first, first + 1], dim=1)
        ours = BERTReader(bert)
    return shaken(ours), TaskBatch(tokens, labels, segments)


TASKS = pytest.mark.parametrize(
    "name",
    [
        "BertForSequenceClassification",
        "BertForTokenClassification",
        "BertForQuestionAnswering",
    ],
)


@TASKS
def test_the_heads_give_what_theirs_give(name):
    theirs = reference(name, num_labels=2 if "Question" in name else C)
    ours, batch = task(name)
    lacking = load_published(ours, theirs.state_dict())
    assert lacking == (
        []
        if "Sequence" in name
        else ["bert.pooler.weight", "bert.pooler.bias"]
    )
    tokens, labels, segments = batch
    logits = ours(tokens, segments)
    if "Question" in name:
        out = theirs_reads(theirs, tokens, segments)
        words = tokens != 0
        for given, expected in zip(
            logits, (out.start_logits, out.end_logits), strict=True
        ):
            torch.testing.assert_close(given[words], expected[words], **NEAR)
            assert (given[~words] == -torch.inf).all()
        for b in range(B):  # theirs also counts padding: one by one
            length = int(words[b].sum())
            row = (part[b : b + 1, :length] for part in (tokens, segments))
            first, last = labels[b : b + 1].unbind(1)
            out = theirs_reads(
                theirs, *row, start_positions=first, end_positions=last
            )
            alone = TaskBatch(*(part[b : b + 1] for part in batch))
            torch.testing.assert_close(ours.loss(alone), 2 * out.loss, **NEAR)
        return
    out = theirs_reads(theirs, tokens, segments, labels=labels)
    words = tokens != 0 if logits.dim() == 3 else torch.arange(B)
    torch.testing.assert_close(logits[words], out.logits[words], **NEAR)
    torch.testing.assert_close(ours.loss(batch), out.loss, **NEAR)


def counts(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def by_part(config: BERTConfig) -> dict[str, int]:
    """How many numbers each part of BERT has, from its sizes alone."""
    d, f, v = config.hidden_size, config.feed_forward_size, config.vocab_size
    return {
        "words": v * d,
        "places": config.max_positions * d,
        "segments": config.num_segments * d,
        "norm of the embeddings": 2 * d,
        "attention": config.num_layers * 4 * (d * d + d),
        "networks": config.num_layers * (2 * d * f + f + d),
        "norms": config.num_layers * 2 * 2 * d,
        "pooler": d * d + d,
        "word head": d * d + d + 2 * d + v,
        "sentence head": 2 * d + 2,
    }


@pytest.mark.parametrize(
    ("config", "body", "whole"),
    [
        (BERTConfig(), 109_482_240, 110_106_428),
        (LARGE, 335_141_888, 336_226_108),
    ],
)
def test_every_parameter_of_base_and_large_is_accounted_for(
    config, body, whole
):
    with torch.device("meta"):
        ours = PretrainingBERT(BERT(config))
        theirs = transformers.BertForPreTraining(
            transformers.BertConfig(
                hidden_size=config.hidden_size,
                num_hidden_layers=config.num_layers,
                num_attention_heads=config.num_heads,
                intermediate_size=config.feed_forward_size,
            )
        )
    parts = by_part(config)
    assert counts(ours) == counts(theirs) == sum(parts.values()) == whole
    assert counts(ours.bert) == counts(theirs.bert) == body
    heads = parts["word head"] + parts["sentence head"]
    assert body + heads == whole
    norms = [m for m in ours.modules() if isinstance(m, nn.LayerNorm)]
    assert {norm.eps for norm in norms} == {theirs.config.layer_norm_eps}
    assert len(norms) == 2 * config.num_layers + 2


# Published weights


def old_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """As the first files had them."""
    old = {new: name for name, new in published_names.OLD.items()}
    return {
        f"{part}.{old[kind]}" if "LayerNorm" in part else name: weight
        for name, weight in state.items()
        for part, _, kind in [name.rpartition(".")]
    }


def test_old_names_and_what_is_no_weight_are_understood(batch):
    theirs = reference("BertForPreTraining")
    state = old_names(theirs.state_dict())
    assert "bert.embeddings.LayerNorm.gamma" in state
    state["bert.embeddings.position_ids"] = torch.arange(P)[None]
    for copy in ("decoder.weight", "decoder.bias"):
        del state[f"cls.predictions.{copy}"]  # as in most files
    ours = PretrainingBERT(BERT(CONFIG))
    assert load_published(ours, state) == []
    out = theirs_loss(theirs, batch, next_sentence_label=batch.random_next)
    torch.testing.assert_close(ours.loss(batch), out.loss, **NEAR)


def test_a_file_of_pretraining_fits_a_body():
    theirs = reference("BertForPreTraining")
    whole, body = PretrainingBERT(BERT(CONFIG)), BERT(CONFIG)
    load_published(whole, theirs.state_dict())
    assert load_published(body, theirs.state_dict()) == []
    for name, weight in whole.bert.state_dict().items():
        assert torch.equal(weight, body.state_dict()[name]), name
    masked = reference("BertForMaskedLM").state_dict()
    assert load_published(body, masked) == ["pooler.weight", "pooler.bias"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoder.layer.1.output.dense.bias": None}, "1 missing .*layers.1"),
        ({"cls.predictions.bias": None}, "1 missing .*words.bias"),
        ({"encoder.layer.7.output.dense.bias": (D,)}, "unknown .*layers.7"),
        ({"embeddings.rotary.weight": (D,)}, "unknown .*embeddings.rotary"),
        ({"cls.other.weight": (D,)}, "1 unknown .*cls.other.weight"),
        ({"classifier.bias": (C,)}, "1 unknown .*to_logits.bias"),
        (
            {"embeddings.position_embeddings.weight": (T, D)},
            rf"places.weight is given with shape \({T}, {D}\), expected",
        ),
        (
            {"cls.predictions.decoder.weight": (V, D)},
            "decoder.weight is anoth",
        ),
        ({"cls.predictions.decoder.bias": (V,)}, "decoder.bias is another"),
    ],
)
def test_weights_that_do_not_fit_are_named(change, message):
    state = {
        name.removeprefix("bert."): weight
        for name, weight in reference("BertForPreTraining")
        .state_dict()
        .items()
    }
    for name, shape in change.items():
        state.pop(name, None)
        if shape:
            state[name] = torch.zeros(shape)
    model = PretrainingBERT(BERT(CONFIG))
    before = {name: w.clone() for name, w in model.state_dict().items()}
    with pytest.raises(ValueError, match=message):
        load_published(model, state)
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, before[name])


def test_a_body_alone_has_no_head_to_load():
    state = reference("BertModel").state_dict()
    with pytest.raises(ValueError, match="5 missing .*words.bias"):
        load_published(PretrainingBERT(BERT(CONFIG)), state)


# Behaviour


@NORMS
def test_padding_and_neighbours_change_nothing(norm):
    model = shaken(BERT(replace(CONFIG, norm=norm)))
    tokens, _ = pairs(2, 3, 4, 1, 3)
    assert checks.batched_equals_one_by_one(model, tokens)
    short = tokens[:, :6]
    assert checks.padding_has_no_effect(lambda t: model(t)[:, :6], short)


def test_attention_is_a_distribution_over_all_words(model):
    tokens, segments = pairs(2, 3, 4, 1, 3)
    weights = model.bert.attention(tokens, segments)
    size = tokens.shape[1]
    assert weights.shape == (B, N, H, size, size)
    mask = padding_mask(tokens).unsqueeze(1)
    assert checks.is_distribution(weights, mask.expand(weights.shape))
    assert (weights[mask.expand(weights.shape)] > 0).all()


def test_every_word_sees_the_words_behind_it(model):
    tokens, _ = MARKS.batch([texts(5)])
    before = model.bert(tokens)
    tokens[0, -2] = 3 + tokens[0, -2] % 7
    assert (model.bert(tokens) != before).any(dim=-1).all()


@NORMS
def test_every_parameter_learns(norm, batch):
    longest = batch.tokens.shape[1]
    config = replace(CONFIG, norm=norm, max_positions=longest)
    model = PretrainingBERT(BERT(config))
    assert checks.every_parameter_learns(model, lambda: model.loss(batch))


@TASKS
def test_every_parameter_learns_a_task(name):
    model, batch = task(name)
    model.loss(batch).backward()
    parameters = dict(model.named_parameters())
    still = {n for n, p in parameters.items() if p.grad is None}
    assert all(p.grad.any() for n, p in parameters.items() if n not in still)
    unused = {"bert.pooler.weight", "bert.pooler.bias"}
    assert still == (set() if "Sequence" in name else unused)


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_a_batch_can_be_learned_by_heart(norm, batch):
    model = PretrainingBERT(BERT(replace(CONFIG, norm=norm)))
    assert checks.can_overfit(model, lambda: model.loss(batch))


@TASKS
def test_a_task_can_be_learned_by_heart(name):
    model, batch = task(name)
    assert checks.can_overfit(model, lambda: model.loss(batch))


def test_no_word_and_no_order_is_preferred_at_the_start(batch):
    model = PretrainingBERT(BERT(CONFIG))
    only_words = model.loss(batch._replace(random_next=None))
    assert checks.starts_near_uniform(only_words, V)
    assert checks.starts_near_uniform(model.loss(batch) - only_words, 2)


@pytest.mark.parametrize(
    ("word_std", "position_std", "weight_std"),
    [(0.02,) * 3, (0.15, 0.01, 0.07)],
)
def test_weights_start_as_they_are_told(word_std, position_std, weight_std):
    config = replace(TINY, vocab_size=499, max_positions=499, num_segments=97)
    config = replace(
        config,
        word_std=word_std,
        position_std=position_std,
        weight_std=weight_std,
    )
    model = PretrainingBERT(BERT(config))
    for part, std in (
        (model.bert.embedding.words, word_std),
        (model.bert.embedding.places, position_std),
        (model.bert.segments, position_std),
    ):
        assert part.weight.std().item() == pytest.approx(std, rel=0.05)
    for part in model.modules():
        if isinstance(part, nn.Linear) and part is not model.to_next:
            std = part.weight.std().item()
            assert std == pytest.approx(weight_std, rel=0.1)
            assert not part.bias.any()


@NORMS
def test_the_norm_of_the_embeddings_moves_behind_the_layers(norm):
    model = BERT(replace(CONFIG, norm=norm))
    norms = [name for name, m in model.named_modules() if hasattr(m, "eps")]
    ends = [name for name in norms if "layers" not in name]
    assert ends == {"post": ["norm"], "pre": ["last_norm"], "none": []}[norm]
    assert len(norms) == (0 if norm == "none" else 2 * N + 1)


def test_dropout_stands_in_four_places_and_acts_in_training_only(batch):
    model = PretrainingBERT(BERT(replace(CONFIG, dropout=0.5)))
    shares = [m.p for m in model.modules() if isinstance(m, nn.Dropout)]
    assert shares == [0.5] * (2 * N + 1)  # sub-layers, the embeddings
    looks = [layer.attention.dropout for layer in model.bert.layers]
    assert looks == [0.5] * N
    assert not torch.allclose(model.loss(batch), model.loss(batch))
    model.eval()
    torch.testing.assert_close(model.loss(batch), model.loss(batch))


@TASKS
def test_dropout_acts_on_what_a_task_reads(name):
    model, batch = task(name)
    if "Question" in name:
        assert model.dropout.p == 0
        return
    model.dropout.p = 0.5
    assert not torch.allclose(model.loss(batch), model.loss(batch))
    model.eval()
    torch.testing.assert_close(model.loss(batch), model.loss(batch))


def test_labels_that_are_ignored_change_nothing():
    model, batch = task("BertForTokenClassification")
    padded = (F.pad(part, (0, 3)) for part in (batch.tokens, batch.segments))
    tokens, segments = padded
    labels = F.pad(batch.labels, (0, 3), value=IGNORED)
    longer = TaskBatch(tokens, labels, segments)
    torch.testing.assert_close(model.loss(longer), model.loss(batch))


# Answers


def test_the_best_span_is_found_as_by_looking_at_all():
    start, end = torch.randn(2, B, P)
    inside = torch.rand(B, P) < 0.7
    for longest in (1, 3, P):
        spans, best = best_spans(start, end, inside, longest)
        for b in range(B):
            tried = {
                (i, j): (start[b, i] + end[b, j]).item()
                for i in range(P)
                for j in range(i, min(i + longest, P))
                if inside[b, i] and inside[b, j]
            }
            place = max(tried, key=tried.get)
            assert tuple(spans[b].tolist()) == place
            assert best[b].item() == pytest.approx(tried[place])


def test_an_answer_stands_in_the_second_text_or_nowhere():
    model, (tokens, _, segments) = task("BertForQuestionAnswering")
    spans = model.answer(tokens, segments)
    second = (segments == 1) & (tokens != 0)
    for b, (first, last) in enumerate(spans.tolist()):
        assert second[b, first : last + 1].all()
        assert first <= last
    start, end = model(tokens, segments)
    best = start.gather(1, spans[:, :1]) + end.gather(1, spans[:, 1:])
    lead = best.squeeze(1) - (start[:, 0] + end[:, 0])
    middle = lead.sort().values[1:3].mean().item()
    kept = model.answer(tokens, segments, threshold=middle)
    assert torch.equal(kept.any(dim=1), lead > middle)
    assert torch.equal(kept[lead > middle], spans[lead > middle])
    near = model.answer(tokens, segments, longest=1)
    assert torch.equal(near[:, 0], near[:, 1])


# Real weights

MINILM = BERTConfig(
    hidden_size=384, num_layers=6, num_heads=12, feed_forward_size=1536
)


@pytest.fixture(scope="module")
def minilm() -> tuple[BERT, nn.Module]:
    """The published all-MiniLM-L6-v2, in our model and in theirs."""
    state = read_safetensors(real_data("all-minilm-l6-v2/model.safetensors"))
    ours = BERT(MINILM).eval()
    assert load_published(ours, state) == []
    config = transformers.BertConfig(
        hidden_size=384,
        num_hidden_layers=6,
        num_attention_heads=12,
        intermediate_size=1536,
    )
    theirs = transformers.BertModel(config).eval()
    state.pop("embeddings.position_ids")
    theirs.load_state_dict(state)
    return ours, theirs


def sentences() -> list[str]:
    """200 of different lengths from the development set of SST-2."""
    text = real_data("sst-2/dev.tsv").read_text(encoding="utf-8")
    lines = [line.split("\t")[0] for line in text.splitlines()[1:]]
    lines.sort(key=len)
    return lines[::4][:200]


@torch.no_grad()
def test_real_weights_give_what_theirs_give_on_200_sentences(minilm):
    ours, theirs = minilm
    vocabulary = real_data("all-minilm-l6-v2/vocab.txt")
    pieces, marks = WordPieces.from_file(vocabulary), Marks()
    library = transformers.BertTokenizer(str(vocabulary))
    given = sentences()
    assert len(given) == 200
    largest, seen = 0.0, set()
    for first in range(8):
        part = given[first::8]
        tokens, _ = marks.batch([[pieces.encode(text)] for text in part])
        read = library(part, padding=True, return_tensors="pt")
        assert torch.equal(tokens, read["input_ids"])
        expected = theirs(**read)
        words = tokens != 0
        seen |= set(words.sum(dim=1).tolist())
        hidden = ours(tokens)
        for given_here, theirs_here in (
            (hidden[words], expected.last_hidden_state[words]),
            (ours.pool(hidden), expected.pooler_output),
        ):
            torch.testing.assert_close(given_here, theirs_here, **NEAR)
            gap = (given_here - theirs_here).abs().max().item()
            largest = max(largest, gap)
    assert len(seen) > 25  # so many lengths
    assert largest < 1e-5


@torch.no_grad()
def test_similar_sentences_have_similar_real_vectors(minilm):
    ours, _ = minilm
    pieces = WordPieces.from_file(real_data("all-minilm-l6-v2/vocab.txt"))
    tokens, _ = Marks().batch(
        [
            [pieces.encode(text)]
            for text in (
                "A man is playing a guitar on the stage.",
                "Somebody performs music with his guitar.",
                "The bank raised its interest rates again.",
            )
        ]
    )
    vectors = sentence_vectors(ours(tokens), tokens)
    one, two, three = (vectors @ vectors.T)[0].tolist()
    assert one == pytest.approx(1)
    assert two > 0.5 > 0.2 > three


def test_the_published_files_are_those_of_the_hashes():
    for name, digest in SOURCES["all-minilm-l6-v2"].hashes.items():
        content = real_data(f"all-minilm-l6-v2/{name}").read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest
    vocabulary = real_data("vocab/bert-base-uncased-vocab.txt").read_bytes()
    hashes = SOURCES["bert-base-uncased"].hashes
    assert hashlib.sha256(vocabulary).hexdigest() == hashes["vocab.txt"]


def test_weights_are_fetched_checked_and_loaded(tmp_path, monkeypatch):
    theirs = reference("BertForPreTraining")
    (tmp_path / "hub").mkdir()
    file = tmp_path / "hub" / "model.safetensors"
    theirs.save_pretrained(file.parent)
    hashes = {file.name: hashlib.sha256(file.read_bytes()).hexdigest()}
    source = Source("http://127.0.0.1:1", hashes)
    monkeypatch.setitem(SOURCES, "bert-base-uncased", source)
    monkeypatch.setenv("REINVENT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("REINVENT_DATA", raising=False)
    monkeypatch.delenv("REINVENT_MIRROR", raising=False)
    with pytest.raises(DownloadError, match="model.safetensors could not be"):
        fetch("bert-base-uncased", tries=1)
    handler = partial(Quiet, directory=file.parent)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        folder = fetch("bert-base-uncased", address=address)
        server.shutdown()
        thread.join()
    ours = PretrainingBERT(BERT(CONFIG))
    assert load_published(ours, read_safetensors(folder / file.name)) == []
    words = theirs.bert.embeddings.word_embeddings.weight
    assert torch.equal(ours.bert.embedding.words.weight, words)


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and does not talk about it."""

    def log_message(self, *_):
        pass


# What a user can get wrong


def test_a_text_beyond_the_positions_is_named(model):
    with pytest.raises(ValueError, match="0 to 17, expected 0 to 16"):
        model.bert(torch.ones(1, 18, dtype=torch.long))


@pytest.mark.parametrize("wrong", [-1, V])
def test_an_id_without_a_word_is_named(model, batch, wrong):
    batch.tokens[1, 3] = wrong
    with pytest.raises(ValueError, match=f"{wrong} is out of range"):
        model.loss(batch)


@pytest.mark.parametrize(
    ("segments", "message"),
    [
        (torch.full((1, T), 2), "segment 2, expected 0 to 1"),
        (torch.full((1, T), -1), "segment -1, expected 0 to 1"),
        (torch.zeros(T, 1, dtype=torch.long), r"\(7, 1\), expected that of"),
    ],
)
def test_segments_that_do_not_fit_are_named(model, segments, message):
    with pytest.raises(ValueError, match=message):
        model.bert(torch.ones(1, T, dtype=torch.long), segments)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (torch.ones(T, dtype=torch.long), r"\(7,\), expected \(B, T\)"),
        (torch.zeros(1, T, dtype=torch.long), "input 0 begins with padding"),
        (torch.eye(2, T).long(), "input 1 begins with padding"),
        (torch.ones(0, T, dtype=torch.long), "expected at least one id"),
    ],
)
def test_tokens_that_make_no_batch_are_named(model, tokens, message):
    with pytest.raises(ValueError, match=message):
        model.bert(tokens)


@pytest.mark.parametrize("chosen", [0, 1, T])
def test_answers_that_do_not_fit_the_places_are_named(model, chosen):
    tokens = torch.ones(1, T, dtype=torch.long)
    places = torch.arange(T)[None] < chosen
    answers = tokens[0, : 3 * (chosen > 0)]
    with pytest.raises(ValueError, match=f"for {chosen} chosen places"):
        model.loss(PretrainingBatch(tokens, places, answers))


@pytest.mark.parametrize("ids", [(1, 1, 2), (1, 2, 1), (0, 1, 2)])
def test_marks_that_cannot_be_told_apart_are_refused(ids):
    with pytest.raises(ValueError, match="expected four different ids"):
        Marks(cls=ids[0], sep=ids[1], mask=ids[2])


def test_inputs_that_make_no_batch_are_named():
    with pytest.raises(ValueError, match="text 1 is empty"):
        MARKS.around([3], [])
    with pytest.raises(ValueError, match="0 inputs, expected at least 1"):
        MARKS.batch([])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rate": 0.0}, "rate is 0.0, expected above 0"),
        ({"rate": 1.5}, "rate is 1.5, expected above 0 and at most 1"),
        ({"shares": (0.8, 0.1)}, "expected three that sum to 1"),
        ({"shares": (0.8, 0.1, 0.2)}, "expected three that sum to 1"),
        ({"shares": (1.1, -0.1, 0.0)}, "expected three that sum to 1"),
    ],
)
def test_shares_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        mask_tokens(torch.ones(1, T), MARKS, V, **settings)


@pytest.mark.parametrize(("count", "longest"), [(1, 53), (0, 53), (2, 4)])
def test_pairs_need_two_documents_and_room(count, longest):
    with pytest.raises(ValueError, match="2 documents .* a sentence each"):
        list(next_sentence_pairs([[[3]], []], 53, Random(0)))
    with pytest.raises(
        ValueError, match=f"{count} documents .* {longest} tok"
    ):
        list(next_sentence_pairs([[[3]]] * count, longest, Random(0)))


@TASKS
def test_labels_without_a_class_are_named(name):
    model, batch = task(name)
    most = batch.tokens.shape[1] if "Question" in name else C
    kind = "place" if "Question" in name else "label"
    for wrong in (-1, most):
        batch.labels[..., -1] = wrong
        with pytest.raises(ValueError, match=f"{kind} {wrong}, expected 0 to"):
            model.loss(batch)


def test_an_input_without_a_second_text_has_no_answer():
    model, batch = task("BertForQuestionAnswering")
    with pytest.raises(ValueError, match="input 0 has 0 places for an ans"):
        model.answer(batch.tokens, torch.zeros_like(batch.segments))


def test_sizes_and_switches_that_make_no_model_are_named():
    with pytest.raises(ValueError, match=f"num_heads is 3, expected .* {D}"):
        BERT(replace(CONFIG, num_heads=3))
    with pytest.raises(ValueError, match="norm is 'both', expected one of"):
        BERT(replace(CONFIG, norm="both"))
