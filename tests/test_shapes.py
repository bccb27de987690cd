"""Every shape comment of the package is executed, and true.

A module with shape comments needs an entry in `EXAMPLES`: sizes, one prime
for each letter, and a function that runs the module with them.
"""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from shapes import Example, agrees, check, read_claims, size
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

import reinvent
from reinvent import (
    bahdanau,
    bert,
    conv_encoder,
    convs2s,
    elmo,
    glu_lm,
    gnmt,
    gpt,
    gpt2,
    luong,
    memn2n,
    memory_networks,
    roberta,
    seq2seq,
    transformer,
    word2vec,
)
from reinvent.toolbox import (
    beam,
    decoding,
    explorer_table,
    int8,
    losses,
    metrics,
    sampling,
    sentence_vectors,
    whiteboard_attention,
    whiteboard_layers,
    whiteboard_outputs,
)
from reinvent.toolbox.gaps import fill_gaps
from reinvent.toolbox.language import LanguageBatch
from reinvent.toolbox.story_batches import StoryBatch
from reinvent.toolbox.translation import Pair, TranslationTask
from reinvent.toolbox.vocabulary import Vocabulary

PACKAGE = Path(reinvent.__file__).parent
PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53)


def ids(*shape: int, below: int) -> torch.Tensor:
    """Word ids without padding."""
    return (
        torch.arange(torch.Size(shape).numel()).view(shape) % (below - 1) + 1
    )


def run_word2vec(B: int, N: int, C: int, E: int, V: int) -> Callable:
    def run() -> None:
        config = word2vec.Word2VecConfig(vocab_size=V, embedding_size=E)
        noise = ids(B, N, below=V)
        word2vec.SkipGram(config)(ids(B, below=V), ids(B, below=V), noise)
        word2vec.CBOW(config)(ids(B, C, below=V), ids(B, below=V), noise)
        tree = word2vec.HierarchicalSoftmax(range(1, V + 1), E)
        tree.log_probability(torch.ones(B, E), 1)
        word2vec.nearest(torch.ones(V, E), word=0, count=1)

    return run


def run_seq2seq(B: int, T: int, S: int, E: int, D: int, V: int) -> Callable:
    def run() -> None:
        inputs, hidden = torch.ones(B, E), torch.ones(B, D)
        seq2seq.RNNCell(E, D)(inputs, hidden)
        seq2seq.GRUCell(E, D)(inputs, hidden)
        seq2seq.LSTMCell(E, D)(inputs, (hidden, hidden))
        config = seq2seq.Seq2SeqConfig(
            source_vocab_size=V,
            target_vocab_size=V,
            embedding_size=E,
            hidden_size=D,
            num_layers=2,
        )
        model = seq2seq.EncoderDecoder(config)
        model(ids(B, S, below=V), ids(B, T, below=V))

    return run


def run_memory_networks(
    B: int, M: int, L: int, D: int, V: int, Q: None
) -> Callable:
    def run() -> None:
        model = memory_networks.MemoryNetwork(
            memory_networks.MemoryNetworkConfig(vocab_size=V, embedding_size=D)
        )
        story = StoryBatch(
            memories=ids(B, M, L, below=V),
            question=ids(B, L, below=V),
            answer=ids(B, below=V),
            facts=ids(B, 2, below=M),
        )
        model(story.memories, story.question)
        model.loss(story)

    return run


def run_bahdanau(
    B: int, T: int, S: int, A: int, D: int, E: int, V: int, maxout: int
) -> Callable:
    def run() -> None:
        config = bahdanau.RNNsearchConfig(
            source_vocab_size=V,
            target_vocab_size=V,
            embedding_size=E,
            hidden_size=D,
            alignment_size=A,
            maxout_size=maxout,
        )
        model = bahdanau.RNNsearch(config)
        source = ids(B, S, below=V)
        model(source, ids(B, T, below=V))
        model.step(ids(B, below=V), model.encode(source))

    return run


def run_luong(B: int, T: None, S: int, E: int, D: int, V: int) -> Callable:
    def run() -> None:
        for score in ("dot", "general", "concat", "location"):
            for feeding in (False, True):
                config = luong.LuongConfig(
                    source_vocab_size=V,
                    target_vocab_size=V,
                    embedding_size=E,
                    hidden_size=D,
                    num_layers=2,
                    score=score,
                    input_feeding=feeding,
                )
                model = luong.LuongTranslator(config)
                source = ids(B, S, below=V)
                model(source, ids(B, 7, below=V))
                model.step(ids(B, below=V), model.encode(source))

    return run


