"""Thousands of bare PostgreSQL clients in one process: just enough protocol to log in (SCRAM-SHA-256, RFC 5802) and ask."""
import base64
import hashlib
import hmac
import os
import socket
import struct


def message(kind, body=b""):
    return kind + struct.pack(">I", len(body) + 4) + body


class Client:
    """One connection, blocking. The salted password is computed once for all: that is what logging in costs."""
    salted = {}

    def __init__(self, port, user, password, database="shop"):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.settimeout(60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        body = struct.pack(">HH", 3, 0) + b"\0".join([b"user", user.encode(), b"database", database.encode(), b"\0"])
        self.socket.sendall(struct.pack(">I", len(body) + 4) + body)
        self.log_in(password)
        while self.receive()[0] != b"Z":
            pass

    def receive(self):
        head = self.exactly(5)
        return head[:1], self.exactly(struct.unpack(">I", head[1:])[0] - 4)

    def exactly(self, count):
        data = self.socket.recv(count, socket.MSG_WAITALL) if count else b""
        if len(data) != count:
            raise ConnectionError("stepgate closed the connection")
        return data

    def authentication(self, expected):
        kind, body = self.receive()
        if kind != b"R" or struct.unpack(">I", body[:4])[0] != expected:
            raise ConnectionError(f"login refused: {kind} {body}")
        return body[4:]

    def log_in(self, password):
        self.authentication(10)
        nonce = base64.b64encode(os.urandom(18)).decode()
        first = f"n=,r={nonce}"
        initial = b"n,," + first.encode()
        self.socket.sendall(message(b"p", b"SCRAM-SHA-256\0" + struct.pack(">I", len(initial)) + initial))
        challenge = self.authentication(11).decode()
        fields = dict(part.split("=", 1) for part in challenge.split(","))
        key = (password, fields["s"], fields["i"])
        if key not in Client.salted:
            Client.salted[key] = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]),
                                                     int(fields["i"]))
        client_key = hmac.digest(Client.salted[key], b"Client Key", "sha256")
        without_proof = f"c=biws,r={fields['r']}"
        signed = f"{first},{challenge},{without_proof}".encode()
        signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(client_key, signature))).decode()
        self.socket.sendall(message(b"p", f"{without_proof},p={proof}".encode()))
        self.authentication(12)
        self.authentication(0)

    def ask(self, sql):
        self.socket.sendall(message(b"Q", sql.encode() + b"\0"))

    def finish(self):
        """Reads up to ReadyForQuery."""
        while self.receive()[0] != b"Z":
            pass

    def close(self):
        self.socket.close()
