"""Right and wrong answers to the tasks on pieces, as people write them."""

import random
import re
from collections import Counter, defaultdict

import pytest
import torch

from reinvent.toolbox import whiteboard_pieces
from reinvent.toolbox.whiteboard_pieces import (
    check_masking,
    check_merge,
    check_pieces,
)

# One merge


def merge_by_loop(words):
    counts = {}
    for word, often in words.items():
        for i in range(len(word) - 1):
            pair = word[i], word[i + 1]
            counts[pair] = counts.get(pair, 0) + often
    best = max(counts, key=counts.get)
    return best, {merge_pair(word, best): n for word, n in words.items()}


def merge_pair(word, best):
    pieces, i = [], 0
    while i < len(word):
        if word[i : i + 2] == best:
            pieces.append(word[i] + word[i + 1])
            i += 2
        else:
            pieces.append(word[i])
            i += 1
    return tuple(pieces)


def merge_by_pattern(words):
    counts = defaultdict(int)
    for word, often in words.items():
        for pair in zip(word, word[1:], strict=False):
            counts[pair] += often
    best = sorted(counts, key=lambda pair: -counts[pair])[0]
    bigram = re.escape(" ".join(best))
    pattern = re.compile(r"(?<!\S)" + bigram + r"(?!\S)")
    return best, {
        tuple(pattern.sub("".join(best), " ".join(word)).split()): often
        for word, often in words.items()
    }


def count(words):
    counts = Counter()
    for word, often in words.items():
        for pair in zip(word, word[1:], strict=False):
            counts[pair] += often
    return counts


def merge_unweighted(words):
    best = count(dict.fromkeys(words, 1)).most_common(1)[0][0]
    return best, {merge_pair(word, best): n for word, n in words.items()}


def merge_in_text(words):
    best = count(words).most_common(1)[0][0]
    old, new = " ".join(best), "".join(best)
    return best, {
        tuple(" ".join(word).replace(old, new).split(" ")): often
        for word, often in words.items()
    }


def merge_once_a_word(words):
    best = count(words).most_common(1)[0][0]
    merged = {}
    for word, often in words.items():
        for i in range(len(word) - 1):
            if word[i : i + 2] == best:
                word = word[:i] + ("".join(best),) + word[i + 2 :]
                break
        merged[word] = often
    return best, merged


def merge_backwards(words):
    best = count(words).most_common(1)[0][0]
    merged = {}
    for word, often in words.items():
        pieces = list(word)
        for i in range(len(pieces) - 2, -1, -1):
            if tuple(pieces[i : i + 2]) == best:
                pieces[i : i + 2] = ["".join(best)]
        merged[tuple(pieces)] = often
    return best, merged


def merge_nothing(words):
    return count(words).most_common(1)[0][0], words


# Wordpieces


def pieces_by_two_loops(word, pieces):
    found, start = [], 0
    while start < len(word):
        end = len(word)
        while end > start:
            piece = ("##" if start else "") + word[start:end]
            if piece in pieces:
                break
            end -= 1
        if end == start:
            return ["[UNK]"]
        found.append(piece)
        start = end
    return found


def pieces_by_recursion(word, pieces, before=""):
    for end in range(len(word), 0, -1):
        if before + word[:end] in pieces:
            if end == len(word):
                return [before + word]
            rest = pieces_by_recursion(word[end:], pieces, "##")
            failed = rest == ["[UNK]"]
            return rest if failed else [before + word[:end], *rest]
    return ["[UNK]"]


def greedy(mark="##", shown="##", ends=None, longest=True):
    """An answer that goes wrong where it is told to."""

    def cut(word, pieces):
        found, start = [], 0
        while start < len(word):
            prefix = mark if start else ""
            ends_tried = list(range(start + 1, len(word) + 1))
            for end in ends_tried[::-1] if longest else ends_tried:
                if prefix + word[start:end] in pieces:
                    break
            else:
                return ["[UNK]"] if ends is None else found + ends
            found.append((shown if start else "") + word[start:end])
            start = end
        return found

    return cut


# Hidden words


def masking_by_one_draw(tokens, special, mask_id, vocab_size):
    inputs, labels = tokens.clone(), tokens.clone()
    draw = torch.rand(tokens.shape).masked_fill(special, 1.0)
    labels[draw >= 0.15] = -100
    inputs[draw < 0.12] = mask_id
    others = (draw >= 0.12) & (draw < 0.135)
    inputs[others] = torch.randint(5, vocab_size, tokens.shape)[others]
    return inputs, labels


