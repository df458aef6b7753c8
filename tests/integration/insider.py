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

from passkey import decode, encode

MAGIC = b"sgjrnl1\n"
HEADER = len(MAGIC) + 8 + 32
FIELDS = 6  # place of the fields in a record


def head(major, number):
    if number < 24:
        return bytes([major << 5 | number])
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << 8 * size:
            return bytes([major << 5 | code]) + number.to_bytes(size, "big")
    raise ValueError(number)


def to_cbor(value):
    if isinstance(value, bool):
        return head(7, 21 if value else 20)
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(to_cbor, value))
    return head(5, len(value)) + b"".join(to_cbor(k) + to_cbor(v) for k, v in value.items())


def from_cbor(data, at=0):
    """(value, where it ends)"""
    major, number = data[at] >> 5, data[at] & 31
    at += 1
    if number >= 24:
        size = 1 << number - 24
        number = int.from_bytes(data[at:at + size], "big")
        at += size
    if major in (0, 1):
        return (number if major == 0 else -1 - number), at
    if major in (2, 3):
        raw = data[at:at + number]
        return (raw if major == 2 else raw.decode()), at + number
    if major == 7:
        return number == 21, at
    items = []
    for _ in range(number if major == 4 else 2 * number):
        item, at = from_cbor(data, at)
        items.append(item)
    return (items if major == 4 else dict(zip(items[::2], items[1::2]))), at


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
