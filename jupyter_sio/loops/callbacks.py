"""Callbacks for trainers: Keras, PyTorch Lightning and Hugging Face's Trainer.

Each makes a callback that begins a ``sio.run`` and a bar when a training begins, logs what the
trainer tells its callbacks, and ends both with it. The library is imported when its function is
called. A failing cell is told too, where the library tells its callbacks nothing of an exception.

>>> import jupyter_sio as sio
>>> model.fit(x, y, callbacks=[sio.callbacks.keras()])  # doctest: +SKIP

The tests train with each of these libraries as installed: Keras 3.15, Lightning 2.6 and
Transformers 5.23, on torch 2.13.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from jupyter_sio.kernel.publisher import Publisher
from jupyter_sio.loops.trainers import Keras, Lightning, Training, Transformers

__all__ = ["keras", "lightning", "transformers"]


def keras(name: str = "train", *, every: int = 1, publisher: Publisher | None = None) -> Any:
    """Make a ``keras.callbacks.Callback``: ``model.fit(…, callbacks=[sio.callbacks.keras()])``.

    Rows of the stream ``name``: step (batches, over all epochs), elapsed, epoch, and the logs:
    after every ``every``-th batch, and after an epoch with those of the validation.

    Raises
    ------
    ImportError
        If there is no Keras.
    """
    base = _import("keras.callbacks", install="keras").Callback
    training = Training(name, every=every, publisher=publisher)
    return _made(Keras, (base,), training, partial(keras, name, every=every, publisher=publisher))


def lightning(
    name: str = "train", *, every: int | None = None, publisher: Publisher | None = None
) -> Any:
    """Make a ``lightning.pytorch.Callback``: ``Trainer(callbacks=[sio.callbacks.lightning()])``.

    Rows of the stream ``name``: step (the optimizer's), elapsed, epoch, and what the module's
    ``self.log`` gave to loggers: after every ``every``-th step (as often as the trainer logs, if it
    is not given), after a validation, and after an epoch. ``pytorch_lightning`` of before will do.

    Raises
    ------
    ImportError
        If there is no Lightning.
    """
    loaded = [module for module in _LIGHTNINGS if sys.modules.get(module)]
    modules = [import_module(module) for module in loaded] or [_lightning()]
    bases = tuple(module.Callback for module in modules)
    training = Training(name, every=every, publisher=publisher)
    again = partial(lightning, name, every=every, publisher=publisher)
    return _made(Lightning, bases, training, again)


def transformers(name: str = "train", *, publisher: Publisher | None = None) -> Any:
    """Make a ``transformers.TrainerCallback``: ``Trainer(…, callbacks=[…])``.

    Rows of the stream ``name``: step (the optimizer's), elapsed, and what the trainer logs, as
    often as its ``logging_steps`` say: loss, grad_norm, learning_rate, epoch, eval_loss …

    Raises
    ------
    ImportError
        If there is no Transformers.
    """
    base = _import("transformers", install="transformers").TrainerCallback
    training = Training(name, publisher=publisher)
    return _made(Transformers, (base,), training, partial(transformers, name, publisher=publisher))


_LIGHTNINGS = ("lightning.pytorch", "pytorch_lightning")


def _lightning() -> Any:
    try:
        return import_module("lightning.pytorch")
    except ImportError:
        return _import("pytorch_lightning", install="lightning")


def _import(module: str, *, install: str) -> Any:
    try:
        return import_module(module)
    except ImportError as exc:
        raise ImportError(
            f"sio.callbacks needs {module}, which is not installed ({exc}); "
            f"type: pip install {install}"
        ) from exc


def _made(
    hooks: type, bases: tuple[type, ...], training: Training, again: Callable[[], Any]
) -> Any:
    """Put our hooks before the library's own, which do nothing.

    To be copied, or sent to another process, it is made ``again``.
    """
    body = {"__doc__": hooks.__doc__, "__reduce__": lambda self: (again, ())}
    return type(f"Sio{hooks.__name__}", (hooks, *bases), body)(training)
