"""Callbacks: each with its library as installed, in a process of its own, and at their edges."""

from __future__ import annotations

import json
import math
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from jupyter_sio.kernel.publisher import Publisher
from jupyter_sio.loops import callbacks
from jupyter_sio.loops.trainers import Keras, Lightning, Training, Transformers
from tests.kernel.peer import Peer
from tests.kernel.test_process import Kernels

# What they warn of, about each other and about this machine, is not ours.
CALM = """
import warnings; warnings.simplefilter("ignore")
os.environ.update(KERAS_BACKEND="torch", HF_HUB_OFFLINE="1", CUDA_VISIBLE_DEVICES="")
import logging; logging.disable(logging.INFO)
os.chdir(tempfile := __import__("tempfile").mkdtemp())
import torch; torch.set_num_threads(1); torch.manual_seed(0)
"""

KERAS = """
import keras
model = keras.Sequential([keras.layers.Dense(1)])
model.compile("sgd", "mse", metrics=["mae"])
x, y = torch.rand(32, 3), torch.rand(32, 1)
import pickle
callback = pickle.loads(pickle.dumps(sio.callbacks.keras(every=2)))
assert isinstance(callback, keras.callbacks.Callback)
history = model.fit(x, y, epochs=3, batch_size=8, validation_split=0.25, verbose=0,
                    callbacks=[callback]).history
model.evaluate(x, y, verbose=0, callbacks=[callback])
print("found", history)
"""

LIGHTNING = """
import lightning.pytorch as L

class Module(L.LightningModule):
    def __init__(self, lr, fails=False):
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(3, 1)
    def training_step(self, batch, i):
        if self.hparams.fails and self.current_epoch == 1:
            raise ValueError("diverged")
        loss = self.layer(batch[0]).square().mean()
        self.log("loss", loss)
        self.log("always", 1.0, on_step=True, on_epoch=True)
        return loss
    def validation_step(self, batch, i):
        self.log("val_loss", self.layer(batch[0]).square().mean())
        self.log("val_always", 1.0)
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), self.hparams.lr)

def fit(callback, **hparams):
    data = torch.utils.data.TensorDataset(torch.rand(16, 3))
    loader = torch.utils.data.DataLoader(data, batch_size=2)
    trainer = L.Trainer(max_epochs=2, accelerator="cpu", logger=False, callbacks=[callback],
                        enable_checkpointing=False, enable_progress_bar=False,
                        enable_model_summary=False, accumulate_grad_batches=2)
    trainer.fit(Module(**hparams), loader, loader)
    trainer.validate(trainer.model, loader, verbose=False)

import copy, pytorch_lightning
callback = copy.deepcopy(sio.callbacks.lightning(every=2))
assert isinstance(callback, L.Callback) and isinstance(callback, pytorch_lightning.Callback)
fit(callback, lr=0.1)
fit(sio.callbacks.lightning("failing"), lr=0.1, fails=True)
"""

TRANSFORMERS = """
import transformers

class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 1)
    def forward(self, x, labels):
        out = self.layer(x)
        return {"loss": (out - labels).square().mean(), "logits": out}

data = [{"x": torch.rand(3), "labels": torch.rand(1)} for _ in range(8)]
arguments = transformers.TrainingArguments(
    output_dir="out", num_train_epochs=3, per_device_train_batch_size=2, logging_steps=2,
    eval_strategy="epoch", save_strategy="no", report_to=[], disable_tqdm=True, use_cpu=True)
callback = sio.callbacks.transformers("tuning")
assert isinstance(callback, transformers.TrainerCallback)
trainer = transformers.Trainer(Model(), arguments, train_dataset=data, eval_dataset=data,
                               callbacks=[callback])
trainer.train()
"""


def table(server: Peer, stream: str = "train") -> list[dict[str, Any]]:
    """Take the rows as told, without the cells that are null."""
    return [
        {key: value for key, value in row.items() if value is not None and key != "elapsed"}
        for row in server.streams[stream].rows
    ]


def last(server: Peer, stream: str) -> dict[str, Any]:
    return server.streams[stream].rows[-1]


# --- the libraries themselves ----------------------------------------------------------------


@pytest.mark.trainers
def test_keras_trains_and_is_told(kernels: Kernels, server: Peer):
    out, _ = kernels.run(CALM + KERAS)
    rows = table(server)
    assert [(row["step"], row["epoch"]) for row in rows] == [
        *((2, 0), (3, 0)),
        *((4, 1), (6, 1), (6, 1)),
        *((8, 2), (9, 2)),
    ]
    epochs = [row for row in rows if "val_loss" in row]
    history = eval(out.rpartition("found ")[2])
    assert [row["val_loss"] for row in epochs] == history["val_loss"]
    assert [row["loss"] for row in epochs] == history["loss"]
    told, bar = last(server, "train/status"), last(server, "progress/train")
    assert told["state"] == "finished"
    assert json.loads(told["config"])["optimizer"]["name"] == "sgd"
    assert (bar["n"], bar["total"], bar["state"]) == (9, 9, "finished")


