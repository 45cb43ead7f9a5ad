"""What docs/formats.md says is common to all formats: the checksum and the frame; and a main program for their readers."""

import json
import struct
import sys

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
    """low, high and the payload of the frame at a place; None if none is whole there"""
    if at + 16 > end:
        return None
    length, crc, low, high = struct.unpack_from("<IIII", data, at)
    if at + 16 + (length + 7 & ~7) > end or not any(data[at : at + 16]):
        return None
    payload = bytes(data[at + 16 : at + 16 + length])
    head = crc32c(data[at : at + 4], crc32c(data[at + 8 : at + 16], seed))
    return (low, high, payload) if crc == crc32c(payload, head) else None


def number(found):
    """low and high as one number"""
    return found[0] | found[1] << 32


def main(read):
    """Prints for each file that is named what `read` says of its bytes, as a line of JSON"""
    for path in sys.argv[1:]:
        try:
            with open(path, "rb") as file:
                print(json.dumps(read(bytearray(file.read()))))
        except Damage as damage:
            print(json.dumps({"damage": str(damage)}))
