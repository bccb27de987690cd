import math
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
import torch
from real_data import real_data
from tokenizers import BertWordPieceTokenizer
from unicode_strings import generated_strings

from reinvent.toolbox import vocabulary
from reinvent.toolbox.spelling import CountedSpelling
from reinvent.toolbox.texts import python_manual
from reinvent.wordpiece import (
    BERT,
    GNMT,
    MARK,
    WordPieces,
    gain,
    learn,
    ratio,
)

PUBLISHED = "vocab/bert-base-uncased-vocab.txt"
UNCASED = WordPieces(
    (*BERT.specials, "un", "##aff", "##able", "a", "b", "##b", "##c", "."),
    BERT,
)
forms = pytest.mark.parametrize("form", [GNMT, BERT], ids=["GNMT", "BERT"])
scores = pytest.mark.parametrize("score", [gain, ratio])


@pytest.fixture(scope="module")
def manual():
    return python_manual()


@pytest.fixture(scope="module")
def trained(manual):
    """Pieces of each form, from the manual of Python."""
    return {
        form.inside: WordPieces.train(manual, 500, form=form)
        for form in (GNMT, BERT)
    }


def random_words(seed, letters="abc"):
    rng = Random(seed)
    words = Counter()
    for _ in range(29):
        words["".join(rng.choices(letters, k=rng.randint(1, 7)))] += 1
    return words


def spelled(words, form=GNMT):
    return {tuple(form.characters(word)): n for word, n in words.items()}


def learned_by_counting_again(words, size, form, score, least):
    """Algorithm of the paper, with every count made anew at every merge."""
    texts = [(list(word), times) for word, times in words.items()]
    pieces = dict.fromkeys(form.specials)
    pieces |= dict.fromkeys(sorted({p for word, _ in texts for p in word}))
    while len(pieces) < size:
        single, pairs = Counter(), Counter()
        for word, times in texts:
            for piece in word:
                single[piece] += times
            for pair in pairwise(word):
                pairs[pair] += times
        ranked = [
            (-score(n, single[a], single[b], single.total()), (a, b))
            for (a, b), n in pairs.items()
            if n >= least
        ]
        if not ranked or min(ranked)[0] >= 0:
            break
        _, (a, b) = min(ranked)
        whole = a + b.removeprefix(form.inside)
        pieces[whole] = None
        for word, _ in texts:
            i = 0
            while i < len(word) - 1:
                if word[i : i + 2] == [a, b]:
                    word[i : i + 2] = [whole]
                i += 1
    return list(pieces)


def log_likelihood(spelling):
    """Of the text, when each piece has its share of all pieces."""
    counts = +spelling.pieces
    total = counts.total()
    return sum(n * math.log(n / total) for n in counts.values())


@forms
@scores
@pytest.mark.parametrize("least", [1, 2, 5])
def test_learning_equals_counting_everything_again(form, score, least):
    for seed in range(5):
        words = spelled(random_words(seed), form)
        for size in (19, 41, 997):
            settings = {"form": form, "score": score, "least": least}
            fast = learn(words, size, **settings)
            assert fast == learned_by_counting_again(words, size, **settings)
            assert len(set(fast)) == len(fast) <= size


def test_the_gain_is_what_the_places_of_a_pair_save():
    pair, left, right, total = 3, 5, 7, 31
    saved = 0.0
    for _ in range(pair):
        saved -= math.log(left / total) + math.log(right / total)
        saved += math.log(pair / total)
    assert gain(pair, left, right, total) == pytest.approx(saved)
    assert gain(pair, left, right, total) == pytest.approx(
        pair * math.log(ratio(pair, left, right, total) * total)
    )


def test_each_merge_raises_the_likelihood_and_gain_raises_it_more(manual):
    words = spelled(Counter(word for s in manual for word in s.split()))
    raised = {}
    for score in (gain, ratio):
        spelling = CountedSpelling(words)
        likelihoods = [log_likelihood(spelling)]
        known = len(GNMT.specials) + len(spelling.pieces)
        for piece in learn(words, known + 31, score=score)[known:]:
            pair = next(p for p in +spelling.pairs if "".join(p) == piece)
            spelling.merge(pair, piece)
            likelihoods.append(log_likelihood(spelling))
        assert all(one < two for one, two in pairwise(likelihoods))
        raised[score] = likelihoods[-1] - likelihoods[0]
    assert raised[gain] > 10 * raised[ratio]


