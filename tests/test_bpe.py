"""Byte pairs: the algorithm, the round trip, the files, the library."""

import json
import pickle
import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise
from random import Random

import pytest
import torch
from real_data import real_data
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from unicode_strings import generated_strings

from reinvent import bpe
from reinvent.bpe import (
    BPE,
    END,
    SPECIALS,
    UNKNOWN,
    learn,
    letters,
    merge,
    read_merges,
    read_pieces,
    whole_words,
)
from reinvent.toolbox import vocabulary
from reinvent.toolbox.pretokenize import pretokenize
from reinvent.toolbox.texts import python_manual

PAPER = {"low": 5, "lower": 2, "newest": 6, "widest": 3}  # algorithm 1
splits = pytest.mark.parametrize("split", [pretokenize, whole_words])


@pytest.fixture(scope="module")
def manual():
    return python_manual()


@pytest.fixture(scope="module")
def trained(manual):
    """Merges of the manual of Python, by how words are cut."""
    return {
        split: BPE.train(manual, 499, split=split)
        for split in (pretokenize, whole_words)
    }


def spelled(words):
    return {tuple(letters(word)): n for word, n in words.items()}


def random_words(seed, alphabet="abc"):
    rng = Random(seed)
    words = Counter()
    for _ in range(29):
        words["".join(rng.choices(alphabet, k=rng.randint(1, 7)))] += 1
    return words


def replaced(word, pair):
    """One merge, wherever it fits, by looking at every place."""
    word, i = list(word), 0
    while i < len(word) - 1:
        if (word[i], word[i + 1]) == pair:
            word[i : i + 2] = ["".join(pair)]
        i += 1
    return word


def learned_by_counting_again(words, count, least):
    """Algorithm 1 of the paper: every pair counted anew at every merge."""
    ranks = {}
    while len(ranks) < count:
        pairs = Counter()
        for word, times in words.items():
            for pair in pairwise(merge(word, ranks)):
                pairs[pair] += times
        ranked = [(-n, pair) for pair, n in pairs.items() if n >= least]
        if not ranked:
            break
        ranks[min(ranked)[1]] = len(ranks)
    return list(ranks)


def of_the_library(ours):
    """The tokenizer of the library with our pieces and merges."""
    model = models.BPE(
        vocab=ours.ids,
        merges=list(ours.merges),
        end_of_word_suffix=END,
        unk_token=UNKNOWN,
        fuse_unk=False,
    )
    library = Tokenizer(model)
    if ours.split is pretokenize:
        library.normalizer = normalizers.BertNormalizer(lowercase=True)
        library.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    else:
        library.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return library


def same_as_the_library(ours, texts):
    """Compare all ids, and count them."""
    known = Counter()
    theirs = of_the_library(ours).encode_batch(texts)
    for text, their in zip(texts, theirs, strict=True):
        ids = ours.encode(text)
        assert ids == their.ids, repr(text)
        known.update(ids)
    return known


# Learning


def test_the_example_of_the_paper():
    # There the mark is a letter of its own. The sixth merge is a tie.
    apart = {(*word, END): times for word, times in PAPER.items()}
    assert [a + b for a, b in learn(apart, 5)] == [
        *("es", "est", "est" + END, "lo", "low")
    ]
    assert learn(spelled(PAPER), 2) == [("e", "s"), ("es", "t" + END)]


@pytest.mark.parametrize("least", [1, 2, 5])
def test_learning_equals_counting_everything_again(least):
    for seed in range(31):
        words = spelled(random_words(seed, "ab" if seed % 2 else "abc"))
        for count in (0, 1, 17, 997):
            fast = learn(words, count, least=least)
            assert fast == learned_by_counting_again(words, count, least)
            assert len(set(map("".join, fast))) == len(fast) <= count


def test_the_most_frequent_pair_is_first_and_then_the_alphabet(manual):
    pairs = [("a", "b"), ("c", "d"), ("e", "f")]
    words = dict(zip(reversed(pairs), (5, 3, 3), strict=True))
    assert learn(words, 997) == [pairs[2], *pairs[:2]]
    backwards = BPE.train(reversed(manual[:97]), 97)
    assert BPE.train(manual[:97], 97) == backwards


def test_learning_stops_when_no_pair_comes_often_enough():
    pieces = BPE.train(["aaa ab"] * 3, 997)
    assert pieces.tokens("aaa ab") == ["aaa" + END, "ab" + END]
    assert len(pieces.merges) == 3
    assert BPE.train(["aaa ab"] * 3, 997, least=7).merges == ()


