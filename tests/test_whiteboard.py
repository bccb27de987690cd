"""How an answer is judged, and the notebook that holds the tasks."""

import re
from pathlib import Path

import nbformat
import pytest
import torch
from torch import nn

from reinvent.toolbox import (
    whiteboard_attention,
    whiteboard_layers,
    whiteboard_outputs,
    whiteboard_pieces,
)
from reinvent.toolbox.whiteboard import Task, difference, normal, same

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "book" / "whiteboard.ipynb"
MODULES = (
    whiteboard_attention,
    whiteboard_layers,
    whiteboard_pieces,
    whiteboard_outputs,
)
CHECKS = {
    name: getattr(module, name)
    for module in MODULES
    for name in dir(module)
    if name.startswith("check_")
}
each_check = pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)

TASK = Task(
    results=("the sum",),
    right=lambda x, n: x + n,
    cases=[(torch.tensor([1.0, 2.0]), 3), (torch.tensor([0.5]), 0)],
    mistakes=[("n is subtracted", lambda x, n: x - n)],
    sign=lambda given, right, x, n: (
        "it is negative" if given.max() < 0 else ""
    ),
)


def test_an_answer_is_judged_by_what_it_returns():
    def by_loop(x, n):
        return torch.stack([number + n for number in x])

    verdict = TASK.judge(by_loop)
    assert verdict and verdict.message == "by_loop is right in 2 cases"
    assert TASK.judge(lambda x, n: (x.double() + n + 1e-7).requires_grad_())


def test_a_known_mistake_is_named():
    verdict = TASK.judge(lambda x, n: -(n - x))
    assert not verdict and verdict.message == "<lambda>: n is subtracted"


def test_a_mistake_is_only_named_if_it_fits_in_all_cases():
    verdict = TASK.judge(lambda x, n: x - n if n else x + 1)
    assert verdict.message.endswith("in case 1 of 2, it is negative")


def test_what_the_numbers_show_is_told_when_no_mistake_fits():
    verdict = TASK.judge(lambda x, n: -x)
    assert verdict.message.endswith("in case 1 of 2, it is negative")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x, n: None, "nothing was returned: is there a `return`?"),
        (lambda x, n: (x + n)[None], "shape (1, 2), expected (2,)"),
        (lambda x, n: [4.0, 5.0], "is a list, expected a tensor"),
        (lambda x, n: x / 0, "the sum[0] is inf, expected 4"),
        (lambda x, n: x @ n, "raised TypeError in case 1 of 2"),
        (lambda x: x, "raised TypeError in case 1 of 2"),
    ],
)
def test_what_no_mistake_explains_is_located(answer, words):
    verdict = TASK.judge(answer)
    assert not verdict and words in verdict.message


def test_an_answer_may_change_its_arguments():
    def in_place(x, n):
        x += n
        return x

    assert TASK.judge(in_place) and TASK.judge(in_place)
    assert TASK.cases[0][0].tolist() == [1.0, 2.0]


def test_an_error_of_pytorch_is_no_stub():
    def unsupported(x, n):
        raise NotImplementedError("not for this type")

    assert "raised NotImplementedError" in TASK.judge(unsupported).message


def test_an_object_can_be_judged():
    class Adds(nn.Module):
        def forward(self, x, n):
            return x + n

    assert TASK.judge(Adds()).message.startswith("your answer is right")


def test_several_results_are_compared_one_by_one():
    names, right = ("a", "b"), (torch.ones(2), ["x"])
    assert difference([torch.ones(2), ["x"]], right, names) == ""
    assert difference((torch.ones(2), ["y"]), right, names) == (
        "b is ['y'], expected ['x']"
    )
    assert difference(torch.ones(2), right, names) == (
        "a Tensor was returned, expected 2 results: a, b"
    )


def test_chance_is_the_same_each_time_and_leaves_torch_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    (one,), (other,) = normal(1, (2, 3)), normal(1, (2, 3))
    assert same(one, other) and one.shape == (2, 3)
    assert not same(one, normal(2, (2, 3))[0])
    assert torch.equal(torch.get_rng_state(), before)


@each_check
def test_a_stub_gets_a_friendly_message(check):
    def stub(*given):
        raise NotImplementedError

    verdict = check(stub)
    assert not verdict
    assert verdict.message == "stub is still a stub: write its body"


@each_check
def test_an_empty_answer_and_nonsense_are_no_crash(check):
    def empty(*given):
        pass

    def nonsense(*given):
        return "no", torch.ones(3)

    assert "nothing was returned" in check(empty).message
    assert not check(nonsense)


@each_check
def test_a_check_leaves_the_chance_of_torch_alone(check):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    check(lambda *given: None)
    assert torch.equal(torch.get_rng_state(), before)


def code_cells(start: str) -> list[nbformat.NotebookNode]:
    """Return the cells with code that begin like this."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [cell for cell in cells if cell.source.startswith(start)]


def test_the_notebook_has_each_check_once_with_its_solution():
    stubs, solutions = code_cells("def my_"), code_cells("# Solution")
    assert len(stubs) == len(solutions) == len(CHECKS) == 15
    used = set()
    for number, (stub, solution) in enumerate(
        zip(stubs, solutions, strict=True), start=1
    ):
        (name,) = re.findall(r"^def (my_\w+)", stub.source, re.M)
        (check,) = re.findall(r"^(check_\w+)\(", stub.source, re.M)
        used.add(check)
        assert stub.source.endswith(f"{check}({name})")
        assert solution.source.startswith(f"# Solution to task {number}\n")
        assert solution.source.endswith(f"assert {check}(solution)")
    assert used == set(CHECKS)


def test_an_untouched_stub_is_not_right_and_solutions_are_folded():
    for cell in code_cells("def my_"):
        assert "raise NotImplementedError" in cell.source
        assert "nbval-check-output" in cell.metadata.tags
        (shown,) = [output.data["text/plain"] for output in cell.outputs]
        assert re.fullmatch(r"not yet: my_\w+ is still a stub: .+", shown)
    for cell in code_cells("# Solution"):
        assert "hide-cell" in cell.metadata.tags


def test_each_task_has_a_time_and_a_chapter():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells)
    tasks = re.findall(
        r"^### (\d+)\. (.+)\n\n\*\*(\d+) minutes\*\* · explained in"
        r" \[(.+)\]\((.+)#.+\)$",
        text,
        re.M,
    )
    assert [int(number) for number, *_ in tasks] == list(range(1, 16))
    for number, title, minutes, chapter, link in tasks:
        row = f"| {number} | {title} | {minutes} | [{chapter}]({link}) |"
        assert row in text
        assert (NOTEBOOK.parent / link).is_file()
