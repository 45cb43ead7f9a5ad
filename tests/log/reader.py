"""Reads a log from what docs/formats.md says, and nothing else: python3 reader.py FILE… prints a line of JSON for each."""

import struct
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))
from frames import Damage, frame, main, number


def read(data):
    if data[:8] != b"daxf.log":
        raise Damage("it is not a log")
    header = frame(data, 8, len(data), 0)
    if header is None or header[1] != 0x01020304:
        raise Damage("byteOffset 8: the header")
    if header[0] != 1:
        raise Damage("version %d" % header[0])
    mask, start, size, needed, _ = struct.unpack_from("<IIQII", header[2])
    if size != len(data) or needed:
        raise Damage("length %d, features %d" % (size, needed))
    end = size - size % 8

    def seed(sequence, at):
        parts = (sequence & 0xFFFFFFFF) * 0x9E3779B1 ^ (sequence >> 32) * 0x85EBCA77 ^ (at >> 3) * 0xC2B2AE3D
        return (start ^ parts) & 0xFFFFFFFF

    def record(sequence, at):
        found = frame(data, at, end, seed(sequence, at))
        return found if found and found[0] == (sequence ^ mask) & 0xFFFFFFFF else None

    states = [(number(found), found[2]) for found in (frame(data, at, at + 64, seed(0, at)) for at in (1024, 2048)) if found]
    if not states:
        raise Damage("byteOffset 1024: the state")
    epoch, flags, base, at, sequence, limit = struct.unpack_from("<IIQQQQ", max(states)[1])
    while not flags & 1:
        found = record(sequence, at)
        if not found or found[1] >> 1 != epoch:
            if found and found[1] >> 1 > epoch:
                raise Damage("byteOffset %d: the state is older" % at)
            for later in range(at + 16, min(limit, end - 16) + 1, 8):
                if struct.unpack_from("<I", data, later + 12)[0] == epoch * 2:
                    ahead = ((struct.unpack_from("<I", data, later + 8)[0] ^ mask) - sequence) & 0xFFFFFFFF
                    if 0 < ahead <= (later - at) // 16 and record(sequence + ahead, later):
                        raise Damage("byteOffset %d: record %d" % (at, sequence))
            break
        at += 16 + (len(found[2]) + 7 & ~7)
        sequence += 1
    records, at = [], 4096
    for current in range(base, sequence):
        found = record(current, at)
        if not found:
            raise Damage("byteOffset %d: record %d" % (at, current))
        records.append({"sequence": current, "byteOffset": at, "epoch": found[1] >> 1, "bytes": found[2].hex()})
        at += 16 + (len(found[2]) + 7 & ~7)
    return {"epoch": epoch, "base": base, "records": records}


main(read)
