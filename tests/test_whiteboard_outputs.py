"""Right and wrong answers to the tasks on outputs, as people write them."""

import math

import pytest
import torch
from torch.nn import functional as F

from reinvent.toolbox import whiteboard_outputs
from reinvent.toolbox.whiteboard_outputs import (
    check_beam_step,
    check_cross_entropy,
    check_negative_sampling,
    check_nucleus,
)

# Negative sampling


def sampling_by_loop(centre, context, drawn):
    total = 0.0
    for b in range(len(centre)):
        score = float(centre[b] @ context[b])
        total += math.log(1 + math.exp(-score))
        for word in drawn[b]:
            total += math.log(1 + math.exp(float(word @ centre[b])))
    return total / len(centre)


def sampling_by_einsum(centre, context, drawn):
    true = torch.sigmoid(torch.einsum("bd,bd->b", centre, context))
    false = torch.sigmoid(-torch.einsum("bd,bnd->bn", centre, drawn))
    return -(true.log() + false.log().sum(1)).mean()


def sampling_by_cross_entropy(centre, context, drawn):
    words = torch.cat([context[:, None], drawn], 1)
    scores = (words * centre[:, None]).sum(-1)
    labels = torch.zeros_like(scores)
    labels[:, 0] = 1
    loss = F.binary_cross_entropy_with_logits(scores, labels, reduction="sum")
    return loss / len(centre)


def scored(loss):
    """An answer with a loss of its own, from the scores of both."""

    def answer(centre, context, drawn):
        true = (centre * context).sum(-1)
        false = torch.bmm(drawn, centre.unsqueeze(-1)).squeeze(-1)
        return loss(true, false)

    return answer


def no_minus(true, false):
    return -(F.logsigmoid(true) + F.logsigmoid(false).sum(1)).mean()


def drawn_averaged(true, false):
    return -(F.logsigmoid(true).mean() + F.logsigmoid(-false).mean())


def mean_of_everything(true, false):
    scores = torch.cat([true[:, None], false], 1)
    labels = torch.zeros_like(scores).index_fill_(1, torch.tensor([0]), 1.0)
    return F.binary_cross_entropy_with_logits(scores, labels)


def pairs_summed(true, false):
    return -(F.logsigmoid(true).sum() + F.logsigmoid(-false).sum())


def softmax_over_drawn(true, false):
    scores = torch.cat([true[:, None], false], 1)
    return F.cross_entropy(scores, torch.zeros(len(scores)).long())


def no_logarithm(true, false):
    return -(true.sigmoid() + (-false).sigmoid().sum(1)).mean()


def to_be_made_large(true, false):
    return (F.logsigmoid(true) + F.logsigmoid(-false).sum(1)).mean()


def only_true(true, false):
    return -F.logsigmoid(true).mean()


# Cross-entropy


def smoothed_by_loop(logits, targets, smoothing):
    total = count = 0
    for row, ids in zip(logits, targets, strict=True):
        for scores, right in zip(row.tolist(), ids.tolist(), strict=True):
            if right == 0:
                continue
            top = max(scores)
            log_sum = top + math.log(sum(math.exp(s - top) for s in scores))
            logs = [score - log_sum for score in scores]
            total -= (1 - smoothing) * logs[right]
            total -= smoothing * sum(logs) / len(logs)
            count += 1
    return total / count


def smoothed_by_kl(logits, targets, smoothing):
    V = logits.shape[-1]
    told = F.one_hot(targets, V) * (1 - smoothing) + smoothing / V
    losses = -(told * torch.log(logits.softmax(-1))).sum(-1)
    mask = (targets != 0).float()
    return (losses * mask).sum() / mask.sum()


def smoothed(mean, told=None):
    """An answer that goes wrong where it is told to."""

    def answer(logits, targets, smoothing):
        V = logits.shape[-1]
        one_hot = F.one_hot(targets, V).float()
        shares = one_hot * (1 - smoothing) + smoothing / V
        if told:
            shares = told(one_hot, smoothing, V)
        losses = -(shares * F.log_softmax(logits, -1)).sum(-1)
        return mean(losses, targets > 0)

    return answer


def over_words(losses, words):
    return (losses * words).sum() / words.sum()


def padding_is_asked(logits, targets, smoothing):
    return F.cross_entropy(
        logits.transpose(1, 2), targets, label_smoothing=smoothing
    )


def by_sentence(losses, words):
    return torch.stack(
        [row[real].mean() for row, real in zip(losses, words, strict=True)]
    ).mean()


