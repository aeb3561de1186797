#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Signatures, envelopes and the wire, below what a client library lets one see. The cases are in wire/.

    tests/state/signature_test.py http://HOST:PORT [unittest arguments]

Environment: as for boto3_test.py.
"""
import subject

subject.main("wire.signatures", "wire.envelopes", "wire.http")
