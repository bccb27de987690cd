"""GPT: its equations, its cache, its tasks, and transformers' own."""

import math
from dataclasses import replace

import pytest
import torch
from shaken import shaken
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import (
    OpenAIGPTConfig,
    OpenAIGPTDoubleHeadsModel,
    OpenAIGPTLMHeadModel,
    OpenAIGPTModel,
)

from reinvent.gpt import (
    GPT,
    TINY,
    GPTChooser,
    GPTClassifier,
    GPTConfig,
    Marks,
    gelu,
    load_published,
    task_batch,
    with_new_words,
)
from reinvent.toolbox import checks
from reinvent.toolbox.language import LanguageBatch, language_loss
from reinvent.transformer import causal_mask

B, T, H, K, V, N, C = 5, 7, 2, 11, 23, 3, 13
D = H * K
CONFIG = GPTConfig(
    vocab_size=V,
    hidden_size=D,
    num_layers=N,
    num_heads=H,
    feed_forward_size=4 * D,
    max_positions=17,
    dropout=0.0,
)
MARKS = Marks(start=1, delimiter=V - 2, extract=V - 1)
NORMS = pytest.mark.parametrize("norm", ["post", "pre", "none"])


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def model():
    return shaken(GPT(CONFIG))


@pytest.fixture
def tokens():
    return torch.randint(1, V, (B, T))


def batch_of(tokens: Tensor) -> LanguageBatch:
    return LanguageBatch(tokens[:, :-1], tokens[:, 1:])


def texts(*lengths: int) -> list[list[int]]:
    """Ids of words, none of them a mark."""
    return [torch.randint(3, V - 2, (n,)).tolist() for n in lengths]


def examples_of(task: str) -> list[list[list[int]]]:
    """B examples of a task, of different lengths."""
    examples = []
    for b in range(B):
        one, other, third = texts(2 + b % 3, 3, 1 + b % 2)
        if task == "classification":
            examples.append(MARKS.classification(one))
        elif task == "choice":
            answers = [other, third, other + third]
            examples.append(MARKS.multiple_choice(one, answers))
        else:
            examples.append(getattr(MARKS, task)(one, other))
    return examples


TASKS = pytest.mark.parametrize(
    ("task", "inputs"),
    [
        ("classification", 1),
        ("entailment", 1),
        ("similarity", 2),
        ("choice", 3),
    ],
)


def task_model(task: str, gpt: GPT) -> GPTClassifier:
    if task == "choice":
        return GPTChooser(gpt, MARKS.extract, dropout=0.0)
    return GPTClassifier(gpt, C, MARKS.extract, dropout=0.0)


# Equations


def test_gelu_is_the_tanh_form():
    x = torch.linspace(-5, 5, 101)
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    torch.testing.assert_close(gelu(x), 0.5 * x * (1 + torch.tanh(inner)))
    share = 0.5 * (1 + torch.erf(x / math.sqrt(2)))
    torch.testing.assert_close(gelu(x), x * share, atol=1e-3, rtol=0)


def test_the_model_is_equation_2(tokens):
    model = shaken(GPT(CONFIG)).double()
    words = model.embedding.words.weight  # W_e
    places = model.embedding.places.weight  # W_p
    for b in range(B):
        x = torch.stack(
            [words[i] + places[t] for t, i in enumerate(tokens[b])]
        )
        for layer in model.layers:
            x = block(layer, x)
        torch.testing.assert_close(model(tokens)[b], x @ words.T)


def block(layer: nn.Module, x: Tensor) -> Tensor:
    """norm(x + attention), norm(n + network), one place after the other."""
    attention, network = layer.attention, layer.feed_forward
    changes = []
    for t in range(len(x)):
        query = attention.to_query(x[t])
        heads = []
        for h in range(H):
            part = slice(h * K, (h + 1) * K)
            keys = attention.to_key(x[: t + 1])[:, part]
            values = attention.to_value(x[: t + 1])[:, part]
            weights = (keys @ query[part] / math.sqrt(K)).softmax(0)
            heads.append(weights @ values)
        changes.append(attention.to_output(torch.cat(heads)))
    n = layer.around_attention.norm(x + torch.stack(changes))
    m = network.narrow(gelu(network.widen(n)))
    return layer.around_feed_forward.norm(n + m)


