"""The tutorials' way, as a baseline: Flask and Flask-Sock, one thread a call, every 20 ms frame decoded by itself.

    python -m benchmarks.baselines.tutorial PORT MODEL RATE

Every frame is parsed, decoded from mu-law, resampled where the model wants another rate, and given to the recogniser;
after each one the result or the partial result is asked for. What changed is printed as a JSON line.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import vosk
from flask import Flask, Response
from flask_sock import Sock

from benchmarks.baselines.every_frame import EveryFrame


def build(model: vosk.Model, rate: int, port: int) -> Flask:
    """The tutorials' application."""
    app = Flask(__name__)
    sock = Sock(app)

    @app.post("/twilio/voice")
    def voice() -> Response:
        twiml = f'<Response><Start><Stream url="ws://127.0.0.1:{port}/media"/></Start><Pause length="3600"/></Response>'
        return Response(twiml, mimetype="text/xml")

    @sock.route("/media")
    def media(ws: Any) -> None:
        recognizer = EveryFrame(model, rate)
        shown, stream = "", ""
        while True:
            message = json.loads(ws.receive())
            if message["event"] == "start":
                stream = message["start"]["streamSid"]
            elif message["event"] == "media":
                said, final = recognizer.accept(message["media"]["payload"])
                text = said["text" if final else "partial"]
                if text != shown or (final and text):
                    line = {"stream": stream, "final": final, "text": text}
                    print(json.dumps(line), flush=True)
                shown = "" if final else text
            elif message["event"] == "stop":
                break

    return app


def main() -> None:
    port, folder, rate = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    vosk.SetLogLevel(-1)
    build(vosk.Model(folder), rate, port).run("127.0.0.1", port, threaded=True)


if __name__ == "__main__":
    main()
