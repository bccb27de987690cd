"""SST-2 is read from its archive as from its files, or says what is wrong."""

import zipfile

import pytest
from real_data import real_data

from reinvent.toolbox.reviews import ARCHIVE, draw_reviews, read_reviews

LINES = {
    "train": ["no wit , only gags \t0", 'a "good" film\t1', "l'été \t1"],
    "dev": ["it 's slow .\t0"],
}


def written(part):
    return "\n".join(["sentence\tlabel", *LINES[part], ""]).encode()


@pytest.fixture(params=["files", "archive"])
def folder(request, tmp_path):
    if request.param == "files":
        for part in LINES:
            (tmp_path / f"{part}.tsv").write_bytes(written(part))
    else:
        with zipfile.ZipFile(tmp_path / ARCHIVE, "w") as archive:
            for part in LINES:
                archive.writestr(f"SST-2/{part}.tsv", written(part))
    return tmp_path


def test_reviews_are_read_from_files_and_from_the_archive(folder):
    for part, lines in LINES.items():
        expected = [tuple(line.split("\t")) for line in lines]
        read = read_reviews(folder, part)
        assert [(its.text, str(its.label)) for its in read] == expected


def test_what_is_not_there_is_named(folder):
    with pytest.raises(FileNotFoundError, match="dev.tsv and no SST-2.zip"):
        read_reviews(folder / "other", "dev")


def test_a_damaged_archive_is_named(tmp_path):
    (tmp_path / ARCHIVE).write_bytes(b"PK half")
    with pytest.raises(ValueError, match="SST-2.zip is damaged: File is not"):
        read_reviews(tmp_path, "dev")
    with zipfile.ZipFile(tmp_path / ARCHIVE, "w") as archive:
        archive.writestr("SST-2/dev.tsv", written("dev"))
    with pytest.raises(ValueError, match="damaged: .*no item .*train.tsv"):
        read_reviews(tmp_path, "train")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "begins with None, expected"),
        ("text\tclass\n", r"begins with \['text', 'class'\], expected"),
        ("sentence\tlabel\na\t1\nb\n", r"line 3 is \['b'\], expected"),
        ("sentence\tlabel\na\t\n", r"line 2 is \['a', ''\], expected"),
        ("sentence\tlabel\na\t2\n", r"line 2 is \['a', '2'\], expected"),
        ("sentence\tlabel\n \t1\n", r"line 2 is \[' ', '1'\], expected"),
    ],
)
def test_a_line_that_is_no_review_is_named(tmp_path, content, message):
    (tmp_path / "dev.tsv").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_reviews(tmp_path, "dev")


def test_a_draw_begins_like_a_smaller_one_and_leaves_the_others():
    reviews = [(str(i), i % 2) for i in range(97)]
    few, others = draw_reviews(reviews, 31, 13, seed=5)
    assert (len(few), len(others)) == (31, 13)
    assert len({*few, *others}) == 44
    assert draw_reviews(reviews, 31, 13, seed=5) == (few, others)
    assert draw_reviews(reviews, 31, 13, seed=6) != (few, others)
    with pytest.raises(ValueError, match="90 and 13 reviews, expected .* 97"):
        draw_reviews(reviews, 90, 13)


def test_the_official_parts_have_their_reviews():
    folder = real_data("sst-2")
    train, dev = (read_reviews(folder, part) for part in ("train", "dev"))
    assert (len(train), len(dev)) == (67_349, 872)
    assert sum(its.label for its in dev) == 444
    assert not {its.text for its in train} & {its.text for its in dev}
