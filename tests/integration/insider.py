"""An insider with the audit's key: rewrites records of a journal, chains all of them anew and signs checkpoints and head.

What stays wrong after that is what `stepgate audit verify` can only know from the records themselves. The format is in
proxy/audit/README.md. Keys are used through the openssl program; everything else is the standard library.
"""
import copy
import hashlib
import json
import struct
import subprocess
import tempfile

from cbor import from_cbor, to_cbor
from passkey import decode, encode

MAGIC = b"sgjrnl1\n"
HEADER = len(MAGIC) + 8 + 32
TYPE, FIELDS = 3, 6  # places in a record


class Insider:
    def __init__(self, directory):
        self.directory = directory
        self.records = []
        for segment in sorted([*directory.glob("*.sgj"), *directory.glob("*.sgj.zst")]):
            data = segment.read_bytes()
            if segment.suffix == ".zst":
                data = subprocess.run(["zstd", "-dcq", segment], check=True, capture_output=True).stdout
            at = HEADER
            while at < len(data):
                (size,) = struct.unpack_from(">I", data, at)
                record, _ = from_cbor(data[at + 4:at + 4 + size])
                assert to_cbor(record) == data[at + 4:at + 4 + size]
                self.records.append(record)
                at += 4 + size

    def fields(self, having):
        """Of the records that have this field."""
        return [r[FIELDS] for r in self.records if having in r[FIELDS]]

    def sign(self, message):
        with tempfile.NamedTemporaryFile() as file:
            file.write(message)
            file.flush()
            return encode(subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.directory / "audit.key",
                                          "-in", file.name], check=True, capture_output=True).stdout)

    def write(self, directory, change):
        """The journal with `change(insider)` made, as one segment of another directory."""
        changed = copy.copy(self)
        changed.records = copy.deepcopy(self.records)
        change(changed)
        previous, hashes, out = bytes(32), {}, b""
        for record in changed.records:
            sequence, at, fields = record[0], record[2], record[FIELDS]
            record[1] = previous
            if "signature" in fields:
                fields["signature"] = self.sign(to_cbor(["stepgate checkpoint 1", sequence, previous, at]))
            data = to_cbor(record)
            previous = hashes[sequence] = hashlib.sha256(data).digest()
            out += struct.pack(">I", len(data)) + data
        directory.mkdir()
        first = changed.records[0][0]
        (directory / f"journal-{first:020}.sgj").write_bytes(MAGIC + struct.pack(">Q", first) + bytes(32) + out)
        newest = json.loads((self.directory / "head.json").read_text())
        digest = hashes[newest["sequence"]]
        newest["hash"] = digest.hex()
        newest["signature"] = self.sign(to_cbor(["stepgate head 1", newest["sequence"], digest, newest["time_ns"], newest["clean"]]))
        (directory / "head.json").write_text(json.dumps(newest) + "\n")
        (directory / "audit.pub").write_bytes((self.directory / "audit.pub").read_bytes())


def flip(text):
    """base64url with its last byte changed."""
    data = decode(text)
    return encode(data[:-1] + bytes([data[-1] ^ 1]))
