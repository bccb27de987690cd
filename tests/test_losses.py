"""The loss of a translator as a loop, and a loss without all scores."""

import pytest
import torch
from torch.nn import functional as F

from reinvent.toolbox.losses import loss_in_parts, translation_loss
from reinvent.toolbox.translation import Batch

B, T, S, V, N, D = 2, 5, 3, 7, 11, 13


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_the_mean_over_words_that_are_not_padding(smoothing):
    torch.manual_seed(0)
    logits = torch.randn(B, T, V)
    target_out = torch.tensor([[3, 4, 2, 0, 0], [5, 6, 3, 4, 2]])
    batch = Batch(torch.ones(B, S), torch.full((B, T), 1), target_out)
    asked = []

    def model(source, target):
        asked.append((source, target))
        return logits

    total = count = 0
    for b in range(B):
        for t in range(T):
            if word := int(target_out[b, t]):
                logs = logits[b, t].log_softmax(dim=0)
                shares = torch.full((V,), smoothing / V)
                shares[word] += 1 - smoothing
                total -= float(shares @ logs)
                count += 1
    loss = translation_loss(model, batch, label_smoothing=smoothing).item()
    assert loss == pytest.approx(total / count)
    ((source, target),) = asked
    assert source is batch.source and target is batch.target_in


@pytest.fixture
def places():
    """What a model gives at N places, the vectors of V words, the truth."""
    torch.manual_seed(0)
    hidden = torch.randn(N, D, dtype=torch.double, requires_grad=True)
    words = torch.randn(V, D, dtype=torch.double, requires_grad=True)
    return hidden, words, torch.randint(V, (N,))


@pytest.mark.parametrize("room", [V, 2 * V + 1, N * V, 2**23])
def test_the_loss_in_parts_is_cross_entropy_with_its_gradients(places, room):
    hidden, words, tokens = places
    parts = loss_in_parts(hidden, words, tokens, room=room)
    whole = F.cross_entropy(hidden @ words.T, tokens)
    torch.testing.assert_close(parts, whole)
    torch.testing.assert_close(
        torch.autograd.grad(3 * parts, (hidden, words)),
        torch.autograd.grad(3 * whole, (hidden, words)),
    )
    with torch.no_grad():
        again = loss_in_parts(hidden, words, tokens, room=room)
    torch.testing.assert_close(again, whole)


@pytest.mark.parametrize("which", [0, 1])
def test_a_gradient_is_made_for_what_learns(places, which):
    hidden, words, tokens = places
    (hidden, words)[which].requires_grad_(False)
    loss_in_parts(hidden, words, tokens).backward()
    learns, fixed = (words, hidden) if which == 0 else (hidden, words)
    expected = torch.autograd.grad(
        F.cross_entropy(hidden @ words.T, tokens), learns
    )[0]
    torch.testing.assert_close(learns.grad, expected)
    assert fixed.grad is None


def test_scores_are_never_there_for_all_places(places, monkeypatch):
    hidden, words, tokens = places
    seen, kept = [], []
    taken = F.nll_loss

    def noting(logs, *rest, **options):
        seen.append(logs.shape)
        return taken(logs, *rest, **options)

    monkeypatch.setattr(F, "nll_loss", noting)
    with torch.autograd.graph.saved_tensors_hooks(
        lambda x: kept.append(x.shape) or x, lambda x: x
    ):
        loss_in_parts(hidden, words, tokens, room=3 * V)
    assert seen == [(3, V)] * 3 + [(2, V)]
    assert set(kept) == {(N, D), (V, D)}


@pytest.mark.parametrize(
    ("shapes", "room", "message"),
    [
        (((N, D), (V, S), (N,)), 97, r"\(11, 13\), \(7, 3\) and \(11,\)"),
        (((N, D), (V, D), (S,)), 97, r"and \(3,\), expected \(N, D\)"),
        (((B, N, D), (V, D), (B, N)), 97, r"shapes \(2, 11, 13\)"),
        (((0, D), (V, D), (0,)), 97, "N at least 1"),
        (((N, D), (V, D), (N,)), V - 1, "room is 6, expected at least one"),
    ],
)
def test_what_does_not_fit_is_refused(shapes, room, message):
    *tensors, tokens = (torch.zeros(shape) for shape in shapes)
    with pytest.raises(ValueError, match=message):
        loss_in_parts(*tensors, tokens.long(), room=room)


@pytest.mark.parametrize("wrong", [-100, V])
def test_an_id_without_a_word_is_refused(places, wrong):
    hidden, words, tokens = places
    tokens[3] = wrong
    with pytest.raises(ValueError, match=f"{wrong}"):
        loss_in_parts(hidden, words, tokens)