def test_the_loss_is_equation_1_as_a_mean(model, tokens):
    tokens[1, 4:] = 0
    shares = model(tokens).softmax(-1)
    told = []
    for b in range(B):
        for t in range(1, T):
            if tokens[b, t]:
                told.append(-shares[b, t - 1, tokens[b, t]].log())
    loss = model.loss(batch_of(tokens))
    torch.testing.assert_close(loss, sum(told) / len(told))
    torch.testing.assert_close(loss, language_loss(model, batch_of(tokens)))


# Parity with transformers


def reference(kind: type = OpenAIGPTLMHeadModel) -> nn.Module:
    """Their model, small, with random weights everywhere."""
    config = OpenAIGPTConfig(
        vocab_size=V,
        n_positions=CONFIG.max_positions,
        n_embd=D,
        n_layer=N,
        n_head=H,
    )
    return shaken(kind(config)).eval()


@pytest.mark.parametrize("kind", [OpenAIGPTModel, OpenAIGPTLMHeadModel])
def test_published_names_load_and_give_the_same(kind, tokens):
    theirs, ours = reference(kind), GPT(CONFIG)
    load_published(ours, theirs.state_dict())
    out = theirs(tokens, output_attentions=True, output_hidden_states=True)
    near = {"rtol": 0, "atol": 1e-5}
    torch.testing.assert_close(
        ours.hidden(tokens), out.hidden_states[-1], **near
    )
    torch.testing.assert_close(
        ours.attention(tokens), torch.stack(out.attentions, dim=1), **near
    )
    if kind is OpenAIGPTLMHeadModel:
        torch.testing.assert_close(ours(tokens), out.logits, **near)
        loss = theirs(tokens, labels=tokens).loss
        torch.testing.assert_close(ours.loss(batch_of(tokens)), loss, **near)


def test_the_scores_of_answers_are_theirs():
    theirs, gpt = reference(OpenAIGPTDoubleHeadsModel), GPT(CONFIG)
    state = theirs.state_dict()
    head = "multiple_choice_head.summary."
    weight, bias = (state.pop(head + kind) for kind in ("weight", "bias"))
    load_published(gpt, state)
    ours = GPTChooser(gpt, MARKS.extract, dropout=0.0)
    ours.to_classes.weight.data = weight
    tokens, _ = task_batch(examples_of("choice"), [0] * B)
    ends = (tokens == MARKS.extract).int().argmax(dim=-1)
    out = theirs(tokens, mc_token_ids=ends)
    torch.testing.assert_close(
        ours(tokens) + bias, out.mc_logits, rtol=0, atol=1e-5
    )


def test_the_defaults_are_those_of_the_published_model():
    with torch.device("meta"):
        ours = GPT(GPTConfig())
        theirs = OpenAIGPTModel(OpenAIGPTConfig())
    counts = [sum(p.numel() for p in m.parameters()) for m in (ours, theirs)]
    assert counts == [116_534_784] * 2
    assert ours.layers[0].around_attention.norm.eps == 1e-5
    assert GPTConfig().norm == "post"


def test_masks_in_an_old_file_are_left_out():
    state = reference().state_dict()
    state["transformer.h.0.attn.bias"] = torch.ones(1, 1, T, T)
    model = GPT(CONFIG)
    load_published(model, state)
    assert torch.equal(model.embedding.words.weight, state["lm_head.weight"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"h.1.ln_1.weight": None}, "1 missing .*layers.1.around_attention"),
        ({"h.1.attn.c_attn.bias": None}, "3 missing .*to_query.bias"),
        ({"ln_f.weight": (D,)}, "0 missing .*1 unknown .*'ln_f.weight'"),
        ({"h.7.ln_1.weight": (D,)}, "1 unknown .*layers.7"),
        (
            {"h.0.mlp.c_fc.weight": (4 * D, D)},
            rf"widen.weight is given with shape \({D}, {4 * D}\), expected "
            rf"\({4 * D}, {D}\)",
        ),
        ({"positions_embed.weight": (T, D)}, rf"\({T}, {D}\), expected \(17"),
        ({"lm_head.weight": (V, D)}, "lm_head.weight is another one"),
    ],
)
def test_weights_that_do_not_fit_are_named(change, message):
    state = {
        name.removeprefix("transformer."): weight
        for name, weight in reference().state_dict().items()
    }
    for name, shape in change.items():
        state.pop(name, None)
        if shape:
            state[name] = torch.zeros(shape)
    model = GPT(CONFIG)
    before = model.embedding.words.weight.clone()
    with pytest.raises(ValueError, match=message):
        load_published(model, state)
    torch.testing.assert_close(model.embedding.words.weight, before)


