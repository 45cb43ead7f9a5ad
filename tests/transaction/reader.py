"""Reads a pool from what docs/formats.md says, and nothing else: python3 reader.py FILE… prints a line of JSON for each."""

import struct
import sys
import zlib
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))
from frames import Damage, frame, main, number


def read(data):
    if data[:8] != b"daxfpool":
        raise Damage("it is not a pool")
    header = frame(data, 8, len(data), 0)
    if header is None or header[1] != 0x01020304:
        raise Damage("byteOffset 8: the header")
    if header[0] != 1:
        raise Damage("version %d" % header[0])
    size, start, length, overflow, slot, needed, _, name = struct.unpack_from("<QQQQIIII", header[2])
    if size != len(data) or needed:
        raise Damage("length %d, features %d" % (size, needed))
    (seed,) = struct.unpack_from("<I", data, 12)
    (mark,) = struct.unpack_from("<d", data, 256)
    if not 1 <= mark < 2**53 or mark != int(mark):
        raise Damage("byteOffset 256: the mark")

    slots, ends = [], []
    for at in (512, 512 + slot):
        records, end = [], at + slot
        while (found := frame(data, at, end, seed)) and (not records or number(found) == records[-1][0] + 1):
            records.append((number(found), found[2]))
            at += 16 + (len(found[2]) + 7 & ~7)
        slots.append(records)
        ends.append((at, end))
    older, newer = sorted(slots, key=lambda records: records[0][0] if records else 0)
    if not newer:
        raise Damage("byteOffset 512: no record")
    if newer[-1][0] < mark:
        raise Damage("byteOffset %d: commit %d" % (512 + slot * slots.index(newer), mark))
    for first, end in ends:
        for at in range(first + 8, end - 15, 8):
            (later,) = struct.unpack_from("<Q", data, at + 8)
            if 0 < later - newer[-1][0] <= slot // 8 and frame(data, at, end, seed):
                raise Damage("byteOffset %d: commit %d came after it" % (first, later))
    counting = older + newer if older and older[-1][0] + 1 == newer[0][0] else newer

    writes = []
    for commit, payload in counting:
        if not payload:
            writes = []
            continue
        if len(payload) == 8 and payload[6:] == b"\0\0":
            found = frame(data, 512 + 2 * slot, start, seed)
            if not found or number(found) != commit or len(found[2]) != int.from_bytes(payload[:6], "little"):
                raise Damage("byteOffset %d: commit %d" % (512 + 2 * slot, commit))
            payload = found[2]
        at = 0
        while at < len(payload):
            place, count = int.from_bytes(payload[at : at + 6], "little"), int.from_bytes(payload[at + 6 : at + 8], "little")
            if not count or at + 8 + (count + 7 & ~7) > len(payload) or place < start or place + count > size:
                raise Damage("commit %d: a write of %d bytes at %d" % (commit, count, place))
            writes.append((place, payload[at + 8 : at + 8 + count]))
            at += 8 + (count + 7 & ~7)
    for place, content in writes:
        data[place : place + len(content)] = content
    layout = header[2][48 : 48 + name].decode()
    return {"layout": layout, "sequence": newer[-1][0], "dataOffset": start, "pending": len(writes), "data": zlib.crc32(data[start:])}


main(read)
