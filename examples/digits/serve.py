#!/usr/bin/env python3
"""Serves the model over HTTP, on 127.0.0.1: POST /predict takes 64 numbers from 0 to 16 as a JSON list, GET /healthz says it is ready.

Usage: serve.py     The model is the file in $SIGNALBOX_MODEL, the port $SIGNALBOX_PORT; answers name $SIGNALBOX_VERSION.
Exit codes: 0 asked to stop (SIGTERM), 1 no usable model, 2 bad settings.
"""

import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.dont_write_bytecode = True  # a checkout may be read-only, and stays clean

import model  # noqa: E402
from predict import parse_image  # noqa: E402

LONGEST = 10000  # bytes of a request; 64 numbers take some 200
DRAINED = 1000000  # bytes of one that is refused, read so that whoever sends it still hears why


class Refused(Exception):
    """The request cannot be answered; `status` is HTTP's."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10
    layers = []
    version = None

    def do_GET(self):
        if self.path == "/healthz":
            self.answer(200, {"ready": True, "version": self.version})
        else:
            self.answer(404, {"error": "there are only GET /healthz and POST /predict"})

    def do_POST(self):
        try:
            image = self.read_image()
        except Refused as refused:
            self.close_connection = True
            self.answer(refused.status, {"error": str(refused)})
            return
        try:
            digit, probabilities = model.predict(self.layers, image)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the model, the next image gets an answer
            self.answer(500, {"error": "the model failed: %s" % error, "version": self.version})
            return
        probabilities = [round(p, 6) for p in probabilities]
        self.answer(200, {"digit": digit, "probabilities": probabilities, "version": self.version})

    def read_image(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdigit():
            raise Refused(411, "the length of the body is missing")
        body = self.rfile.read(min(int(length), DRAINED))
        if self.path != "/predict":
            raise Refused(404, "there are only GET /healthz and POST /predict")
        if len(body) > LONGEST:
            raise Refused(413, "the body is longer than %d bytes" % LONGEST)
        try:
            return parse_image(body.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise Refused(400, "bad image: %s" % error) from None

    def answer(self, status, value):
        body = (json.dumps(value) + "\n").encode("utf-8")
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass  # one line for each image would drown what matters


def main():
    port = os.environ.get("SIGNALBOX_PORT", "")
    path = os.environ.get("SIGNALBOX_MODEL", "")
    if not port.isdigit() or int(port) > 65535 or not path:
        print("serve: SIGNALBOX_PORT must be a port and SIGNALBOX_MODEL a file", file=sys.stderr)
        return 2
    try:
        Handler.layers = model.load_layers(path)
    except (model.BadModel, OSError) as error:
        print("serve: %s" % error, file=sys.stderr)
        return 1
    version = os.environ.get("SIGNALBOX_VERSION", "")
    Handler.version = int(version) if version.isdigit() else None
    server = ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
    server.daemon_threads = True
    # `shutdown` waits for the loop that this signal interrupts, so it is called beside it.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print("serving on 127.0.0.1:%d" % server.server_address[1], flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