def run_gnmt(
    B: int, T: None, S: int, A: int, D: int, E: int, V: int, layers: int
) -> Callable:
    def run() -> None:
        config = gnmt.GNMTConfig(
            source_vocab_size=V,
            target_vocab_size=V,
            embedding_size=E,
            hidden_size=D,
            alignment_size=A,
            encoder_layers=2,
            decoder_layers=layers,
        )
        model = gnmt.GNMT(config)
        source = ids(B, S, below=V)
        model(source, ids(B, 7, below=V))
        model.step(ids(B, below=V), model.encode(source))

    return run


def run_beam(B: int, T: int, S: int, V: int, width: int) -> Callable:
    def run() -> None:
        beam.coverage_penalty(torch.ones(T, S), beta=1.0)
        beam.BeamSearch(width=width)(
            translator(V),
            ids(B, S, below=V - 3) + 2,
            bos_id=1,
            eos_id=2,
            max_length=T,
        )

    return run


def run_memn2n(B: int, M: int, L: int, D: int, V: int) -> Callable:
    def run() -> None:
        for places in (True, False):
            model = memn2n.MemN2N(
                memn2n.MemN2NConfig(
                    vocab_size=V,
                    embedding_size=D,
                    position_encoding=places,
                )
            )
            model(ids(B, M, L, below=V), ids(B, L, below=V))
        config = memn2n.LanguageModelConfig(
            vocab_size=V, embedding_size=D, memory_size=M
        )
        memn2n.MemN2NLanguageModel(config)(ids(B, M, below=V))

    return run


def run_onnx_layers(B: int, T: int, E: int, D: int) -> Callable:
    def run() -> None:
        reader = int8.quantize(nn.LSTM(E, D, bidirectional=True), bits=32)
        reader(pack_padded_sequence(torch.ones(T, B, E), [T] * B))

    return run


def translator(V: int) -> bahdanau.RNNsearch:
    """A small translator that never ends a sentence by itself."""
    config = bahdanau.RNNsearchConfig(
        source_vocab_size=V,
        target_vocab_size=V,
        embedding_size=2,
        hidden_size=2,
        alignment_size=2,
        maxout_size=2,
    )
    model = bahdanau.RNNsearch(config)
    with torch.no_grad():
        model.decoder.to_logits.bias[V - 1] = 100.0
    return model


def run_decoding(B: int, T: int, S: int, V: int) -> Callable:
    def run() -> None:
        decoding.greedy(
            translator(V),
            ids(B, S, below=V),
            bos_id=1,
            eos_id=2,
            max_length=T,
        )

    return run


def run_metrics(B: int, T: int, S: int) -> Callable:
    def run() -> None:
        words = Vocabulary(["a"])
        task = TranslationTask(
            train=(),
            valid=(),
            test=(),
            held_out=(),
            long=(),
            source_words=words,
            target_words=words,
        )
        none = frozenset()
        # A source of S tokens: S - 1 words and </s>.
        pair = Pair(("a",) * (S - 1), ("a",) * T, none, none)
        metrics.aligned_weights(translator(len(words)), [pair] * B, task)

    return run


def run_explorer_table(T: int, maps: int, S: int) -> Callable:
    def run() -> None:
        panel = {
            "name": "",
            "source": ["a"] * S,
            "target": ["b"] * T,
            "gold": [],
        }
        names = {"layer": "layer", "head": "head"}
        weights = torch.ones(maps, 1, T, S).numpy()
        explorer_table.map_table(panel, weights, names)

    return run


def run_conv_encoder(
    B: int, T: int, S: int, E: int, D: int, V: int
) -> Callable:
    def run() -> None:
        for encoder in ("convolutional", "pooling", "recurrent"):
            config = conv_encoder.ConvEncoderConfig(
                source_vocab_size=V,
                target_vocab_size=V,
                embedding_size=E,
                hidden_size=D,
                key_size=E,
                encoder=encoder,
                max_positions=S,
                key_layers=2,
                value_layers=1,
            )
            model = conv_encoder.ConvEncoderTranslator(config)
            source = ids(B, S, below=V)
            model(source, ids(B, T, below=V))
            model.step(ids(B, below=V), model.encode(source))

    return run