def test_ratio_merges_the_rarest_first_and_least_holds_them_off():
    words = spelled({"the": 97, "then": 31, "this": 23, "qx": 1})
    first = {}
    for score in (gain, ratio):
        for least in (1, 2):
            pieces = learn(words, 997, score=score, least=least)
            first[score, least] = next(p for p in pieces[4:] if len(p) > 1)
    assert first[ratio, 1] == "qx"
    assert first[ratio, 2] == "is"
    assert first[gain, 1] == first[gain, 2] == "th"


def test_ratio_needs_many_more_pieces_for_the_same_text(manual):
    lengths = {}
    for score, least in ((gain, 2), (ratio, 2), (ratio, 100)):
        pieces = WordPieces.train(manual, 500, score=score, least=least)
        lengths[score, least] = sum(len(pieces.tokens(s)) for s in manual)
    assert lengths[gain, 2] < lengths[ratio, 100] < lengths[ratio, 2]
    assert lengths[ratio, 2] > 2 * lengths[gain, 2]


def test_equal_scores_go_by_alphabet_and_texts_in_any_order(manual):
    words = {("c", "d"): 3, ("a", "b"): 3}
    assert learn(words, 997)[-2:] == ["ab", "cd"]
    backwards = WordPieces.train(reversed(manual[:97]), 97)
    assert WordPieces.train(manual[:97], 97) == backwards


def test_learning_stops_when_no_pair_is_left_to_gain_from():
    pieces = WordPieces.train(["aaa ab"] * 3, 997)
    assert len(pieces) < 20
    assert pieces.tokens("aaa ab") == ["▁aaa", "▁ab"]
    # "a" beside "b" as often as chance has it: nothing to gain.
    assert learn({("a",): 2, ("b",): 1, ("a", "b"): 1}, 997)[4:] == ["a", "b"]


def test_rare_characters_stay_unknown_and_teach_nothing():
    texts = ["ab ab ab abc", "żż"]
    pieces = WordPieces.train(texts, 997, characters=2)
    assert set("".join(pieces.pieces[4:])) == set("▁ab")
    assert pieces.tokens("aża") == ["▁", "a", "<unk>", "a"]


def test_the_example_of_the_paper():
    start = ["▁J", "et", "▁makers", "▁fe", "ud", "▁over", "▁seat", "▁width"]
    expected = [*start, "▁with", "▁big", "▁orders", "▁at", "▁stake"]
    pieces = WordPieces((*GNMT.specials, *expected))
    text = "Jet makers feud over seat width with big orders at stake"
    assert pieces.tokens(text) == expected
    assert pieces.decode(pieces.encode(text)) == text


@forms
def test_each_piece_is_the_longest_that_fits(trained, manual, form):
    pieces = trained[form.inside]
    for word in {word for s in manual[:199] for word in form.split(s)}:
        rest, spelled = form.start + word, []
        while rest:
            mark = form.inside if spelled else ""
            fits = [
                piece
                for piece in pieces.pieces[len(form.specials) :]
                if len(piece) > len(mark) and (mark + rest).startswith(piece)
            ]
            spelled.append(max(fits, key=len))
            rest = rest[len(spelled[-1]) - len(mark) :]
        assert pieces.spell(word) == spelled


def test_greedy_is_not_always_shortest():
    pieces = WordPieces((*GNMT.specials, "▁a", "▁ab", "bcd", "c", "d"))
    assert pieces.tokens("abcd") == ["▁ab", "c", "d"]
    assert pieces.join(["▁a", "bcd"]) == "abcd"


def test_marked_starts_give_the_text_back(trained, manual):
    pieces = trained[GNMT.inside]
    for sentence in manual:
        assert pieces.decode(pieces.encode(sentence)) == sentence
    letters = sorted(set("".join(manual)) - {" "})
    rng = Random(0)
    for _ in range(997):
        words = ["".join(rng.choices(letters, k=5)) for _ in range(3)]
        text = " ".join(words)
        assert pieces.decode(pieces.encode(text)) == text


def test_any_whitespace_comes_back_as_one_space(trained):
    pieces = trained[GNMT.inside]
    ids = pieces.encode("  the\n\tobject  is ")
    assert pieces.decode(ids) == "the object is"


def test_bert_does_not_give_the_text_back(trained):
    pieces = trained[BERT.inside]
    same = ["Don't do it.", "don't do it.", "don ' t do it .", "dön't do it."]
    for text in same:
        assert pieces.decode(pieces.encode(text)) == "don ' t do it ."