def no_smoothing(logits, targets, smoothing):
    return F.cross_entropy(logits.mT, targets, ignore_index=0)


def to_the_others(one_hot, smoothing, V):
    return one_hot * (1 - smoothing) + (1 - one_hot) * smoothing / (V - 1)


def less_than_one(one_hot, smoothing, V):
    return torch.where(one_hot > 0, 1 - smoothing, smoothing / V)


def only_right(one_hot, smoothing, V):
    return one_hot * (1 - smoothing)


def without_the_largest(logits, targets, smoothing):
    shares = logits.exp() / logits.exp().sum(-1, keepdim=True)
    told = F.one_hot(targets, logits.shape[-1]) * (1 - smoothing)
    told = told + smoothing / logits.shape[-1]
    return over_words(-(told * shares.log()).sum(-1), targets != 0)


def perplexity(logits, targets, smoothing):
    return smoothed_by_kl(logits, targets, smoothing).exp()


# One step of a beam


def beam_by_sorting(past, following):
    found = [
        (-float(past[w] + following[w, v]), w, v)
        for w in range(following.shape[0])
        for v in range(following.shape[1])
    ]
    best = sorted(found)[: len(past)]
    scores, parents, words = zip(*best, strict=True)
    return (
        torch.tensor(parents),
        torch.tensor(words),
        -torch.tensor(scores),
    )


def beam_in_two_steps(past, following):
    """The W best of each sentence are enough to find the W best of all."""
    width = len(past)
    best, words = (past[:, None] + following).topk(width, dim=1)
    scores, place = best.reshape(-1).topk(width)
    parents = torch.div(place, width, rounding_mode="floor")
    return parents, words.reshape(-1)[place], scores


def beam_by_product(past, following):
    shares = past.exp()[:, None] * following.exp()
    best, place = shares.view(-1).sort(descending=True)
    place, width = place[: len(past)], following.size(1)
    return place // width, place % width, best[: len(past)].log()


def beam(join=lambda past, following: past[:, None] + following, cut=None):
    """An answer that goes wrong where it is told to."""

    def answer(past, following):
        best, place = join(past, following).flatten().topk(len(past))
        parents, words = (
            place // following.shape[1],
            place % following.shape[1],
        )
        if cut:
            parents, words = cut(place, *following.shape)
        return parents, words, best

    return answer


def greedy_w_times(past, following):
    best, words = following.max(dim=1)
    return torch.arange(len(past)), words, past + best


def worst_first(past, following):
    return tuple(part.flip(0) for part in beam_by_sorting(past, following))


# Top-p


def nucleus_by_loop(logits, p):
    shares = logits.softmax(-1).tolist()
    kept, total = [0.0] * len(shares), 0.0
    for word in sorted(range(len(shares)), key=lambda v: -shares[v]):
        if total < p:
            kept[word] = shares[word]
            total += shares[word]
    return torch.tensor([share / total for share in kept])


def nucleus_by_sorting(logits, p):
    ordered, ids = torch.sort(logits, descending=True)
    remove = ordered.softmax(-1).cumsum(-1) > p
    remove[1:] = remove[:-1].clone()
    remove[0] = False
    logits[ids[remove]] = float("-inf")
    return F.softmax(logits, dim=-1)


def nucleus_from_below(logits, p):
    shares = logits.softmax(0)
    ordered, ids = shares.sort()
    dropped = ids[ordered.cumsum(0) <= 1 - p]
    shares[dropped] = 0
    return shares / shares.sum()


def sorted_shares(logits):
    return logits.softmax(-1).sort(descending=True)


def crossing_dropped(logits, p):
    shares, ids = sorted_shares(logits)
    kept = torch.zeros_like(shares)
    inside = shares.cumsum(0) <= p
    kept[ids[inside]] = shares[inside]
    return kept / kept.sum()


def crossing_dropped_but_the_first(logits, p):
    shares, ids = sorted_shares(logits)
    inside = shares.cumsum(0) <= p
    inside[0] = True
    kept = torch.zeros_like(shares)
    kept[ids[inside]] = shares[inside]
    return kept / kept.sum()


def one_too_many(logits, p):
    shares, ids = sorted_shares(logits)
    inside = shares.cumsum(0) < p
    inside = torch.cat([torch.ones(2, dtype=torch.bool), inside[:-2]])
    kept = torch.zeros_like(shares)
    kept[ids[inside]] = shares[inside]
    return kept / kept.sum()


def not_divided(logits, p):
    shares = logits.softmax(-1)
    return shares * (nucleus_by_loop(logits, p) > 0)


