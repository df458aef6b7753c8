"""A PostgreSQL client of our own that says exactly what a test wants it to say (protocol 3.0 or 3.2, with or without TLS).

Only the standard library. Values are text unless a test makes the bytes itself.
"""
import base64
import hashlib
import hmac
import os
import socket
import ssl
import struct

PATIENCE = float(os.environ.get("STEPGATE_TEST_PATIENCE", "30"))


def message(kind, body=b""):
    return kind.encode() + struct.pack(">I", len(body) + 4) + body


def text(value):
    return value.encode() + b"\0"


def query(sql):
    return message("Q", text(sql))


def parse(name, sql, types=()):
    return message("P", text(name) + text(sql) + struct.pack(f">H{len(types)}I", len(types), *types))


def bind(portal, statement, values=(), formats=()):
    """Values: None, str, or bytes; formats as on the wire: none, one for all, one each."""
    body = text(portal) + text(statement) + struct.pack(f">H{len(formats)}H", len(formats), *formats) + struct.pack(">H", len(values))
    for value in values:
        data = value.encode() if isinstance(value, str) else value
        body += struct.pack(">i", -1) if data is None else struct.pack(">i", len(data)) + data
    return message("B", body + struct.pack(">H", 0))


def describe(kind, name=""):
    return message("D", kind.encode() + text(name))


def execute(portal="", rows=0):
    return message("E", text(portal) + struct.pack(">I", rows))


def close(kind, name=""):
    return message("C", kind.encode() + text(name))


SYNC, FLUSH = message("S"), message("H")


def open_tls(raw):
    raw.sendall(struct.pack(">II", 8, 80877103))
    if raw.recv(1) != b"S":
        raise AssertionError("no TLS")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(raw)


class RawClient:
    """One session, logged in. `answers` reads; `process` and `key` are for `cancel`."""

    def __init__(self, stack, tls=False, minor=0, **parameters):
        self.stack, self.tls = stack, tls
        self.socket = socket.create_connection(("127.0.0.1", stack.port), timeout=PATIENCE)
        if tls:
            self.socket = open_tls(self.socket)
        self.left = b""
        self.process = self.key = None
        self.log_in(minor, {"user": "demo", "database": "shop", **parameters})

    def send(self, *messages):
        self.socket.sendall(b"".join(messages))
        return self

    def receive(self):
        """(kind, body) of the next message; ("", b"") when the other side closed."""
        while len(self.left) < 5 or len(self.left) < 1 + struct.unpack(">I", self.left[1:5])[0]:
            try:
                data = self.socket.recv(65536)
            except (ConnectionResetError, ssl.SSLError):
                data = b""
            if not data:
                return "", b""
            self.left += data
        size = 1 + struct.unpack(">I", self.left[1:5])[0]
        whole, self.left = self.left[:size], self.left[size:]
        return whole[:1].decode(), whole[5:]

    def next(self):
        """The next message that is none of the proxy's own asides: notices and parameters."""
        while True:
            kind, body = self.receive()
            if kind not in ("N", "S"):
                return kind, body

    def answers(self, last="Z", count=1):
        """Messages up to the `count`th of kind `last`, without asides."""
        got = []
        while True:
            got.append(self.next())
            if got[-1][0] == last:
                count -= 1
            if got[-1][0] == "" or count == 0:
                return got

    def kinds(self, **how):
        return "".join(kind for kind, _ in self.answers(**how))

    def ask(self, sql):
        return self.send(query(sql)).answers()

    def silent(self, seconds=0.3):
        """True if nothing but asides arrives for a while."""
        self.socket.settimeout(seconds)
        try:
            self.left = b"".join(message(*m) for m in [self.next()]) + self.left
            return False
        except (TimeoutError, socket.timeout):
            return True
        finally:
            self.socket.settimeout(PATIENCE)

    def log_in(self, minor, parameters):
        body = struct.pack(">HH", 3, minor) + b"".join(text(k) + text(v) for k, v in parameters.items()) + b"\0"
        self.socket.sendall(struct.pack(">I", len(body) + 4) + body)
        nonce = base64.b64encode(os.urandom(18)).decode()
        first = f"n=,r={nonce}"
        while True:
            kind, body = self.receive()
            if kind == "R" and body[:4] == struct.pack(">I", 10):
                initial = f"n,,{first}".encode()
                self.send(message("p", b"SCRAM-SHA-256\0" + struct.pack(">I", len(initial)) + initial))
            elif kind == "R" and body[:4] == struct.pack(">I", 11):
                self.send(message("p", self.prove(first, body[4:].decode())))
            elif kind == "K":
                self.process, self.key = struct.unpack(">I", body[:4])[0], body[4:]
            elif kind in ("E", ""):
                raise AssertionError(f"login failed: {body}")
            elif kind == "Z":
                return

    def prove(self, first, challenge):
        fields = dict(part.split("=", 1) for part in challenge.split(","))
        salted = hashlib.pbkdf2_hmac("sha256", self.stack.password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        final = f"c=biws,r={fields['r']}"
        signature = hmac.digest(hashlib.sha256(client_key).digest(), f"{first},{challenge},{final}".encode(), "sha256")
        proof = bytes(a ^ b for a, b in zip(client_key, signature))
        return f"{final},p={base64.b64encode(proof).decode()}".encode()

    def cancel(self, key=None):
        """CancelRequest on a connection of its own, TLS first where the session has it; returns when that is closed."""
        raw = socket.create_connection(("127.0.0.1", self.stack.port), timeout=PATIENCE)
        if self.tls:
            raw = open_tls(raw)
        key = self.key if key is None else key
        raw.sendall(struct.pack(">III", 12 + len(key), 80877102, self.process) + key)
        ended = raw.recv(1)
        raw.close()
        return ended == b""

    def close(self):
        self.socket.close()


def field(body, code):
    """A field of an ErrorResponse or NoticeResponse."""
    for part in body.split(b"\0"):
        if part[:1] == code.encode():
            return part[1:].decode()
    return None


def rows(answers):
    """DataRows as lists of str or None."""
    found = []
    for kind, body in answers:
        if kind != "D":
            continue
        row, at = [], 2
        for _ in range(struct.unpack(">H", body[:2])[0]):
            size = struct.unpack(">i", body[at:at + 4])[0]
            at += 4
            row.append(None if size < 0 else body[at:at + size].decode())
            at += max(size, 0)
        found.append(row)
    return found


def errors(answers):
    """SQLSTATEs of the ErrorResponses."""
    return [field(body, "C") for kind, body in answers if kind == "E"]
