"""A passkey in software (WebAuthn level 2, ES256), so that tests can approve without a browser. Attestation is "none" unless a maker vouches for it.

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


class Maker:
    """Makes authenticators of one model: a root, and below it the certificate that attests them (WebAuthn 8.2.1)."""

    def __init__(self, folder, aaguid):
        self.root, self.key = folder / "maker.pem", folder / "attestation.key"
        root_key, request, certificate, extensions = (folder / name for name in ("maker.key", "request.pem", "attestation.der", "extensions"))
        new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        extensions.write_text(f"basicConstraints = critical,CA:FALSE\n1.3.6.1.4.1.45724.1.1.4 = DER:0410{aaguid.hex()}\n")

        def openssl(*arguments):
            subprocess.run(["openssl", *arguments], check=True, capture_output=True)
        openssl("req", "-x509", *new_key, "-keyout", root_key, "-subj", "/O=Maker/CN=Root", "-days", "2", "-out", self.root)
        openssl("req", *new_key, "-keyout", self.key, "-subj", "/C=SE/O=Maker/OU=Authenticator Attestation/CN=Model", "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.root, "-CAkey", root_key, "-set_serial", "2", "-days", "2", "-extfile", extensions,
                "-outform", "DER", "-out", certificate)
        self.certificate = certificate.read_bytes()

    def attest(self, data):
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], check=True, capture_output=True, input=data).stdout
        return {"alg": -7, "sig": signature, "x5c": [self.certificate]}


class Passkey:
    PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40  # flags of authenticator data (WebAuthn 6.1)

    def __init__(self, folder, origin, maker=None, aaguid=bytes(16)):
        self.maker, self.aaguid = maker, aaguid
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
        attested = self.aaguid + struct.pack(">H", len(self.id)) + self.id + self.cose_key()
        data = self.authenticator_data(self.PRESENT | self.VERIFIED | self.ATTESTED, attested)
        client = self.client_data("webauthn.create", options)
        statement = self.maker.attest(data + hashlib.sha256(client).digest()) if self.maker else {}
        attestation = to_cbor({"fmt": "packed" if self.maker else "none", "attStmt": statement, "authData": data})
        return self.answer({"clientDataJSON": encode(client),
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
