#!/usr/bin/env python3
"""Reads one image from stdin, a JSON list of 64 numbers from 0 to 16, and prints the digit as JSON.

Usage: predict.py [MODEL]     MODEL is by default model.json in $SIGNALBOX_OUTPUT_DIR or ./output
Exit codes: 0 answered, 1 no usable model, 2 bad arguments or a bad image.
"""

import argparse
import json
import os
import sys

sys.dont_write_bytecode = True  # a checkout may be read-only, and stays clean

import model  # noqa: E402


def parse_image(text):
    """64 numbers from 0 to 16. Raises ValueError."""
    image = json.loads(text)
    if not isinstance(image, list) or len(image) != model.PIXELS:
        raise ValueError("it is not a list of %d numbers" % model.PIXELS)
    for value in image:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= model.INK:
            raise ValueError("%r is not a number from 0 to %d" % (value, model.INK))
    return image


def main():
    default = os.path.join(os.environ.get("SIGNALBOX_OUTPUT_DIR") or "output", "model.json")
    parser = argparse.ArgumentParser(description="Read one image from stdin, print the digit.", allow_abbrev=False)
    parser.add_argument("model", nargs="?", default=default, help="default: %(default)s")
    path = parser.parse_args().model
    try:
        layers = model.load_layers(path)
    except (model.BadModel, OSError) as error:
        print("predict: %s" % error, file=sys.stderr)
        return 1
    try:
        image = parse_image(sys.stdin.read())
    except ValueError as error:
        print("predict: bad image: %s" % error, file=sys.stderr)
        return 2
    digit, probabilities = model.predict(layers, image)
    print(json.dumps({"digit": digit, "probabilities": [round(p, 6) for p in probabilities]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