def run_glu_lm(
    B: int, T: int, E: int, D: int, V: int, layers: int, **letters: None
) -> Callable:
    def run() -> None:
        glu_lm.LSTMLM(V, E, D, layers)(ids(B, T, below=V))
        for cutoffs in ((), (7,)):
            config = glu_lm.GLULMConfig(
                vocab_size=V,
                embedding_size=E,
                hidden_size=D,
                num_layers=layers,
                kernel_size=3,
                cutoffs=cutoffs,
            )
            model = glu_lm.GatedConvLM(config)
            model(ids(B, T, below=V))
            model.loss(LanguageBatch(ids(B, T, below=V), ids(B, T, below=V)))

    return run


def run_convs2s(
    B: int, T: None, S: int, E: int, D: int, V: int, layers: int, kernel: int
) -> Callable:
    def run() -> None:
        config = convs2s.ConvS2SConfig(
            source_vocab_size=V,
            target_vocab_size=V,
            embedding_size=E,
            hidden_size=D,
            kernel_size=kernel,
            encoder_layers=layers,
            decoder_layers=layers,
        )
        model = convs2s.ConvS2S(config)
        model(ids(B, S, below=V), ids(B, 7, below=V))

    return run


def run_transformer(
    B: int,
    T: None,
    S: None,
    D: None,
    H: int,
    K: int,
    V: int,
    layers: int,
    waves: None,
) -> Callable:
    def run() -> None:
        config = transformer.TransformerConfig(
            source_vocab_size=V,
            target_vocab_size=V,
            hidden_size=H * K,
            num_layers=layers,
            num_heads=H,
            feed_forward_size=19,
        )
        model = transformer.Transformer(config)
        source, target = ids(B, 11, below=V), ids(B, 7, below=V)
        model(source, target)
        model.attention(source, target)
        model.step(target[:, 0], model.encode(source))

    return run


def run_elmo(
    B: int,
    T: int,
    D: int,
    E: int,
    V: int,
    chars: int,
    cells: int,
    layers: int,
    words: None,
) -> Callable:
    def run() -> None:
        config = elmo.BiLMConfig(
            vocab_size=V,
            hidden_size=D,
            cell_size=cells,
            num_layers=layers,
            max_characters=chars,
            character_size=E,
            filters=((1, 2), (3, 5)),
        )
        tokens = ids(B, T, below=V)
        spelled = torch.tensor(
            [elmo.spell_word("a" * i, chars) for i in (1, 2)]
        )
        model = elmo.BiLanguageModel(config)
        model.loss(spelled[tokens % 2], tokens)
        model.bilm.represent(spelled[tokens % 2])
        elmo.ScalarMix(layers + 1)(torch.ones(B, layers + 1, T, 2 * D))

    return run


def run_gpt(
    B: None,
    T: None,
    D: None,
    H: int,
    V: int,
    layers: int,
    inputs: int,
    classes: int,
    rows: None,
) -> Callable:
    def run() -> None:
        config = gpt.GPTConfig(
            vocab_size=V - 2,
            hidden_size=2 * 13,
            num_layers=layers,
            num_heads=H,
            feed_forward_size=23,
        )
        model = gpt.with_new_words(gpt.GPT(config), 2)
        tokens = ids(3, 19, below=V - 2)
        model(tokens)
        model.step(tokens)
        model.attention(tokens)
        model.loss(LanguageBatch(tokens, tokens))
        marks = gpt.Marks(start=1, delimiter=V - 2, extract=V - 1)
        answers = [[3] * n for n in range(1, inputs + 1)]
        batch = gpt.task_batch(
            [marks.multiple_choice([3], answers)] * 7, [0] * 7
        )
        gpt.GPTClassifier(model, classes, marks.extract).loss(batch)
        gpt.GPTChooser(model, marks.extract).loss(batch)

    return run


