"""Bytes and merges: the table, the words, the round trip, the libraries."""

import json
import pickle
import subprocess
import sys
import unicodedata
from itertools import pairwise
from random import Random

import pytest
import tiktoken
import torch
from real_data import real_data
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from unicode_strings import fair_characters, generated_strings

from reinvent.bpe import learn, merge
from reinvent.byte_bpe import (
    BYTES,
    CHARACTERS,
    END_OF_TEXT,
    WORDS,
    ByteBPE,
    split_words,
    to_characters,
    to_text,
)
from reinvent.toolbox.texts import python_manual

SURROGATE = "half a character"


@pytest.fixture(scope="module")
def manual():
    return python_manual()


@pytest.fixture(scope="module")
def trained(manual):
    return ByteBPE.train(manual, 499)


@pytest.fixture(scope="module")
def published():
    return ByteBPE.from_files(
        real_data("vocab/gpt2-vocab.json"), real_data("vocab/gpt2-merges.txt")
    )


def of_tokenizers(ours):
    """The tokenizer of the library with our pieces and merges."""
    library = Tokenizer(models.BPE(vocab=ours.ids, merges=list(ours.merges)))
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    library.decoder = decoders.ByteLevel()
    return library


def of_tiktoken(ours):
    """The same of OpenAI's own library."""
    return tiktoken.Encoding(
        "ours",
        pat_str=WORDS.pattern,
        mergeable_ranks={
            as_bytes(piece): i
            for piece, i in ours.ids.items()
            if piece not in ours.specials
        },
        special_tokens={piece: ours.ids[piece] for piece in ours.specials},
    )


def as_bytes(piece):
    return bytes(BYTES[ord(c)] for c in piece)


def same_as_the_libraries(ours, texts):
    """Compare all ids and all texts that come back, and collect the ids."""
    theirs = of_tokenizers(ours).encode_batch(texts)
    openai, known = of_tiktoken(ours), set()
    for text, their in zip(texts, theirs, strict=True):
        ids = ours.encode(text)
        assert ids == their.ids, repr(text)
        assert ids == openai.encode(text, disallowed_special=()), repr(text)
        assert ours.decode(ids) == text
        known.update(ids)
    return known


def random_ids(count, highest):
    rng = Random("ids")
    return [
        rng.choices(range(highest), k=rng.randint(0, 11)) for _ in range(count)
    ]


# The table of the bytes


def test_every_byte_has_a_character_that_can_be_printed():
    assert len(set(CHARACTERS)) == 256
    assert {BYTES[ord(c)]: c for c in CHARACTERS} == dict(
        enumerate(CHARACTERS)
    )
    assert all(c.isprintable() and not c.isspace() for c in CHARACTERS)
    assert "".join(CHARACTERS[33:127]) == "".join(map(chr, range(33, 127)))
    assert to_characters(" \n\tA é") == "ĠĊĉAĠÃ©"


def test_the_table_is_that_of_the_library():
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    assert sorted(alphabet) == sorted(CHARACTERS)


def test_the_table_is_read_backwards():
    every = "".join(map(chr, range(0xD800))) + "\U0010ffff"
    assert to_text(to_characters(every)) == every
    assert to_text(to_characters("né")[:2]) == "n\ufffd"


# Words


def test_the_words_are_those_of_the_docstring():
    assert split_words("It's 7 dogs, don't  go!\n\nYES'S \t x_1  ") == [
        *("It", "'s", " 7", " dogs", ",", " don", "'t", " ", " go", "!"),
        *("\n", "\n", "YES", "'", "S", " \t", " x", "_", "1", "  "),
    ]
    assert split_words("naïve中国 ½٣ i̇ 🙂👍") == [
        *("naïve中国", " ½٣", " i", "̇", " 🙂👍")
    ]


def test_every_character_is_in_exactly_one_word():
    for text in generated_strings(997, ["it's", "we'll", " a", "1.5"]):
        assert "".join(split_words(text)) == text
        assert "" not in split_words(text)


def test_a_word_holds_one_kind_of_character():
    kinds = {"L": "letter", "N": "number", "Z": "space"}
    for text in generated_strings(997, ["it's", "x1", " a", "1.5"]):
        for word in split_words(text):
            shown = word.removeprefix(" ") or word
            found = {
                "space"
                if c.isspace() and c not in "\x1c\x1d\x1e\x1f"
                else kinds.get(unicodedata.category(c)[0], "other")
                for c in shown
            }
            ends = ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d")
            assert len(found) == 1 or word in ends, repr(word)


def test_no_merge_joins_a_word_with_what_is_behind_it():
    texts = ["dog. dog! dog? dogs"] * 7
    ours = ByteBPE.train(texts, 997)
    assert ours.tokens("dog!") == ["dog", "!"]
    uncut = ByteBPE.train(texts, 997, split=lambda text: [text])
    assert len(uncut.tokens(texts[0])) == 1


# Learning


