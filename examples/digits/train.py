#!/usr/bin/env python3
"""Trains a small model on handwritten digits. Needs Python 3.8 or later and nothing else.

Exit codes: 0 trained, 1 failed (the last line on stderr says why), 2 bad arguments,
128 + signal when asked to stop (143 for SIGTERM): the checkpoint is written, the same command goes on from it.
"""

import argparse
import gzip
import hashlib
import json
import os
import random
import signal
import sys

sys.dont_write_bytecode = True  # a checkout may be read-only, and stays clean

import model  # noqa: E402

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "digits.csv.gz")
HOLD_OUT = 5  # every fifth image of each class is held out, whatever the seed
DECAY = 0.1  # epoch n runs at lr / (1 + DECAY * (n - 1)): blind to --epochs, so that more can be added
DIVERGED = 100.0  # nats; guessing gives 2.3, so this is far beyond a bad start


class Failed(Exception):
    """The run cannot go on; the message says why and what to do."""


def number_in(kind, low, high):
    """An argparse type: a number from low to high."""

    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:
            what = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError("%r is not %s from %s to %s" % (text, what, low, high))
        return value

    return parse


def parse_arguments(argv):
    parser = argparse.ArgumentParser(description="Train a small model on handwritten digits.", allow_abbrev=False)
    add = parser.add_argument
    add("--lr", type=number_in(float, 1e-9, 1e12), default=0.1, help="first learning rate (default: %(default)s)")
    add("--epochs", type=number_in(int, 1, 100000), default=25, help="passes over the data (default: %(default)s)")
    add("--hidden", type=number_in(int, 0, 512), default=32, help="hidden units (default: %(default)s; 0: none)")
    add("--batch", type=number_in(int, 1, 1024), default=32, help="images per step (default: %(default)s)")
    add("--seed", type=number_in(int, 0, 2**32 - 1), default=0, help="decides all chance (default: %(default)s)")
    return parser.parse_args(argv)


def read_data():
    """Returns (training images, labels, held-out images, labels, sha256 of the file)."""
    with open(DATA, "rb") as file:
        packed = file.read()
    train, held_out, seen = ([], []), ([], []), [0] * model.CLASSES
    for line in gzip.decompress(packed).decode("ascii").split():
        *pixels, label = map(int, line.split(","))
        images, labels = held_out if seen[label] % HOLD_OUT == HOLD_OUT - 1 else train
        images.append(model.prepare(pixels))
        labels.append(label)
        seen[label] += 1
    return train + held_out + (hashlib.sha256(packed).hexdigest(),)


def write_json(path, value):
    """Replaces the file at once: a reader, or a power cut, sees the old or the new one and never a part."""
    folder = os.path.dirname(path)
    os.makedirs(folder, exist_ok=True)
    with open(path + ".tmp", "w", encoding="utf-8") as file:
        json.dump(value, file, allow_nan=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".tmp", path)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def as_flags(settings):
    return " ".join("--%s %s" % item for item in settings.items())


def read_checkpoint(path, settings, data_sha256, epochs):
    """The state to go on from, or None. Other settings or data are refused: a mixture would be nobody's model."""
    try:
        with open(path, encoding="utf-8") as file:
            state = json.load(file)
        found, found_data, epoch = state["settings"], state["data_sha256"], state["epoch"]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise Failed("%s is not a checkpoint of this program; remove it to start anew" % path) from error
    if found != settings:
        raise Failed("%s was made with %s; use these, or remove it to start anew" % (path, as_flags(found)))
    if found_data != data_sha256:
        raise Failed("%s was made from other data; remove it to start anew" % path)
    if epoch > epochs:
        raise Failed("%s has %d epochs behind it; ask for as many, or remove it to start anew" % (path, epoch))
    return state


def check_loss(loss, epoch, rate):
    if not loss <= DIVERGED:  # also true for nan
        raise Failed("the loss diverged to %.4g in epoch %d; use a lower --lr than %g" % (loss, epoch, rate))


def new_state(settings, data_sha256):
    """`epoch` counts finished ones; `done` the images in the one in progress, `loss` the sum of their losses."""
    layers = model.new_layers(settings["hidden"], settings["seed"])
    start = {"epoch": 0, "done": 0, "loss": 0.0, "metrics": None, "layers": layers}
    return dict({"settings": settings, "data_sha256": data_sha256}, **start)


def file_in(variable, fallback, name):
    return os.path.join(os.path.abspath(os.environ.get(variable) or fallback), name)


def train(options, stop):
    """Trains and writes the model. Returns the exit code. `stop` fills with the signals that came."""
    checkpoint = file_in("SIGNALBOX_CHECKPOINT_DIR", "checkpoints", "checkpoint.json")
    output = file_in("SIGNALBOX_OUTPUT_DIR", "output", "model.json")
    settings = {"lr": options.lr, "hidden": options.hidden, "batch": options.batch, "seed": options.seed}
    images, labels, held_images, held_labels, data_sha256 = read_data()
    print("%d images to learn, %d held out, %s" % (len(images), len(held_images), as_flags(settings)), flush=True)

    state = read_checkpoint(checkpoint, settings, data_sha256, options.epochs)
    if state:
        place = (state["epoch"] + 1, state["done"], checkpoint)
        print("resuming in epoch %d, image %d, from %s" % place, flush=True)
    else:
        state = new_state(settings, data_sha256)
    layers = state["layers"]
    while state["epoch"] < options.epochs:
        epoch = state["epoch"] + 1
        # The order follows from seed and epoch alone, so a checkpoint needs no state of a random generator.
        order = list(range(len(images)))
        random.Random("order/%d/%d" % (options.seed, epoch)).shuffle(order)
        rate = options.lr / (1.0 + DECAY * (epoch - 1))
        while state["done"] < len(order):
            chosen = order[state["done"] : state["done"] + options.batch]
            loss = model.train_batch(layers, [images[i] for i in chosen], [labels[i] for i in chosen], rate)
            check_loss(loss / len(chosen), epoch, options.lr)
            state["done"] += len(chosen)
            state["loss"] += loss
            if stop:
                write_json(checkpoint, state)
                print("stopped in epoch %d, image %d, saved %s" % (epoch, state["done"], checkpoint), flush=True)
                return 128 + stop[0]
        val_loss, val_accuracy = model.evaluate(layers, held_images, held_labels)
        check_loss(val_loss, epoch, options.lr)
        metrics = {
            "loss": round(state["loss"] / len(order), 6),
            "val_loss": round(val_loss, 6),
            "val_accuracy": round(val_accuracy, 6),
        }
        # Printed before it is saved: after a crash a line may come twice, the same, but none is missing.
        print(json.dumps(dict({"epoch": epoch, "epochs": options.epochs, "step": epoch}, **metrics)), flush=True)
        state.update(epoch=epoch, done=0, loss=0.0, metrics=metrics)
        write_json(checkpoint, state)

    made = {
        "format": model.FORMAT,
        "format_version": model.FORMAT_VERSION,
        "parameters": dict(settings, epochs=options.epochs),
        "data_sha256": data_sha256,
        "metrics": state["metrics"],
        "layers": layers,
    }
    write_json(output, made)
    print("wrote %s" % output, flush=True)
    return 0


def main():
    stop = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: stop.append(int(number)))
    options = parse_arguments(sys.argv[1:])
    try:
        return train(options, stop)
    except (Failed, OSError) as error:
        print("train: %s" % error, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
