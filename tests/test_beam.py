"""Beam search, against all translations there are."""

import math
from functools import partial
from itertools import product
from types import SimpleNamespace
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.testing import assert_close

from reinvent.bahdanau import RNNsearch, RNNsearchConfig
from reinvent.seq2seq import EncoderDecoder, Seq2SeqConfig
from reinvent.toolbox.beam import (
    BeamSearch,
    coverage_penalty,
    length_penalty,
)
from reinvent.toolbox.decoding import greedy, translate
from reinvent.toolbox.vocabulary import Vocabulary

PAD, BOS, EOS = 0, 1, 2
T, S, D, SOURCE_WORDS, V = 3, 5, 7, 11, 13
IDS = {"bos_id": BOS, "eos_id": EOS}
SOURCE = torch.tensor(
    [[5, 6, 7, 8, EOS], [9, EOS, PAD, PAD, PAD], [10, 3, 4, EOS, PAD]]
)


def translator(seed: int, vocab_size: int = V) -> RNNsearch:
    """Random weights, large enough that it prefers some words."""
    torch.manual_seed(seed)
    config = RNNsearchConfig(
        source_vocab_size=SOURCE_WORDS,
        target_vocab_size=vocab_size,
        embedding_size=D,
        hidden_size=D,
        alignment_size=D,
        maxout_size=D,
    )
    model = RNNsearch(config)
    for parameter in model.parameters():
        parameter.data.mul_(4)
    return model


class Prefix(NamedTuple):
    tokens: Tensor  # (B, T)


class Book(nn.Module):
    """Looks up the chances of the next id by the ids written so far.

    Ids that are not named share what is left over; after a beginning that
    is not named, `</s>` gets 0.9.
    """

    def __init__(self, chances: dict[str, dict[int, float]], size: int = 7):
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(1))
        self.chances, self.size = chances, size
        self.given: list[list[int]] = []

    def encode(self, source: Tensor) -> Prefix:
        assert not self.training and not torch.is_grad_enabled()
        return Prefix(source.new_zeros(len(source), 0))

    def step(self, tokens: Tensor, state: Prefix):
        self.given.append(tokens.tolist())
        prefix = torch.cat([state.tokens, tokens.unsqueeze(1)], dim=1)
        rows = []
        for row in prefix[:, 1:].tolist():
            named = self.chances.get("".join(map(str, row)), {EOS: 0.9})
            rest = (1 - sum(named.values())) / (self.size - len(named))
            rows.append([named.get(i, rest) for i in range(self.size)])
        return torch.tensor(rows).log(), Prefix(prefix), None


def all_translations(
    model: RNNsearch, source: Tensor, longest: int, search: BeamSearch
) -> list[tuple[float, list[int]]]:
    """Every translation of one sentence that ends; the best score first."""
    words = range(3, model.decoder.to_logits.out_features)
    scored = []
    for length in range(longest):
        for written in product(words, repeat=length):
            state, log_probability, looked = model.encode(source[None]), 0, []
            for last, following in zip(
                (BOS, *written), (*written, EOS), strict=True
            ):
                logits, state, weights = model.step(
                    torch.tensor([last]), state
                )
                log_probability += logits.log_softmax(-1)[0, following].item()
                looked.append(weights[0, :-1])
            score = log_probability / ((5 + length + 1) / 6) ** search.alpha
            for i in range(len(source) - 1):
                covered = min(sum(row[i].item() for row in looked), 1)
                score += search.beta * math.log(covered)
            scored.append((score, list(written)))
    return sorted(scored, reverse=True)


@pytest.mark.parametrize(
    ("alpha", "beta"), [(0.0, 0.0), (1.0, 0.0), (0.0, 0.5), (0.2, 0.2)]
)
@torch.no_grad()
def test_a_wide_beam_finds_what_trying_everything_finds(alpha, beta):
    search = BeamSearch(width=16, alpha=alpha, beta=beta, best=5)
    model = translator(seed=0, vocab_size=5).eval()
    beams = search(model, SOURCE, max_length=4, **IDS)
    for row, found in zip(SOURCE, beams.hypotheses, strict=True):
        expected = all_translations(model, row[row != PAD], 4, search)[:5]
        assert [h.tokens for h in found] == [words for _, words in expected]
        assert_close(
            torch.tensor([h.score for h in found]),
            torch.tensor([score for score, _ in expected]),
        )


@pytest.mark.parametrize("seed", range(5))
def test_width_1_is_greedy_token_for_token(seed):
    model = translator(seed)
    expected = greedy(model, SOURCE, max_length=11, **IDS)
    beams = BeamSearch(width=1)(model, SOURCE, max_length=11, **IDS)
    assert beams.tokens == expected.tokens
    for its, other in zip(beams.weights, expected.weights, strict=True):
        assert_close(its, other)


