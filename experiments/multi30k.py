"""Train a translator of the book on Multi30k: real captions, real BLEU.

    python experiments/multi30k.py --translator bahdanau --from de --to en

The files are those of Multi30k's task 1, raw: 29,000 pairs in English, German
and French. They are read from the folder that `--data` names, else from
`multi30k` in the folder that REINVENT_DATA names, else from the cache, into
which they are downloaded. The text stays as it is, with its capitals; words
are spelled in 4,000 wordpieces that both languages share.

All translators are trained alike: Adam, a learning rate that rises and falls
to 0, and the loss on the validation set after each epoch. The weights with
the lowest one are tested: sacrebleu compares their translations of the 1,000
sentences of test_2016_flickr, as plain text, with the references.

A training that was stopped goes on by the same command; its state lies in the
folder that `--checkpoints` names, by default in the cache. One that is
finished is only tested again, so `--beam` can be added later; other `--steps`
are another training, because the learning rate falls until the last of them.
`--output FILE` keeps the result in a table, one row for each setting, such as
book/results/multi30k.csv, which the league table shows.
"""

import argparse
import math
import platform
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import sacrebleu
import torch
from multi30k_files import (
    LANGUAGES,
    PARTS,
    Texts,
    learn_pieces,
    read_pairs,
    real_task,
)
from multi30k_translators import MAX_LENGTH, TRANSLATORS, Setting
from tables import read_table, write_table
from torch import nn
from tqdm import tqdm

from reinvent.toolbox.checkpoints import (
    cache_folder,
    load_checkpoint,
    save_checkpoint,
)
from reinvent.toolbox.decoding import Decoded, greedy, translate
from reinvent.toolbox.downloads import locate
from reinvent.toolbox.fit import History, NotFiniteLossError, fit
from reinvent.toolbox.guards import to_device
from reinvent.toolbox.losses import translation_loss
from reinvent.toolbox.translation import (
    Batch,
    TranslationBatches,
    TranslationTask,
)
from reinvent.wordpiece import WordPieces

CHECKPOINT_EVERY = 200
VERSIONS = (
    f"Python {platform.python_version()}, torch {torch.__version__}, "
    f"sacrebleu {sacrebleu.__version__}"
)

IS_SAME = (
    *("translator", "from", "to", "parameters", "pieces", "batch size"),
    *("learning rate", "steps", "seed", "beam"),
)
COLUMNS = (
    *IS_SAME,
    *("best step", "validation loss", "seconds", "device", "threads"),
    *("BLEU greedy", "BLEU beam", "BLEU greedy, lower case", "tutorials"),
    *("signature", "versions", "command"),
)
"""Rows that agree in the first of them, `IS_SAME`, have the same settings.
Seconds are those of the training, with its validation."""


class Best:
    """Validates, and keeps the weights with the lowest loss in a file.

    Args:
        path: The file; what it keeps already is of the same training.
        batches: What to validate on.
    """

    def __init__(self, path: Path, batches: list[Batch]) -> None:
        """See the class."""
        self.path = path
        self.batches = batches
        kept = load_checkpoint(path, {})
        self.loss = math.inf if kept is None else kept["loss"]

    def __call__(self, model: nn.Module) -> dict[str, float]:
        """The validation loss, for `fit`."""
        loss = validation_loss(model, self.batches)
        tqdm.write(f"validation loss {loss:.3f} nats per piece", sys.stdout)
        if loss < self.loss:
            content = {"model": model.state_dict(), "loss": loss}
            save_checkpoint(self.path, content, {})
            self.loss = loss
        return {"loss": loss}

    def load(self, model: nn.Module) -> None:
        """Puts the kept weights into a model.

        Raises:
            FileNotFoundError: If the file was deleted.
        """
        kept = load_checkpoint(self.path, {})
        if kept is None:
            raise FileNotFoundError(
                f"{self.path} is gone; delete what is left of this training "
                "beside it and train again"
            )
        model.load_state_dict(kept["model"])


def validation_loss(model: nn.Module, batches: list[Batch]) -> float:
    """Nats per target piece, without label smoothing."""
    device = next(model.parameters()).device
    total, count = 0.0, 0
    for batch in batches:
        pieces = int((batch.target_out != 0).sum())
        loss = translation_loss(model, to_device(batch, device))
        total += pieces * loss.item()
        count += pieces
    return total / count


def train(
    model: nn.Module, setting: Setting, task: TranslationTask, stem: Path
) -> dict:
    """Trains in place, or goes on; leaves the best weights in the model.

    Args:
        model: A new one, on the device where it shall be trained.
        setting: How.
        task: The sentences.
        stem: Where to keep the state and the best weights.

    Returns:
        Cells of the table.
    """
    size, recipe = setting.batch_size, setting.recipe
    batches = TranslationBatches(task.train, task, size, setting.seed)
    valid = TranslationBatches(task.valid, task, size, seed=0)
    state, kept = Path(f"{stem}.pt"), Path(f"{stem}.best.pt")
    if not state.exists():
        kept.unlink(missing_ok=True)
    best = Best(kept, [valid(step) for step in range(valid.per_epoch)])
    epochs = range(batches.per_epoch, setting.steps, batches.per_epoch)
    history = fit(
        model,
        partial(translation_loss, label_smoothing=recipe.label_smoothing),
        batches,
        steps=setting.steps,
        learning_rate=recipe.learning_rate,
        schedule="linear",
        warmup=min(recipe.warmup, setting.steps - 1),
        evaluate=best,
        evaluate_at=[*epochs, setting.steps],
        checkpoint=state,
        checkpoint_every=CHECKPOINT_EVERY,
    )
    best.load(model)
    return cells(history)