def test_no_merge_crosses_words_or_writes_a_special():
    pieces = BPE.train(["<s> <s>a <s>b"] * 5, 997, split=whole_words)
    found = pieces.tokens("<s> <s>a")
    assert set(found).isdisjoint(SPECIALS)
    assert pieces.join(found) == "<s> <s>a"
    assert all(END not in p.removesuffix(END) for p in pieces.pieces)


def test_rare_characters_stay_unknown_and_teach_nothing():
    texts = ["ab ab ab abc", "żż"]
    pieces = BPE.train(texts, 997, characters=2)
    assert set(pieces.pieces[len(SPECIALS) :]) == {
        *("a", "b", "a" + END, "b" + END, "ab" + END)
    }
    assert pieces.tokens("aca") == ["a", UNKNOWN, "a" + END]


def test_more_merges_mean_fewer_pieces(trained, manual):
    ours, lengths = trained[whole_words], []
    for count in (0, 7, 97, 499):
        fewer = BPE(ours.pieces, ours.merges[:count], whole_words)
        lengths.append(sum(len(fewer.tokens(s)) for s in manual[:97]))
    assert lengths[0] == sum(len(s.replace(" ", "")) for s in manual[:97])
    assert all(more > fewer for more, fewer in pairwise(lengths))


# Spelling


def test_what_was_learned_first_is_merged_first():
    word = ["a", "b", "c"]
    assert merge(word, {("b", "c"): 0, ("a", "b"): 1}) == ["a", "bc"]
    assert merge(word, {("b", "c"): 1, ("a", "b"): 0}) == ["ab", "c"]
    assert merge([*"aaaaa"], {("a", "a"): 0}) == ["aa", "aa", "a"]
    assert merge(["a"], {("a", "a"): 0}) == ["a"]
    assert word == ["a", "b", "c"]


@splits
def test_a_word_is_spelled_by_all_merges_in_order(trained, manual, split):
    ours = trained[split]
    for word in {word for s in manual[:47] for word in split(s)}:
        seen = letters(word)
        for pair in ours.merges:
            seen = replaced(seen, pair)
        assert ours.spell(word) == seen


def test_a_word_that_came_before_is_not_merged_again(trained, monkeypatch):
    ours = BPE(trained[pretokenize].pieces, trained[pretokenize].merges)
    first = ours.tokens("the object")
    monkeypatch.setattr(bpe, "merge", None)
    assert ours.tokens("object the") == [*ours.tokens("object"), first[0]]
    with pytest.raises(TypeError):
        ours.tokens("another")


def test_what_is_kept_in_memory_has_a_limit(trained, manual, monkeypatch):
    monkeypatch.setattr(bpe, "REMEMBERED", 7)
    ours = BPE(trained[pretokenize].pieces, trained[pretokenize].merges)
    for sentence in manual[:47]:
        assert ours.tokens(sentence) == trained[pretokenize].tokens(sentence)
        assert len(ours._known) <= 7


def test_a_long_word_takes_seconds_not_hours(trained):
    word = "notimplemented" * 3_000
    assert trained[pretokenize].join(trained[pretokenize].spell(word)) == word


# There and back


def test_whole_words_come_back_exactly(trained, manual):
    pieces = trained[whole_words]
    for sentence in manual:
        assert pieces.decode(pieces.encode(sentence)) == sentence
    alphabet = sorted(set("".join(manual)) - {" "})
    rng = Random(0)
    for _ in range(997):
        words = ["".join(rng.choices(alphabet, k=5)) for _ in range(3)]
        text = " ".join(words)
        assert pieces.decode(pieces.encode(text)) == text


def test_any_whitespace_comes_back_as_one_space(trained):
    ids = trained[whole_words].encode("  the\n\tobject  is ")
    assert trained[whole_words].decode(ids) == "the object is"


def test_as_gpt_cuts_texts_the_words_come_back(trained, manual):
    pieces = trained[pretokenize]
    for sentence in manual[:199]:
        words = " ".join(pretokenize(sentence))
        assert pieces.decode(pieces.encode(sentence)) == words
    assert pieces.decode(pieces.encode("Dön't do it.")) == "don ' t do it ."


def test_the_mark_in_a_text_cannot_fake_the_end_of_a_word(trained):
    texts = ["x</w>y </w> <</w> </w>> </w</w>"]
    assert whole_words(texts[0]) == [
        *("x\ufffdy", "\ufffd", "<\ufffd", "\ufffd>", "</w\ufffd")
    ]
    pieces = BPE.train(["< / w > </w /w> </ w></w"] * 2, 97, split=whole_words)
    for text in ("</w /w>", "</ w>", "< /w>", "<<< </w </w"):
        assert pieces.decode(pieces.encode(text)) == text
    known = BPE.train(texts, 97, split=whole_words, least=1)
    assert known.decode(known.encode("x</w>y")) == "x\ufffdy"


