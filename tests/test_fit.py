"""`fit`, its schedules, its guards and its progress line."""

import errno
import math
import os
import select
import signal
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import nbformat
import pytest
import torch
from nbclient import NotebookClient
from torch import Tensor, nn
from torch.testing import assert_close

from reinvent.toolbox import checkpoints
from reinvent.toolbox.checkpoints import (
    BrokenCheckpointError,
    CheckpointMismatchError,
)
from reinvent.toolbox.fit import History, NotFiniteLossError, fit
from reinvent.toolbox.guards import evaluating, interrupts_wait, to_device
from reinvent.toolbox.progress import Progress, duration
from reinvent.toolbox.schedules import schedule_factor

IN, HIDDEN, BATCH = 3, 5, 7


def batches(step: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(step)
    x = torch.randn(BATCH, IN, generator=generator)
    return x, x.sum(dim=1, keepdim=True)


def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    return (model(batch[0]) - batch[1]).square().mean()


def new_model(hidden: int = HIDDEN) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(IN, hidden), nn.Dropout(0.5), nn.Linear(hidden, 1)
    )


def run(model: nn.Module, **settings) -> History:
    given = {"steps": 11, "progress": False, **settings}
    return fit(model, loss, batches, **given)


def weights_of(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_the_loss_falls():
    model = nn.Linear(IN, 1)
    history = run(model, steps=200, learning_rate=0.1)
    assert history.steps == len(history.losses) == 200
    assert history.losses[-1] < 1e-3 < history.losses[0]
    assert history.seconds > 0
    assert history.recent_loss == sum(history.losses[-50:]) / 50


def test_each_step_takes_its_own_batch():
    asked = []
    fit(
        nn.Linear(IN, 1),
        loss,
        lambda step: asked.append(step) or batches(step),
        steps=5,
        progress=False,
    )
    assert asked == [0, 1, 2, 3, 4]


# Small batches that make a large one

SMALL = 3


def large_batches(step: int) -> tuple[Tensor, Tensor]:
    parts = [batches(step * SMALL + i) for i in range(SMALL)]
    return tuple(torch.cat(part) for part in zip(*parts, strict=True))


@pytest.mark.parametrize("clip", [None, 0.1])
def test_small_batches_of_one_size_make_a_large_one(clip):
    one, other = nn.Linear(IN, 1), nn.Linear(IN, 1)
    other.load_state_dict(one.state_dict())
    settings = {"steps": 7, "clip": clip, "optimizer": torch.optim.SGD}
    settings |= {"learning_rate": 0.1, "progress": False}
    history = fit(one, loss, batches, accumulate=SMALL, **settings)
    large = fit(other, loss, large_batches, **settings)
    assert_close(weights_of(one), weights_of(other))
    assert_close(Tensor(history.losses), Tensor(large.losses))


def test_the_mean_of_means_counts_a_label_of_a_small_batch_more():
    inputs = torch.ones(5, IN), torch.arange(5.0)[:, None]
    parts = [tuple(part[:4] for part in inputs), tuple(p[4:] for p in inputs)]
    one = nn.Linear(IN, 1)
    means = [loss(one, part).item() for part in (*parts, inputs)]
    settings = {"steps": 1, "accumulate": 2, "progress": False}
    history = fit(one, loss, parts.__getitem__, **settings)
    assert history.losses[0] == pytest.approx((means[0] + means[1]) / 2)
    assert means[2] == pytest.approx((4 * means[0] + means[1]) / 5)


def test_a_step_takes_the_batches_behind_those_of_the_last():
    asked = []
    fit(
        nn.Linear(IN, 1),
        loss,
        lambda step: asked.append(step) or batches(step),
        steps=2,
        accumulate=SMALL,
        progress=False,
    )
    assert asked == [0, 1, 2, 3, 4, 5]


def test_a_step_of_small_batches_is_whole_or_not_made():
    model = nn.Linear(IN, 1)
    before = weights_of(model)

    def broken(step):
        return batches(step) if step < 2 else (torch.full((1, IN), nan), 0)

    nan = math.nan
    with pytest.raises(NotFiniteLossError, match="loss is nan at step 0"):
        fit(model, loss, broken, steps=5, accumulate=3, progress=False)
    assert torch.equal(weights_of(model), before)


def test_small_batches_go_on_from_a_checkpoint(tmp_path):
    file = tmp_path / "model.pt"
    expected = run(new_model(), accumulate=SMALL)
    with pytest.raises(KeyboardInterrupt):
        stopped = stopped_at(4 * SMALL + 1, KeyboardInterrupt)
        settings = {"steps": 11, "accumulate": SMALL, "progress": False}
        fit(new_model(), loss, stopped, **settings, checkpoint=file)
    history = run(new_model(), accumulate=SMALL, checkpoint=file)
    assert history.losses == expected.losses
    with pytest.raises(CheckpointMismatchError, match="accumulate"):
        run(new_model(), checkpoint=file)


def test_warm_up_grows_in_equal_parts_to_one():
    factors = [schedule_factor("linear", s, 11, warmup=4) for s in range(5)]
    assert_close(factors, [0.25, 0.5, 0.75, 1.0, 1.0])


@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_schedules_fall_from_one_to_zero_at_steps(name):
    factors = [schedule_factor(name, s, 11, warmup=3) for s in range(3, 12)]
    assert factors[0] == 1
    assert factors == sorted(factors, reverse=True)
    assert factors[4] == pytest.approx(0.5)
    assert factors[-1] == pytest.approx(0)


def test_constant_schedule_is_one_and_functions_are_called_by_step():
    assert schedule_factor("constant", 7, 11) == 1
    assert schedule_factor(lambda s: 1 / (s + 1), 4, 11) == pytest.approx(0.2)
    halved = schedule_factor(lambda s: 3.0, 0, 11, warmup=2)
    assert halved == 1.5


def test_the_learning_rate_follows_the_schedule():
    seen = []

    class Recorder(torch.optim.SGD):
        def step(self, closure=None):
            seen.append([group["lr"] for group in self.param_groups])
            return super().step(closure)

    def two_groups(parameters, rate):
        first, *rest = parameters
        groups = [{"params": rest}, {"params": [first], "lr": 10 * rate}]
        return Recorder(groups, lr=rate)

    run(
        new_model(),
        steps=4,
        learning_rate=0.1,
        schedule="linear",
        optimizer=two_groups,
    )
    rates = torch.tensor([1.0, 0.75, 0.5, 0.25])
    assert_close(torch.tensor(seen), rates[:, None] * torch.tensor([0.1, 1.0]))


def test_the_gradient_is_clipped_by_its_norm():
    moves = {}
    for clip in (0.01, None):
        model = nn.Linear(IN, 1)
        before = weights_of(model)
        run(
            model,
            steps=1,
            learning_rate=1.0,
            clip=clip,
            optimizer=lambda parameters, rate: torch.optim.SGD(
                parameters, lr=rate
            ),
        )
        moves[clip] = (weights_of(model) - before).norm().item()
    assert moves[0.01] == pytest.approx(0.01, rel=1e-3)
    assert moves[None] > 0.1


def test_frozen_parameters_stay():
    model = new_model()
    model[0].requires_grad_(False)
    before = model[0].weight.clone()
    run(model)
    assert torch.equal(model[0].weight, before)


def test_evaluation_happens_at_its_steps_and_before_training():
    model = new_model()
    start = weights_of(model)
    seen = []

    def evaluate(model):
        assert not model.training and not torch.is_grad_enabled()
        seen.append(weights_of(model))
        return {"size": torch.tensor(len(seen))}

    history = run(model, evaluate=evaluate, evaluate_at=(0, 4, 11))
    assert history.evaluations == [
        (0, {"size": 1.0}),
        (4, {"size": 2.0}),
        (11, {"size": 3.0}),
    ]
    assert torch.equal(seen[0], start)
    assert torch.equal(seen[2], weights_of(model))


def test_by_default_evaluation_comes_last():
    history = run(new_model(), evaluate=lambda model: {"one": 1})
    assert history.evaluations == [(11, {"one": 1.0})]


def test_evaluation_does_not_change_the_training():
    plain = run(new_model()).losses
    noisy = run(
        new_model(),
        evaluate=lambda model: {"noise": torch.rand(())},
        evaluate_at=range(12),
    ).losses
    assert plain == noisy


def test_modes_are_given_back():
    model = new_model().train()
    model[1].eval()
    run(model, evaluate=lambda model: {})
    assert model.training and not model[1].training
    with evaluating(model):
        assert not model.training
    assert model.training and not model[1].training


def test_training_uses_dropout_even_on_a_model_in_eval_mode():
    model = new_model().eval()
    modes = []
    fit(
        model,
        lambda model, batch: (
            modes.append(model.training) or loss(model, batch)
        ),
        batches,
        steps=1,
        progress=False,
    )
    assert modes == [True] and not model.training


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_before_the_weights_change(bad):
    model = new_model()
    kept = []

    def spoiled(model, batch):
        kept.append(weights_of(model))
        return loss(model, batch) * (bad if len(kept) == 6 else 1)

    with pytest.raises(
        NotFiniteLossError, match=rf"loss is {bad} at step 5 .* rate 0.05"
    ):
        fit(
            model,
            spoiled,
            batches,
            steps=10,
            learning_rate=0.1,
            schedule="linear",
            progress=False,
        )
    assert torch.equal(weights_of(model), kept[-1])


def test_a_gradient_that_is_not_finite_stops_before_the_weights_change():
    model = nn.Linear(IN, 1)
    before = weights_of(model)

    def infinite_slope(model, batch):
        return (loss(model, batch) * 0).sqrt()

    with pytest.raises(NotFiniteLossError, match="gradient is nan at step 0"):
        fit(model, infinite_slope, batches, steps=2, progress=False)
    assert torch.equal(weights_of(model), before)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "steps is 0; expected at least 1"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
        ({"learning_rate": math.nan}, "learning_rate is nan"),
        ({"warmup": 13}, "warmup is 13; expected 0 to 11"),
        ({"warmup": -1}, "warmup is -1"),
        ({"clip": 0.0}, "clip is 0.0"),
        ({"accumulate": 0}, "accumulate is 0; expected at least 1"),
        ({"schedule": "cosinus"}, "schedule is 'cosinus'; expected"),
        ({"evaluate_at": (3,)}, "evaluate is None"),
        (
            {"evaluate": lambda model: {}, "evaluate_at": (3, 12)},
            "evaluate_at has 12; expected 0 to 11",
        ),
        ({"checkpoint_every": 3}, "checkpoint is None"),
        ({"checkpoint_every": 0, "checkpoint": "x"}, "checkpoint_every is 0"),
    ],
)
def test_settings_without_sense_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        run(new_model(), **settings)


