#!/usr/bin/env bash
# png_sum.sh FILE: a sum of the picture's pixels, whatever the compression. Exit status 77 and a reason without Python.
command -v python3 >/dev/null || { echo "python3 is not installed"; exit 77; }
exec python3 - "$1" <<'END'
import sys, zlib
data, at, pixels, header = open(sys.argv[1], "rb").read(), 8, b"", b""
while at < len(data):
    length, kind = int.from_bytes(data[at:at + 4], "big"), data[at + 4:at + 8]
    if kind == b"IHDR":
        header = data[at + 8:at + 8 + length]
    elif kind == b"IDAT":
        pixels += data[at + 8:at + 8 + length]
    at += 12 + length
print("%08x" % zlib.crc32(zlib.decompress(pixels), zlib.crc32(header)))
END
