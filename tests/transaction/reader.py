"""Reads a pool from what docs/formats.md says, and nothing else: python3 reader.py FILE… prints a line of JSON for each."""

import json
import struct
import sys
import zlib

TABLE = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    TABLE.append(byte)


def crc32c(data, seed=0):
    crc = seed ^ 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


class Damage(Exception):
    pass


def frame(data, at, end, seed):
    """The number made of low and high, and the payload, of the frame at a place; None if none is whole there"""
    if at + 16 > end:
        return None
    length, crc, low, high = struct.unpack_from("<IIII", data, at)
    if at + 16 + (length + 7 & ~7) > end or not any(data[at : at + 16]):
        return None
    payload = data[at + 16 : at + 16 + length]
    head = crc32c(data[at : at + 4], crc32c(data[at + 8 : at + 16], seed))
    return (low | high << 32, bytes(payload)) if crc == crc32c(payload, head) else None


def read(data):
    if data[:8] != b"daxfpool":
        raise Damage("it is not a pool")
    header = frame(data, 8, len(data), 0)
    if header is None or header[0] >> 32 != 0x01020304:
        raise Damage("byteOffset 8: the header")
    if header[0] & 0xFFFFFFFF != 1:
        raise Damage("version %d" % (header[0] & 0xFFFFFFFF))
    size, start, length, overflow, slot, needed, _, name = struct.unpack_from("<QQQQIIII", header[1])
    if size != len(data) or needed:
        raise Damage("length %d, features %d" % (size, needed))
    (seed,) = struct.unpack_from("<I", data, 12)
    (mark,) = struct.unpack_from("<d", data, 256)
    if not 1 <= mark < 2**53 or mark != int(mark):
        raise Damage("byteOffset 256: the mark")

    slots, ends = [], []
    for at in (512, 512 + slot):
        records, end = [], at + slot
        while (found := frame(data, at, end, seed)) and (not records or found[0] == records[-1][0] + 1):
            records.append(found)
            at += 16 + (len(found[1]) + 7 & ~7)
        slots.append(records)
        ends.append((at, end))
    older, newer = sorted(slots, key=lambda records: records[0][0] if records else 0)
    if not newer:
        raise Damage("byteOffset 512: no record")
    if newer[-1][0] < mark:
        raise Damage("byteOffset %d: commit %d" % (512 + slot * slots.index(newer), mark))
    for first, end in ends:
        for at in range(first + 8, end - 15, 8):
            (number,) = struct.unpack_from("<Q", data, at + 8)
            if 0 < number - newer[-1][0] <= slot // 8 and frame(data, at, end, seed):
                raise Damage("byteOffset %d: commit %d came after it" % (first, number))
    counting = older + newer if older and older[-1][0] + 1 == newer[0][0] else newer

    writes = []
    for number, payload in counting:
        if not payload:
            writes = []
            continue
        if len(payload) == 8 and payload[6:] == b"\0\0":
            found = frame(data, 512 + 2 * slot, start, seed)
            if not found or found[0] != number or len(found[1]) != int.from_bytes(payload[:6], "little"):
                raise Damage("byteOffset %d: commit %d" % (512 + 2 * slot, number))
            payload = found[1]
        at = 0
        while at < len(payload):
            place, count = int.from_bytes(payload[at : at + 6], "little"), int.from_bytes(payload[at + 6 : at + 8], "little")
            if not count or at + 8 + (count + 7 & ~7) > len(payload) or place < start or place + count > size:
                raise Damage("commit %d: a write of %d bytes at %d" % (number, count, place))
            writes.append((place, payload[at + 8 : at + 8 + count]))
            at += 8 + (count + 7 & ~7)
    for place, content in writes:
        data[place : place + len(content)] = content
    layout = header[1][48 : 48 + name].decode()
    return {"layout": layout, "sequence": newer[-1][0], "dataOffset": start, "pending": len(writes), "data": zlib.crc32(data[start:])}


for path in sys.argv[1:]:
    try:
        with open(path, "rb") as file:
            print(json.dumps(read(bytearray(file.read()))))
    except Damage as damage:
        print(json.dumps({"damage": str(damage)}))