# The language model


@NORMS
def test_no_word_sees_a_later_one(norm, tokens):
    model = shaken(GPT(replace(CONFIG, norm=norm)))
    assert checks.no_look_ahead(model, tokens, V)
    assert checks.no_look_ahead(model.hidden, tokens, V)


def test_padding_and_neighbours_change_nothing(model, tokens):
    tokens[1, 4:] = 0
    assert checks.batched_equals_one_by_one(model, tokens)
    assert checks.padding_has_no_effect(model, tokens)


@NORMS
def test_words_one_by_one_equal_words_at_once(norm, tokens):
    model = shaken(GPT(replace(CONFIG, norm=norm))).double()
    whole, past = model(tokens), None
    for t in range(T):
        logits, past = model.step(tokens[:, t : t + 1], past)
        torch.testing.assert_close(logits, whole[:, t])
    first, past = model.step(tokens[:, :N])
    torch.testing.assert_close(first, whole[:, N - 1])
    last, past = model.step(tokens[:, N:], past)
    torch.testing.assert_close(last, whole[:, -1])
    assert [key.shape for key, _ in past] == [(B, H, T, K)] * N


def test_attention_is_a_distribution_over_the_past(model, tokens):
    weights = model.attention(tokens)
    assert weights.shape == (B, N, H, T, T)
    assert checks.is_distribution(weights, causal_mask(T))


@NORMS
def test_every_parameter_learns(norm, tokens):
    model = GPT(replace(CONFIG, norm=norm, max_positions=T - 1))

    def loss():
        return model.loss(batch_of(tokens))

    assert checks.every_parameter_learns(model, loss)


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_a_batch_can_be_learned_by_heart(norm, tokens):
    model = GPT(replace(CONFIG, norm=norm))
    tokens[:, 0] = torch.arange(1, B + 1)  # the first word tells which text
    assert checks.can_overfit(model, lambda: model.loss(batch_of(tokens)))


def test_weights_start_as_they_are_told():
    stds = {"word_std": 0.15, "position_std": 0.01, "weight_std": 0.05}
    model = GPT(replace(TINY, vocab_size=499, max_positions=499, **stds))
    words, places = model.embedding.words, model.embedding.places
    assert words.weight.std().item() == pytest.approx(0.15, rel=0.05)
    assert places.weight.std().item() == pytest.approx(0.01, rel=0.05)
    for part in model.layers.modules():
        if isinstance(part, nn.Linear):
            assert part.weight.std().item() == pytest.approx(0.05, rel=0.1)
            assert not part.bias.any()
    head = GPTClassifier(model, 499, extract=1).to_classes.weight
    assert head.std().item() == pytest.approx(0.05, rel=0.05)


def test_no_word_is_preferred_at_the_start(tokens):
    model = GPT(CONFIG)
    loss = model.loss(batch_of(tokens))
    assert checks.starts_near_uniform(loss, V)


def test_the_output_is_the_matrix_of_the_words(model, tokens):
    assert not any("logits" in name for name, _ in model.named_parameters())
    hidden = model.hidden(tokens)
    torch.testing.assert_close(
        model(tokens), F.linear(hidden, model.embedding.words.weight)
    )


def test_dropout_stands_in_four_places_and_acts_in_training_only(tokens):
    model = GPT(replace(CONFIG, dropout=0.5))
    shares = [m.p for m in model.modules() if isinstance(m, nn.Dropout)]
    assert shares == [0.5] * (2 * N + 1)  # sub-layers, the embeddings
    assert [layer.attention.dropout for layer in model.layers] == [0.5] * N
    assert not torch.allclose(model(tokens), model(tokens))
    model.eval()
    torch.testing.assert_close(model(tokens), model(tokens))


@NORMS
def test_only_pre_norm_has_a_last_norm(norm):
    model = GPT(replace(CONFIG, norm=norm))
    norms = [m for m in model.modules() if isinstance(m, nn.LayerNorm)]
    assert len(norms) == {"post": 2 * N, "pre": 2 * N + 1, "none": 0}[norm]


def test_new_words_change_nothing_for_the_old_ones(model, tokens):
    model.eval()
    grown = with_new_words(model.double(), N)
    assert grown.config == replace(CONFIG, vocab_size=V + N)
    assert not grown.training
    torch.testing.assert_close(grown(tokens)[..., :V], model(tokens))
    fresh = grown.embedding.words.weight[V:]
    assert fresh.shape == (N, D)
    assert fresh.dtype == torch.float64
    assert fresh.std().item() == pytest.approx(0.02, rel=0.3)
    assert model.embedding.words.num_embeddings == V


