"""What trainers of three libraries call, turned into a run and a bar.

Plain classes, which know no library: ``callbacks`` puts each before its library's base class. The
arguments are as the libraries pass them.

Source: Keras 3.15 ``keras.callbacks.Callback``; Lightning 2.6 ``lightning.pytorch.Callback``;
Transformers 5.23 ``transformers.TrainerCallback``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from jupyter_sio.kernel.publisher import Publisher
from jupyter_sio.loops.metrics import flatten
from jupyter_sio.loops.progress import Progress
from jupyter_sio.loops.run import Run, state_after


class Training:
    """One callback's trainings, one after the other: a run, and a bar that is told, not drawn."""

    def __init__(self, name: str, *, every: int | None = 1, publisher: Publisher | None = None):
        if every is not None and every < 1:
            raise ValueError(f"every must be 1 or more steps; got {every}")
        self.name = name
        self.every = every
        self._publisher = publisher
        self.run: Run | None = None
        self.bar: Progress[Any] | None = None

    def begin(self, config: Any, *, step: int = 0, total: float | None = None) -> None:
        """Begin a run at ``step``; one that nobody ended is stopped."""
        if self.bar is not None and self.run is not None:
            self.bar.left(None)
            self.run.finish("stopped")
        self.run = Run(self.name, config, publisher=self._publisher)
        self.bar = Progress(
            desc=self.name,
            total=total,
            initial=step,
            unit="step",
            draw=False,
            publisher=self._publisher,
        )

    def at(self, step: int) -> None:
        """Be at ``step``."""
        if self.bar is not None and step > self.bar.n:
            self.bar.update(step - self.bar.n)

    def log(self, data: Mapping[str, Any], step: int) -> None:
        """Log what was measured, as far as rows can hold it."""
        if self.run is not None and data:
            self.run.log_what_fits(data, step)

    def end(self, error: BaseException | None = None) -> None:
        """End the run and its bar."""
        bar, run, self.bar, self.run = self.bar, self.run, None, None
        if bar is not None:
            bar.__exit__(type(error) if error else None, error, None)
        if run is not None:
            run.finish("finished" if error is None else state_after(error), error)


class Keras:
    """Steps are batches, counted over the epochs; an epoch's row has the validation's values."""

    params: dict[str, Any]
    model: Any

    def __init__(self, training: Training) -> None:
        super().__init__()
        self._training = training
        self._epoch = self._done = self._before = 0

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Begin."""
        config = {key: self.params.get(key) for key in ("epochs", "steps")}
        with suppress(Exception):  # an optimizer of somebody's own may have none
            config["optimizer"] = self.model.optimizer.get_config()
        self._done = self._before = 0
        self._training.begin(config)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Note the epoch, and how many steps are left."""
        self._epoch, self._before = epoch, self._done
        steps, bar = self.params.get("steps"), self._training.bar
        if steps and bar is not None:
            bar.total = self._done + steps * (self.params["epochs"] - epoch)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log a batch, or the last of several that were executed as one."""
        done, training = self._before + batch + 1, self._training
        every = training.every or 1
        due = done // every > self._done // every
        self._done = done
        training.at(done)
        if due:
            training.log({"epoch": self._epoch, **(logs or {})}, done)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log an epoch."""
        self._training.log({"epoch": epoch, **(logs or {})}, self._done)

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """End."""
        self._training.end()


class Lightning:
    """Steps are the optimizer's; what is told is what was logged with ``logger=True``.

    The trainer keeps what validations and epochs before have logged, so each phase tells only of
    what changed in it.
    """

    def __init__(self, training: Training) -> None:
        super().__init__()
        self._training = training
        self._before: dict[str, Any] = {}
        self._of_steps: set[str] = set()

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin, in the first of all processes."""
        if not trainer.is_global_zero:
            return
        steps = trainer.estimated_stepping_batches
        total = steps if math.isfinite(steps) and steps >= 0 else None
        config = flatten(getattr(pl_module, "hparams", None) or {})
        self._of_steps = set()
        self._training.begin(config, step=trainer.global_step, total=total)

    def on_train_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int
    ) -> None:
        """See what there is before a step that is told."""
        if self._due(trainer, trainer.global_step + 1):
            self._look(trainer)

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Log a step of the optimizer."""
        training, step = self._training, trainer.global_step
        if training.bar is None or step <= training.bar.n:
            return  # gradients are gathered, and no step was made
        training.at(step)
        if self._due(trainer, step):
            new = self._look(trainer)
            self._of_steps |= set(new)
            self._log(trainer, new)

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        """See what there is before."""
        self._look(trainer)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Log what was validated."""
        if not trainer.sanity_checking:
            self._log(trainer, self._look(trainer))

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Log what is known of the whole epoch."""
        new = self._look(trainer)
        self._log(trainer, {key: new[key] for key in set(new) - self._of_steps})

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """End."""
        self._training.end()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """End as failed, or as stopped."""
        self._training.end(exception)

    def _due(self, trainer: Any, step: int) -> bool:
        return bool(step % (self._training.every or trainer.log_every_n_steps or 1) == 0)

    def _look(self, trainer: Any) -> dict[str, Any]:
        """See what changed since the last look."""
        before, self._before = self._before, dict(trainer.logged_metrics)
        return {k: value for k, value in self._before.items() if value is not before.get(k)}

    def _log(self, trainer: Any, new: Mapping[str, Any]) -> None:
        if new:
            self._training.log({"epoch": trainer.current_epoch, **new}, trainer.global_step)


class Transformers:
    """Steps are the optimizer's; what is told is what the trainer logs, evaluations too."""

    def __init__(self, training: Training) -> None:
        super().__init__()
        self._training = training

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begin, in the first of all processes."""
        if state.is_world_process_zero:
            total = state.max_steps if state.max_steps > 0 else None
            config = args.to_sanitized_dict()  # in it tokens are masked
            self._training.begin(config, step=state.global_step, total=total)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Be a step further."""
        self._training.at(state.global_step)

    def on_log(
        self,
        args: Any,
        state: Any,
        control: Any,
        logs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Log; what is told of the whole training at its end belongs to the summary."""
        run = self._training.run
        if run is not None and logs and "train_runtime" in logs:
            run.summary |= flatten(logs)
        elif logs:
            self._training.log(logs, state.global_step)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """End."""
        self._training.end()