def test_a_loss_of_many_numbers_is_refused():
    with pytest.raises(ValueError, match=r"7 numbers, shape \(7, 1\)"):
        fit(
            nn.Linear(IN, 1),
            lambda model, batch: model(batch[0]),
            batches,
            steps=1,
            progress=False,
        )


def test_a_model_without_parameters_is_refused():
    with pytest.raises(ValueError, match="Dropout has 0 parameters"):
        run(nn.Dropout())


class Triple(NamedTuple):
    x: Tensor
    words: list[str]
    more: dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Both:
    x: Tensor
    triple: Triple
    size: int = 2


def test_batches_of_every_kind_move_to_the_device():
    x = torch.ones(2)
    moved = to_device(
        Both(x, Triple(x, ["one", "two"], {"y": x})), torch.device("meta")
    )
    tensors = (moved.x, moved.triple.x, moved.triple.more["y"])
    assert all(tensor.is_meta for tensor in tensors)
    assert isinstance(moved.triple, Triple) and moved.size == 2
    assert moved.triple.words == ["one", "two"]
    assert to_device([x, (x, None)], torch.device("meta"))[1][0].is_meta


# Checkpoints


def stopped_at(step: int, error: type[BaseException] = RuntimeError):
    """Batches that break off before this step."""

    def given(asked: int) -> tuple[Tensor, Tensor]:
        if asked == step:
            raise error
        return batches(asked)

    return given