# Tasks


def test_the_inputs_are_those_of_figure_1():
    start, between, end = MARKS.start, MARKS.delimiter, MARKS.extract
    one, other, third = [3, 4, 5], [6, 7], [8]
    assert MARKS.classification(one) == [[start, 3, 4, 5, end]]
    assert MARKS.entailment(one, other) == [
        [start, 3, 4, 5, between, 6, 7, end]
    ]
    assert MARKS.similarity(one, other) == [
        [start, 3, 4, 5, between, 6, 7, end],
        [start, 6, 7, between, 3, 4, 5, end],
    ]
    assert MARKS.multiple_choice(one, [other, third]) == [
        [start, 3, 4, 5, between, 6, 7, end],
        [start, 3, 4, 5, between, 8, end],
    ]
    assert MARKS.classification(torch.tensor(one)) == MARKS.classification(one)


@TASKS
def test_a_batch_holds_the_inputs_side_by_side(task, inputs):
    examples = examples_of(task)
    batch = task_batch(examples, range(B))
    longest = max(len(row) for example in examples for row in example)
    assert batch.tokens.shape == (B, inputs, longest)
    assert batch.labels.tolist() == list(range(B))
    for b, example in enumerate(examples):
        for i, row in enumerate(example):
            found = batch.tokens[b, i]
            assert found[: len(row)].tolist() == row
            assert not found[len(row) :].any()


@TASKS
def test_the_scores_are_equation_3(task, inputs):
    gpt = shaken(GPT(CONFIG))
    model, examples = task_model(task, gpt), examples_of(task)
    tokens, _ = task_batch(examples, [0] * B)
    logits = model(tokens)
    assert logits.shape == (B, inputs if task == "choice" else C)
    weight = model.to_classes.weight  # W_y
    for b, example in enumerate(examples):
        read = [gpt.hidden(torch.tensor([row]))[0, -1] for row in example]
        if task == "choice":
            expected = torch.cat([weight @ h for h in read])
        else:
            expected = weight @ sum(read)
        torch.testing.assert_close(logits[b], expected)


def test_the_order_of_two_like_texts_does_not_matter(model):
    classify = shaken(GPTClassifier(model, C, MARKS.extract, dropout=0.0))
    one, other = texts(3, 5)
    for order in ("similarity", "entailment"):
        there, back = (
            classify(task_batch([getattr(MARKS, order)(*pair)], [0]).tokens)
            for pair in ((one, other), (other, one))
        )
        same = torch.allclose(there, back, atol=1e-5)
        assert same == (order == "similarity")


@TASKS
def test_the_loss_is_equation_5(task, inputs):
    gpt = shaken(GPT(CONFIG))
    model, examples = task_model(task, gpt), examples_of(task)
    labels = torch.arange(B) % inputs
    batch = task_batch(examples, labels.tolist())
    shares = model(batch.tokens).softmax(-1)
    second = [-shares[b, labels[b]].log() for b in range(B)]
    second = sum(second) / B  # L_2
    first = []
    for row in (row for example in examples for row in example):
        told = gpt(torch.tensor([row]))[0].log_softmax(-1)
        first += [-told[t, word] for t, word in enumerate(row[1:])]
    first = sum(first) / len(first)  # L_1
    torch.testing.assert_close(model.loss(batch), second + 0.5 * first)
    torch.testing.assert_close(model.loss(batch, 2.0), second + 2 * first)
    torch.testing.assert_close(model.loss(batch, 0.0), second)


@TASKS
def test_every_parameter_learns_a_task(task, inputs):
    batch = task_batch(examples_of(task), [i % inputs for i in range(B)])
    longest = batch.tokens.shape[-1]
    model = task_model(task, GPT(replace(CONFIG, max_positions=longest)))
    for auxiliary in (0.5, 0.0):
        assert checks.every_parameter_learns(
            model, lambda share=auxiliary: model.loss(batch, share)
        )


@TASKS
def test_a_task_can_be_learned_by_heart(task, inputs):
    batch = task_batch(examples_of(task), [i % 3 for i in range(B)])
    model = task_model(task, GPT(CONFIG))
    assert checks.can_overfit(model, lambda: model.loss(batch, 0.0))


