"""On real sentences, is an encoder in its default settings as good as a bag of words?

python -m tests.benchmarks.folds FILE [--folds 5]

FILE is cut into folds. For each, a run is prepared and trained on the other rows as a reader's is, with what it holds
out of them to choose its best network; then that network, and a bag of words of the same training texts, answer the
fold, which neither has seen. Beside these stands what the command prints: both on what the run held out.
"""

import argparse
import tempfile
import time
from pathlib import Path
from statistics import fmean

import torch

import selfattn
from selfattn.training.data import corpora, encoded
from selfattn.training.data.corpora import Corpus
from selfattn.training.run import baseline, references
from selfattn.training.run.prepare import prepare
from selfattn.training.run.settings import Settings
from selfattn.training.run.train import train

BATCH = 64
ROW = "{:>6}{:>12}{:>14}{:>16}{:>14}{:>10}"


def rows_of(corpus: Corpus, rows: list[int]) -> Corpus:
    """Some rows of a corpus."""
    assert corpus.labels is not None
    return Corpus(corpus.name, [corpus.texts[row] for row in rows], [corpus.labels[row] for row in rows], corpus.names)


def accuracy(folder: Path, fold: Corpus) -> float:
    """How often the model of a folder is right."""
    model = selfattn.load(folder)
    right = 0
    for first in range(0, len(fold.texts), BATCH):
        texts = list(fold.texts[first : first + BATCH])
        batch = model.tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        with torch.no_grad():
            guesses = model.network(batch["input_ids"], batch["attention_mask"]).logits.argmax(-1).tolist()
        right += sum(a == b for a, b in zip(guesses, fold.labels[first : first + BATCH], strict=True))
    return right / len(fold.texts)


def measured(corpus: Corpus, fold: int, folds: int, home: Path) -> tuple[float, ...]:
    """Encoder and bag of words on a fold, both as the command prints them, and the seconds of the training."""
    order = torch.randperm(len(corpus.texts), generator=torch.Generator().manual_seed(0)).tolist()
    unseen = rows_of(corpus, order[fold::folds])
    seen = rows_of(corpus, sorted(set(order) - set(order[fold::folds])))
    run = prepare(home / str(fold), seen, Settings())
    begun = time.perf_counter()
    train(run)
    seconds = time.perf_counter() - begun
    data = encoded.read(run.data)
    texts = run.tokenizer().batch_decode(
        [data.text(row) for row in data.rows(held_out=False).tolist()], skip_special_tokens=True
    )
    words = baseline.bag_of_words(
        (texts, data.labels[data.rows(held_out=False)].tolist()), (unseen.texts, list(unseen.labels))
    )
    best = run.best()
    return accuracy(run.model, unseen), words, best.accuracy, references.bag_of_words(run), seconds


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--folds", type=int, default=5)
    given = parser.parse_args()
    corpus = corpora.read(given.file)
    print(ROW.format("fold", "encoder", "bag of words", "encoder prints", "bag prints", "seconds"))
    found = []
    with tempfile.TemporaryDirectory() as home:
        for fold in range(given.folds):
            found.append(measured(corpus, fold, given.folds, Path(home)))
            print(ROW.format(fold, *(f"{each:.4f}" for each in found[-1][:4]), f"{found[-1][4]:.0f}"), flush=True)
    print(ROW.format("mean", *(f"{fmean(each):.4f}" for each in list(zip(*found, strict=True))[:4]), ""))