def evaluate_weights(model: nn.Module) -> dict[str, float]:
    return {"norm": weights_of(model).norm()}


SETTINGS = {
    "steps": 11,
    "schedule": "cosine",
    "warmup": 2,
    "learning_rate": 0.05,
    "evaluate": evaluate_weights,
    "evaluate_at": (0, 6, 11),
    "progress": False,
}


@pytest.mark.parametrize("step", [3, 6, 8])
def test_a_resumed_training_equals_one_that_never_stopped(tmp_path, step):
    whole = new_model()
    expected = fit(whole, loss, batches, **SETTINGS)
    file = tmp_path / "folder" / "model.pt"
    saves = {"checkpoint": file, "checkpoint_every": 3}
    with pytest.raises(RuntimeError):
        fit(new_model(), loss, stopped_at(step), **SETTINGS, **saves)
    resumed = new_model()
    torch.manual_seed(99)
    asked = []
    history = fit(
        resumed,
        loss,
        lambda step: asked.append(step) or batches(step),
        **SETTINGS,
        **saves,
    )
    assert asked == list(range(step // 3 * 3, 11))
    assert history.losses == expected.losses
    assert history.evaluations == expected.evaluations
    assert torch.equal(weights_of(resumed), weights_of(whole))


def test_a_finished_checkpoint_gives_model_and_history_at_once(tmp_path):
    file = tmp_path / "model.pt"
    first = new_model()
    expected = fit(first, loss, batches, **SETTINGS, checkpoint=file)
    after = torch.rand(3)
    again = new_model()
    nothing = stopped_at(0)
    history = fit(again, loss, nothing, **SETTINGS, checkpoint=str(file))
    assert history == expected
    assert torch.equal(weights_of(again), weights_of(first))
    # What follows in a notebook sees the same random numbers, too.
    assert torch.equal(torch.rand(3), after)


def test_ctrl_c_saves_the_last_whole_step(tmp_path):
    file = tmp_path / "model.pt"
    expected = fit(new_model(), loss, batches, **SETTINGS).losses
    drawn = 0

    def interrupted(model, batch):
        nonlocal drawn
        drawn += 1
        value = loss(model, batch)  # dropout has drawn its numbers
        if drawn == 5:
            raise KeyboardInterrupt
        return value

    with pytest.raises(KeyboardInterrupt):
        fit(new_model(), interrupted, batches, **SETTINGS, checkpoint=file)
    history = fit(new_model(), loss, batches, **SETTINGS, checkpoint=file)
    assert history.losses == expected


def test_ctrl_c_in_the_last_evaluation_loses_no_step(tmp_path):
    file = tmp_path / "model.pt"

    def interrupted(model):
        raise KeyboardInterrupt

    def counted(model):
        calls.append(model)
        return evaluate_weights(model)

    with pytest.raises(KeyboardInterrupt):
        run(new_model(), evaluate=interrupted, checkpoint=file)
    calls = []
    for _ in range(2):
        history = fit(
            new_model(),
            loss,
            stopped_at(0),
            steps=11,
            evaluate=counted,
            checkpoint=file,
            progress=False,
        )
        assert [step for step, _ in history.evaluations] == [11]
    assert len(calls) == 1


def test_ctrl_c_waits_until_the_weights_are_whole():
    done = []
    with pytest.raises(KeyboardInterrupt), interrupts_wait():
        signal.raise_signal(signal.SIGINT)
        done.append("updated")
    assert done == ["updated"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_training_works_outside_the_main_thread():
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(run, new_model()).result().steps == 11


def test_a_checkpoint_of_another_model_says_what_differs(tmp_path):
    file = tmp_path / "model.pt"
    run(new_model(), checkpoint=file)
    with pytest.raises(CheckpointMismatchError) as caught:
        run(new_model(hidden=13), checkpoint=file)
    assert "shape of 0.weight: the file has [5, 3], expected [13, 3]" in str(
        caught.value
    )
    with pytest.raises(
        CheckpointMismatchError, match="has 'Sequential', expected 'Linear'"
    ):
        run(nn.Linear(IN, 1), checkpoint=file)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 12}, "steps: the file has 11, expected 12"),
        ({"schedule": "linear"}, "has 'constant', expected 'linear'"),
        ({"schedule": lambda s: 0.5}, "expected 'function"),
        ({"learning_rate": 0.5}, "has 0.001, expected 0.5"),
        ({"clip": None}, "has 1.0, expected None"),
        ({"optimizer": torch.optim.SGD}, "expected 'SGD"),
    ],
)
def test_a_checkpoint_of_other_settings_says_what_differs(
    tmp_path, settings, message
):
    file = tmp_path / "model.pt"
    run(new_model(), checkpoint=file)
    kept = file.read_bytes()
    with pytest.raises(CheckpointMismatchError, match=message):
        run(new_model(), checkpoint=file, **settings)
    assert file.read_bytes() == kept