def test_dropout_acts_on_what_a_task_reads(model):
    classify = GPTClassifier(model, C, MARKS.extract, dropout=0.5)
    tokens, _ = task_batch(examples_of("entailment"), [0] * B)
    assert not torch.allclose(classify(tokens), classify(tokens))
    classify.eval()
    torch.testing.assert_close(classify(tokens), classify(tokens))


# What a user can get wrong


def test_a_text_beyond_the_positions_is_named(model):
    with pytest.raises(ValueError, match="0 to 17, expected 0 to 16"):
        model(torch.ones(1, 18, dtype=torch.long))
    _, past = model.step(torch.ones(1, 17, dtype=torch.long))
    with pytest.raises(ValueError, match="17 to 17, expected 0 to 16"):
        model.step(torch.ones(1, 1, dtype=torch.long), past)


@pytest.mark.parametrize("wrong", [-1, V])
def test_an_id_without_a_word_is_named(model, tokens, wrong):
    tokens[1, 3] = wrong
    with pytest.raises(ValueError, match=f"{wrong} is out of range"):
        model(tokens)
    with pytest.raises(ValueError, match=f"{wrong} is out of range"):
        model.loss(LanguageBatch(torch.ones_like(tokens), tokens))


def test_tokens_of_another_shape_are_named(model):
    for method in (model, model.attention, model.step):
        with pytest.raises(ValueError, match=rf"\({T},\), expected \(B, T\)"):
            method(torch.ones(T, dtype=torch.long))
    classify = GPTClassifier(model, C, MARKS.extract)
    with pytest.raises(ValueError, match=r"expected \(B, inputs, T\)"):
        classify(torch.ones(B, T, dtype=torch.long))


def test_sizes_and_switches_that_make_no_model_are_named():
    with pytest.raises(ValueError, match=f"num_heads is 3, expected .* {D}"):
        GPT(replace(CONFIG, num_heads=3))
    with pytest.raises(ValueError, match="norm is 'both', expected one of"):
        GPT(replace(CONFIG, norm="both"))
    with pytest.raises(ValueError, match="-1 new words, expected at least 0"):
        with_new_words(GPT(CONFIG), -1)


@pytest.mark.parametrize("marks", [(1, 1, 2), (1, 2, 1), (0, 1, 2)])
def test_marks_that_cannot_be_told_apart_are_refused(marks):
    start, delimiter, extract = marks
    with pytest.raises(ValueError, match="expected three different ids"):
        Marks(start=start, delimiter=delimiter, extract=extract)


@pytest.mark.parametrize("wrong", [[], [3, V - 1]])
def test_a_text_without_words_or_with_an_end_is_named(wrong):
    with pytest.raises(ValueError, match=rf"text 1 is .*{V - 1}, which ends"):
        MARKS.entailment([3], wrong)


@pytest.mark.parametrize(
    ("examples", "labels", "message"),
    [
        ([], [], "0 examples with 0 labels"),
        ([[[1, 3, 2]]], [0, 1], "1 examples with 2 labels"),
        ([[[1, 3, 2]], [[1, 2]] * 2], [0, 1], r"with \[1, 2\] inputs"),
        ([[]], [0], r"with \[0\] inputs"),
    ],
)
def test_examples_that_make_no_batch_are_refused(examples, labels, message):
    with pytest.raises(ValueError, match=message):
        task_batch(examples, labels)


@pytest.mark.parametrize("ends", [0, 2])
def test_an_input_needs_one_extract_token(model, ends):
    tokens = torch.full((B, 1, T), 3)
    tokens[:, :, -1] = MARKS.extract
    tokens[2, 0, T - 1] = 3
    tokens[2, 0, :ends] = MARKS.extract
    classify = GPTClassifier(model, C, MARKS.extract)
    with pytest.raises(ValueError, match=f"input 2 has {ends} extract tokens"):
        classify(tokens)


def test_an_extract_token_that_the_model_lacks_is_named(model):
    with pytest.raises(ValueError, match=f"{V} is out of range"):
        GPTClassifier(model, C, extract=V)


@pytest.mark.parametrize("label", [-1, C])
def test_a_label_without_a_class_is_named(model, label):
    classify = GPTClassifier(model, C, MARKS.extract)
    batch = task_batch(examples_of("entailment"), [0] * (B - 1) + [label])
    with pytest.raises(ValueError, match=f"label {label}, expected 0 to 12"):
        classify.loss(batch)
