#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Packs the address blocks of countries into country_ranges.bin.

    npm pack @ip-location-db/geo-whois-asn-country@2.3.2026061719
    ./make_country_ranges.py ip-location-db-geo-whois-asn-country-2.3.2026061719.tgz

The format, read by src/plan/data.cpp (all numbers are LEB128 varints unless said otherwise):

    "SLGEO1\\n\\0"                 8 bytes
    country count, then 2 bytes each: ISO 3166-1 alpha-2 codes in ascending order
    IPv4 range count, then each range: size(gap) size(length) country
    IPv6 range count, then the same over the upper 64 bits of the addresses

`gap` counts the addresses between the end of the range before (0 at first) and this one, `length` those in
it, `country` is one byte, a position in the list. size(0) = varint 0; size(n) = varint of
1 + trailing zeros + 64 * (n without its trailing zeros, halved), so that a power of two takes one byte.
Ranges ascend, do not touch when they have one country, and hold no special-purpose addresses (RFC 6890).
"""
import csv
import io
import ipaddress
import pathlib
import sys
import tarfile

# Nobody's users come from these; a world file may still claim them for a region.
SPECIAL = [ipaddress.ip_network(n) for n in """
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
    192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3
    ::/16 64:ff9b::/32 100::/16 2001:2::/48 2001:10::/28 2001:20::/28 2001:db8::/32 3fff::/20 5f00::/16
    fc00::/7 fe80::/10 ff00::/8""".split()]


def rows(tar, member, drop_bits):
    """(first, last, country), in units of 2**drop_bits addresses; a unit belongs to whoever holds its start
    or, if nobody does, to the first who holds a part of it."""
    text = io.TextIOWrapper(tar.extractfile("package/" + member), "utf-8")
    end = -1
    for first, last, country in csv.reader(text):
        first, last = (int(ipaddress.ip_address(a)) >> drop_bits for a in (first, last))
        first = max(first, end + 1)
        if first <= last:
            end = last
            yield first, last, country


def without_special(ranges, version, drop_bits):
    special = sorted((int(n.network_address) >> drop_bits, int(n.broadcast_address) >> drop_bits)
                     for n in SPECIAL if n.version == version)
    for first, last, country in ranges:
        for low, high in special:
            if high < first or low > last:
                continue
            if low > first:
                yield first, low - 1, country
            first = high + 1
            if first > last:
                break
        if first <= last:
            yield first, last, country


def merged(ranges):
    out = []
    for first, last, country in ranges:
        if out and out[-1][2] == country and out[-1][1] + 1 == first:
            out[-1] = (out[-1][0], last, country)
        else:
            out.append((first, last, country))
    return out


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def size(n):
    if n == 0:
        return b"\0"
    zeros = (n & -n).bit_length() - 1
    return varint(1 + zeros + 64 * (n >> zeros >> 1))


def main():
    with tarfile.open(sys.argv[1]) as tar:
        families = [merged(without_special(rows(tar, f"geo-whois-asn-country-ipv{version}.csv", drop),
                                           version, drop)) for version, drop in ((4, 0), (6, 64))]
    codes = sorted({r[2] for ranges in families for r in ranges})
    assert all(len(c) == 2 and c.isupper() for c in codes) and len(codes) < 256
    out = bytearray(b"SLGEO1\n\0") + varint(len(codes)) + "".join(codes).encode()
    for ranges in families:
        out += varint(len(ranges))
        end = 0
        for first, last, country in ranges:
            out += size(first - end) + size(last + 1 - first) + bytes([codes.index(country)])
            end = last + 1
    path = pathlib.Path(__file__).with_name("country_ranges.bin")
    path.write_bytes(out)
    print(f"{path.name}: {len(out)} bytes, {len(codes)} countries, "
          f"{len(families[0])} IPv4 and {len(families[1])} IPv6 ranges")


if __name__ == "__main__":
    main()
