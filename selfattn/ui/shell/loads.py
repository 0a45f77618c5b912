"""Models that are loaded, and those that are being loaded: shared by all readers, each in a thread of its own."""

import itertools
from collections import OrderedDict
from collections.abc import Callable, Collection
from threading import Lock, Semaphore

from selfattn.models.budgets import share_of_memory
from selfattn.models.errors import first_line
from selfattn.models.loading import steps
from selfattn.models.loading.library import Choice
from selfattn.models.loading.steps import Step, Stopped
from selfattn.models.model import Model
from selfattn.ui import public
from selfattn.ui.jobs import Job
from selfattn.ui.shell import yours


class Load(Job):
    """One model on its way: what is being done, and in the end the model or one sentence."""

    def __init__(self, choice: Choice, turn: Semaphore, done: Callable[["Load"], None]) -> None:
        super().__init__()
        self.choice = choice
        self.readers: set[str] = set()
        self.step = Step("Waiting for another model to be loaded")
        self.model: Model | None = None
        self._turn, self._done = turn, done
        self.begin(f"load {choice.source}")

    def _tell(self, step: Step) -> None:
        if self.stopped:
            raise Stopped
        self.step = step

    def work(self) -> None:
        """Load it, once it is its turn."""
        try:
            with self._turn, steps.telling(self._tell):
                self._tell(Step("Opening"))
                public.check_model(self.choice)
                model = yours.titled(self.choice.load(), self.choice.source)
                self._tell(Step("Ready"))
                self.model = model
        except Stopped:
            self.error = f"The loading of {yours.called(self.choice.source)} was cancelled."
        except (ValueError, MemoryError) as error:
            self.error = str(error) or "This machine has no memory left for this model; choose a smaller one."
        except Exception as error:  # whoever waits must hear of it
            self.error = f"{yours.called(self.choice.source)} could not be loaded: {first_line(error)}"
        finally:
            self._done(self)


class Shelf:
    """Models that are loaded, together in a share of the memory that they lie in: those used longest ago leave first.

    The one used last stays, whatever it takes. `release` is told which have left.
    """

    def __init__(self, share: float, at_once: int, release: Callable[[Collection[Choice]], None]) -> None:
        self._share, self._release = share, release
        self._turn = Semaphore(at_once)
        self._lock = Lock()
        self._loads: OrderedDict[Choice, Load] = OrderedDict()

    def ask(self, choice: Choice, reader: str) -> Load:
        """The load of a model: begun now, or one that is under way or done. The reader leaves any other they asked."""
        with self._lock:
            for other in [load for load in self._loads.values() if reader in load.readers and load.choice != choice]:
                self._leave(other, reader)
            if choice not in self._loads:
                self._loads[choice] = Load(choice, self._turn, self._settle)
            load = self._loads[choice]
            load.readers.add(reader)
            self._loads.move_to_end(choice)
        return load

    def leave(self, choice: Choice, reader: str) -> None:
        """A reader does not want the model any more; nobody else waiting for it, its loading ends."""
        with self._lock:
            if choice in self._loads:
                self._leave(self._loads[choice], reader)

    def model(self, choice: Choice) -> Model:
        """The model, waiting for it where it is not there yet. Raises ValueError where it cannot be loaded."""
        with self._lock:
            load = self._loads.get(choice)
            if load is None:
                load = self._loads[choice] = Load(choice, self._turn, self._settle)
            self._loads.move_to_end(choice)
        load.wait()
        if load.model is None:
            raise ValueError(load.error)
        return load.model

    def drop(self, source: str) -> None:
        """Let go of what is loaded of a model: it has another name by now, or is gone."""
        with self._lock:
            leaving = [each.choice for each in self._loads.values() if each.choice.source == source and each.model]
            for choice in leaving:
                del self._loads[choice]
        if leaving:
            self._release(leaving)

    def _leave(self, load: Load, reader: str) -> None:
        load.readers.discard(reader)
        if not load.readers and not load.wait(0):
            load.stop()
            del self._loads[load.choice]

    def _settle(self, load: Load) -> None:
        """A load has ended: what failed is forgotten, and what is too many leaves."""
        with self._lock:
            if load.model is None:
                if self._loads.get(load.choice) is load:
                    del self._loads[load.choice]
                return
            leaving = self._leaving()
            for choice in leaving:
                del self._loads[choice]
        if leaving:
            self._release(leaving)

    def _leaving(self) -> list[Choice]:
        """What is too much, from the one used last on."""
        done = [(each.choice, each.model) for each in reversed(self._loads.values()) if each.model is not None]
        sums = itertools.accumulate(share_of_memory(model) for _, model in done)
        return [
            choice
            for place, ((choice, _), taken) in enumerate(zip(done, sums, strict=True))
            if place and taken > self._share
        ]