def test_merges_are_learned_from_bytes():
    ours = ByteBPE.train(["é é é"] * 3, 997)
    assert ours.merges == (("Ã", "©"), ("Ġ", "Ã©"))
    assert ours.tokens("éé é") == ["Ã©", "Ã©", "ĠÃ©"]
    assert ByteBPE.train(["ab ab"], 997, least=3).merges == ()


def test_learning_is_that_of_bpe(trained, manual):
    words = {}
    for text in manual:
        for word in split_words(text):
            spelled = tuple(to_characters(word))
            words[spelled] = words.get(spelled, 0) + 1
    assert trained.merges == tuple(learn(words, 499))
    assert ByteBPE.train(reversed(manual), 499) == trained


def test_ids_are_bytes_then_merges_then_specials(trained):
    assert trained.pieces[:256] == tuple(sorted(CHARACTERS))
    assert trained.pieces[256:-1] == tuple(map("".join, trained.merges))
    assert trained.pieces[-1] == END_OF_TEXT
    assert len(trained) == 256 + 499 + 1


def test_without_texts_every_text_is_spelled_in_bytes():
    ours = ByteBPE.train([], 997)
    assert len(ours) == 257
    assert ours.encode("é\0") == [ours.ids[c] for c in to_characters("é\0")]
    assert ours.decode(ours.encode("é\0")) == "é\0"


def test_more_merges_mean_fewer_pieces(trained, manual):
    lengths = []
    for count in (0, 7, 97, 499):
        fewer = ByteBPE(trained.pieces, trained.merges[:count])
        lengths.append(sum(len(fewer.tokens(s)) for s in manual[:97]))
    assert lengths[0] == sum(len(s.encode()) for s in manual[:97])
    assert all(more > fewer for more, fewer in pairwise(lengths))


def test_a_word_is_spelled_by_all_merges_in_order(trained, manual):
    for word in {word for s in manual[:47] for word in split_words(s)}:
        expected = merge(list(to_characters(word)), trained.ranks)
        assert trained.spell(word) == expected


# There and back


def test_every_text_comes_back_exactly(trained):
    words = [to_text(piece) for piece in trained.pieces[256:-1]]
    for text in [*generated_strings(997, words), "", " ", "\0", "\r\n \n"]:
        assert trained.decode(trained.encode(text)) == text


def test_every_code_point_comes_back():
    ours = ByteBPE.train([], 0)
    points = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    for start in range(0, len(points), 997):
        text = "".join(points[start : start + 997])
        assert ours.decode(ours.encode(text)) == text


def test_every_list_of_ids_can_be_decoded(trained):
    for ids in random_ids(997, len(trained)):
        data = b"".join(as_bytes(trained.pieces[i]) for i in ids)
        assert trained.decode(ids) == data.decode(errors="replace")
    assert trained.decode(torch.tensor(trained.encode("é"))) == "é"


def test_half_a_letter_is_shown_as_such():
    ours = ByteBPE.train([], 0)
    ids = ours.encode("né")
    assert ours.decode(ids[:2]) == "n\ufffd"
    assert ours.decode(ids[2:]) == "\ufffd"


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "x \udc80\ud800"])
def test_a_lone_surrogate_is_refused(trained, text):
    with pytest.raises(ValueError, match=rf"'\\ud.*{SURROGATE}"):
        trained.encode(text)


# The end of a text


def test_a_text_cannot_write_a_special_unless_it_is_asked_for(trained):
    end = trained.ids[END_OF_TEXT]
    text = f"the {END_OF_TEXT}object{END_OF_TEXT}"
    for ours in (trained, ByteBPE.train([text] * 97, 997)):
        assert end not in trained.encode(text)
        assert ours.decode(ours.encode(text)) == text
        assert END_OF_TEXT not in map("".join, ours.merges)
    assert trained.encode(text, specials=True) == [
        *trained.encode("the "),
        end,
        *trained.encode("object"),
        end,
    ]
    assert trained.decode(trained.encode(text, specials=True)) == text


def test_specials_are_the_pieces_that_spell_nothing(trained):
    assert trained.specials == (END_OF_TEXT,)
    ours = ByteBPE.train(["ab"] * 3, 7, specials=("<a|b>", "<s>"))
    assert ours.specials == ("<a|b>", "<s>")
    tokens = ours.tokens("ab<a|b><s>ab<s", specials=True)
    assert tokens == ["ab", "<a|b>", "<s>", "ab", "<", "s"]
    ours = ByteBPE.train([], 0, specials=("<s>", "<s>2"))
    assert ours.tokens("<s>2<s>", specials=True) == ["<s>2", "<s>"]
    none = ByteBPE.train(["ab"] * 3, 7, specials=())
    assert none.tokens("ab ab", specials=True) == ["ab", "Ġ", "ab"]


# As every BPE of the book


def test_the_pieces_can_be_sent_to_another_process(trained):
    sent = pickle.loads(pickle.dumps(trained))
    assert sent == trained
    assert sent.encode("the object") == trained.encode("the object")


def test_a_tokenizer_is_short_to_look_at(trained):
    assert repr(trained) == f"<{len(trained)} pieces, 499 merges>"


