"""ELMo: spelled words, two directions, the mix, and the published biLM."""

import json
import math
from dataclasses import replace
from itertools import product

import h5py
import pytest
import torch
from real_data import real_data
from torch import Tensor, nn
from torch.nn import functional as F
from torch.testing import assert_close

from reinvent.elmo import (
    BEGIN_SENTENCE,
    BEGIN_WORD,
    END_SENTENCE,
    END_WORD,
    NO_CHARACTER,
    NUM_CHARACTERS,
    TINY,
    BiLanguageModel,
    BiLM,
    BiLMConfig,
    CharacterCNN,
    Highway,
    ProjectedLSTM,
    ScalarMix,
    TaskConfig,
    TaskModel,
    load_published,
    published_config,
    spell_sentences,
    spell_word,
    words_only,
)
from reinvent.toolbox import checks
from reinvent.toolbox.foreign_weights import read_hdf5
from reinvent.toolbox.vocabulary import BOS, EOS, PAD, Vocabulary

B, T, D, CELLS, V, CHARS, E = 5, 7, 3, 11, 17, 13, 2
LABELS, LAYERS = 19, 2
WORDS = BiLMConfig(
    vocab_size=V,
    inputs="words",
    hidden_size=D,
    cell_size=CELLS,
    num_layers=LAYERS,
    cell_clip=0.05,
    projection_clip=0.02,
    dropout=0.0,
    max_characters=CHARS,
    character_size=E,
    filters=((1, 2), (2, 3), (5, 7)),
    num_highways=1,
)
CHARACTERS = replace(WORDS, inputs="characters")
PLAIN = replace(WORDS, cell_size=D, cell_clip=math.inf)
KINDS = pytest.mark.parametrize(
    "config", [WORDS, PLAIN], ids=["projected", "plain"]
)
TASK = TaskConfig(
    vocab_size=V,
    num_labels=LABELS,
    embedding_size=E,
    hidden_size=11,
    elmo_size=2 * D,
    elmo_layers=LAYERS + 1,
    places="both",
)
VOCABULARY = Vocabulary([f"w{i}" for i in range(V - 3)])


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def random_tokens(pad: bool = True) -> Tensor:
    """Sentences of different lengths with their ends."""
    tokens = torch.randint(3, V, (B, T))
    tokens[:, 0] = 1
    for row, length in enumerate((T, 3, T, 5, 4) if pad else [T] * B):
        tokens[row, length - 1] = 2
        tokens[row, length:] = 0
    return tokens


def spelled(tokens: Tensor) -> Tensor:
    """The same with each word as its characters."""
    return torch.tensor([spell_word(w, CHARS) for w in VOCABULARY.words])[
        tokens
    ]


