"""A softmax classifier, or a perceptron with one hidden layer, in plain Python.

A model is a list of layers, each `{"weights": [[...], ...], "biases": [...]}` with one row of weights per output.
Images go in as `prepare` returns them.
"""

import json
import math
import random
from operator import mul

FORMAT = "signalbox-digits"
FORMAT_VERSION = 1
PIXELS = 64
INK = 16  # the darkest value in the data
CLASSES = 10


class BadModel(Exception):
    """The file is not a model that this code can read; the message says why."""


def new_layers(hidden, seed):
    """Random layers for `hidden` units (0: no hidden layer), the same for the same seed."""
    rng = random.Random("layers/%d" % seed)
    sizes = [PIXELS, hidden, CLASSES] if hidden else [PIXELS, CLASSES]
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        spread = math.sqrt(2.0 / inputs)  # He et al. 2015, for ReLU
        weights = [[rng.gauss(0.0, spread) for _ in range(inputs)] for _ in range(outputs)]
        layers.append({"weights": weights, "biases": [0.0] * outputs})
    return layers


def prepare(pixels):
    """64 values from 0 to 16, moved to a mean near zero, with which gradient descent is steadier."""
    return [value * 2.0 / INK - 0.6 for value in pixels]


def forward(layers, images):
    """The values before each layer, for a batch, and the scores of the classes as the last entry."""
    values = [images]
    for depth, layer in enumerate(layers):
        rows = list(zip(layer["weights"], layer["biases"]))
        sums = [[sum(map(mul, row, image)) + bias for row, bias in rows] for image in values[-1]]
        if depth < len(layers) - 1:
            sums = [[x if x > 0.0 else 0.0 for x in row] for row in sums]
        values.append(sums)
    return values


def softmax(scores):
    """Probabilities of the classes."""
    top = max(scores)
    parts = [math.exp(score - top) for score in scores]
    total = sum(parts)
    return [part / total for part in parts]


def cross_entropy(scores, label):
    """The loss of one image, in nats; guessing gives 2.3."""
    top = max(scores)
    return math.log(sum(math.exp(score - top) for score in scores)) - (scores[label] - top)


def train_batch(layers, images, labels, rate):
    """One step of gradient descent, in place. Returns the sum of the losses before the step."""
    values = forward(layers, images)
    scores = values.pop()
    loss = sum(map(cross_entropy, scores, labels))
    deltas = [softmax(row) for row in scores]
    for row, label in zip(deltas, labels):
        row[label] -= 1.0
    step = rate / len(images)
    for layer, inputs in zip(reversed(layers), reversed(values)):
        weights, biases = layer["weights"], layer["biases"]
        by_unit = list(zip(*deltas))
        if inputs is not images:
            into = list(zip(*weights))
            deltas = [
                [sum(map(mul, column, delta)) if x > 0.0 else 0.0 for column, x in zip(into, row)]
                for delta, row in zip(deltas, inputs)
            ]
        by_input = list(zip(*inputs))
        for unit, unit_deltas in enumerate(by_unit):
            biases[unit] -= step * sum(unit_deltas)
            weights[unit] = [
                weight - step * sum(map(mul, unit_deltas, column))
                for weight, column in zip(weights[unit], by_input)
            ]
    return loss


def evaluate(layers, images, labels):
    """The mean loss and the share of right answers."""
    scores = forward(layers, images)[-1]
    loss = sum(map(cross_entropy, scores, labels)) / len(labels)
    right = sum(row.index(max(row)) == label for row, label in zip(scores, labels))
    return loss, right / len(labels)


def predict(layers, pixels):
    """The digit that the model sees in 64 values from 0 to 16, and the probability of each digit."""
    probabilities = softmax(forward(layers, [prepare(pixels)])[-1][0])
    return probabilities.index(max(probabilities)), probabilities


def load_layers(path):
    """The layers of a `model.json`. Raises BadModel, or OSError when the file cannot be read."""
    try:
        with open(path, encoding="utf-8") as file:
            model = json.load(file)
        known = model["format"] == FORMAT and model["format_version"] == FORMAT_VERSION
        layers = model["layers"]
    except (ValueError, KeyError, TypeError) as error:
        raise BadModel("%s is not a %s model" % (path, FORMAT)) from error
    if not known:
        raise BadModel("%s is not a %s model of version %d" % (path, FORMAT, FORMAT_VERSION))
    return layers
