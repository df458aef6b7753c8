"""CBOR (RFC 8949) as journal records and attestations need it: shortest lengths, maps in the order given."""


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