def shaken(model: nn.Module) -> nn.Module:
    """A model in eval mode whose biases are not 0 and weights are large."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return model.eval()


def by_word(bilm: BiLM):
    """The layers of a biLM, each sentence first and each word second."""
    return lambda inputs: bilm(inputs)[0].transpose(1, 2)


# Spelling


def test_a_word_is_its_bytes_between_two_marks():
    nothing = [NO_CHARACTER] * (CHARS - 4)
    assert spell_word("né", CHARS) == [
        BEGIN_WORD,
        *(byte + 1 for byte in "né".encode()),
        END_WORD,
        *nothing[1:],
    ]
    assert spell_word("a") == [BEGIN_WORD, 98, END_WORD] + [NO_CHARACTER] * 47


def test_the_ends_of_a_sentence_are_one_mark_each_and_padding_is_none():
    nothing = [NO_CHARACTER] * (CHARS - 3)
    for word, mark in ((BOS, BEGIN_SENTENCE), (EOS, END_SENTENCE)):
        assert spell_word(word, CHARS) == [
            BEGIN_WORD,
            mark,
            END_WORD,
            *nothing,
        ]
    assert spell_word(PAD, CHARS) == [0] * CHARS


def test_a_long_word_is_cut_and_keeps_both_marks():
    long = spell_word("x" * 99, CHARS)
    assert long == [BEGIN_WORD, *[ord("x") + 1] * (CHARS - 2), END_WORD]
    assert spell_word("x" * (CHARS - 2), CHARS) == long


def test_every_character_has_a_number_of_its_own():
    numbers = {spell_word(chr(i))[1] for i in range(128)}
    numbers |= {n for i in range(128, 512) for n in spell_word(chr(i))[1:3]}
    marks = {0, *range(257, NUM_CHARACTERS)}
    assert numbers <= set(range(1, 257))
    assert not numbers & marks
    assert len(marks) == 6


def test_what_has_no_bytes_is_left_out():
    assert spell_word("a\ud800", CHARS) == spell_word("a", CHARS)


def test_a_batch_is_spelled_word_by_word_with_the_ends():
    characters = spell_sentences([["a", "bc"], ["d"]], CHARS)
    assert characters.shape == (2, 4, CHARS)
    words = [[BOS, "a", "bc", EOS], [BOS, "d", EOS, PAD]]
    for b, t in product(range(2), range(4)):
        assert characters[b, t].tolist() == spell_word(words[b][t], CHARS)


def test_spelled_sentences_fit_the_ids_of_a_vocabulary():
    sentences = [["w1", "w5"], ["w3"]]
    tokens = VOCABULARY.batch(sentences, bos=True, eos=True)
    assert spelled(tokens).equal(spell_sentences(sentences, CHARS))


@pytest.mark.parametrize(("word", "size"), [("", CHARS), ("a", 2)])
def test_nothing_cannot_be_spelled_and_not_in_two_characters(word, size):
    with pytest.raises(ValueError, match=f"{word!r} and max_.* {size}"):
        spell_word(word, size)


@pytest.mark.parametrize("sentences", [[], [[], []]])
def test_a_batch_has_a_word(sentences):
    with pytest.raises(ValueError, match=f"{len(sentences)} sentences.* 0 w"):
        spell_sentences(sentences)


# The token layer


def test_a_highway_layer_is_its_formula():
    highway = shaken(Highway(D))
    x = torch.randn(B, D)
    y = highway(x)
    for b, i in product(range(B), range(D)):
        asked = highway.gate.weight[i] @ x[b] + highway.gate.bias[i]
        gate = 1 / (1 + torch.exp(-asked))
        change = highway.change.weight[i] @ x[b] + highway.change.bias[i]
        expected = gate * max(change, 0 * change) + (1 - gate) * x[b, i]
        assert_close(y[b, i], expected)


def test_at_first_a_highway_layer_lets_most_of_its_input_through():
    highway = Highway(97)
    x = torch.randn(B, 97)
    assert F.cosine_similarity(highway(x), x).min() > 0.9


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_a_filter_keeps_its_strongest_answer_of_all_places(activation):
    config = replace(CHARACTERS, activation=activation, num_highways=0)
    network = shaken(CharacterCNN(config))
    characters = spelled(random_tokens())[0]
    found = network.read(characters)
    act = {"relu": lambda n: max(n, 0.0), "tanh": math.tanh}[activation]
    for t, word in enumerate(characters):
        vectors = [network.embedding.weight[c] for c in word]
        answers = []
        for convolution in network.convolutions:
            width = convolution.kernel_size[0]
            for kernel, bias in zip(
                convolution.weight, convolution.bias, strict=True
            ):
                places = [
                    act(
                        sum(
                            kernel[:, w] @ vectors[p + w] for w in range(width)
                        ).item()
                        + bias.item()
                    )
                    for p in range(CHARS - width + 1)
                ]
                answers.append(max(places))
        expected = network.to_token(torch.tensor(answers))
        assert_close(found[t], expected, atol=1e-5, rtol=0)


def test_highway_layers_stand_between_filters_and_projection():
    network = shaken(CharacterCNN(replace(CHARACTERS, num_highways=2)))
    assert len(network.highways) == 2
    filters = shaken(CharacterCNN(replace(CHARACTERS, num_highways=0)))
    filters.load_state_dict(network.state_dict(), strict=False)
    filters.to_token = nn.Identity()
    characters = spelled(random_tokens())[0]
    x = filters.read(characters)
    for highway in network.highways:
        x = highway(x)
    assert_close(network.read(characters), network.to_token(x))


def test_a_word_has_one_vector_wherever_it_stands():
    network = shaken(CharacterCNN(CHARACTERS))
    tokens = random_tokens()
    vectors = network(spelled(tokens))
    assert vectors.shape == (B, T, D)
    for b, t in product(range(B), range(T)):
        alone = network.read(spelled(tokens[b : b + 1, t]))[0]
        assert_close(vectors[b, t], alone)


def test_words_that_are_read_once_get_the_gradient_of_all_places():
    network = shaken(CharacterCNN(CHARACTERS))
    characters = spelled(random_tokens())
    weights = torch.randn(B, T, D)
    gradients = []
    for vectors in (
        network(characters),
        network.read(characters.flatten(0, 1)).unflatten(0, (B, T)),
    ):
        loss = (weights * vectors).sum()
        parameters = list(network.parameters())
        gradients.append(torch.autograd.grad(loss, parameters))
    assert_close(gradients[0], gradients[1], atol=1e-4, rtol=1e-4)


# The LSTM


def random_state() -> tuple[Tensor, Tensor]:
    return torch.rand(B, D) - 0.5, torch.rand(B, CELLS) - 0.5


def test_a_step_is_its_formula():
    cell_clip, clip = 0.3, 0.1
    layer = shaken(ProjectedLSTM(D, CELLS, D, cell_clip, clip))
    gates = 3 * torch.randn(B, 4 * CELLS)
    hidden, cell = random_state()
    new_hidden, new_cell = layer.step(gates, hidden, cell)
    into, out = layer.lstm.weight_hh_l0, layer.lstm.weight_hr_l0
    for b in range(B):
        units = []
        for i in range(CELLS):
            write, keep, new, read = (
                gates[b, gate * CELLS + i] + into[gate * CELLS + i] @ hidden[b]
                for gate in range(4)
            )
            c = keep.sigmoid() * cell[b, i] + write.sigmoid() * new.tanh()
            c = min(max(c.item(), -cell_clip), cell_clip)
            assert new_cell[b, i].item() == pytest.approx(c, abs=1e-6)
            units.append(read.sigmoid() * math.tanh(c))
        for i in range(D):
            h = (out[i] @ torch.stack(units)).item()
            h = min(max(h, -clip), clip)
            assert new_hidden[b, i].item() == pytest.approx(h, abs=1e-6)
    assert new_cell.abs().max() == cell_clip
    assert new_hidden.abs().max() == clip


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")
@pytest.mark.parametrize("cells", [D, CELLS])
def test_without_clips_it_is_the_lstm_of_pytorch(cells):
    layer = shaken(ProjectedLSTM(E, cells, D))
    x, lengths = torch.randn(B, T, E), torch.full((B,), T)
    state = torch.randn(B, D), torch.randn(B, cells)
    expected, last = layer.lstm(x, tuple(part[None] for part in state))
    found, after = layer(x, lengths, state)
    assert_close(found, expected)
    assert_close(after, tuple(part[0] for part in last))
    found, after = layer(x, lengths)
    assert_close(found, layer.lstm(x)[0])
    assert after is None


def test_the_short_way_gives_what_the_steps_give():
    layer = shaken(ProjectedLSTM(E, D, D))
    x, lengths = torch.randn(B, T, E), torch.full((B,), T)
    zeros = torch.zeros(B, D)
    by_steps, _ = layer(x, lengths, (zeros, zeros))
    assert_close(layer(x, lengths)[0], by_steps)


def test_a_state_lets_a_sentence_go_on():
    layer = shaken(ProjectedLSTM(E, CELLS, D, 0.3, 0.2))
    x, cut = torch.randn(B, T, E), 3
    zeros = torch.zeros(B, D), torch.zeros(B, CELLS)
    whole, end = layer(x, torch.full((B,), T), zeros)
    first, state = layer(x[:, :cut], torch.full((B,), cut), zeros)
    rest, after = layer(x[:, cut:], torch.full((B,), T - cut), state)
    assert_close(torch.cat([first, rest], dim=1), whole)
    assert_close(after, end)


def test_a_state_is_that_after_the_last_word_and_not_after_padding():
    layer = shaken(ProjectedLSTM(E, CELLS, D, 0.3, 0.2))
    x, lengths = torch.randn(B, T, E), torch.tensor([T, 3, 1, 5, 4])
    state = random_state()
    _, after = layer(x, lengths, state)
    for b, length in enumerate(lengths):
        row = slice(b, b + 1)
        one = x[row, :length], lengths[row], tuple(s[row] for s in state)
        for found, alone in zip(after, layer(*one)[1], strict=True):
            assert_close(found[row], alone)


def test_the_forget_gate_starts_open():
    layer = ProjectedLSTM(E, CELLS, D)
    bias = layer.lstm.bias_ih_l0 + layer.lstm.bias_hh_l0
    assert bias.unflatten(0, (4, CELLS)).mean(dim=1).tolist() == [0, 1, 0, 0]


# The bidirectional language model


@KINDS
def test_the_layers_are_both_stacks_side_by_side(config):
    bilm = shaken(BiLM(config))
    tokens = random_tokens(pad=False)
    layers, state = bilm(tokens)
    assert layers.shape == (B, 1 + LAYERS, T, 2 * D)
    assert state is None
    x = bilm.token(tokens)
    assert_close(layers[:, 0], torch.cat([x, x], dim=2))
    lengths = torch.full((B,), T)
    for turn, lstms in (
        (lambda y: y, bilm.lstms[:LAYERS]),
        (lambda y: y.flip(1), bilm.lstms[LAYERS:]),
    ):
        first, _ = lstms[0](turn(x), lengths)
        second, _ = lstms[1](first, lengths)
        half = slice(0, D) if lstms[0] is bilm.lstms[0] else slice(D, 2 * D)
        assert_close(turn(layers[:, 1, :, half]), first)
        assert_close(turn(layers[:, 2, :, half]), second + first)


def test_without_residual_layers_a_layer_adds_nothing():
    bilm = shaken(BiLM(replace(WORDS, residual=False)))
    tokens, lengths = random_tokens(pad=False), torch.full((B,), T)
    layers, _ = bilm(tokens)
    second, _ = bilm.lstms[1](layers[:, 1, :, :D], lengths)
    assert_close(layers[:, 2, :, :D], second)


@KINDS
def test_with_the_same_weights_backward_is_forward_from_the_end(config):
    bilm = shaken(BiLM(config))
    bilm.lstms[LAYERS:].load_state_dict(bilm.lstms[:LAYERS].state_dict())
    tokens = random_tokens()
    turned = tokens.clone()
    for row, length in enumerate((tokens != 0).sum(dim=1)):
        turned[row, :length] = tokens[row, :length].flip(0)
    there, back = bilm(tokens)[0], bilm(turned)[0]
    for row, length in enumerate((tokens != 0).sum(dim=1)):
        assert_close(
            there[row, :, :length, :D], back[row, :, :length, D:].flip(1)
        )


@KINDS
def test_neither_direction_sees_what_it_has_not_read(config):
    bilm = shaken(BiLM(config))
    tokens = random_tokens(pad=False)

    def forward(tokens):
        return by_word(bilm)(tokens)[..., :D]

    def backward(turned):
        return by_word(bilm)(turned.flip(1))[..., D:].flip(1)

    # Ids that are changed must not become padding.
    assert checks.no_look_ahead(lambda t: forward(t.clamp(min=1)), tokens, V)
    assert checks.no_look_ahead(lambda t: backward(t.clamp(min=1)), tokens, V)
    assert not checks.no_look_ahead(
        lambda t: by_word(bilm)(t.clamp(min=1)), tokens, V
    )


@KINDS
def test_padding_and_neighbours_change_nothing(config):
    bilm, tokens = shaken(BiLM(config)), random_tokens()
    assert checks.padding_has_no_effect(by_word(bilm), tokens)
    assert checks.batched_equals_one_by_one(by_word(bilm), tokens)
    layers, _ = bilm(tokens)
    assert not layers.transpose(1, 2)[tokens == 0].any()


def test_padding_changes_nothing_in_spelled_sentences():
    bilm, characters = shaken(BiLM(CHARACTERS)), spelled(random_tokens())
    layers, _ = bilm(characters)
    longer, _ = bilm(F.pad(characters, (0, 0, 0, 3)))
    assert_close(longer[:, :, :T], layers)
    assert not longer[:, :, T:].any()
    for row, sentence in enumerate(characters):
        length = int(sentence.any(dim=1).sum())
        alone, _ = bilm(sentence[None, :length])
        assert_close(layers[row, :, :length], alone[0])


@KINDS
def test_a_carried_state_joins_sentences(config):
    bilm = shaken(BiLM(config))
    tokens = random_tokens()
    first, state = bilm(tokens, bilm.start(B))
    assert_close(first, bilm(tokens)[0])
    assert state.hidden.shape == (B, 2 * LAYERS, D)
    assert state.cell.shape == (B, 2 * LAYERS, config.cell_size)
    second, _ = bilm(tokens, state)
    assert not torch.allclose(second, first)
    # Forward, two sentences of full length are one of twice the length.
    full = random_tokens(pad=False)
    _, state = bilm(full, bilm.start(B))
    joined, _ = bilm(torch.cat([full, full], dim=1))
    assert_close(bilm(full, state)[0][..., :D], joined[:, :, T:, :D])


def test_a_sentence_is_represented_without_its_ends():
    bilm = BiLM(replace(WORDS, dropout=0.5)).train()
    tokens = random_tokens()
    found = bilm.represent(tokens)
    assert bilm.training
    assert not found.requires_grad
    assert found.shape == (B, 1 + LAYERS, T - 2, 2 * D)
    layers, _ = bilm.eval()(tokens)
    assert_close(words_only(layers, tokens), found)
    for row, length in enumerate((tokens != 0).sum(dim=1)):
        assert_close(
            found[row, :, : length - 2], layers[row, :, 1 : length - 1]
        )
        assert not found[row, :, length - 2 :].any()


def test_dropout_acts_in_training_only():
    bilm = BiLM(replace(WORDS, dropout=0.5))
    tokens = random_tokens()
    assert not torch.allclose(bilm(tokens)[0], bilm(tokens)[0])
    bilm.eval()
    assert_close(bilm(tokens)[0], bilm(tokens)[0])


def test_the_defaults_are_the_published_model():
    config = BiLMConfig()
    assert sum(number for _, number in config.filters) == 2048
    with torch.device("meta"):
        bilm = BiLM(config)
    count = sum(parameter.numel() for parameter in bilm.parameters())
    assert count == pytest.approx(93.6e6, abs=0.1e6)


def test_the_tiny_model_can_read_words_or_characters():
    sentences = [["w1"], ["w2", "w3"]]
    tokens = VOCABULARY.batch(sentences, bos=True, eos=True)
    assert BiLM(TINY).represent(tokens).shape == (2, 3, 2, 128)
    bilm = BiLM(replace(TINY, inputs="characters"))
    characters = spell_sentences(sentences, TINY.max_characters)
    assert bilm.represent(characters).shape == (2, 3, 2, 128)


# The loss


def test_the_losses_are_those_of_the_next_and_the_previous_word():
    model = shaken(BiLanguageModel(WORDS))
    tokens = random_tokens()
    after, before = [], []
    layers, _ = model.bilm(tokens)
    for row, words in enumerate(tokens):
        words = words[words != 0]
        for t in range(len(words) - 1):
            for losses, place, half, told in (
                (after, t, slice(0, D), t + 1),
                (before, t + 1, slice(D, None), t),
            ):
                hidden = layers[row, -1, place, half]
                shares = model.to_logits(hidden).softmax(dim=0)
                losses.append(-shares[words[told]].log())
    forward, backward = model.losses(tokens)
    assert_close(forward, sum(after) / len(after))
    assert_close(backward, sum(before) / len(before))
    assert_close(model.loss(tokens), forward + backward)


def test_both_directions_share_token_layer_and_softmax():
    model = shaken(BiLanguageModel(WORDS))
    tokens = random_tokens()
    shapes = [tuple(p.shape) for p in model.parameters()]
    assert shapes.count((V, D)) == 2  # the token layer and the softmax
    for losses in zip(model.losses(tokens), strict=True):
        gradients = torch.autograd.grad(
            losses[0],
            [model.to_logits.weight, model.bilm.token.weight],
            retain_graph=True,
        )
        assert all(gradient.any() for gradient in gradients)


def test_each_direction_has_lstms_of_its_own():
    model = shaken(BiLanguageModel(PLAIN))
    forward, backward = model.losses(random_tokens())
    halves = model.bilm.lstms[:LAYERS], model.bilm.lstms[LAYERS:]
    for loss, own, other in (
        (forward, *halves),
        (backward, *reversed(halves)),
    ):
        for lstms, used in ((own, True), (other, False)):
            gradients = torch.autograd.grad(
                loss, list(lstms.parameters()), retain_graph=True
            )
            assert all(bool(g.any()) == used for g in gradients)


def test_no_word_is_told_by_one_who_has_seen_it():
    model = shaken(BiLanguageModel(WORDS))
    tokens = random_tokens(pad=False)
    forward, backward = model(tokens)
    for place in range(1, T - 1):
        changed = tokens.clone()
        changed[:, place] = (tokens[:, place] - 2) % (V - 3) + 3
        assert (changed[:, place] != tokens[:, place]).all()
        new_forward, new_backward = model(changed)
        assert_close(new_forward[:, :place], forward[:, :place])
        assert_close(new_backward[:, place:], backward[:, place:])
        assert not torch.allclose(new_forward[:, place], forward[:, place])


def test_padding_does_not_change_the_loss():
    model = shaken(BiLanguageModel(WORDS))
    tokens = random_tokens()
    longer = F.pad(tokens, (0, 3))
    assert_close(model.losses(longer), model.losses(tokens))


def test_what_the_softmax_reads_is_dropped_in_training_only():
    model = BiLanguageModel(replace(PLAIN, dropout=0.5))
    shaken(model).train()
    tokens = random_tokens()
    model.bilm.eval()
    assert not torch.allclose(model.loss(tokens), model.loss(tokens))
    model.eval()
    assert_close(model.loss(tokens), model.loss(tokens))


def test_spelled_words_are_told_as_ids():
    model = shaken(BiLanguageModel(CHARACTERS))
    tokens = random_tokens()
    tokens = tokens.where(tokens != 3, 5)
    tokens[:, 1] = 3
    layers, _ = model.bilm(spelled(tokens))
    hidden = layers[:, -1, 0, :D]
    before = model.losses(spelled(tokens), tokens)[0]
    other = model.losses(spelled(tokens), tokens.where(tokens != 3, 4))[0]
    shares = model.to_logits(hidden).log_softmax(dim=1)
    count = int((tokens[:, 1:] != 0).sum())
    change = (shares[:, 3] - shares[:, 4]).sum() / count
    assert_close(other - before, change)


@pytest.mark.parametrize("config", [WORDS, CHARACTERS, PLAIN])
def test_every_parameter_learns(config):
    model = BiLanguageModel(
        replace(config, cell_clip=3.0, projection_clip=3.0, activation="tanh")
    )
    tokens = random_tokens()
    inputs = spelled(tokens) if config is CHARACTERS else tokens
    assert checks.every_parameter_learns(
        model, lambda: model.loss(inputs, tokens)
    )


@pytest.mark.parametrize("config", [WORDS, CHARACTERS])
def test_at_the_start_no_word_is_preferred(config):
    model = BiLanguageModel(config)
    tokens = random_tokens()
    inputs = spelled(tokens) if config is CHARACTERS else tokens
    for loss in model.losses(inputs, tokens):
        assert checks.starts_near_uniform(loss, V, tolerance=0.05)


@pytest.mark.parametrize("inputs", ["words", "characters"])
def test_it_learns_one_batch_by_heart(inputs):
    config = replace(
        TINY,
        vocab_size=V,
        inputs=inputs,
        hidden_size=32,
        cell_size=32,
        dropout=0.0,
        max_characters=CHARS,
    )
    model = BiLanguageModel(config)
    tokens = random_tokens()
    # No first or last word comes twice: the rest follows from it, and it can
    # only be guessed.
    tokens[:, 1] = torch.arange(3, 3 + B)
    last = (tokens != 0).sum(dim=1) - 2
    tokens[range(B), last] = torch.arange(3 + B, 3 + 2 * B)
    read = spelled(tokens) if inputs == "characters" else tokens
    floor = 2 * math.log(B) * B / int((tokens[:, 1:] != 0).sum())
    assert checks.can_overfit(
        model, lambda: model.loss(read, tokens) - floor, below=0.1
    )


# The mix


def test_the_mix_is_equation_1():
    mix = shaken(ScalarMix(1 + LAYERS))
    layers = torch.randn(B, 1 + LAYERS, T, 2 * D)
    found = mix(layers)
    powers = [score.exp() for score in mix.scores]
    for b, k in product(range(B), range(T)):
        total = sum(
            power / sum(powers) * layers[b, j, k]
            for j, power in enumerate(powers)
        )
        assert_close(found[b, k], mix.gamma * total)
    assert checks.is_distribution(mix.weights())


def test_a_mix_starts_as_the_mean_of_the_layers():
    layers = torch.randn(B, 1 + LAYERS, T, 2 * D)
    assert_close(ScalarMix(1 + LAYERS)(layers), layers.mean(dim=1))


def test_a_norm_makes_the_layers_comparable():
    mix = shaken(ScalarMix(1 + LAYERS, layer_norm=True))
    layers = torch.randn(B, 1 + LAYERS, T, 2 * D)
    larger = layers * torch.tensor([1.0, 5.0, 9.0])[:, None, None] + 3
    assert_close(mix(larger), mix(layers), atol=1e-3, rtol=0)
    plain = ScalarMix(1 + LAYERS)
    plain.load_state_dict(mix.state_dict())
    normed = (layers - layers.mean(-1, keepdim=True)) / layers.std(
        -1, correction=0, keepdim=True
    )
    assert_close(mix(layers), plain(normed), atol=1e-3, rtol=0)


@pytest.mark.parametrize("layer_norm", [False, True])
def test_a_mix_of_nothing_is_nothing(layer_norm):
    mix = shaken(ScalarMix(1 + LAYERS, layer_norm))
    assert not mix(torch.zeros(B, 1 + LAYERS, T, 2 * D)).any()


def test_the_penalty_is_least_where_all_layers_count_alike():
    mix = shaken(ScalarMix(1 + LAYERS))
    expected = sum(score**2 for score in mix.scores)
    assert_close(mix.penalty(), expected)
    assert ScalarMix(1 + LAYERS).penalty() == 0


# A task


def task_batch() -> tuple[Tensor, Tensor]:
    """Words without ends, and their layers."""
    tokens = random_tokens()
    layers = shaken(BiLM(WORDS)).represent(tokens)
    inside = tokens[:, 1:-1].where(tokens[:, 2:] != 0, 0)
    return inside, layers


@pytest.mark.parametrize("places", ["input", "output", "both", "none"])
@pytest.mark.parametrize("hidden_size", [0, 11])
def test_elmo_stands_where_it_is_told(places, hidden_size):
    tokens, layers = task_batch()
    config = replace(TASK, places=places, hidden_size=hidden_size)
    model = shaken(TaskModel(config))
    x = model.embedding(tokens)
    if places in ("input", "both"):
        x = torch.cat([x, model.mixes["input"](layers)], dim=2)
    if hidden_size:
        rows = []
        for row, length in zip(x, (tokens != 0).sum(dim=1), strict=True):
            hidden = model.lstm(row[None, :length])[0][0]
            rows.append(F.pad(hidden, (0, 0, 0, len(row) - length)))
        x = torch.stack(rows)
    if places in ("output", "both"):
        x = torch.cat([x, model.mixes["output"](layers)], dim=2)
    assert_close(model(tokens, layers), model.to_labels(x))


def test_both_places_have_a_mix_of_their_own():
    model = TaskModel(TASK)
    assert list(model.mixes) == ["input", "output"]
    assert model.mixes["input"] is not model.mixes["output"]


def test_without_elmo_no_layers_are_needed():
    tokens, layers = task_batch()
    model = shaken(TaskModel(replace(TASK, places="none")))
    assert_close(model(tokens), model(tokens, layers))


def test_a_pooled_model_reads_the_mean_of_the_words():
    tokens, layers = task_batch()
    config = replace(TASK, hidden_size=0, places="input")
    model = shaken(TaskModel(config))
    pooled = TaskModel(replace(config, pooled=True)).eval()
    pooled.load_state_dict(model.state_dict())
    by_word = model(tokens, layers)
    for row, found in enumerate(pooled(tokens, layers)):
        words = by_word[row][tokens[row] != 0]
        assert_close(found, words.mean(dim=0))


@pytest.mark.parametrize("pooled", [False, True])
def test_padding_does_not_change_a_task(pooled):
    tokens, layers = task_batch()
    model = shaken(TaskModel(replace(TASK, pooled=pooled)))

    def labels(padded):
        more = padded.shape[1] - tokens.shape[1]
        return model(padded, F.pad(layers, (0, 0, 0, more)))

    assert checks.padding_has_no_effect(labels, tokens)
    for row, length in enumerate((tokens != 0).sum(dim=1)):
        alone = model(
            tokens[row, :length][None], layers[row, :, :length][None]
        )
        together = labels(tokens)[row]
        assert_close(alone[0], together if pooled else together[:length])


@pytest.mark.parametrize("pooled", [False, True])
def test_a_task_learns_with_all_its_parameters_and_leaves_the_bilm(pooled):
    tokens, layers = task_batch()
    model = TaskModel(replace(TASK, pooled=pooled))
    real = torch.ones(B, dtype=torch.bool) if pooled else tokens != 0
    labels = torch.randint(0, LABELS, real.shape)[real]

    def loss():
        return F.cross_entropy(model(tokens, layers)[real], labels)

    assert checks.every_parameter_learns(model, loss)
    assert checks.can_overfit(model, loss)
    assert not layers.requires_grad


def test_a_task_drops_in_training_only():
    tokens, layers = task_batch()
    model = TaskModel(replace(TASK, dropout=0.5))
    assert not torch.allclose(model(tokens, layers), model(tokens, layers))
    model.eval()
    assert_close(model(tokens, layers), model(tokens, layers))


# Errors


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"inputs": "letters"}, "inputs is 'letters'"),
        ({"activation": "gelu"}, "activation is 'gelu'"),
        ({"num_layers": 0}, "num_layers is 0"),
        ({"cell_size": D - 1}, f"cell_size {D - 1} and hidden_size {D}"),
        ({"max_characters": 4}, "max_characters is 4"),
        ({"filters": ()}, r"filters are \(\)"),
        ({"filters": ((1, 2),), "max_characters": 2}, "max_characters is 2"),
    ],
)
def test_settings_that_make_no_model_are_named(change, words):
    with pytest.raises(ValueError, match=words):
        replace(WORDS, **change)


def test_a_place_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="places is 'middle'"):
        replace(TASK, places="middle")


@pytest.mark.parametrize(
    ("config", "shape"),
    [
        (WORDS, (B,)),
        (WORDS, (B, T, CHARS)),
        (CHARACTERS, (B, T)),
        (CHARACTERS, (B, T, CHARS + 1)),
    ],
)
def test_inputs_of_another_kind_are_named(config, shape):
    with pytest.raises(ValueError, match="have shape .*expected"):
        BiLM(config)(torch.ones(shape, dtype=torch.long))


@pytest.mark.parametrize(
    ("config", "wrong"), [(WORDS, V), (CHARACTERS, NUM_CHARACTERS)]
)
def test_an_id_without_a_vector_is_named(config, wrong):
    tokens = random_tokens()
    inputs = spelled(tokens) if config is CHARACTERS else tokens
    inputs[0, 1] = wrong
    with pytest.raises(ValueError, match=f"id {wrong} is out of range"):
        BiLM(config)(inputs)


def test_an_empty_sentence_and_padding_before_a_word_are_named():
    bilm = BiLM(WORDS)
    with pytest.raises(ValueError, match="sentence 1 is empty"):
        bilm(torch.tensor([[1, 3, 2], [0, 0, 0]]))
    with pytest.raises(ValueError, match="padding stands before"):
        bilm(torch.tensor([[1, 0, 2]]))
    with pytest.raises(ValueError, match="a sentence of 2 tokens"):
        bilm.represent(torch.tensor([[1, 3, 2], [1, 2, 0]]))


def test_tokens_that_are_missing_or_none_are_named():
    model = BiLanguageModel(CHARACTERS)
    characters = spelled(random_tokens())
    with pytest.raises(ValueError, match="an id for each input"):
        model.loss(characters)
    with pytest.raises(ValueError, match=f"id {V} is out of range"):
        model.loss(characters, torch.full((B, T), V))


@pytest.mark.parametrize("shape", [(B, LAYERS, T, D), (B, T, D)])
def test_layers_of_another_model_are_named(shape):
    with pytest.raises(
        ValueError, match=rf"expected \(B, {LAYERS + 1}, T, 2D\)"
    ):
        ScalarMix(LAYERS + 1)(torch.ones(shape))


def test_layers_of_other_words_or_none_are_named():
    tokens, layers = task_batch()
    for given in (None, layers[:, :, 1:]):
        with pytest.raises(ValueError, match="of the same words"):
            TaskModel(TASK)(tokens, given)
    with pytest.raises(ValueError, match=f"id {V} is out of range"):
        TaskModel(TASK)(tokens.where(tokens == 0, V), layers)


# The published weights

FOLDER = "elmo-fixture"
OPTIONS = {
    "lstm": {
        "cell_clip": 0.05,
        "use_skip_connections": True,
        "n_layers": LAYERS,
        "proj_clip": 0.02,
        "projection_dim": D,
        "dim": CELLS,
    },
    "char_cnn": {
        "embedding": {"dim": E},
        "filters": [[1, 2], [2, 3], [5, 7]],
        "n_highway": 1,
        "n_characters": NUM_CHARACTERS,
        "max_characters_per_token": CHARS,
        "activation": "relu",
    },
}


def publish(bilm: BiLM, folder) -> tuple:
    """Writes a biLM as its authors do, names and order of gates included."""
    token, wanted = bilm.token, {}
    wanted["char_embed"] = token.embedding.weight[1:]
    for i, convolution in enumerate(token.convolutions):
        kernel = convolution.weight.permute(2, 1, 0)
        wanted[f"CNN/W_cnn_{i}"] = kernel.unsqueeze(0)
        wanted[f"CNN/b_cnn_{i}"] = convolution.bias
    for i, highway in enumerate(token.highways):
        for name, part in (
            ("carry", highway.gate),
            ("transform", highway.change),
        ):
            wanted[f"CNN_high_{i}/W_{name}"] = part.weight.T
            wanted[f"CNN_high_{i}/b_{name}"] = part.bias
    wanted["CNN_proj/W_proj"] = token.to_token.weight.T
    wanted["CNN_proj/b_proj"] = token.to_token.bias
    for i, layer in enumerate(bilm.lstms):
        root = f"RNN_{i // LAYERS}/RNN/MultiRNNCell/Cell{i % LAYERS}/LSTMCell/"
        lstm = layer.lstm
        write, keep, new, read = torch.cat(
            [lstm.weight_ih_l0, lstm.weight_hh_l0], dim=1
        ).chunk(4)
        wanted[root + "W_0"] = torch.cat([write, new, keep, read]).T
        write, keep, new, read = (lstm.bias_ih_l0 + lstm.bias_hh_l0).chunk(4)
        wanted[root + "B"] = torch.cat([write, new, keep - 1, read])
        if layer.projected:
            wanted[root + "W_P_0"] = lstm.weight_hr_l0.T
    with h5py.File(folder / "weights.hdf5", "w") as file:
        for name, tensor in wanted.items():
            file[name] = tensor.detach().numpy()
    options = folder / "options.json"
    options.write_text(json.dumps(OPTIONS), encoding="utf-8")
    return options, folder / "weights.hdf5"


def test_options_make_a_config():
    assert published_config(OPTIONS) == replace(
        CHARACTERS, vocab_size=793_471, dropout=0.1
    )


def test_a_clip_that_is_not_set_clips_nothing():
    lstm = OPTIONS["lstm"] | {"cell_clip": None, "proj_clip": None}
    config = published_config(OPTIONS | {"lstm": lstm})
    assert config.cell_clip == config.projection_clip == math.inf


def test_a_published_bilm_is_the_one_that_was_written(tmp_path):
    bilm = shaken(BiLM(CHARACTERS))
    with torch.no_grad():
        bilm.token.embedding.weight[0] = 0
    loaded = load_published(*publish(bilm, tmp_path))
    assert not loaded.training
    inputs = spelled(random_tokens())
    assert_close(loaded(inputs), bilm(inputs))


def test_files_that_do_not_fit_are_named(tmp_path):
    options, weights = publish(BiLM(CHARACTERS), tmp_path)
    wider = OPTIONS | {"lstm": OPTIONS["lstm"] | {"dim": CELLS + 1}}
    options.write_text(json.dumps(wider), encoding="utf-8")
    with pytest.raises(ValueError, match="size mismatch for lstms"):
        load_published(options, weights)
    with h5py.File(weights, "a") as file:
        del file["CNN_proj/W_proj"]
    with pytest.raises(ValueError, match="has no CNN_proj/W_proj"):
        load_published(options, weights)
    with pytest.raises(OSError, match="nowhere"):
        load_published(options, tmp_path / "nowhere.hdf5")


def test_options_that_are_missing_or_other_are_named():
    with pytest.raises(ValueError, match="no 'char_cnn'"):
        published_config({"lstm": OPTIONS["lstm"]})
    cnn = OPTIONS["char_cnn"] | {"n_characters": 261}
    with pytest.raises(ValueError, match="261 characters, expected 262"):
        published_config(OPTIONS | {"char_cnn": cnn})


@pytest.fixture(scope="module")
def published() -> BiLM:
    folder = real_data(FOLDER)
    return load_published(folder / "options.json", folder / "lm_weights.hdf5")


def published_array(name: str, key: str) -> Tensor:
    """One array of an HDF5 file that its authors computed."""
    return read_hdf5(real_data(FOLDER) / name)[key]


def largest_difference(bilm: BiLM, carried: bool) -> float:
    """From the authors' top layer, over all of their sentences.

    They read ten batches, sentence i of each of three documents in batch i,
    and each batch starts from the state in which the last one ended.
    """
    text = (real_data(FOLDER) / "sentences.json").read_text(encoding="utf-8")
    documents = json.loads(text)
    state, worst = bilm.start(len(documents)), 0.0
    for i, lines in enumerate(zip(*documents, strict=True)):
        sentences = [line.split() for line in lines]
        characters = spell_sentences(sentences)
        with torch.no_grad():
            layers, after = bilm(characters, state)
        state = after if carried else state
        top = words_only(layers, characters)[:, -1]
        for k, words in enumerate(sentences):
            expected = published_array(f"lm_embeddings_{k}.hdf5", str(i))
            expected = torch.cat([*expected], dim=-1)  # forward, backward
            assert expected.shape == (len(words), top.shape[-1])
            difference = (top[k, : len(words)] - expected).abs().max()
            worst = max(worst, difference.item())
    return worst


def test_the_published_bilm_gives_what_its_authors_computed(published):
    assert largest_difference(published, carried=True) < 1e-5


def test_they_carried_the_state_from_batch_to_batch(published):
    assert largest_difference(published, carried=False) > 0.1


def test_they_clipped_cells_and_projections(published, monkeypatch):
    for layer in published.lstms:
        monkeypatch.setattr(layer, "cell_clip", math.inf)
    assert largest_difference(published, carried=True) > 1e-3
    monkeypatch.undo()
    for layer in published.lstms:
        monkeypatch.setattr(layer, "projection_clip", math.inf)
    assert largest_difference(published, carried=True) > 1e-3


def test_the_published_characters_give_the_published_words(published):
    text = (real_data(FOLDER) / "vocab_test.txt").read_text(encoding="utf-8")
    ends = {"<S>": BOS, "</S>": EOS}
    words = [ends.get(word, word) for word in text.split("\n")]
    with torch.no_grad():
        found = published.token(
            torch.tensor([[spell_word(w) for w in words]])
        )[0]
    expected = published_array("elmo_token_embeddings.hdf5", "embedding")
    assert_close(found, expected, atol=1e-5, rtol=0)


def test_published_words_in_place_of_characters_give_the_same(published):
    text = (real_data(FOLDER) / "vocab_test.txt").read_text(encoding="utf-8")
    words = text.split("\n")
    bilm = BiLM(
        replace(published.config, inputs="words", vocab_size=1 + len(words))
    ).eval()
    state = published.state_dict()
    vectors = published_array("elmo_token_embeddings.hdf5", "embedding")
    lstms = {name: state[name] for name in state if name.startswith("lstms")}
    bilm.load_state_dict(
        lstms | {"token.weight": F.pad(vectors, (0, 0, 1, 0))}
    )
    sentence = [w for w in words if w.isalpha()][: T * T]
    numbers = [1 + words.index(w) for w in ("<S>", *sentence, "</S>")]
    assert_close(
        bilm.represent(torch.tensor([numbers])),
        published.represent(spell_sentences([sentence])),
        atol=1e-5,
        rtol=0,
    )