def test_the_mark_in_a_text_cannot_fake_a_word(trained):
    pieces = trained[GNMT.inside]
    assert pieces.tokens("a▁the") == ["▁a", "<unk>", "the"]
    assert pieces.decode(pieces.encode("a▁b")) == "a<unk>b"
    known = WordPieces.train(["a\ufffd a\ufffd"], 11)
    assert known.decode(known.encode("▁a")) == "\ufffda"


def test_an_unknown_character_is_unknown_and_the_rest_is_spelled(trained):
    pieces = trained[GNMT.inside]
    assert pieces.tokens("the ☃the") == ["▁the", "▁", "<unk>", "the"]
    assert pieces.decode(pieces.encode("the☃ 中中")) == "the<unk> <unk><unk>"


def test_in_bert_the_whole_word_is_unknown():
    assert UNCASED.tokens("unaffable a☃b a.") == [
        *("un", "##aff", "##able", "[UNK]", "a", ".")
    ]
    assert UNCASED.tokens("aff") == ["[UNK]"]


def test_in_bert_a_word_of_more_than_100_characters_is_unknown():
    assert UNCASED.tokens("b" * 100) == ["b"] + ["##b"] * 99
    assert UNCASED.tokens("b" * 101) == ["[UNK]"]
    assert UNCASED.tokens("é" * 101) == ["[UNK]"]


def test_long_words_take_no_longer_per_character(trained):
    word = "notimplemented" * 10_000
    assert "".join(trained[GNMT.inside].spell(word)) == MARK + word


@forms
def test_a_blank_text_has_no_pieces(trained, form):
    assert trained[form.inside].encode("") == []
    assert trained[form.inside].encode(" \n\t\u3000") == []
    assert trained[form.inside].decode([]) == ""


def test_bert_reads_its_specials_in_a_text_unless_asked_not_to():
    assert UNCASED.tokens("[CLS] a [MASK].[SEP]") == [
        *("[CLS]", "a", "[MASK]", ".", "[SEP]")
    ]
    assert UNCASED.tokens("[mask]") == ["[UNK]"] * 3
    plain = WordPieces(UNCASED.pieces, replace(BERT, reads_specials=False))
    assert plain.tokens("[MASK] a") == ["[UNK]"] * 3 + ["a"]
    ids = UNCASED.encode("[CLS] a [MASK] . [SEP]")
    assert UNCASED.decode(ids) == "[CLS] a [MASK] . [SEP]"


def test_specials_of_gnmt_in_a_text_are_only_text():
    texts = ["<s> </s> <unk> <pad> x<s>y"] * 5
    pieces = WordPieces.train(texts, 97)
    ids = pieces.encode(texts[0])
    assert min(ids) >= len(GNMT.specials)
    assert pieces.decode(ids) == texts[0]


def test_the_first_ids_are_those_of_the_books_vocabulary(trained):
    pieces = trained[GNMT.inside]
    assert GNMT.specials[:3] == vocabulary.SPECIALS
    words = vocabulary.Vocabulary(pieces.pieces[3:])
    tokens = pieces.tokens("the object is not")
    assert words.encode(tokens) == pieces.encode("the object is not")
    assert len(words) == len(pieces) == 500
    assert pieces.ids["<unk>"] == 3


def test_decode_takes_a_tensor_and_join_takes_pieces(trained):
    pieces = trained[GNMT.inside]
    ids = pieces.encode("the object")
    assert pieces.decode(torch.tensor(ids)) == "the object"
    assert pieces.join(pieces.tokens("the object")) == "the object"


@pytest.mark.parametrize("wrong", [-1, 13])
def test_an_id_out_of_range_is_refused_with_both_numbers(wrong):
    with pytest.raises(ValueError, match=rf"id {wrong} .* 13 pieces"):
        UNCASED.decode([3, wrong])


@pytest.mark.parametrize("wrong", [None, 7, b"text", ["a", "text"]])
def test_what_is_no_text_is_refused(wrong):
    with pytest.raises(ValueError, match=type(wrong).__name__):
        UNCASED.encode(wrong)


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        ((), "no pieces"),
        (("<unk>", "a", "b", "a"), r"twice: \['a'\]"),
        (("<unk>", "a", ""), "piece 2 is empty"),
        (("a", "[UNK]"), "no <unk> among 2 pieces"),
    ],
)
def test_what_is_no_vocabulary_is_refused(pieces, message):
    with pytest.raises(ValueError, match=message):
        WordPieces(pieces)


