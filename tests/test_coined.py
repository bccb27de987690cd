"""Made-up words keep the sentence, its links and its grammar."""

import pytest

from reinvent.toolbox.coined import coin, coin_roots, coin_words
from reinvent.toolbox.translation import Pair, translation_task

LINKS = frozenset({(0, 0), (1, 1), (2, 2), (3, 4), (4, 3)})
PAIR = Pair(
    ("he", "sees", "a", "green", "house"),
    ("il", "voit", "une", "maison", "verte"),
    LINKS,
    LINKS,
)


def test_a_name_is_copied_and_an_adjective_agrees():
    its = coin(PAIR, lambda: "kelum", ("names", "adjectives"))
    assert its.source == ("Kelumo", "sees", "a", "kelumian", "house")
    assert its.target == ("Kelumo", "voit", "une", "maison", "kelumienne")
    assert (its.sure, its.possible) == (PAIR.sure, PAIR.possible)


def test_only_the_asked_kind_is_replaced():
    its = coin(PAIR, lambda: "kelum", ("adjectives",))
    assert its.source[0] == "he"
    assert its.source[3] == "kelumian"


def test_nothing_is_cut_before_a_name():
    links = frozenset({(1, 1)})
    pair = Pair(("that", "she"), ("qu'", "elle"), links, links)
    its = coin(pair, lambda: "rum", ("names",))
    assert its.target == ("que", "Ruma")


def test_roots_are_distinct_and_the_same_for_a_seed():
    roots = coin_roots(500)
    assert len(set(roots)) == 500
    assert roots == coin_roots(500)
    assert roots != coin_roots(500, seed=1)
    assert all(root.isalpha() and root.islower() for root in roots)


def test_the_share_says_how_many_pairs_may_change():
    task = translation_task(train_size=500, test_size=1)
    roots = coin_roots(10)
    changed = [
        sum(
            its.source != pair.source
            for its, pair in zip(
                coin_words(task.train, roots, share=share),
                task.train,
                strict=True,
            )
        )
        for share in (0.0, 0.5, 1.0)
    ]
    assert changed[0] == 0 < changed[1] < changed[2]


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="count is 0, expected 1 to 10000"):
        coin_roots(0)
    with pytest.raises(ValueError, match=r"\['verbs'\], expected"):
        coin(PAIR, lambda: "x", ("verbs",))
    with pytest.raises(ValueError, match="0 roots and share 1"):
        coin_words([PAIR], [])
    with pytest.raises(ValueError, match="share 1.5"):
        coin_words([PAIR], ["x"], share=1.5)
