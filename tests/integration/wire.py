"""A PostgreSQL client that can be wrong on purpose: messages by hand, replies as short texts. Only the standard library.

A reply is (type, text): ("D", "a|b") for a row, ("E", "42501 message\\ndetail\\nhint"), ("N", …) likewise, ("C", "SELECT 1"),
("Z", "I"); other types have an empty text.
"""
import base64
import hashlib
import hmac
import os
import socket
import ssl
import struct

SSL_REQUEST = struct.pack(">II", 8, 80877103)
GSS_REQUEST = struct.pack(">II", 8, 80877104)


def startup(version=196608, **parameters):
    body = b"".join(k.encode() + b"\0" + v.encode() + b"\0" for k, v in parameters.items()) + b"\0"
    return struct.pack(">II", len(body) + 8, version) + body


def message(kind, body=b""):
    return kind.encode() + struct.pack(">I", len(body) + 4) + body


def raw_text(text):
    return (text if isinstance(text, bytes) else text.encode()) + b"\0"


def query(sql):
    return message("Q", raw_text(sql))


def parse(name, sql):
    return message("P", raw_text(name) + raw_text(sql) + struct.pack(">H", 0))


def bind(portal="", statement="", values=()):
    """Values are texts, or all are bytes: those of the binary format."""
    binary = bool(values) and isinstance(values[0], bytes)
    parameters = b"".join(struct.pack(">i", len(v)) + v for v in (value if binary else value.encode() for value in values))
    return message("B", raw_text(portal) + raw_text(statement) + struct.pack(">HHH", 1, binary, len(values)) + parameters + struct.pack(">H", 0))


def describe(kind, name=""):
    return message("D", kind.encode() + raw_text(name))


def execute(portal="", rows=0):
    return message("E", raw_text(portal) + struct.pack(">I", rows))


def close(kind, name):
    return message("C", kind.encode() + raw_text(name))


SYNC, FLUSH = message("S"), message("H")


def fields(body):
    """Of an ErrorResponse or NoticeResponse: SQLSTATE and message, detail, hint."""
    found = {part[:1]: part[1:].decode("utf-8", "replace") for part in body.split(b"\0") if part}
    return "\n".join([f"{found.get(b'C', '')} {found.get(b'M', '')}"] + [found[k] for k in (b"D", b"H") if k in found])


def row(body):
    values, at = [], 2
    for _ in range(struct.unpack(">H", body[:2])[0]):
        size = struct.unpack(">i", body[at:at + 4])[0]
        at += 4
        values.append("" if size < 0 else body[at:at + size].decode("utf-8", "replace"))
        at += max(size, 0)
    return "|".join(values)


class Wire:
    def __init__(self, port, user=None, password=None, database="shop", timeout=30, address="127.0.0.1", **parameters):
        self.port, self.buffer = port, b""
        self.socket = socket.create_connection(("127.0.0.1", port), timeout, (address, 0))
        if user is not None:
            self.login(user, password, database, parameters)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *messages):
        self.socket.sendall(b"".join(messages))
        return self

    def login(self, user, password, database, parameters):
        self.send(startup(user=user, database=database, **parameters))
        for kind, body in iter(self.receive, None):
            if kind == "R":
                self.authenticate(body, password)
            elif kind == "E":
                raise PermissionError(fields(body))
            elif kind == "K":
                self.process, self.key = struct.unpack(">I", body[:4])[0], body[4:]
            elif kind == "Z":
                return

    def authenticate(self, body, password):
        """SCRAM-SHA-256 (RFC 5802), without channel binding."""
        step = struct.unpack(">I", body[:4])[0]
        if step == 10:
            self.bare = "n=,r=" + base64.b64encode(os.urandom(18)).decode()
            first = ("n,," + self.bare).encode()
            self.send(message("p", b"SCRAM-SHA-256\0" + struct.pack(">I", len(first)) + first))
        elif step == 11:
            server_first = body[4:].decode()
            values = dict(part.split("=", 1) for part in server_first.split(","))
            salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(values["s"]), int(values["i"]))
            key = hmac.digest(salted, b"Client Key", "sha256")
            last = "c=biws,r=" + values["r"]
            proof = hmac.digest(hashlib.sha256(key).digest(), ",".join([self.bare, server_first, last]).encode(), "sha256")
            both = bytes(a ^ b for a, b in zip(key, proof))
            self.send(message("p", (last + ",p=" + base64.b64encode(both).decode()).encode()))

    def receive(self):
        """(type, body), or None when the other side has closed."""
        while len(self.buffer) < 5 or len(self.buffer) <= struct.unpack(">I", self.buffer[1:5])[0]:
            try:
                part = self.socket.recv(65536)
            except ConnectionResetError:
                part = b""
            if not part:
                return None
            self.buffer += part
        end = 1 + struct.unpack(">I", self.buffer[1:5])[0]
        kind, body, self.buffer = chr(self.buffer[0]), self.buffer[5:end], self.buffer[end:]
        return kind, body

    def reply(self):
        got = self.receive()
        if got is None:
            return "closed", ""
        kind, body = got
        if kind in "EN":
            return kind, fields(body)
        if kind == "D":
            return kind, row(body)
        return kind, body.rstrip(b"\0").decode("latin1") if kind in "CZ" else ""

    def until(self, *kinds):
        """Replies up to the first of one of these types; also stops where the other side closes."""
        got = [self.reply()]
        while got[-1][0] not in kinds + ("closed",):
            got.append(self.reply())
        return got

    def ask(self, sql):
        return self.send(query(sql)).until("Z")

    def rest(self):
        """Everything until the other side closes, as it came."""
        data = self.buffer
        while True:
            try:
                part = self.socket.recv(65536)
            except ConnectionResetError:
                return data
            if not part:
                return data
            data += part

    def cancel(self):
        with socket.create_connection(("127.0.0.1", self.port), 30) as other:
            other.sendall(struct.pack(">II", 12 + len(self.key), 80877102) + struct.pack(">I", self.process) + self.key)
            other.recv(1)

    def start_tls(self, context):
        self.send(SSL_REQUEST)
        if self.socket.recv(1) != b"S":
            raise ssl.SSLError("TLS is not offered")
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        return self