def masking_of_transformers(tokens, special, mask_id, vocab_size):
    """The draws of the data collator of Hugging Face, one in the other."""
    labels = tokens.clone()
    chance = torch.full(labels.shape, 0.15).masked_fill(special, 0.0)
    chosen = torch.bernoulli(chance).bool()
    labels[~chosen] = -100
    hidden = torch.bernoulli(torch.full(labels.shape, 0.8)).bool() & chosen
    tokens[hidden] = mask_id
    half = torch.bernoulli(torch.full(labels.shape, 0.5)).bool()
    others = half & chosen & ~hidden
    tokens[others] = torch.randint(vocab_size, labels.shape)[others]
    return tokens, labels


def masking_by_loop(tokens, special, mask_id, vocab_size):
    chance = random.Random(0)
    inputs, labels = [], []
    for row, row_special in zip(
        tokens.tolist(), special.tolist(), strict=True
    ):
        read, asked = list(row), [-100] * len(row)
        places = [i for i, never in enumerate(row_special) if not never]
        for i in chance.sample(places, round(0.15 * len(places))):
            asked[i] = row[i]
            fate = chance.random()
            if fate < 0.8:
                read[i] = mask_id
            elif fate < 0.9:
                read[i] = chance.randrange(vocab_size)
        inputs.append(read)
        labels.append(asked)
    return torch.tensor(inputs), torch.tensor(labels)


def masking(fates, rate=0.15, ignored=-100, never=True, late=False, word=None):
    """An answer that goes wrong where it is told to."""

    def answer(tokens, special, mask_id, vocab_size):
        chosen = torch.rand(tokens.shape) < rate
        if never:
            chosen &= ~special
        labels = torch.where(chosen, tokens, torch.tensor(ignored))
        inputs = tokens.clone()
        others = torch.randint(vocab_size, tokens.shape)
        if word is not None:
            others = torch.full_like(others, word)
        hidden, changed = fates(torch.rand(2, *tokens.shape))
        inputs[chosen & changed] = others[chosen & changed]
        inputs[chosen & hidden] = mask_id
        if late:
            labels = torch.where(chosen, inputs, labels)
        return inputs, labels

    return answer


def fates_of_bert(draw):
    return draw[0] < 0.8, draw[0] >= 0.9


def mask_three_times(tokens, special, mask_id, vocab_size):
    labels = torch.full_like(tokens, -100)
    inputs = tokens.clone()
    for rate, kind in [(0.12, "mask"), (0.015, "other"), (0.015, "same")]:
        chosen = (torch.rand(tokens.shape) < rate) & ~special
        labels[chosen] = tokens[chosen]
        if kind == "mask":
            inputs[chosen] = mask_id
        elif kind == "other":
            inputs[chosen] = torch.randint(vocab_size, (int(chosen.sum()),))
    return inputs, labels


def labels_at_masks_only(tokens, special, mask_id, vocab_size):
    inputs, _ = masking(fates_of_bert)(tokens, special, mask_id, vocab_size)
    return inputs, torch.where(inputs == mask_id, tokens, -100)


def label_of_the_next_word(tokens, special, mask_id, vocab_size):
    inputs, labels = masking_by_one_draw(tokens, special, mask_id, vocab_size)
    return inputs, torch.where(labels == -100, labels, tokens.roll(-1, 1))


def other_words_everywhere(tokens, special, mask_id, vocab_size):
    inputs, labels = masking(fates_of_bert)(
        tokens, special, mask_id, vocab_size
    )
    draw = torch.rand(tokens.shape) < 0.015
    inputs[draw] = torch.randint(vocab_size, (int(draw.sum()),))
    return inputs, labels


def replaced_after_masking(tokens, special, mask_id, vocab_size):
    chosen = (torch.rand(tokens.shape) < 0.15) & ~special
    labels = torch.where(chosen, tokens, -100)
    tokens[chosen & (torch.rand(tokens.shape) < 0.8)] = mask_id
    others = chosen & (torch.rand(tokens.shape) < 0.1)
    tokens[others] = torch.randint(vocab_size, (int(others.sum()),))
    return tokens, labels


def one_draw_for_all(tokens, special, mask_id, vocab_size):
    chosen = torch.rand(tokens.shape[1]) < 0.15
    chosen = chosen & ~special
    labels = torch.where(chosen, tokens, -100)
    return torch.where(chosen, mask_id, tokens), labels


