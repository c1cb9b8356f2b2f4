#!/usr/bin/env python3
"""Measures a model on the images that were held out when it was trained.

Usage: evaluate.py [MODEL]     MODEL is by default the file in $SIGNALBOX_MODEL
Exit codes: 0 measured, 1 no usable model, 2 bad arguments.
"""

import argparse
import json
import os
import sys

sys.dont_write_bytecode = True  # a checkout may be read-only, and stays clean

import model  # noqa: E402
from train import read_data  # noqa: E402


def worst_recall(layers, images, labels):
    """Of the class that is read worst: which part of its images is read right."""
    right, seen = [0] * model.CLASSES, [0] * model.CLASSES
    for image, label in zip(images, labels):
        _, accuracy = model.evaluate(layers, [image], [label])
        seen[label] += 1
        right[label] += accuracy
    return min(hits / count for hits, count in zip(right, seen))


def main():
    parser = argparse.ArgumentParser(description="Measure a model on the held-out images.", allow_abbrev=False)
    parser.add_argument("model", nargs="?", default=os.environ.get("SIGNALBOX_MODEL"), help="default: $SIGNALBOX_MODEL")
    path = parser.parse_args().model
    if not path:
        parser.error("name a model, or set SIGNALBOX_MODEL")
    try:
        layers = model.load_layers(path)
    except (model.BadModel, OSError) as error:
        print("evaluate: %s" % error, file=sys.stderr)
        return 1
    _, _, images, labels, _ = read_data()
    loss, accuracy = model.evaluate(layers, images, labels)
    metrics = {
        "val_loss": round(loss, 6),
        "val_accuracy": round(accuracy, 6),
        "worst_recall": round(worst_recall(layers, images, labels), 6),
    }
    print(json.dumps(dict({"step": 0}, **metrics)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