@torch.no_grad()
def test_the_log_probability_is_that_of_the_translator():
    model = translator(seed=0)
    search = BeamSearch(width=5, best=3)
    beams = search(model, SOURCE, max_length=7, **IDS)
    for row, found in zip(SOURCE, beams.hypotheses, strict=True):
        for its in found:
            written = [*its.tokens, EOS] if its.ended else its.tokens
            given = torch.tensor([[BOS, *written[:-1]]])
            logits = model(row[row != PAD][None], given)
            loss = F.cross_entropy(
                logits[0], torch.tensor(written), reduction="sum"
            )
            assert its.log_probability == pytest.approx(-loss.item(), rel=1e-4)
            assert its.score == its.log_probability


def test_a_batch_is_searched_as_its_sentences_one_by_one():
    model = translator(seed=1)
    search = partial(
        BeamSearch(width=5, alpha=0.6, beta=0.2, best=5),
        model,
        max_length=7,
        **IDS,
    )
    together = search(SOURCE).hypotheses
    padded = search(F.pad(SOURCE, (0, 3))).hypotheses
    for i, row in enumerate(SOURCE):
        (alone,) = search(row[row != PAD][None]).hypotheses
        for other in (together[i], padded[i]):
            assert [h.tokens for h in other] == [h.tokens for h in alone]
            for its, same in zip(other, alone, strict=True):
                assert its.score == pytest.approx(same.score, rel=1e-4)
                assert_close(its.weights, same.weights)


def test_weights_have_a_row_for_each_word_and_no_padding():
    beams = BeamSearch(width=5, best=5)(
        translator(seed=1), SOURCE, max_length=7, **IDS
    )
    for row, found in zip(SOURCE, beams.hypotheses, strict=True):
        for its in found:
            size = (len(its.tokens), int((row != PAD).sum()))
            assert its.weights.shape == size
            assert_close(its.weights.sum(dim=1), torch.ones(size[0]))


def search_book(chances, width, max_length=5, **settings):
    book = Book(chances)
    beams = BeamSearch(width=width, **settings)(
        book, SOURCE[:1], max_length=max_length, **IDS
    )
    return book, beams.hypotheses[0]


GARDEN_PATH = {
    "": {3: 0.5, 4: 0.4},
    "3": {5: 0.3, 6: 0.3, EOS: 0.2},
    "4": {EOS: 0.9},
}


def test_a_likely_first_word_can_lead_to_an_unlikely_sentence():
    book = Book(GARDEN_PATH)
    decoded = greedy(book, SOURCE[:1], max_length=5, **IDS)
    _, (best,) = search_book(GARDEN_PATH, width=2)
    assert decoded.tokens[0][0] == 3
    assert best.tokens == [4]
    assert best.log_probability == pytest.approx(math.log(0.4 * 0.9))


def test_an_end_that_is_not_among_the_best_candidates_is_no_end():
    # At the start </s> is the third best; width 2 must not finish there.
    chances = {"": {3: 0.5, 4: 0.3, EOS: 0.15}}
    _, found = search_book(chances, width=2, best=2)
    assert [its.tokens for its in found] == [[3], [4]]
    _, found = search_book(chances, width=3, best=3)
    assert [its.tokens for its in found] == [[3], [4], []]


def test_a_finished_translation_does_not_stop_a_better_one():
    # Two have ended after the second step, both far less likely than 3 4 5.
    chances = {
        "": {3: 0.9, EOS: 0.06},
        "3": {4: 0.9, EOS: 0.06},
        "34": {5: 0.9, EOS: 0.06},
    }
    _, found = search_book(chances, width=2, best=2)
    assert found[0].tokens == [3, 4, 5]
    assert found[0].log_probability == pytest.approx(4 * math.log(0.9))


def test_the_search_stops_when_nothing_can_get_better():
    chances = {"": {3: 0.9}, "3": {4: 0.9}, "34": {EOS: 0.9}}
    book, _ = search_book(chances, width=2, max_length=50)
    assert len(book.given) == 3


def test_what_has_ended_is_never_extended():
    for width in (1, 2, 5):
        book, _ = search_book(GARDEN_PATH, width=width, max_length=5)
        assert all(EOS not in tokens for tokens in book.given)


def test_padding_and_the_start_sign_are_never_written():
    chances = {"": {PAD: 0.4, BOS: 0.4, 3: 0.1}}
    _, found = search_book(chances, width=3, best=3)
    assert found[0].tokens == [3]
    assert all({PAD, BOS}.isdisjoint(its.tokens) for its in found)