def run_bert(
    B: int,
    T: int,
    D: None,
    V: int,
    layers: int,
    chosen: None,
    classes: None,
    labels: None,
    words: int,
    **sizes: int,
) -> Callable:
    def run() -> None:
        config = bert.BERTConfig(
            vocab_size=V,
            hidden_size=2 * 13,
            num_layers=layers,
            num_heads=sizes["H"],
            feed_forward_size=sizes["F"],
        )
        body = bert.BERT(config)
        marks = bert.Marks(cls=1, sep=2, mask=V - 1)  # and 0: V - 4 words
        size = T - 5
        rows = ids(B, size, below=words).tolist()
        tokens, segments = marks.batch([(row, [3, 4]) for row in rows])
        batch = bert.mask_tokens(tokens, marks, V, rate=0.5)
        batch = batch._replace(segments=segments, random_next=segments[:, 0])
        model = bert.PretrainingBERT(body)
        model.loss(batch)
        model(batch.tokens, batch.chosen)
        body.represent(tokens)
        body.attention(tokens)
        for task, told in (
            (bert.BERTClassifier(body, V), segments[:, 0]),
            (bert.BERTTagger(body, V), segments),
            (bert.BERTReader(body), segments[:, :2]),
        ):
            task.loss(bert.TaskBatch(tokens, told, segments))
        task.answer(tokens, segments, threshold=0.0)

    return run


def run_roberta(B: int, T: int, D: int, V: int) -> Callable:
    def run() -> None:
        config = roberta.RoBERTaConfig(
            vocab_size=V,
            hidden_size=D,
            num_layers=2,
            num_heads=1,
            feed_forward_size=2,
        )
        roberta.RoBERTa(config)(ids(B, T, below=V - 1) + 1)

    return run


def run_sentence_vectors(B: int, T: int, D: int) -> Callable:
    def run() -> None:
        hidden = torch.ones(B, T, D)
        sentence_vectors.sentence_vectors(hidden, ids(B, T, below=3))

    return run


def run_gpt2(B: int, T: int, D: int, V: int, words: None) -> Callable:
    def run() -> None:
        config = gpt2.GPT2Config(
            vocab_size=V,
            hidden_size=D,
            num_layers=2,
            num_heads=1,
            feed_forward_size=2,
            max_positions=T + 1,
        )
        model = gpt2.GPT2(config)
        tokens = ids(B, T, below=V)
        model.loss(LanguageBatch(tokens, tokens))
        rule = partial(sampling.top_k, k=2)
        gpt2.generate(model, tokens, 1, end=1)
        gpt2.generate(model, tokens, 1, rule)

    return run


def run_gaps(V: int, gaps: None) -> Callable:
    def run() -> None:
        tokens = torch.tensor([[1, 2, 3], [2, 1, 0]])
        names = [f"piece {i}" for i in range(V)]
        fill_gaps(lambda _, at: torch.ones(int(at.sum()), V), tokens, 2, names)

    return run


def run_losses(V: int, size: int) -> Callable:
    def run() -> None:
        hidden = torch.ones(2 * size, 3, requires_grad=True)
        tokens = torch.arange(2 * size) % V
        words = torch.ones(V, 3)
        losses.loss_in_parts(hidden, words, tokens, room=size * V)

    return run


def run_checks(*checks: Callable, **sizes: int | None) -> Callable:
    """An answer that gives nothing is compared with every mistake."""

    def run() -> None:
        for check_answer in checks:
            check_answer(lambda *given: None)

    return run


def run_sampling(B: int, V: int) -> Callable:
    def run() -> None:
        logits = sampling.at_temperature(torch.ones(B, V), 2.0)
        sampling.draw(sampling.nucleus(sampling.top_k(logits, 3), 0.5))

    return run