def test_an_unknown_character_is_unknown_and_the_rest_is_spelled(trained):
    pieces = trained[whole_words]
    assert pieces.tokens("☃the")[0] == UNKNOWN
    assert pieces.decode(pieces.encode("☃the ☃x ☃☃x")) == (
        "<unk>the <unk>x <unk><unk>x"
    )
    assert pieces.decode(pieces.encode("the☃ 中 the")) == "the<unk><unk>the"


@splits
def test_a_blank_text_has_no_pieces(trained, split):
    assert trained[split].encode("") == []
    assert trained[split].encode(" \n\t\u3000") == []
    assert trained[split].decode([]) == ""


def test_the_first_ids_are_those_of_the_books_vocabulary(trained):
    pieces = trained[whole_words]
    assert SPECIALS[:3] == vocabulary.SPECIALS
    words = vocabulary.Vocabulary(pieces.pieces[3:])
    assert words.encode(pieces.tokens("the object")) == pieces.encode(
        "the object"
    )
    ours = BPE.train(["a b"], 7, specials=(*SPECIALS, "<extract>"))
    assert ours.ids["<extract>"] == len(SPECIALS)
    assert ours.decode([4, *ours.encode("a b")]) == "<extract>a b"


def test_decode_takes_a_tensor_and_join_takes_pieces(trained):
    pieces = trained[whole_words]
    ids = pieces.encode("the object")
    assert pieces.decode(torch.tensor(ids)) == "the object"
    assert pieces.join(pieces.tokens("the object")) == "the object"


def test_the_pieces_can_be_sent_to_another_process(trained):
    sent = pickle.loads(pickle.dumps(trained[pretokenize]))
    assert sent == trained[pretokenize]
    assert sent.encode("the object") == trained[pretokenize].encode(
        "the object"
    )


def test_a_tokenizer_is_short_to_look_at(trained):
    ours = trained[pretokenize]
    assert repr(ours) == f"<{len(ours)} pieces, 499 merges>"


def test_torch_is_not_imported():
    code = "import reinvent.bpe, sys; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert done.stdout == "False\n"


# Files


def written(tmp_path, pieces, merges, start="#version: 0.2\n"):
    """Write the two files that are published."""
    paths = tmp_path / "vocab.json", tmp_path / "merges.txt"
    ids = {piece: i for i, piece in enumerate(pieces)}
    paths[0].write_text(json.dumps(ids), encoding="utf-8")
    lines = "".join(f"{a} {b}\n" for a, b in merges)
    paths[1].write_text(start + lines, encoding="utf-8")
    return paths


@pytest.mark.parametrize("start", ["#version: 0.2\n", ""])
def test_files_come_back_as_they_were_written(trained, tmp_path, start):
    ours = trained[pretokenize]
    paths = written(tmp_path, ours.pieces, ours.merges, start)
    assert BPE.from_files(*paths) == ours
    windows = paths[1].read_text("utf-8").replace("\n", "\r\n")
    paths[1].write_bytes(windows.encode())
    assert BPE.from_files(*paths) == ours


def test_ids_of_a_file_need_not_be_in_order(tmp_path):
    path = tmp_path / "vocab.json"
    path.write_text(json.dumps({"b": 2, "<unk>": 0, "a": 1}))
    assert read_pieces(path) == ("<unk>", "a", "b")


def test_the_published_merges_of_gpt2_can_be_read():
    pieces = read_pieces(real_data("vocab/gpt2-vocab.json"))
    merges = read_merges(real_data("vocab/gpt2-merges.txt"))
    assert (len(pieces), len(merges)) == (50_257, 50_000)
    assert merges[0] == ("Ġ", "t")
    assert {"".join(pair) for pair in merges} <= set(pieces)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a b\nab", "merge 2 is 'ab', expected two pieces"),
        ("a b c", "merge 1 is 'a b c', expected two pieces"),
        ("#version: 0.2\na  b", "merge 1 is 'a  b', expected two"),
        ("", "merge 1 is '', expected two pieces"),
    ],
)
def test_a_line_without_two_pieces_is_named(tmp_path, text, message):
    path = tmp_path / "merges.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_merges(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "vocab.json is no JSON: "),
        ("[1]", "expected a JSON object from piece to id"),
        ("{}", "expected a JSON object from piece to id"),
        ('{"a": 0, "b": 2}', "0 to 1 once, got {'b': 2}"),
        ('{"a": 0, "b": "1"}', "0 to 1 once, got {'b': '1'}"),
        ('{"a": 0, "b": 0}', "0 to 1 once, got one twice"),
    ],
)
def test_a_vocabulary_that_is_none_is_refused(tmp_path, text, message):
    path = tmp_path / "vocab.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_pieces(path)


