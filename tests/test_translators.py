"""What holds for every translator of the book, whatever it is made of.

A new translator needs one line in `TRANSLATORS`.
"""

from functools import partial

import pytest
import torch
from torch.nn import functional as F

from reinvent.bahdanau import RNNsearch, RNNsearchConfig
from reinvent.conv_encoder import ConvEncoderConfig, ConvEncoderTranslator
from reinvent.convs2s import ConvS2S, ConvS2SConfig
from reinvent.gnmt import GNMT, GNMTConfig
from reinvent.luong import LuongConfig, LuongTranslator
from reinvent.seq2seq import EncoderDecoder, Seq2SeqConfig
from reinvent.toolbox import checks
from reinvent.transformer import Transformer, TransformerConfig

B, T, S, E, D, V = 2, 3, 5, 7, 11, 13
SIZES = {
    "source_vocab_size": 19,
    "target_vocab_size": V,
    "embedding_size": E,
    "hidden_size": D,
}


def conv_encoder(encoder: str) -> ConvEncoderTranslator:
    return ConvEncoderTranslator(
        ConvEncoderConfig(
            encoder=encoder,
            key_size=17,
            key_layers=2,
            value_layers=1,
            max_positions=31,
            dropout=0.0,
            **SIZES,
        )
    )


TRANSLATORS = {
    "seq2seq": lambda: EncoderDecoder(Seq2SeqConfig(num_layers=2, **SIZES)),
    "bahdanau": lambda: RNNsearch(
        RNNsearchConfig(alignment_size=17, maxout_size=23, **SIZES)
    ),
    **{
        f"conv_encoder, {encoder}": partial(conv_encoder, encoder)
        for encoder in ("convolutional", "pooling", "recurrent")
    },
    "convs2s": lambda: ConvS2S(
        ConvS2SConfig(encoder_layers=3, decoder_layers=2, dropout=0.0, **SIZES)
    ),
    "gnmt": lambda: GNMT(
        GNMTConfig(
            alignment_size=17,
            encoder_layers=3,
            decoder_layers=3,
            dropout=0.0,
            **SIZES,
        )
    ),
    "luong": lambda: LuongTranslator(
        LuongConfig(num_layers=1, window="global", **SIZES)
    ),
    "luong, concat": lambda: LuongTranslator(
        LuongConfig(num_layers=2, window="global", score="concat", **SIZES)
    ),
    "transformer": lambda: Transformer(
        TransformerConfig(
            source_vocab_size=19,
            target_vocab_size=V,
            hidden_size=2 * D,
            num_layers=2,
            num_heads=2,
            feed_forward_size=23,
            dropout=0.0,
            tied="none",
        )
    ),
    "transformer, pre-norm": lambda: Transformer(
        TransformerConfig(
            source_vocab_size=19,
            target_vocab_size=V,
            hidden_size=2 * D,
            num_layers=3,
            num_heads=2,
            feed_forward_size=23,
            dropout=0.0,
            norm="pre",
            positions="learned",
            tied="none",
        )
    ),
}


@pytest.fixture(params=TRANSLATORS)
def model(request):
    torch.manual_seed(0)
    return TRANSLATORS[request.param]()


@pytest.fixture
def source():
    source = torch.randint(1, 19, (B, S))
    source[1, 3:] = 0
    return source


@pytest.fixture
def target():
    return torch.randint(1, V, (B, T))


def test_a_word_sees_only_the_words_before_it(model, source, target):
    assert checks.no_look_ahead(lambda t: model(source, t), target, V)


def test_padding_and_neighbours_have_no_effect(model, source, target):
    same = target[:1].expand(B, T)

    def logits(tokens):
        return model(tokens, same[: len(tokens)])

    assert checks.padding_has_no_effect(logits, source)
    assert checks.batched_equals_one_by_one(logits, source)


def test_steps_equal_teacher_forcing(model, source, target):
    state = model.encode(source)
    rows = []
    for tokens in target.unbind(dim=1):
        logits, state, _ = model.step(tokens, state)
        rows.append(logits)
    torch.testing.assert_close(torch.stack(rows, dim=1), model(source, target))


def test_weights_are_a_distribution_and_0_at_padding(model, source, target):
    _, _, weights = model.step(target[:, 0], model.encode(source))
    assert weights is None or checks.is_distribution(weights, source != 0)


def test_it_starts_uniform_learns_everywhere_and_overfits(
    model, source, target
):
    def loss():
        logits = model(source, target)
        return F.cross_entropy(logits.flatten(0, 1), target.flatten())

    assert checks.starts_near_uniform(loss(), V)
    assert checks.every_parameter_learns(model, loss)
    assert checks.can_overfit(model, loss)


def test_an_empty_sentence_is_named(model):
    with pytest.raises(ValueError, match="sentence 0 is empty"):
        model.encode(torch.zeros(1, S, dtype=torch.long))


def test_batches_of_different_sizes_are_named(model, source):
    with pytest.raises(ValueError, match=r"\(2, 5\).*\(1, 3\)"):
        model(source, torch.ones(1, T, dtype=torch.long))


@pytest.mark.parametrize("wrong", [-1, 19])
def test_ids_without_a_word_are_named(model, source, target, wrong):
    bad_source, bad_target = source.clone(), target.clone()
    bad_source[0, 1] = bad_target[0, 1] = wrong
    state = model.encode(source)
    for call in (
        lambda: model.encode(bad_source),
        lambda: model(bad_source, target),
        lambda: model(source, bad_target),
        lambda: model.step(bad_target[:, 1], state),
    ):
        with pytest.raises(ValueError, match=rf"id {wrong} .* \d+ words"):
            call()