RUNS = {
    "word2vec": (run_word2vec, {"B": 5, "N": 7, "C": 11, "E": 13, "V": 17}),
    "seq2seq": (
        run_seq2seq,
        {"B": 5, "T": 7, "S": 11, "E": 13, "D": 17, "V": 19},
    ),
    "memory_networks": (
        run_memory_networks,
        {"B": 5, "M": 7, "L": 11, "D": 13, "V": 17, "Q": None},
    ),
    "bahdanau": (
        run_bahdanau,
        {
            "B": 5,
            "T": 7,
            "S": 11,
            "A": 13,
            "D": 17,
            "E": 19,
            "V": 23,
            "maxout": 29,
        },
    ),
    "luong": (
        run_luong,
        {"B": 5, "T": None, "S": 11, "E": 13, "D": 17, "V": 19},
    ),
    "memn2n": (
        run_memn2n,
        {"B": 5, "M": 7, "L": 11, "D": 2, "V": 17},
    ),
    "gnmt": (
        run_gnmt,
        {
            "B": 5,
            "T": None,
            "S": 11,
            "A": 13,
            "D": 17,
            "E": 19,
            "V": 23,
            "layers": 3,
        },
    ),
    "conv_encoder": (
        run_conv_encoder,
        {"B": 5, "T": 7, "S": 11, "E": 13, "D": 17, "V": 19},
    ),
    "glu_lm": (
        run_glu_lm,
        {
            "B": 5,
            "T": 7,
            "E": 11,
            "D": 13,
            "V": 17,
            "layers": 2,
            "input": None,
            "output": None,
        },
    ),
    "convs2s": (
        run_convs2s,
        {
            "B": 5,
            "T": None,
            "S": 11,
            "E": 13,
            "D": 17,
            "V": 19,
            "layers": 2,
            "kernel": 3,
        },
    ),
    "transformer": (
        run_transformer,
        {
            "B": 5,
            "T": None,
            "S": None,
            "D": None,
            "H": 2,
            "K": 13,
            "V": 17,
            "layers": 3,
            "waves": None,
        },
    ),
    "elmo": (
        run_elmo,
        {
            "B": 5,
            "T": 7,
            "D": 11,
            "E": 3,
            "V": 17,
            "chars": 13,
            "cells": 19,
            "layers": 2,
            "words": None,
        },
    ),
    "gpt": (
        run_gpt,
        {
            "B": None,
            "T": None,
            "D": None,
            "H": 2,
            "V": 17,
            "layers": 3,
            "inputs": 5,
            "classes": 11,
            "rows": None,
        },
    ),
    "bert": (
        run_bert,
        {
            "B": 5,
            "T": 11,
            "D": None,
            "H": 2,
            "F": 31,
            "V": 23,
            "layers": 3,
            "words": 19,
            "chosen": None,
            "classes": None,
            "labels": None,
        },
    ),
    "roberta": (run_roberta, {"B": 5, "T": 7, "D": 11, "V": 17}),
    "toolbox.sentence_vectors": (
        run_sentence_vectors,
        {"B": 5, "T": 7, "D": 11},
    ),
    "gpt2": (
        run_gpt2,
        {"B": 5, "T": 7, "D": 11, "V": 17, "words": None},
    ),
    "toolbox.beam": (
        run_beam,
        {"B": 5, "T": 7, "S": 11, "V": 13, "width": 3},
    ),
    "toolbox.onnx_layers": (
        run_onnx_layers,
        {"B": 5, "T": 7, "E": 11, "D": 13},
    ),
    "toolbox.decoding": (run_decoding, {"B": 5, "T": 7, "S": 11, "V": 13}),
    "toolbox.explorer_table": (
        run_explorer_table,
        {"T": 5, "maps": 7, "S": 11},
    ),
    "toolbox.metrics": (run_metrics, {"B": 5, "T": 7, "S": 11}),
    "toolbox.sampling": (run_sampling, {"B": 5, "V": 13}),
    "toolbox.gaps": (run_gaps, {"V": 7, "gaps": None}),
    "toolbox.losses": (run_losses, {"V": 7, "size": 5}),
    "toolbox.whiteboard_attention": (
        partial(
            run_checks,
            whiteboard_attention.check_attention,
            whiteboard_attention.check_mask,
            whiteboard_attention.check_multi_head,
            whiteboard_attention.check_additive,
        ),
        {"B": 2, "H": 3, "K": 5, "S": 11, "A": 19, "T": None, "D": None},
    ),
    "toolbox.whiteboard_layers": (
        partial(
            run_checks,
            whiteboard_layers.check_layer_norm,
            whiteboard_layers.check_positions,
            whiteboard_layers.check_glu,
            whiteboard_layers.check_lstm_step,
        ),
        {"B": 2, "F": 7, "T": None, "D": None},
    ),
    "toolbox.whiteboard_outputs": (
        partial(
            run_checks,
            whiteboard_outputs.check_negative_sampling,
            whiteboard_outputs.check_cross_entropy,
            whiteboard_outputs.check_beam_step,
        ),
        {"B": 2, "T": 5, "N": 7, "V": 11, "width": 3},
    ),
}
EXAMPLES = {
    name: Example(sizes, run(**sizes)) for name, (run, sizes) in RUNS.items()
}


def with_claims() -> dict[str, Path]:
    """The modules of the package that carry shape comments."""
    paths = sorted(PACKAGE.rglob("*.py"))
    names = {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
        for path in paths
    }
    return {
        name: path
        for name, path in names.items()
        if any(read_claims(path.read_text(encoding="utf-8")))
    }


