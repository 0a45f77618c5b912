"""Work in a thread of its own, which a reader can wait for, look at and stop."""

from threading import Event, Thread


class Job:
    """One piece of work. `work` does it; in the end there is what it made, or one sentence in `error`."""

    def __init__(self) -> None:
        self.error: str | None = None
        self._ended, self._stop = Event(), Event()

    def begin(self, name: str) -> None:
        """Start it, in a thread of that name."""
        Thread(target=self._run, name=name, daemon=True).start()

    def work(self) -> None:
        """Do it, looking now and then whether it was `stopped`; what goes wrong is said in `error`."""
        raise NotImplementedError

    @property
    def running(self) -> bool:
        return not self._ended.is_set()

    @property
    def stopped(self) -> bool:
        """Whether it was asked to end."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Ask it to end at its next step; what is done stays."""
        self._stop.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for its end; returns whether it has come."""
        return self._ended.wait(seconds)

    def _run(self) -> None:
        try:
            self.work()
        finally:
            self._ended.set()
