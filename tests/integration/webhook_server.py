"""A receiver of messages over TLS, with stepgate's own test authority: keeps what it was sent, and answers as a test says."""
import base64
import hashlib
import hmac
import http.server
import json
import ssl
import threading
import time

from harness import PATIENCE

KEY = b"a key of twenty-four byt"
SECRET = "whsec_" + base64.b64encode(KEY).decode()


class Request:
    def __init__(self, path, headers, body):
        self.path, self.headers, self.body = path, headers, body
        self.json = json.loads(body)

    def verify(self):
        """As a receiver does it (Standard Webhooks); AssertionError: it is not from stepgate, or old."""
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        expected = "v1," + base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
        assert self.headers["webhook-signature"] == expected, self.headers["webhook-signature"]
        assert abs(int(self.headers["webhook-timestamp"]) - time.time()) < PATIENCE


class Receiver:
    """`answers`: statuses by path or type of webhook, taken one after the other; then 200."""

    def __init__(self, port):
        self.port = port
        self.requests = []
        self.answers = {}
        self.changed = threading.Condition()
        self.server = None

    def url(self, path):
        return f"https://localhost:{self.port}{path}"

    def start(self, certificate, key):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver.changed:
                    receiver.requests.append(Request(self.path, self.headers, body))
                    kind = receiver.requests[-1].json.get("type")
                    status = (receiver.answers.get(self.path) or receiver.answers.get(kind) or [200]).pop(0)
                    receiver.changed.notify_all()
                answer = f"status {status}".encode()
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", receiver.url("/elsewhere"))
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()

    def wait(self, path, kind=None, count=1):
        """The first `count` requests to a path, of one type of webhook, once there are so many."""
        def those():
            return [r for r in self.requests if r.path == path and kind in (None, r.json.get("type"))]
        with self.changed:
            if not self.changed.wait_for(lambda: len(those()) >= count, PATIENCE):
                raise AssertionError(f"{len(those())} requests came to {path} of {kind}, not {count}: {[(r.path, r.body) for r in self.requests]}")
            return those()[:count]