@pytest.mark.parametrize(
    ("texts", "size", "message"),
    [
        ("one text", 97, "got one: 'one text'"),
        ([], 97, "0 words"),
        ([" \n"], 97, "0 words"),
        (["abc"], 7, "size 7 .* at least 8"),
        (["abc"], -1, "size -1"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(texts, size, message):
    with pytest.raises(ValueError, match=message):
        WordPieces.train(texts, size)
    if isinstance(texts, list) and texts:
        assert len(WordPieces.train([*texts, "abc"], 8)) == 8


def test_a_file_gives_its_lines_as_pieces(tmp_path):
    path = tmp_path / "vocab.txt"
    for end in ("\n", "\r\n"):
        for last in ("", end):
            lines = end.join(UNCASED.pieces) + last
            path.write_bytes(lines.encode())
            assert WordPieces.from_file(path) == UNCASED
    path.write_text("<unk>\na\u2028\nb", encoding="utf-8")
    assert WordPieces.from_file(path, GNMT).pieces[1] == "a\u2028"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no pieces"),
        (b"\n", "piece 0 is empty"),
        (b"[UNK]\n\na", "piece 1 is empty"),
        (b"[UNK]\na\na", "twice: .'a'"),
        (b"a\nb", "no .UNK. among 2 pieces"),
        (b"[UNK]\n\xff", "utf-8"),
    ],
)
def test_a_file_that_is_no_vocabulary_is_refused(tmp_path, content, message):
    path = tmp_path / "vocab.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"vocab.txt .*{message}"):
        WordPieces.from_file(path)


def test_a_file_that_is_missing_is_named(tmp_path):
    for path in (tmp_path / "nothing.txt", tmp_path):
        with pytest.raises(ValueError, match=f"no vocabulary: .*{path}"):
            WordPieces.from_file(path)


def test_a_vocabulary_is_short_to_look_at():
    assert repr(UNCASED) == "<13 wordpieces>"


def test_torch_is_not_imported():
    code = "import reinvent.wordpiece, sys; print('torch' in sys.modules)"
    code += "\nimport reinvent.toolbox.texts; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert done.stdout == "False\nFalse\n"


def published():
    """Our reader of the published vocabulary, and the library's."""
    path = real_data(PUBLISHED)
    return WordPieces.from_file(path), BertWordPieceTokenizer(str(path))


def test_the_published_ids_are_the_published_ones():
    ours, library = published()
    assert len(ours) == 30_522
    assert ours.encode("[PAD] [UNK] [CLS] [SEP] [MASK]") == [
        *(0, 100, 101, 102, 103)
    ]
    texts = ["unaffable", "[CLS]a[[MASK]]", "naïve ΟΔΟΣ ﬁ ½ 中国", "[mask]"]
    for text in texts:
        theirs = library.encode(text, add_special_tokens=False)
        assert ours.tokens(text) == theirs.tokens


@pytest.mark.slow
def test_the_ids_of_all_of_wikitexts_test_set_are_those_of_the_library():
    ours, library = published()
    text = real_data("wikitext-2/test.raw").read_text(encoding="utf-8")
    lines = text.split("\n")
    theirs = library.encode_batch(lines, add_special_tokens=False)
    assert [ours.encode(line) for line in lines] == [t.ids for t in theirs]
    assert sum(len(encoded.ids) for encoded in theirs) > 270_000


@pytest.mark.slow
def test_the_ids_of_100_000_generated_strings_are_those_of_the_library():
    ours, library = published()
    words = [piece.removeprefix("##") for piece in ours.pieces[1_000:]]
    texts = generated_strings(100_000, words)
    assert len(texts) == 100_000
    theirs = library.encode_batch(texts, add_special_tokens=False)
    known = Counter()
    for text, their in zip(texts, theirs, strict=True):
        ids = ours.encode(text)
        assert ids == their.ids, repr(text)
        known.update(ids)
    # Not all of it is unknown: most of the vocabulary is in use.
    assert len(known) > 20_000
    assert known[ours.ids["[UNK]"]] < 0.5 * known.total()


@pytest.mark.slow
def test_8_192_pieces_of_2_megabytes_take_seconds(record_property):
    path = real_data("wikitext-2/train.raw")
    text = path.read_bytes()[:2_000_000].decode("utf-8", "ignore")
    start = time.process_time()
    pieces = WordPieces.train(text.split("\n"), 8_192)
    seconds = time.process_time() - start
    record_property("seconds for 8,192 wordpieces", round(seconds, 1))
    assert len(pieces) == 8_192
    assert seconds < 60
    words = Counter(text.split())
    total = sum(n * len(pieces.spell(word)) for word, n in words.items())
    assert total < 1.3 * words.total()
