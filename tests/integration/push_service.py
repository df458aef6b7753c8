"""A push service over TLS (RFC 8030) for tests, and the browsers that subscribe to it: each reads what is encrypted to its own keys (RFC 8291)."""
import base64
import json
import os
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from harness import PATIENCE
from passkey import decode, encode
from tls_receiver import TlsReceiver

SUBJECT = "mailto:dba@example.com"


def point(key):
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def derive(salt, secret, info, length):
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


class Browser:
    """One subscription. With a folder each message goes into a file there, too: "1.json", …"""

    def __init__(self, service, name, folder=None):
        self.folder = folder
        self.service, self.path = service, "/send/" + name
        self.key, self.auth = ec.generate_private_key(ec.SECP256R1()), os.urandom(16)
        self.messages = []  # what its service worker got, oldest first

    def subscription(self):
        return {"endpoint": self.service.url + self.path, "p256dh": encode(point(self.key.public_key())), "auth": encode(self.auth)}

    def read(self, body):
        salt, size, sender = body[:16], body[20], body[21:86]
        if size != 65:
            raise AssertionError("not one key of P-256")
        shared = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender))
        secret = derive(self.auth, shared, b"WebPush: info\0" + point(self.key.public_key()) + sender, 32)
        key, nonce = derive(salt, secret, b"Content-Encoding: aes128gcm\0", 16), derive(salt, secret, b"Content-Encoding: nonce\0", 12)
        text = AESGCM(key).decrypt(nonce, body[86:], None)
        if text[-1:] != b"\2":
            raise AssertionError("not the last record")
        return json.loads(text[:-1])

    def take(self, body):
        self.messages.append(self.read(body))
        if self.folder:
            part = self.folder / "part"
            part.write_text(json.dumps(self.messages[-1]))
            part.rename(self.folder / f"{len(self.messages)}.json")

    def wait(self, count):
        """The newest of `count` messages, once there are so many."""
        with self.service.changed:
            if not self.service.changed.wait_for(lambda: len(self.messages) >= count, PATIENCE):
                raise AssertionError(f"{len(self.messages)} messages came, not {count}")
            return self.messages[count - 1]

    def question(self, count):
        """(challenge, token) of a message about a held statement."""
        challenge, token = self.wait(count)["url"].removeprefix("/c/").split("#push=")
        return challenge, token


class PushService(TlsReceiver):
    def __init__(self, port):
        super().__init__(port)
        self.url = f"https://localhost:{port}"
        self.browsers, self.status, self.key, self.requests = {}, 201, None, []

    def configuration(self):
        return f'[factors.push]\nhosts = ["localhost:{self.port}"]\nca = "tls/ca.crt"\nsubject = "{SUBJECT}"\n'

    def take(self, path, headers, body):
        try:
            return self.receive(path, headers, body), {}
        except Exception as problem:  # told to stepgate, and to the test through the missing message
            self.requests.append(repr(problem))
            return 400, {}

    def receive(self, path, headers, body):
        self.check_sender(headers["Authorization"])
        if headers["Content-Encoding"] != "aes128gcm" or headers["Urgency"] != "high" or not 0 <= int(headers["TTL"]) <= 3600:
            raise AssertionError(dict(headers))
        with self.changed:
            self.requests.append(path)
            browser = self.browsers.get(path)
            if browser and self.status < 300:
                browser.take(body)
            self.changed.notify_all()
            return self.status if browser else 404

    def check_sender(self, authorization):
        """RFC 8292: signed by the key that the browsers subscribed with, for this service, and for a day at most."""
        token, key = (part.split("=", 1)[1] for part in authorization.removeprefix("vapid ").split(", "))
        signed, signature = token.rsplit(".", 1)
        r, s = (int.from_bytes(decode(signature)[at:at + 32], "big") for at in (0, 32))
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decode(key))
        public.verify(encode_dss_signature(r, s), signed.encode(), ec.ECDSA(hashes.SHA256()))
        claims = json.loads(decode(signed.split(".")[1]))
        if self.key not in (None, key) or claims["aud"] != self.url or claims["sub"] != SUBJECT or not 0 < claims["exp"] - time.time() <= 86400:
            raise AssertionError((claims, key))

    def browser(self, folder=None):
        made = Browser(self, base64.b32encode(os.urandom(10)).decode(), folder)
        self.browsers[made.path] = made
        return made

    def enrol(self, person, name="Phone"):
        """A browser of this person that gets messages from now on."""
        browser = self.browser()
        self.key = person.call("GET", "/factors/push")["public_key"]
        begun = person.call("POST", "/factors/push/begin", browser.subscription())
        token = browser.wait(1)["enrol"]
        person.call("POST", "/factors/push/finish", {"ceremony": begun["ceremony"], "token": token, "name": name})
        browser.messages.clear()
        return browser