def cells(history: History) -> dict:
    """What a training was, for the table."""
    losses = {step: values["loss"] for step, values in history.evaluations}
    lowest = min(losses, key=losses.get)
    return {
        "best step": lowest,
        "validation loss": f"{losses[lowest]:.3f}",
        "seconds": f"{history.seconds:.0f}",
    }


def score(
    model: nn.Module,
    setting: Setting,
    task: TranslationTask,
    texts: Texts,
    pieces: WordPieces,
) -> dict:
    """Translates the test set and compares it with the references.

    Args:
        model: A trained one.
        setting: Says whether to search, too.
        task: The sentences as pieces.
        texts: Those of the test set as they are.
        pieces: Spell them.

    Returns:
        Cells of the table: BLEU, 0 to 100, and its signature.
    """
    references = [[target for _, target in texts]]
    cased, lower = sacrebleu.BLEU(), sacrebleu.BLEU(lowercase=True)

    def written(search: Callable[..., Decoded]) -> list[str]:
        sources = [pair.source for pair in task.test]
        found = translate(
            model, sources, task, max_length=MAX_LENGTH, search=search
        )
        return [pieces.join(tokens) for tokens in found]

    plain = written(greedy)
    for (source, target), text in zip(texts[:3], plain, strict=False):
        print(f"{source}\n  reference:   {target}\n  translation: {text}")
    found = {
        "BLEU greedy": cased.corpus_score(plain, references),
        "BLEU greedy, lower case": lower.corpus_score(plain, references),
    }
    if setting.beam:
        searched = written(setting.search())
        found["BLEU beam"] = cased.corpus_score(searched, references)
    row = {name: f"{bleu.score:.1f}" for name, bleu in found.items()}
    return row | {"signature": str(cased.get_signature())}


def run(
    setting: Setting, data: Path, checkpoints: Path, device: torch.device
) -> dict:
    """Trains and tests.

    Args:
        setting: What and how.
        data: Folder with the files of Multi30k.
        checkpoints: Folder for wordpieces, states and best weights.
        device: Where to train.

    Returns:
        A row of the table.
    """
    texts = {
        part: read_pairs(data, part, setting.source, setting.target)
        for part in PARTS
    }
    pieces = learn_pieces(texts["train"], setting.pieces, checkpoints)
    task = real_task(texts, pieces)
    model = setting.model(len(pieces)).to(device)
    stem = checkpoints / setting.file_name(texts["train"] + texts["val"])
    trained = train(model, setting, task, stem)
    tested = score(model, setting, task, texts["test_2016_flickr"], pieces)
    on_gpu = device.type == "cuda"
    return {
        **setting.row(),
        "parameters": sum(p.numel() for p in model.parameters()),
        **trained,
        "device": torch.cuda.get_device_name(device) if on_gpu else "CPU",
        "threads": torch.get_num_threads(),
        **tested,
        "versions": VERSIONS,
    }


def keep(path: Path, row: dict) -> None:
    """Writes a row into the table, in the place of one of its settings."""
    same = [str(row[name]) for name in IS_SAME]
    rows = [
        row if [old[name] for name in IS_SAME] == same else old
        for old in read_table(path, COLUMNS)
    ]
    write_table(path, COLUMNS, rows if row in rows else [*rows, row])


def parse() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--translator", required=True, help=", ".join(TRANSLATORS))
    add("--from", dest="source", choices=LANGUAGES, default="de")
    add("--to", dest="target", choices=LANGUAGES, default="en")
    add("--steps", type=int, default=5000, help="default %(default)s")
    add("--batch-size", type=int, default=64, help="default %(default)s")
    add("--pieces", type=int, default=4000, help="default %(default)s")
    add("--seed", type=int, default=0)
    add("--beam", type=int, default=0, help="width of a search, such as 5")
    add("--alpha", type=float, default=0.6, help="its length normalisation")
    add("--data", type=Path, help="folder with the files of Multi30k")
    add("--checkpoints", type=Path, help="folder; default in the cache")
    add("--output", type=Path, help="table in which to keep the result")
    add("--device", choices=("cpu", "cuda"), help="default a GPU if any")
    add("--threads", type=int, help="of the processor")
    return parser.parse_args()


def main() -> None:
    """Trains what the command line says, prints the row and keeps it."""
    given = vars(parse())
    data, output = given.pop("data"), given.pop("output")
    checkpoints = given.pop("checkpoints") or cache_folder() / "multi30k_runs"
    device, threads = given.pop("device"), given.pop("threads")
    gpu = torch.cuda.is_available()
    try:
        setting = Setting(**given)
        if device == "cuda" and not gpu:
            raise ValueError("--device cuda, but no GPU is here")
        if threads is not None:
            torch.set_num_threads(threads)
        read_table(
            output, COLUMNS
        )  # another table stops here, not after an hour
        if output and not output.parent.is_dir():
            raise FileNotFoundError(f"there is no folder {output.parent}")
        where = torch.device(device or ("cuda" if gpu else "cpu"))
        row = run(setting, data or locate("multi30k"), checkpoints, where)
        told = (f"{name} {row[name]}" for name in COLUMNS if name in row)
        print(", ".join(told))
        if output:
            keep(output, row)
    except (OSError, ValueError, NotFiniteLossError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("stopped; the same command goes on where it was")


if __name__ == "__main__":
    main()