@pytest.mark.parametrize("read", [read_pieces, read_merges])
def test_a_file_that_cannot_be_read_is_named(tmp_path, read):
    with pytest.raises(ValueError, match="no vocabulary: .*absent"):
        read(tmp_path / "absent")
    (tmp_path / "latin").write_bytes(b"\xff")
    with pytest.raises(ValueError, match="latin is no UTF-8"):
        read(tmp_path / "latin")


# What a user can get wrong


@pytest.mark.parametrize(
    ("pieces", "merges", "message"),
    [
        (("a", UNKNOWN, "a"), (), r"each piece once, got \['a'\]"),
        (("a", UNKNOWN, "aa"), (("a", "a"),) * 2, "each merge once, got"),
        (("a", "b"), (), "no <unk> among 2 pieces"),
        (("a", UNKNOWN), (("a", "b"),), "needs the piece 'b', .* 2 pieces"),
        (("a", UNKNOWN), (("a", "a"),), "needs the piece 'aa'"),
    ],
)
def test_pieces_and_merges_that_do_not_fit_are_refused(
    pieces, merges, message
):
    with pytest.raises(ValueError, match=message):
        BPE(pieces, merges)


@pytest.mark.parametrize(
    ("texts", "merges", "message"),
    [
        ("one text", 7, "expected many texts, got one: 'one text'"),
        (["a"], -1, "-1 merges, expected at least 0"),
        ([" ", ""], 7, "nothing to learn from 0 words"),
    ],
)
def test_what_nothing_can_be_learned_from_is_refused(texts, merges, message):
    with pytest.raises(ValueError, match=message):
        BPE.train(texts, merges)


@pytest.mark.parametrize("wrong", [None, 7, b"text", ["a", "text"]])
def test_what_is_no_text_is_refused(trained, wrong):
    with pytest.raises(ValueError, match=type(wrong).__name__):
        trained[pretokenize].encode(wrong)


@pytest.mark.parametrize("wrong", [-1, 3])
def test_an_id_out_of_range_is_refused_with_both_numbers(wrong):
    pieces = BPE((UNKNOWN, "a", "b"), ())
    with pytest.raises(ValueError, match=rf"id {wrong} .* 3 pieces"):
        pieces.decode([1, wrong])


# The library


@splits
def test_the_ids_are_those_of_the_library(trained, manual, split):
    ours = trained[split]
    texts = [*manual[:97], "naïve ΟΔΟΣ ﬁ ½ 中国", "☃☃a a☃", "aaaaaaa", ""]
    texts += [word * 7 for word in manual[0].split()]
    assert len(same_as_the_library(ours, texts)) > 199


def test_the_ids_of_generated_strings_are_those_of_the_library(trained):
    ours = trained[pretokenize]
    words = [piece.removesuffix(END) for piece in ours.pieces[150:]]
    known = same_as_the_library(ours, generated_strings(499, words))
    assert len(known) > 99


@pytest.fixture(scope="module")
def many():
    """8,000 merges of 2 megabytes of Wikipedia, and the seconds it took."""
    path = real_data("wikitext-2/train.raw")
    text = path.read_bytes()[:2_000_000].decode("utf-8", "ignore")
    start = time.process_time()
    pieces = BPE.train(text.split("\n"), 8_000)
    return pieces, time.process_time() - start


@pytest.mark.slow
def test_8_000_merges_of_2_megabytes_take_seconds(many, record_property):
    pieces, seconds = many
    record_property("seconds for 8,000 merges", round(seconds, 1))
    assert len(pieces.merges) == 8_000
    assert seconds < 60


@pytest.mark.slow
@splits
def test_the_ids_of_wikitexts_test_set_are_those_of_the_library(many, split):
    ours = BPE(many[0].pieces, many[0].merges, split)
    text = real_data("wikitext-2/test.raw").read_text(encoding="utf-8")
    known = same_as_the_library(ours, text.split("\n"))
    assert known.total() > 270_000


@pytest.mark.slow
def test_the_ids_of_100_000_generated_strings_are_those_of_the_library(many):
    ours, _ = many
    words = [piece.removesuffix(END) for piece in ours.pieces[1_000:]]
    texts = generated_strings(100_000, words)
    assert len(texts) == 100_000
    known = same_as_the_library(ours, texts)
    # Not all of it is unknown: most of the pieces are in use.
    assert len(known) > 0.8 * len(ours)
    assert known[ours.ids[UNKNOWN]] < 0.5 * known.total()
