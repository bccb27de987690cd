"""Where the files of bAbI are, for the experiments that read them."""

from pathlib import Path

from reinvent.toolbox.stories import Question, read_babi


def task_file(folder: Path, task: int, part: str) -> Path:
    """The file of a task.

    Raises:
        FileNotFoundError: If the folder does not hold exactly one.
    """
    found = list(folder.glob(f"qa{task}_*_{part}.txt"))
    if len(found) != 1:
        raise FileNotFoundError(
            f"{len(found)} files qa{task}_*_{part}.txt in {folder}, expected 1"
        )
    return found[0]


def read_task(
    folder: Path, task: int
) -> tuple[list[Question], list[Question]]:
    """The questions of a task, to train on and to test with."""
    train, test = (
        read_babi(task_file(folder, task, part)) for part in ("train", "test")
    )
    return train, test
