"""`fit`: one training loop for every model of the book."""

import dataclasses
import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from reinvent.toolbox.checkpoints import (
    check_folder,
    load_checkpoint,
    save_checkpoint,
)
from reinvent.toolbox.guards import (
    evaluating,
    interrupts_wait,
    modes_kept,
    rng_state,
    to_device,
)
from reinvent.toolbox.progress import Progress
from reinvent.toolbox.schedules import Schedule, adam, schedule_factor


class NotFiniteLossError(ArithmeticError):
    """The loss or its gradient became nan or infinite."""


@dataclass
class History:
    """What happened in a training.

    Attributes:
        losses: The training loss of every step.
        evaluations: `(step, values)`; step k means after k updates, so 0
            is before the training.
        seconds: Time spent in `fit`, evaluations included; a training that
            was resumed counts all its parts.
    """

    losses: list[float] = field(default_factory=list)
    evaluations: list[tuple[int, dict[str, float]]] = field(
        default_factory=list
    )
    seconds: float = 0.0

    @property
    def steps(self) -> int:
        """Optimizer steps made."""
        return len(self.losses)

    @property
    def recent_loss(self) -> float:
        """Mean loss of the last 50 steps; nan before the first."""
        recent = self.losses[-50:]
        return sum(recent) / len(recent) if recent else math.nan


def fit(
    model: nn.Module,
    loss: Callable[[nn.Module, object], Tensor],
    batches: Callable[[int], object],
    *,
    steps: int,
    learning_rate: float = 1e-3,
    schedule: Schedule = "constant",
    warmup: int = 0,
    clip: float | None = 1.0,
    accumulate: int = 1,
    optimizer: Callable[[list[nn.Parameter], float], Optimizer] | None = None,
    evaluate: Callable[[nn.Module], dict[str, float]] | None = None,
    evaluate_at: Collection[int] = (),
    checkpoint: str | Path | None = None,
    checkpoint_every: int | None = None,
    progress: bool = True,
) -> History:
    """Train a model in place.

    Args:
        model: Trained where its parameters are (CPU or GPU).
        loss: `loss(model, batch)` gives the mean loss, a tensor with one
            number (in nats for the models of this book).
        batches: `batches(step)` gives the batch of a step, from 0. The
            same step must give the same batch. Tensors in it (also in
            tuples, dicts, dataclasses) are moved to the model's device.
        steps: Optimizer steps to make.
        learning_rate: The highest learning rate.
        schedule: Its factor by step: "constant"; "linear" or "cosine",
            which fall from 1 after the warm-up to 0 at `steps`; or a
            function of the step.
        warmup: First steps, in which the factor grows linearly to 1.
        clip: Largest L2 norm of the gradient; None does not clip.
        accumulate: Batches in a step, for one batch that is larger than
            the memory: step k takes those of `batches` from k times
            `accumulate` on. The mean of their losses counts. That is the
            loss of the large batch if all have as many labels; otherwise
            a label counts more in a batch that has few.
        optimizer: `optimizer(parameters, learning_rate)`; Adam by default.
        evaluate: Called in eval mode, without gradients; its random
            numbers do not change the training.
        evaluate_at: Steps after which to evaluate, 0 is before the
            training; by default after the last.
        checkpoint: File to save to and to resume from. A finished one
            gives model and history at once. Ctrl-C saves before it stops.
        checkpoint_every: Steps between saves; by default only at the end.
        progress: Whether to show step, loss and time left.

    Returns:
        The losses, evaluations and seconds.

    Raises:
        NotFiniteLossError: The loss or the gradient is nan or infinite;
            the weights are those from before that step.
        CheckpointMismatchError: The checkpoint is of another training.
        BrokenCheckpointError: The checkpoint cannot be read.
        OSError: The checkpoint cannot be written.
        ValueError: A setting that makes no sense.
    """
    _check_settings(steps, learning_rate, warmup, clip, accumulate)
    _check_checkpoint(checkpoint, checkpoint_every)
    due = _check_evaluation(steps, evaluate, evaluate_at)
    schedule_factor(schedule, 0, steps, warmup)  # an unknown name stops here
    run = _Run(model, optimizer or adam, learning_rate, clip, accumulate)
    if checkpoint is not None:
        settings = run.settings(steps, schedule, warmup, due)
        run.resume(Path(checkpoint), settings)
    history = run.history
    evaluated = due <= dict(history.evaluations).keys()
    finished = history.steps == steps and evaluated
    with modes_kept(model), Progress(steps, history.steps, progress) as line:
        model.train()
        try:
            while True:
                step = history.steps
                if step in due and step not in dict(history.evaluations):
                    history.evaluations.append((step, run.evaluate(evaluate)))
                if step == steps:
                    break
                factor = schedule_factor(schedule, step, steps, warmup)
                run.advance(loss, batches, factor)
                line.update(history.steps, history.recent_loss)
                if checkpoint_every and history.steps % checkpoint_every == 0:
                    run.save()
            if not finished:
                run.save()
        except KeyboardInterrupt:
            run.save()
            raise
        line.finish(history.seconds, history.recent_loss, finished)
    return history