def test_a_broken_checkpoint_stops_before_the_training(tmp_path):
    file = tmp_path / "model.pt"
    run(new_model(), checkpoint=file)
    file.write_bytes(file.read_bytes()[:-500])
    with pytest.raises(BrokenCheckpointError, match="model.pt"):
        run(new_model(), checkpoint=file)


def test_a_folder_that_is_read_only_stops_before_the_training(
    tmp_path, monkeypatch
):
    def read_only(dir):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    file = tmp_path / "new" / "model.pt"
    monkeypatch.setattr(checkpoints.tempfile, "TemporaryFile", read_only)
    with pytest.raises(OSError, match="named by REINVENT_CACHE.*model.pt"):
        fit(new_model(), loss, stopped_at(0), **SETTINGS, checkpoint=file)


def test_a_finished_checkpoint_is_read_where_nothing_can_be_written(
    tmp_path, monkeypatch
):
    file = tmp_path / "model.pt"
    expected = run(new_model(), checkpoint=file)

    def read_only(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    for name in ("mkstemp", "TemporaryFile"):
        monkeypatch.setattr(checkpoints.tempfile, name, read_only)
    assert run(new_model(), checkpoint=file) == expected


# Progress


def test_a_log_file_gets_one_line(capsys):
    run(new_model(), progress=True)
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.startswith("11 steps · 0 s · loss ")
    assert written.err.count("\n") == 1 and "\r" not in written.err


def test_no_progress_writes_nothing(capsys):
    run(new_model(), progress=False)
    assert capsys.readouterr() == ("", "")


def test_a_finished_checkpoint_says_so(tmp_path, capsys):
    for _ in range(2):
        run(new_model(), progress=True, checkpoint=tmp_path / "model.pt")
    lines = capsys.readouterr().err.splitlines()
    assert lines[1] == lines[0] + " · read from a checkpoint"


def test_an_error_leaves_a_line_that_says_how_far_it_came(capsys):
    with pytest.raises(RuntimeError):
        fit(new_model(), loss, stopped_at(4), steps=11)
    assert capsys.readouterr().err == "stopped after 4 of 11 steps\n"


def test_durations_are_said_in_words():
    said = [duration(s) for s in (0.3, 59.4, 59.6, 125, 3800)]
    assert said == ["0 s", "59 s", "1 min 0 s", "2 min 5 s", "1 h 3 min"]


def test_a_terminal_shows_a_bar_and_keeps_one_line(monkeypatch):
    fcntl = pytest.importorskip("fcntl", reason="needs Unix terminals")
    termios = pytest.importorskip("termios")
    leader, follower = os.openpty()
    size = struct.pack("HHHH", 24, 80, 0, 0)
    fcntl.ioctl(leader, termios.TIOCSWINSZ, size)
    with os.fdopen(follower, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with Progress(11) as line:
            line.last -= 1  # the last update was a second ago
            line.update(5, 0.25)
            line.finish(41.2, 0.061, False)
        terminal.flush()
        # What was written reaches the other end a moment later.
        written = ""
        while select.select([leader], [], [], 1.0)[0]:
            written += os.read(leader, 100_000).decode()
    os.close(leader)
    assert "5/11" in written and "loss 0.250" in written
    assert written.rstrip().endswith("11 steps · 41 s · loss 0.061")


def test_ipython_is_not_imported():
    code = """
import sys
from reinvent.toolbox.progress import Progress
with Progress(11) as line:
    line.finish(2, 0.5, False)
print("IPython" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout == "False\n"
    assert done.stderr == "11 steps · 2 s · loss 0.500\n"


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """A notebook that trains slowly enough to show its progress."""
    folder = tmp_path_factory.mktemp("notebook")
    source = """
import time, torch
from torch import nn
from reinvent.toolbox.fit import fit

def slow(model, batch):
    time.sleep(0.02)
    return model(batch).square().mean()

history = fit(nn.Linear(3, 1), slow, lambda s: torch.ones(2, 3), steps=30)
"""
    book = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source)],
        metadata={"kernelspec": {"name": "python3", "display_name": ""}},
    )
    messages = []
    client = NotebookClient(
        book, resources={"metadata": {"path": folder}}, timeout=60
    )
    handle = client.process_message

    def listen(message, cell, index):
        # nbclient rewrites the type of a message while it handles it.
        messages.append((message["msg_type"], message["content"]))
        return handle(message, cell, index)

    client.process_message = listen
    client.execute()
    return book, messages


def test_a_saved_notebook_holds_only_the_last_line(notebook):
    book, _ = notebook
    (output,) = book.cells[0].outputs
    assert output.output_type == "display_data"
    assert set(output.data) == {"text/plain"}
    line = output.data["text/plain"]
    assert line.startswith("30 steps · 1 s · loss ") and "\r" not in line


def test_a_running_notebook_shows_one_line_that_changes(notebook):
    _, messages = notebook
    kinds = [kind for kind, _ in messages]
    assert kinds.count("display_data") == 1 and "stream" not in kinds
    shown = [
        content["data"].get("text/html", "")
        for kind, content in messages
        if kind == "update_display_data"
    ]
    assert 2 <= len(shown) <= 5  # at most four a second, and the last
    assert "<progress" in shown[0] and "left" in shown[0]
