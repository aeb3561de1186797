# SPDX-License-Identifier: Apache-2.0
"""Signature Version 4 in the open, written from its public description, so that a case can break any one part of it."""
import datetime
import hashlib
import hmac

from subject import ACCESS_KEY, HOST, REGION, SECRET_KEY, send

TARGET = "DynamoDB_20120810.ListTables"


def stamp(minutes=0):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)).strftime("%Y%m%dT%H%M%SZ")


def sign(body=b"{}", headers=None, date=None, signed=None, method="POST", path="/", query="", access_key=ACCESS_KEY,
         secret_key=SECRET_KEY, region=REGION, service="dynamodb", terminator="aws4_request", algorithm="AWS4-HMAC-SHA256",
         scope=None, payload_hash=None, separator=", "):
    """All headers of the request. `headers` replace ours (None takes one away); `signed` lists what the signature covers."""
    date = date or stamp()
    sent = {"Host": HOST.netloc, "X-Amz-Date": date, "X-Amz-Target": TARGET, "Content-Type": "application/x-amz-json-1.0",
            **(headers or {})}
    sent = {name: value for name, value in sent.items() if value is not None}
    by_name = {name.lower(): " ".join(value.split()) for name, value in sent.items()}
    signed = sorted(by_name) if signed is None else signed
    payload_hash = payload_hash or hashlib.sha256(body).hexdigest()
    canonical = "\n".join([method, path, query, *(f"{name}:{by_name.get(name, '')}" for name in signed), "", ";".join(signed),
                           payload_hash])
    scope = scope or f"{date[:8]}/{region}/{service}/{terminator}"
    to_sign = "\n".join([algorithm, date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret_key).encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    sent["Authorization"] = f"{algorithm} " + separator.join((
        f"Credential={access_key}/{scope}", f"SignedHeaders={';'.join(signed)}", f"Signature={signature}"))
    return sent


def ask(body=b"{}", **how):
    return send(body, sign(body, **how))