class _Run:
    """All that a checkpoint has to keep, and the ways to change it."""

    def __init__(
        self,
        model: nn.Module,
        optimizer: Callable[[list[nn.Parameter], float], Optimizer],
        learning_rate: float,
        clip: float | None,
        accumulate: int,
    ) -> None:
        self.model = model
        self.learning_rate = learning_rate
        self.clip = clip
        self.accumulate = accumulate
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        if not self.parameters:
            raise ValueError(
                f"{type(model).__name__} has 0 parameters to train;"
                " expected at least 1"
            )
        self.device = self.parameters[0].device
        self.optimizer = optimizer(self.parameters, learning_rate)
        self.rates = [group["lr"] for group in self.optimizer.param_groups]
        self.history = History()
        self.rng = rng_state(self.device)
        self.path: Path | None = None
        self.began = time.perf_counter()

    def advance(
        self,
        loss: Callable[[nn.Module, object], Tensor],
        batches: Callable[[int], object],
        factor: float,
    ) -> None:
        """Make one step, or none at all."""
        self.optimizer.zero_grad()
        first, number = self.history.steps * self.accumulate, 0.0
        for place in range(first, first + self.accumulate):
            batch = to_device(batches(place), self.device)
            value = loss(self.model, batch) / self.accumulate
            if value.numel() != 1:
                raise ValueError(
                    f"the loss has {value.numel()} numbers, shape"
                    f" {tuple(value.shape)}; expected 1"
                )
            self._check_finite("loss", value.item(), factor)
            value.backward()
            number += value.item()
        norm = nn.utils.clip_grad_norm_(
            self.parameters, math.inf if self.clip is None else self.clip
        )
        self._check_finite("L2 norm of the gradient", norm.item(), factor)
        with interrupts_wait():
            groups = self.optimizer.param_groups
            for group, rate in zip(groups, self.rates, strict=True):
                group["lr"] = rate * factor
            self.optimizer.step()
            self.history.losses.append(number)
            self.rng = rng_state(self.device)

    def evaluate(
        self, evaluate: Callable[[nn.Module], dict[str, float]]
    ) -> dict[str, float]:
        """Call it so that the training does not notice."""
        cuda = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(cuda), evaluating(self.model):
            values = evaluate(self.model)
        # Plain floats: numpy's own are refused when a checkpoint is read.
        return {name: float(value) for name, value in values.items()}

    def settings(
        self,
        steps: int,
        schedule: Schedule,
        warmup: int,
        due: Collection[int],
    ) -> dict[str, object]:
        """What two trainings must share to go on from one another."""
        if callable(schedule):
            # A function has no lasting name, but it has values.
            tried = sorted({0, steps // 3, steps // 2, steps - 1})
            schedule = f"function {[schedule(step) for step in tried]}"
        group = self.optimizer.param_groups[0]
        names = ("betas", "eps", "weight_decay", "momentum", "nesterov")
        chosen = [f"{name}={group[name]}" for name in names if name in group]
        parameters = self.model.state_dict().items()
        return {
            "model": type(self.model).__name__,
            "steps": steps,
            "learning_rate": self.learning_rate,
            "schedule": schedule,
            "warmup": warmup,
            "clip": self.clip,
            "optimizer": " ".join([type(self.optimizer).__name__, *chosen]),
            "evaluate_at": sorted(due),
            **({"accumulate": self.accumulate} if self.accumulate > 1 else {}),
            **{f"shape of {name}": list(p.shape) for name, p in parameters},
        }

    def resume(self, path: Path, settings: dict) -> None:
        """Save to this file from now on; go on from it, if it is there."""
        self.path, self.fingerprint = path, settings
        content = load_checkpoint(path, settings)
        if content is None:
            check_folder(path)
            return
        self.model.load_state_dict(content["model"])
        self.optimizer.load_state_dict(content["optimizer"])
        self.history = History(**content["history"])
        self.rng = content["rng"]
        torch.set_rng_state(self.rng["cpu"])
        if "cuda" in self.rng and self.device.type == "cuda":
            torch.cuda.set_rng_state(self.rng["cuda"], self.device)

    def save(self) -> None:
        """Stop the clock; write the state after the last whole step."""
        now = time.perf_counter()
        self.history.seconds += now - self.began
        self.began = now
        if self.path is None:
            return
        content = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "history": dataclasses.asdict(self.history),
            "rng": self.rng,
        }
        save_checkpoint(self.path, content, self.fingerprint)

    def _check_finite(self, name: str, value: float, factor: float) -> None:
        if math.isfinite(value):
            return
        rate = self.learning_rate * factor
        raise NotFiniteLossError(
            f"the {name} is {value} at step {self.history.steps} (from 0),"
            f" learning rate {rate:.3g}; the weights are still those from"
            " before this step. Often the learning rate is too high, or a"
            " mask hides everything"
        )


def _check_settings(
    steps: int,
    learning_rate: float,
    warmup: int,
    clip: float | None,
    accumulate: int,
) -> None:
    for name, value in ("steps", steps), ("accumulate", accumulate):
        if value < 1:
            raise ValueError(f"{name} is {value}; expected at least 1")
    if not 0 < learning_rate < math.inf:
        raise ValueError(
            f"learning_rate is {learning_rate}; expected a number above 0"
        )
    if not 0 <= warmup <= steps:
        raise ValueError(
            f"warmup is {warmup}; expected 0 to {steps}, the steps"
        )
    if clip is not None and not clip > 0:
        raise ValueError(f"clip is {clip}; expected above 0, or None")


def _check_evaluation(
    steps: int,
    evaluate: Callable[[nn.Module], dict[str, float]] | None,
    evaluate_at: Collection[int],
) -> frozenset[int]:
    """The steps after which to evaluate."""
    if evaluate is None:
        if evaluate_at:
            raise ValueError(
                f"evaluate_at has {len(evaluate_at)} steps but evaluate is"
                " None; expected a function of the model"
            )
        return frozenset()
    outside = [step for step in evaluate_at if not 0 <= step <= steps]
    if outside:
        raise ValueError(
            f"evaluate_at has {outside[0]}; expected 0 to {steps}, the steps"
        )
    return frozenset(evaluate_at) or frozenset({steps})


def _check_checkpoint(path: str | Path | None, every: int | None) -> None:
    if every is None:
        return
    if path is None:
        raise ValueError(
            f"checkpoint_every is {every} but checkpoint is None; expected"
            " a file"
        )
    if every < 1:
        raise ValueError(f"checkpoint_every is {every}; expected at least 1")
