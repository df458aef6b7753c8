"""A passkey in software (WebAuthn level 2, ES256, attestation "none"), so that tests can approve without a browser.

Keys and signatures are made by the openssl program; everything else is the standard library.
"""
import base64
import hashlib
import json
import os
import struct
import subprocess

from cbor import to_cbor


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Passkey:
    PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40  # flags of authenticator data (WebAuthn 6.1)

    def __init__(self, folder, origin):
        self.origin = origin
        self.rp_id = origin.split("//")[1].split(":")[0]
        self.id = os.urandom(32)
        self.count = 0
        self.user_handle = b""
        self.key = folder / f"passkey-{encode(self.id)}.pem"
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.key], check=True)
        public = subprocess.run(["openssl", "ec", "-in", self.key, "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
        self.point = public[-64:]  # x and y of the uncompressed point

    def authenticator_data(self, flags, attested=b""):
        self.count += 1
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + struct.pack(">I", self.count) + attested

    def client_data(self, kind, options):
        return json.dumps({"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}).encode()

    def register(self, options):
        """RegistrationResponseJSON for PublicKeyCredentialCreationOptionsJSON."""
        self.user_handle = decode(options["user"]["id"])
        attested = bytes(16) + struct.pack(">H", len(self.id)) + self.id + self.cose_key()
        data = self.authenticator_data(self.PRESENT | self.VERIFIED | self.ATTESTED, attested)
        attestation = to_cbor({"fmt": "none", "attStmt": {}, "authData": data})
        return self.answer({"clientDataJSON": encode(self.client_data("webauthn.create", options)),
                            "attestationObject": encode(attestation), "transports": ["internal"]})

    def sign(self, options):
        """AuthenticationResponseJSON for PublicKeyCredentialRequestOptionsJSON."""
        data = self.authenticator_data(self.PRESENT | self.VERIFIED)
        client = self.client_data("webauthn.get", options)
        return self.answer({"clientDataJSON": encode(client), "authenticatorData": encode(data),
                            "signature": encode(self.signature(data, client)), "userHandle": encode(self.user_handle)})

    def cose_key(self):
        return to_cbor({1: 2, 3: -7, -1: 1, -2: self.point[:32], -3: self.point[32:]})

    def signature(self, authenticator_data, client_data):
        return subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], check=True, capture_output=True,
                              input=authenticator_data + hashlib.sha256(client_data).digest()).stdout

    def answer(self, response):
        return {"id": encode(self.id), "rawId": encode(self.id), "type": "public-key", "response": response,
                "clientExtensionResults": {}, "authenticatorAttachment": "platform"}