@pytest.mark.trainers
def test_lightning_trains_and_is_told(kernels: Kernels, server: Peer):
    _, err = kernels.run(CALM + LIGHTNING, status=1)
    assert "ValueError: diverged" in err
    found = [(row["step"], row["epoch"], *(set(row) - {"step", "epoch"})) for row in table(server)]
    assert [(step, epoch, *sorted(keys)) for step, epoch, *keys in found] == [
        row
        for epoch in (0, 1)
        for row in (
            (epoch * 4 + 2, epoch, "always_step", "loss"),
            (epoch * 4 + 4, epoch, "always_step", "loss"),
            (epoch * 4 + 4, epoch, "val_always", "val_loss"),
            (epoch * 4 + 4, epoch, "always_epoch"),
        )
    ]
    told, bar = last(server, "train/status"), last(server, "progress/train")
    assert told["state"] == "finished"
    assert json.loads(told["config"]) == {"lr": 0.1, "fails": False}
    assert (bar["n"], bar["total"], bar["state"]) == (8, 8, "finished")
    told, bar = last(server, "failing/status"), last(server, "progress/failing")
    assert (told["state"], told["error"]) == ("failed", "ValueError: diverged")
    assert (bar["n"], bar["state"]) == (4, "stopped")


@pytest.mark.trainers
def test_transformers_trains_and_is_told(kernels: Kernels, server: Peer):
    kernels.run(CALM + TRANSFORMERS)
    rows = table(server, "tuning")
    assert [row["step"] for row in rows if "loss" in row] == [2, 4, 6, 8, 10, 12]
    assert [row["step"] for row in rows if "eval_loss" in row] == [4, 8, 12]
    assert all({"grad_norm", "learning_rate", "epoch"} <= set(row) for row in rows if "loss" in row)
    told, bar = last(server, "tuning/status"), last(server, "progress/tuning")
    assert (told["state"], bar["n"], bar["total"]) == ("finished", 12, 12)
    assert "train_runtime" in json.loads(told["summary"])
    config = json.loads(told["config"])
    assert (config["logging_steps"], config["hub_token"]) == (2, "<HUB_TOKEN>")


# --- at their edges --------------------------------------------------------------------------


@pytest.fixture
def training(publisher: Publisher) -> Training:
    return Training("train", publisher=publisher)


@pytest.mark.parametrize("make", ["keras", "lightning", "transformers"])
def test_without_the_library_it_says_what_to_type(make: str, monkeypatch):
    for module in ("keras.callbacks", "lightning.pytorch", "pytorch_lightning", "transformers"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=f"pip install {make}"):
        getattr(callbacks, make)()


def test_of_two_lightnings_both_are_served(monkeypatch):
    for name in ("lightning.pytorch", "pytorch_lightning"):
        base = type("Callback", (), {})
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(Callback=base))
    made = callbacks.lightning()
    assert all(isinstance(made, sys.modules[name].Callback) for name in callbacks._LIGHTNINGS)


def test_steps_must_be_whole():
    with pytest.raises(ValueError, match="1 or more"):
        Training("train", every=0)


def test_batches_that_keras_executes_as_one_are_one_row(training: Training, server: Peer):
    callback = Keras(training)
    callback.params = {"epochs": 2, "steps": 5}
    callback.on_train_begin()
    callback.on_epoch_begin(1)  # of a training that goes on where another ended
    for batch in (1, 3, 4):
        callback.on_train_batch_end(batch, {"loss": 0.5})
    callback.on_epoch_end(1, {"loss": 0.5})
    callback.on_train_end()
    server.until(lambda: [row["step"] for row in table(server)] == [2, 4, 5, 5])
    server.until(lambda: last(server, "progress/train")["state"] == "finished")
    assert last(server, "progress/train")["total"] == 5


def test_a_training_that_nobody_ended_is_stopped_by_the_next(training: Training, server: Peer):
    callback = Keras(training)
    callback.params = {"epochs": 1, "steps": None}
    callback.on_train_begin()
    callback.on_train_batch_end(0)
    first = training.run
    callback.on_train_begin()
    assert (first.state, training.run.state, callback._done) == ("stopped", "running", 0)
    server.until(lambda: last(server, "progress/train")["n"] == 0)
    assert set(server.streams) >= {"progress/train"} and "progress/train/2" not in server.streams


def test_other_processes_of_a_training_tell_nothing(training: Training, publisher: Publisher):
    state = SimpleNamespace(is_world_process_zero=False, global_step=1, max_steps=3)
    callback = Transformers(training)
    callback.on_train_begin(None, state, None)
    callback.on_step_end(None, state, None)
    callback.on_log(None, state, None, logs={"loss": 1.0})
    callback.on_train_end(None, state, None)
    trainer = SimpleNamespace(is_global_zero=False, global_step=1, logged_metrics={"loss": 1.0})
    other = Lightning(training)
    other.on_train_start(trainer, None)
    trainer.current_epoch = 0
    other.on_train_batch_end(trainer, None, None, None, 0)
    other.on_train_epoch_end(trainer, None)
    other.on_train_end(trainer, None)
    assert training.run is None and not publisher._streams


def test_a_training_without_end_has_no_total(training: Training, server: Peer):
    trainer = SimpleNamespace(
        is_global_zero=True, global_step=0, logged_metrics={}, estimated_stepping_batches=math.inf
    )
    callback = Lightning(training)
    callback.on_train_start(trainer, SimpleNamespace(hparams={}))
    server.until(lambda: last(server, "progress/train")["state"] == "running")
    assert last(server, "progress/train")["total"] is None
    callback.on_exception(trainer, None, KeyboardInterrupt())
    server.until(lambda: last(server, "train/status")["state"] == "stopped")


def test_what_a_trainer_says_that_no_row_holds_ends_nothing(training: Training, server: Peer):
    callback = Keras(training)
    callback.params = {"epochs": 1, "steps": 2}
    callback.on_train_begin()
    callback.on_train_batch_end(0, {"loss": 0.5, "confusion": [[1, 2], [3, 4]]})
    callback.on_train_batch_end(1, {"loss": "none"})
    callback.on_train_end()
    server.until(lambda: table(server) == [{"step": 1, "epoch": 0, "loss": 0.5}])
    assert training.run is None
