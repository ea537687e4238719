# SPDX-License-Identifier: Apache-2.0
"""A stand-in for an OpenTelemetry collector on loopback."""

import contextlib
import http.server
import json
import threading


class Collector(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, self.headers["Content-Type"], json.loads(body)))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def collector():
    """Yields its address and the list that it fills: (path, content type, body) a request."""
    with http.server.HTTPServer(("127.0.0.1", 0), Collector) as server:
        server.seen = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", server.seen
        finally:
            server.shutdown()
            thread.join()


def spans_of(seen):
    return [span for _, _, body in seen
            for span in body["resourceSpans"][0]["scopeSpans"][0]["spans"]]


def attributes_of(span):
    return {item["key"]: next(iter(item["value"].values())) for item in span["attributes"]}