def test_length_normalisation_changes_the_winner_as_equation_14_says():
    # log .40 / 1 against log .35 / lp(4), where </s> counts.
    chances = {"": {EOS: 0.40, 3: 0.35}, "3": {4: 1 - 6e-9}}
    chances |= {"34": {5: 1 - 6e-9}, "345": {EOS: 1 - 6e-9}}
    for alpha in (0.0, 0.1, 0.3, 1.0):
        short, long = math.log(0.40), math.log(0.35) / (9 / 6) ** alpha
        _, found = search_book(chances, width=2, best=2, alpha=alpha)
        assert [its.tokens for its in found] == (
            [[], [3, 4, 5]] if short > long else [[3, 4, 5], []]
        )
        assert {round(its.score, 5) for its in found} == {
            round(short, 5),
            round(long, 5),
        }


def test_the_length_penalty_is_1_for_one_token():
    assert length_penalty(1, alpha=0.7) == 1
    assert length_penalty(7, alpha=0) == 1
    assert length_penalty(7, alpha=1) == 2
    assert length_penalty(19, alpha=0.5) == 2


def test_the_coverage_penalty_as_a_loop():
    torch.manual_seed(0)
    weights = torch.randn(T, S).softmax(dim=1)
    expected = 0.0
    for i in range(S):
        covered = sum(weights[j, i].item() for j in range(T))
        expected += math.log(min(covered, 1.0))
    assert coverage_penalty(weights, beta=0.3) == pytest.approx(0.3 * expected)


def test_full_coverage_costs_nothing_and_none_a_finite_number():
    assert coverage_penalty(torch.eye(S), beta=1.0) == 0
    twice = torch.eye(S).repeat(2, 1)
    assert coverage_penalty(twice, beta=1.0) == 0
    one_is_left_out = coverage_penalty(torch.eye(S)[1:], beta=1.0)
    two_are_left_out = coverage_penalty(torch.eye(S)[2:], beta=1.0)
    assert -math.inf < two_are_left_out < one_is_left_out < 0


def test_cut_translations_come_after_those_that_end():
    chances = {
        "": {3: 0.9, EOS: 0.09},
        "3": {4: 0.95, EOS: 0.0001},
        "34": {5: 0.99},
    }
    _, found = search_book(chances, width=2, best=2, max_length=2)
    assert [(its.tokens, its.ended) for its in found] == [
        ([], True),
        ([3, 4], False),
    ]
    _, (only,) = search_book(chances, width=1, max_length=2)
    assert (only.tokens, only.ended) == ([3, 4], False)
    assert only.log_probability == pytest.approx(math.log(0.9 * 0.95))


def test_a_translator_without_weights_is_searched_without_coverage():
    torch.manual_seed(0)
    model = EncoderDecoder(
        Seq2SeqConfig(
            source_vocab_size=SOURCE_WORDS,
            target_vocab_size=V,
            embedding_size=D,
            hidden_size=D,
            num_layers=2,
        )
    )
    beams = BeamSearch(width=3, alpha=0.2)(model, SOURCE, max_length=5, **IDS)
    assert beams.weights is None
    assert len(beams.tokens) == len(SOURCE)
    with pytest.raises(ValueError, match="EncoderDecoder gives no weights"):
        BeamSearch(beta=0.2)(model, SOURCE, max_length=5, **IDS)


def test_the_translator_gets_its_mode_back():
    model = translator(seed=0).train()
    BeamSearch()(model, SOURCE, max_length=2, **IDS)
    assert model.training


def test_sentences_are_translated_by_the_search_that_is_chosen():
    words = Vocabulary(["a", "b", "c", "d"])
    task = SimpleNamespace(source_words=words, target_words=words)
    book = Book(GARDEN_PATH, size=len(words))
    assert translate(book, [("a", "b")], task)[0][0] == "a"
    beam = BeamSearch(width=2)
    assert translate(book, [("a", "b")], task, search=beam) == [["b"]]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": 0}, "width is 0; expected at least 1"),
        ({"width": 3, "best": 4}, "best is 4; expected 1 to 3"),
        ({"best": 0}, "best is 0; expected 1 to 4"),
        ({"alpha": -0.5}, "alpha is -0.5; expected at least 0"),
        ({"beta": math.nan}, "beta is nan; expected at least 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        BeamSearch(**settings)


@pytest.mark.parametrize(
    ("source", "max_length", "message"),
    [
        (SOURCE[:0], 5, "expected .* B at least 1"),
        (torch.tensor([[5, EOS], [EOS, PAD]]), 5, "sentence 1 .* 0 words"),
        (SOURCE, 0, "max_length is 0"),
    ],
)
def test_bad_requests_are_refused_as_greedy_refuses_them(
    source, max_length, message
):
    for search in (greedy, BeamSearch()):
        with pytest.raises(ValueError, match=message):
            search(translator(seed=0), source, max_length=max_length, **IDS)
