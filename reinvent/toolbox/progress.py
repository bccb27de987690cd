"""One line that says how the training goes, wherever it is read."""

import sys
import time
from types import TracebackType

from tqdm import tqdm

from reinvent.toolbox.show import notebook

SECONDS_BETWEEN_UPDATES = 0.25


class Progress:
    """Shows step, loss and time left, and leaves one clean line behind.

    In Jupyter and on Colab a single output is replaced in place, so that a
    saved notebook holds only the last line. In a terminal it is a bar of
    tqdm; elsewhere (a log file) only the last line is written, to stderr.

    Args:
        total: Steps of the whole training.
        done: Steps made before, read from a checkpoint.
        shown: False to show nothing at all.
    """

    def __init__(self, total: int, done: int = 0, shown: bool = True) -> None:
        """Start the clock."""
        self.total = total
        self.done = self.first = done
        self.loss: float | None = None
        self.shown = shown
        self.begin = self.last = time.perf_counter()
        self.handle = self.bar = None

    def __enter__(self) -> "Progress":
        """Put up the first line."""
        if self.shown and notebook() is not None:
            from IPython.display import display

            # Without display_id a second update would add a second output.
            self.handle = display(
                {"text/plain": self._line()}, raw=True, display_id=True
            )
        elif self.shown and sys.stderr.isatty():
            self.bar = tqdm(
                total=self.total,
                initial=self.done,
                leave=False,
                dynamic_ncols=True,
                unit=" steps",
                mininterval=0,  # `update` decides when
            )
        return self

    def update(self, done: int, loss: float) -> None:
        """Note that `done` steps are made, with this loss of late."""
        self.done, self.loss = done, loss
        now = time.perf_counter()
        if now - self.last < SECONDS_BETWEEN_UPDATES:
            return
        self.last = now
        if self.handle is not None:
            bar = f'<progress value="{done}" max="{self.total}"></progress>'
            line = self._line()
            self.handle.update(
                {"text/plain": line, "text/html": f"{bar} {line}"}, raw=True
            )
        elif self.bar is not None:
            self.bar.set_postfix_str(f"loss {_number(loss)}", refresh=False)
            self.bar.update(done - self.bar.n)

    def finish(self, seconds: float, loss: float, read: bool) -> None:
        """Leave the last line: steps, seconds, loss.

        Args:
            seconds: Of the whole training.
            loss: Mean of the last steps.
            read: Whether nothing was trained now: a finished checkpoint
                was there.
        """
        line = (
            f"{self.total} steps · {duration(seconds)} · loss {_number(loss)}"
        )
        self._leave(f"{line} · read from a checkpoint" if read else line)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """After an error, say how far the training came."""
        if kind is not None:
            self._leave(f"stopped after {self.done} of {self.total} steps")

    def _leave(self, line: str) -> None:
        if self.handle is not None:
            self.handle.update({"text/plain": line}, raw=True)
            return
        if self.bar is not None:
            self.bar.close()
        if self.shown:
            print(line, file=sys.stderr)

    def _line(self) -> str:
        parts = [f"step {self.done} of {self.total}"]
        if self.loss is not None:
            spent = time.perf_counter() - self.begin
            left = spent / (self.done - self.first) * (self.total - self.done)
            parts += [f"loss {_number(self.loss)}", f"{duration(left)} left"]
        return " · ".join(parts)


def duration(seconds: float) -> str:
    """Seconds as a reader says them: `41 s`, `2 min 5 s`, `1 h 3 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _number(loss: float) -> str:
    return f"{loss:.3f}" if abs(loss) >= 0.001 else f"{loss:.1e}"