def test_torch_is_not_imported():
    code = "import reinvent.byte_bpe, sys; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert done.stdout == "False\n"


def test_files_come_back_as_they_were_written(trained, tmp_path):
    paths = tmp_path / "vocab.json", tmp_path / "merges.txt"
    paths[0].write_text(json.dumps(trained.ids), encoding="utf-8")
    lines = [" ".join(pair) for pair in trained.merges]
    paths[1].write_text("\n".join(["#version: 0.2", *lines, ""]), "utf-8")
    assert ByteBPE.from_files(*paths) == trained


# What a user can get wrong


@pytest.mark.parametrize(
    ("pieces", "merges", "message"),
    [
        (CHARACTERS[1:], (), "no Ā among 255 pieces: expected it"),
        ((*CHARACTERS, "a b"), (), "the piece 'a b' is not spelled in"),
        ((*CHARACTERS, ""), (), "the piece '' is not spelled in the 256"),
        ((*CHARACTERS, "a"), (), r"each piece once, got \['a'\]"),
        (CHARACTERS, (("a", "b"),), "needs the piece 'ab'"),
    ],
)
def test_pieces_and_merges_that_do_not_fit_are_refused(
    pieces, merges, message
):
    with pytest.raises(ValueError, match=message):
        ByteBPE(tuple(pieces), merges)


def test_what_nothing_can_be_learned_from_is_refused():
    with pytest.raises(ValueError, match="many texts, got one: 'a text'"):
        ByteBPE.train("a text", 7)
    with pytest.raises(ValueError, match="-1 merges, expected at least 0"):
        ByteBPE.train(["a text"], -1)
    with pytest.raises(ValueError, match=SURROGATE):
        ByteBPE.train(["\ud800"], 7)


@pytest.mark.parametrize("wrong", [None, 7, b"text", ["a", "text"]])
@pytest.mark.parametrize("specials", [True, False])
def test_what_is_no_text_is_refused(trained, wrong, specials):
    with pytest.raises(ValueError, match=type(wrong).__name__):
        trained.encode(wrong, specials=specials)


@pytest.mark.parametrize("wrong", [-1, 756])
def test_an_id_out_of_range_is_refused_with_both_numbers(trained, wrong):
    with pytest.raises(ValueError, match=rf"id {wrong} .* 756 pieces"):
        trained.decode([1, wrong])


# The libraries


def test_the_ids_are_those_of_the_libraries(trained, manual):
    words = [to_text(piece) for piece in trained.pieces[256:-1]]
    texts = [*manual[:97], *generated_strings(499, words)]
    assert len(same_as_the_libraries(trained, texts)) > 499


def test_every_fair_character_is_cut_as_in_the_libraries(trained):
    openai = of_tiktoken(trained)
    for characters in fair_characters().values():
        text = "".join(f"a{c}1{c}! {c}{c} b" for c in characters[:997])
        ids = trained.encode(text)
        assert ids == openai.encode(text, disallowed_special=())
        assert ids == of_tokenizers(trained).encode(text).ids


def test_any_ids_are_decoded_as_in_the_libraries(trained):
    theirs, openai = of_tokenizers(trained), of_tiktoken(trained)
    for highest in (256, len(trained)):
        for ids in random_ids(4_999, highest):
            text = trained.decode(ids)
            assert text == openai.decode(ids)
            assert text == theirs.decode(ids, skip_special_tokens=False)


def test_the_published_pieces_are_bytes_merges_and_the_end(published):
    assert published.pieces[:256] == tuple(sorted(CHARACTERS))
    assert published.pieces[256:-1] == tuple(map("".join, published.merges))
    assert published.pieces[-1] == END_OF_TEXT
    assert published.specials == (END_OF_TEXT,)
    assert len(published) == 50_257


def test_the_published_ids_of_a_sentence(published):
    ids = published.encode("Hello world<|endoftext|>", specials=True)
    assert ids == [15496, 995, 50256]
    assert published.tokens("it's 中") == ["it", "'s", "Ġ", "ä¸Ń"]


@pytest.mark.slow
def test_the_ids_of_wikitexts_test_set_are_those_of_the_libraries(published):
    text = real_data("wikitext-2/test.raw").read_text(encoding="utf-8")
    assert len(same_as_the_libraries(published, [text])) > 19_000
    lines = text.splitlines(keepends=True)
    assert len(same_as_the_libraries(published, lines)) > 19_000


@pytest.mark.slow
def test_100_000_generated_strings_have_the_ids_of_the_libraries(published):
    words = [to_text(piece) for piece in published.pieces[256:-1]]
    texts = generated_strings(100_000, words)
    assert len(texts) == 100_000
    known = same_as_the_libraries(published, texts)
    assert len(known) > 0.8 * len(published)


@pytest.mark.slow
def test_any_published_ids_are_decoded_as_in_the_libraries(published):
    theirs, openai = of_tokenizers(published), of_tiktoken(published)
    for ids in random_ids(49_999, len(published)):
        text = published.decode(ids)
        assert text == openai.decode(ids)
        assert text == theirs.decode(ids, skip_special_tokens=False)