def in_sorted_order(logits, p):
    return nucleus_by_loop(logits, p).sort(descending=True).values


def softmax_of_shares(logits, p):
    return not_divided(logits, p).softmax(-1)


RIGHT = [
    (check_negative_sampling, sampling_by_loop),
    (check_negative_sampling, sampling_by_einsum),
    (check_negative_sampling, sampling_by_cross_entropy),
    (check_cross_entropy, smoothed_by_loop),
    (check_cross_entropy, smoothed_by_kl),
    (check_beam_step, beam_by_sorting),
    (check_beam_step, beam_in_two_steps),
    (check_beam_step, beam_by_product),
    (check_nucleus, nucleus_by_loop),
    (check_nucleus, nucleus_by_sorting),
    (check_nucleus, nucleus_from_below),
]
WRONG = [
    (check_negative_sampling, scored(no_minus), "are pulled closer"),
    (check_negative_sampling, scored(drawn_averaged), "mean over the drawn"),
    (check_negative_sampling, scored(mean_of_everything), "all 1 + N scores"),
    (check_negative_sampling, scored(pairs_summed), "the pairs are summed"),
    (check_negative_sampling, scored(softmax_over_drawn), "is a softmax"),
    (check_negative_sampling, scored(no_logarithm), "logarithm is missing"),
    (check_negative_sampling, scored(to_be_made_large), "the sign is wrong"),
    (check_negative_sampling, scored(only_true), "drawn words are missing"),
    (check_cross_entropy, padding_is_asked, "padding is counted as words"),
    (
        check_cross_entropy,
        smoothed(lambda losses, words: (losses * words).mean()),
        "padding loses nothing but is counted",
    ),
    (check_cross_entropy, smoothed(by_sentence), "mean of each sentence"),
    (
        check_cross_entropy,
        smoothed(lambda losses, words: (losses * words).sum()),
        "the words are summed",
    ),
    (check_cross_entropy, no_smoothing, "the smoothing is not used"),
    (
        check_cross_entropy,
        smoothed(over_words, to_the_others),
        "shared among the other V - 1 words",
    ),
    (
        check_cross_entropy,
        smoothed(over_words, less_than_one),
        "do not sum to 1",
    ),
    (
        check_cross_entropy,
        smoothed(over_words, only_right),
        "goes to no other",
    ),
    (check_cross_entropy, without_the_largest, "subtract the largest score"),
    (check_cross_entropy, perplexity, "the loss is"),
    (
        check_beam_step,
        beam(lambda past, following: following),
        "of the sentence so far is forgotten",
    ),
    (
        check_beam_step,
        beam(lambda past, following: past[:, None] * following),
        "log-probabilities are multiplied",
    ),
    (
        check_beam_step,
        beam(lambda past, following: past[:, None] + following.exp()),
        "a probability is added to a logarithm",
    ),
    (
        check_beam_step,
        beam(cut=lambda place, W, V: (place % V, place // V)),
        "the sentence and the word are swapped",
    ),
    (
        check_beam_step,
        beam(cut=lambda place, W, V: (place // W, place % W)),
        "is divided by W",
    ),
    (check_beam_step, greedy_w_times, "each sentence is extended once"),
    (check_beam_step, worst_first, "the best first"),
    (check_nucleus, crossing_dropped, "the word that crosses p stays"),
    (check_nucleus, crossing_dropped_but_the_first, "less than 0.7"),
    (check_nucleus, one_too_many, "take the fewest"),
    (check_nucleus, not_divided, "divide by the sum"),
    (check_nucleus, in_sorted_order, "in another order"),
    (check_nucleus, softmax_of_shares, "every word can still be drawn"),
    (
        check_nucleus,
        lambda logits, p: not_divided(logits, 0.9) * (p > 0.5),
        "words are kept where",
    ),
]


@pytest.mark.parametrize(("check", "answer"), RIGHT)
def test_any_right_answer_passes(check, answer):
    verdict = check(answer)
    assert verdict, verdict


@pytest.mark.parametrize(("check", "answer", "words"), WRONG)
def test_a_wrong_answer_is_told_what_is_wrong(check, answer, words):
    verdict = check(answer)
    assert not verdict and words in verdict.message, verdict


def test_each_known_mistake_is_made_here():
    known = [
        words
        for name, mistakes in vars(whiteboard_outputs).items()
        if name.startswith("WRONG_")
        for words, _ in mistakes
    ]
    assert known
    for words in known:
        assert any(part in words for _, _, part in WRONG), words
