import re

from reinvent.toolbox.texts import python_manual


def test_the_manual_gives_a_thousand_sentences_of_plain_words():
    sentences = python_manual()
    assert len(sentences) > 1_000
    assert sum(len(sentence.split()) for sentence in sentences) > 15_000
    assert len(set(sentences)) == len(sentences)
    for sentence in sentences:
        assert sentence[0].isupper()
        assert sentence[-1] in ".?!"
        assert sentence == " ".join(sentence.split())
        assert len(sentence.split()) >= 3
        assert re.fullmatch(r"[A-Za-z ,;:()'.?!-]+", sentence)


def test_the_same_sentences_come_each_time():
    assert python_manual() == python_manual()
    assert "Classes are callable." in python_manual()