def nothing_is_hidden(tokens, special, mask_id, vocab_size):
    return tokens, torch.full_like(tokens, -100)


def list_of_labels(tokens, special, mask_id, vocab_size):
    return tokens, [[-100] * 3]


RIGHT = [
    (check_merge, merge_by_loop),
    (check_merge, merge_by_pattern),
    (check_pieces, pieces_by_two_loops),
    (check_pieces, pieces_by_recursion),
    (check_masking, masking_by_one_draw),
    (check_masking, masking_of_transformers),
    (check_masking, masking_by_loop),
    (check_masking, masking(fates_of_bert)),
]
WRONG = [
    (check_merge, merge_unweighted, "counted once for each word"),
    (check_merge, merge_in_text, "replaced in the text of the word"),
    (check_merge, merge_once_a_word, "only the first place in a word"),
    (check_merge, merge_backwards, "merged from the right"),
    (check_merge, merge_nothing, "it is not merged in the words"),
    (check_merge, lambda words: count(words).most_common(1), "2 results"),
    (check_pieces, greedy(longest=False), "the shortest piece is taken"),
    (check_pieces, greedy(mark="", shown=""), "looked up without ##"),
    (check_pieces, greedy(shown=""), "## is lost"),
    (check_pieces, greedy(ends=["[UNK]"]), "keeps its first pieces"),
    (check_pieces, greedy(ends=[]), "cannot be cut is dropped"),
    (check_pieces, lambda word, pieces: [word], "'unaffable' becomes"),
    (check_masking, masking(fates_of_bert, ignored=0), "every place has a"),
    (check_masking, masking(fates_of_bert, late=True), "labels are [MASK]"),
    (check_masking, masking(fates_of_bert, never=False), "special places"),
    (check_masking, masking(fates_of_bert, 0.135), "13.5 % of the words"),
    (check_masking, mask_three_times, "12, 1.5 and 1.5 % overlap"),
    (check_masking, labels_at_masks_only, "only [MASK] has labels"),
    (check_masking, one_draw_for_all, "the same places are chosen"),
    (check_masking, nothing_is_hidden, "0.0 % of the words are chosen"),
    (check_masking, label_of_the_next_word, "is not the id that stood"),
    (check_masking, other_words_everywhere, "where BERT is not asked"),
    (check_masking, masking(fates_of_bert, word=9), "become the same word"),
    (
        check_masking,
        masking(lambda draw: (draw[0] < 2, draw[0] > 2)),
        "every chosen word is hidden",
    ),
    (
        check_masking,
        masking(lambda draw: (draw[0] < 0.8, draw[0] > 2)),
        "no word is replaced by another",
    ),
    (
        check_masking,
        masking(lambda draw: (draw[0] < 0.8, draw[0] >= 0.8)),
        "no word stays as it is",
    ),
    (
        check_masking,
        masking(lambda draw: (draw[0] < 0.8, draw[1] < 0.1)),
        "two draws overlap and [MASK] is written over them",
    ),
    (
        check_masking,
        masking(
            lambda draw: (
                draw[0] < 0.8,
                (draw[0] >= 0.8) & (draw[1] < 0.1),
            )
        ),
        "among the 20 % that are left (there it must be one half)",
    ),
    (check_masking, replaced_after_masking, "are made apart and overlap"),
    (
        check_masking,
        masking(lambda draw: (draw[0] < 0.5, draw[0] >= 0.9)),
        "become [MASK], another word, the same, expected 80 %, 10 %, 10 %",
    ),
    (check_masking, list_of_labels, "the labels is a list"),
    (
        check_masking,
        lambda tokens, *rest: (tokens, tokens[0]),
        "the labels has shape (1000,), expected (500, 1000)",
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
        for name in ("WRONG_MERGES", "WRONG_CUTS")
        for words, _ in getattr(whiteboard_pieces, name)
    ] + [words for _, words in whiteboard_pieces.WRONG_SHARES]
    for words in known:
        assert any(part in words for _, _, part in WRONG), words


def test_chance_refuses_no_right_answer():
    draws = random.Random(1)

    def from_another_source(tokens, special, mask_id, vocab_size):
        torch.manual_seed(draws.randrange(10**6))
        return masking_by_one_draw(tokens, special, mask_id, vocab_size)

    for _ in range(10):
        assert check_masking(from_another_source)
