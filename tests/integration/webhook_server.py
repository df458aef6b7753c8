"""A receiver of messages over TLS, with stepgate's own test authority: keeps what it was sent, and answers as a test says."""
import base64
import hashlib
import hmac
import json
import time

from harness import PATIENCE
from tls_receiver import TlsReceiver

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


class Receiver(TlsReceiver):
    """`answers`: statuses by path or type of webhook, taken one after the other; then 200."""

    def __init__(self, port):
        super().__init__(port)
        self.requests = []
        self.answers = {}

    def url(self, path):
        return f"https://localhost:{self.port}{path}"

    def take(self, path, headers, body):
        with self.changed:
            self.requests.append(Request(path, headers, body))
            kind = self.requests[-1].json.get("type")
            status = (self.answers.get(path) or self.answers.get(kind) or [200]).pop(0)
            self.changed.notify_all()
        return status, {"Location": self.url("/elsewhere")} if status == 302 else {}

    def wait(self, path, kind=None, count=1):
        """The first `count` requests to a path, of one type of webhook, once there are so many."""
        def those():
            return [r for r in self.requests if r.path == path and kind in (None, r.json.get("type"))]
        with self.changed:
            if not self.changed.wait_for(lambda: len(those()) >= count, PATIENCE):
                raise AssertionError(f"{len(those())} requests came to {path} of {kind}, not {count}: {[(r.path, r.body) for r in self.requests]}")
            return those()[:count]