@pytest.mark.parametrize("name", with_claims())
def test_every_shape_comment_runs_and_is_true(name):
    assert name in EXAMPLES, f"{name} needs an example in EXAMPLES"
    problems = check(with_claims()[name], [EXAMPLES[name]])
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_sizes_of_an_example_are_distinct_primes(name):
    sizes = [n for n in EXAMPLES[name].sizes.values() if n is not None]
    assert len(set(sizes)) == len(sizes)
    assert set(sizes) <= set(PRIMES)


@pytest.mark.parametrize("name", with_claims())
def test_every_letter_is_in_the_legend(name):
    legend = set(re.findall(r"\b([A-Z])  ", reinvent.__doc__))
    claims, _ = read_claims(with_claims()[name].read_text(encoding="utf-8"))
    for claim in claims:
        unknown = set(re.findall("[A-Z]", claim.text)) - legend
        assert not unknown, f"{name}, line {claim.last}: {unknown}"


# The tool itself, on modules that are written for it.

SIZES = {"B": 5, "T": 7, "D": 11, "H": 13, "K": 17, "hops": 3}


def problems_of(tmp_path: Path, body: str, call: str = "f(x, 4)") -> list[str]:
    """Check a function `f(x, n)` with x of shape (B, T, D)."""
    path = tmp_path / "module.py"
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    path.write_text(f"import torch\n\ndef f(x, n):\n{lines}")
    space = {"x": torch.ones(5, 7, 11)}
    exec(compile(path.read_text(), str(path), "exec"), space)
    return check(path, [Example(SIZES, lambda: eval(call, space))])


@pytest.mark.parametrize(
    "body",
    [
        "y = x  # (B, T, D)",
        "y = x.sum(0)  # (T, D)",
        "y = x.sum()  # ()",
        "y = x.sum((1, 2))  # (B,)",
        "y = x.sum((1, 2))  # (B), one number for each sentence",
        "y = torch.cat([x, x], -1)  # (B, T, 2D)",
        "y = x[:, :-1]  # (B, T - 1, D)",
        "y = x.flatten(1)  # (B, T*D)",
        "y = torch.ones(5, 13 * 17 + 1)  # (B, H*K + 1)",
        "y = x  # (..., D)",
        "y = torch.ones(3, 2 * 3 + 1)  # (hops, 2hops + 1)",
        "y = torch.ones(7, 5, 7, 11)  # (..., T, D)",
        "y: torch.Tensor = x  # (B, T, D)",
        "x += 1  # (B, T, D)",
        "y = x.clone()\ny[:, 0] = 0  # (B, D)",
        "a, b = x, x.sum(1)  # (B, T, D); (B, D)",
        "a, b = x.sum(1), None  # (B, D)",
        "a, b = x[..., :-1].chunk(2, -1)  # 2 x (B, T, 5)",
        "y = x.unbind(1)  # T x (B, D)",
        "return x  # (B, T, D)",
        "return x, x.sum(1)  # (B, T, D); (B, D)",
        "with torch.no_grad():\n    return x.sum(1)  # (B, D)",
        "try:\n    return x  # (B, T, D)\nfinally:\n    n += 1",
        "for i in range(n):\n    y = x[i]  # (T, D)",
        "while n > 0:\n    n -= 1\n    y = x[n]  # (T, D)",
        "y = (\n    x\n    .sum(1)\n)  # (B, D)",
        "y = torch.stack([y for y in x])  # (B, T, D)",
        "if n:\n    y = x.sum(1)  # (B, D)\nreturn n",
        "y = [[1, 2, 3]] * 5  # (B, 3)",
        "y = 0.5  # ()",
        "y = x  # the (B, T, D) of before",
        "# (D, B) on a line of its own is prose\nreturn x",
        "text = '# (D, B)'",
    ],
)
def test_a_true_comment_passes(tmp_path, body):
    assert problems_of(tmp_path, body) == []


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("y = x  # (B, D, T)", "(5, 7, 11)"),
        ("y = x  # (B, T)", "(5, 7, 11)"),
        ("y = x  # (B, T, D, 1)", "(5, 7, 11)"),
        ("y = x  # ()", "(5, 7, 11)"),
        ("y = x  # (B, T, 2D)", "(5, 7, 11)"),
        ("y = x  # (..., T)", "(5, 7, 11)"),
        ("y = torch.ones(5)  # (..., T, B)", "(5,)"),
        ("y = x.sum(1)  # (B, T)", "(5, 11)"),
        ("return x.sum(1)  # (B, T)", "(5, 11)"),
        ("with torch.no_grad():\n    return x  # (B, D)", "(5, 7, 11)"),
        ("a, b = x, x  # (B, T, D); (B, D)", "(5, 7, 11); (5, 7, 11)"),
        ("return x, x  # (B, T, D); (B, D)", "(5, 7, 11); (5, 7, 11)"),
        ("return x,  # (B, T, D); (B, D)", "(5, 7, 11)"),
        ("y = x.unbind(1)  # B x (B, D)", "(7,"),
        ("a, b = x, x[0]  # 2 x (B, T, D)", "(2,"),
        ("x = x.sum(1)  # (B, T, D)", "(5, 11)"),
        ("y = None  # (B,)", "NoneType"),
        ("for i in range(n):\n    y = x[i:]  # (B, T, D)", "(2, 7, 11)"),
    ],
)
def test_a_comment_that_lies_is_found(tmp_path, body, found):
    problems = problems_of(tmp_path, body)
    assert problems
    assert any(found in problem for problem in problems)
    assert all(re.match(r"line \d+: # ", problem) for problem in problems)


