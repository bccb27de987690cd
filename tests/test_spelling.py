from collections import Counter
from itertools import pairwise
from random import Random

from reinvent.toolbox.spelling import CountedSpelling, Spelling, merged


def counted(spelling):
    """Counts everything again, word by word."""
    pieces, pairs = Counter(), Counter()
    for word, often in zip(spelling.words, spelling.often, strict=True):
        for piece in word:
            pieces[piece] += often
        for pair in pairwise(word):
            pairs[pair] += often
    return pieces, pairs


def some_words(seed):
    rng = Random(seed)
    return {
        tuple(rng.choices("abc", k=rng.randint(1, 7))): rng.randint(1, 5)
        for _ in range(23)
    }


def test_a_pair_is_merged_from_the_left_and_not_across_itself():
    assert merged("aaaaa", ("a", "a"), "aa") == ["aa", "aa", "a"]
    assert merged("babab", ("a", "b"), "ab") == ["b", "ab", "ab"]
    assert merged(["ab", "a"], ("b", "a"), "ba") == ["ab", "a"]
    assert merged([], ("a", "b"), "ab") == []


def test_after_each_merge_the_counts_are_those_of_a_recount():
    for seed in range(7):
        spelling = CountedSpelling(some_words(seed))
        while +spelling.pairs:
            pair = max(spelling.pairs, key=lambda p: (spelling.pairs[p], p))
            spelling.merge(pair, "".join(pair))
            pieces, pairs = counted(spelling)
            assert +spelling.pieces == pieces
            assert +spelling.pairs == pairs
            assert spelling.total == pieces.total()
        assert all(len(word) == 1 for word in spelling.words)


def test_merge_names_every_pair_whose_counts_changed():
    for seed in range(7):
        spelling = CountedSpelling(some_words(seed))
        while +spelling.pairs:
            pieces, pairs = counted(spelling)
            pair = min(+spelling.pairs)
            named = spelling.merge(pair, "".join(pair))
            now, beside = counted(spelling)
            assert named == {
                p
                for p in beside
                if beside[p] != pairs[p]
                or any(now[part] != pieces[part] for part in p)
                or "".join(pair) in p
                or set(p) & set(pair)
            }


def test_a_piece_that_exists_already_may_be_made_again():
    spelling = CountedSpelling({("ab", "c"): 2, ("a", "bc"): 3})
    spelling.merge(("ab", "c"), "abc")
    assert spelling.pieces["abc"] == 2
    spelling.merge(("a", "bc"), "abc")
    assert spelling.pieces["abc"] == 5 == spelling.total
    assert not +spelling.pairs


def test_without_counts_of_pieces_the_pairs_are_the_same():
    for seed in range(7):
        plain = Spelling(some_words(seed))
        counted = CountedSpelling(some_words(seed))
        while +plain.pairs:
            pair = max(plain.pairs, key=lambda p: (plain.pairs[p], p))
            piece = "".join(pair)
            before = Counter(plain.pairs)
            grown = plain.merge(pair, piece)
            assert all(piece in p for p in grown)
            assert grown >= {
                p for p in plain.pairs if plain.pairs[p] > before[p]
            }
            counted.merge(pair, piece)
            assert +plain.pairs == +counted.pairs
            assert plain.words == counted.words
            assert plain.total == counted.total
    assert plain.merge(("x", "y"), "xy") == set()