@pytest.mark.parametrize(
    "body",
    [
        "if n > 4:\n    y = x  # (B, T, D)",
        "return x\ny = x  # (B, T, D)",
        "for i in range(0):\n    y = x  # (B, T, D)",
        "try:\n    y = x.sum(9)  # (B, T, D)\nexcept IndexError:\n    pass",
        "def inner():\n    return x  # (B, T, D)",
    ],
)
def test_a_comment_that_never_ran_is_found(tmp_path, body):
    (problem,) = problems_of(tmp_path, body)
    assert problem.endswith("# (B, T, D) never ran")


@pytest.mark.parametrize(
    "comment",
    ["(B, T, d)", "(B T D)", "(B; T)", "(see below)", "2 x (b,)", "(B, T, D"],
)
def test_a_misspelled_shape_is_found(tmp_path, comment):
    (problem,) = problems_of(tmp_path, f"y = x  # {comment}")
    assert problem == f"line 4: # {comment} is not a shape"


@pytest.mark.parametrize(
    "body",
    [
        "if n:  # (B,)\n    return x",
        "x.zero_()  # (B, T, D)",
        "y = (\n    x  # (B, T, D)\n    .sum(1)\n)",
        "y = x  # (B, T, D); (B,)",
    ],
)
def test_a_comment_with_nothing_to_compare_is_found(tmp_path, body):
    (problem,) = problems_of(tmp_path, body)
    assert "does not end a statement that assigns or returns" in problem


def test_a_letter_without_size_is_named(tmp_path):
    for letter in ("Z", "words"):
        (problem,) = problems_of(tmp_path, f"y = x  # (B, T, {letter})")
        assert problem.endswith(f"the example has no size for '{letter}'")


def test_one_wrong_turn_of_a_loop_is_enough(tmp_path):
    body = "for i in (0, 0, 1):\n    y = x[i:]  # (B, T, D)"
    (problem,) = problems_of(tmp_path, body)
    assert "(4, 7, 11)" in problem


def test_an_error_of_the_example_is_not_swallowed(tmp_path):
    with pytest.raises(IndexError):
        problems_of(tmp_path, "y = x.sum(9)  # (B,)")


def test_a_letter_without_fixed_size_is_the_same_within_a_call(tmp_path):
    free = {**SIZES, "N": None}
    body = "y = x[:n]  # (N, T, D)\ny = {}  # (T, N + 1)"
    for second, good in [("x[0, :, : n + 1]", True), ("x[0, :, :4]", False)]:
        path = tmp_path / f"{good}.py"
        lines = body.format(second).replace("\n", "\n    ")
        path.write_text(f"def f(x, n):\n    {lines}\n")
        space = {}
        exec(compile(path.read_text(), str(path), "exec"), space)

        def run(f=space["f"]):
            f(torch.ones(5, 7, 11), 2)
            f(torch.ones(5, 7, 11), 4)

        assert (check(path, [Example(free, run)]) == []) == good


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12),
        ("B", 5),
        ("2D", 22),
        ("T + 1", 8),
        ("T-1", 6),
        ("H*K", 221),
        ("3", 3),
    ],
)
def test_a_size_is_computed_from_its_letters(text, number):
    assert size(text, SIZES) == number
    assert agrees(f"({text},)", (number,), SIZES)
    assert not agrees(f"({text},)", (number + 1,), SIZES)
