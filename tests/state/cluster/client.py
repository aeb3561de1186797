# SPDX-License-Identifier: Apache-2.0
"""A client of DynamoDB's API that costs little: signs by itself, keeps its connection, sees all headers."""
import datetime
import hashlib
import hmac
import http.client
import json

# What a request can come to without an answer: whether it was carried out is not known.
NO_ANSWER = (OSError, http.client.HTTPException)


class Refused(Exception):
    def __init__(self, status, text):
        super().__init__(f"{status} {text}")
        self.status = status


class Answer:
    def __init__(self, headers, body):
        self.body = body
        self.token = headers.get("x-sealane-session")
        self.stale_ms = int(headers.get("x-sealane-stale", 0))
        self.lag_ms = int(headers.get("x-sealane-lag-ms", 0))

    def json(self):
        return json.loads(self.body)


class Client:
    """Of one thread, which must be in the region's network."""

    def __init__(self, host, region, key, secret, timeout_s):
        self.host, self.region, self.timeout_s = host, region, timeout_s
        self._key, self._secret = key, secret
        self._signing = (None, None)  # (day, key)
        self._connection = None

    def call(self, operation, body, token=None, headers=()):
        """Raises Refused, or one of NO_ANSWER."""
        body = json.dumps(body).encode()
        fields = self._signed(f"DynamoDB_20120810.{operation}", body)
        if token:
            fields["X-Sealane-Session"] = token
        fields.update(headers)
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self.host, timeout=self.timeout_s)
        try:
            self._connection.request("POST", "/", body, fields)
            answer = self._connection.getresponse()
            status, text = answer.status, answer.read()
        except NO_ANSWER:
            self.close()
            raise
        if status != 200:
            raise Refused(status, text.decode(errors="replace"))
        return Answer({k.lower(): v for k, v in answer.getheaders()}, text)

    def scan(self, table):
        """The bodies of all pages, as they came."""
        pages, after = [], {}
        while True:
            pages.append(self.call("Scan", {"TableName": table, "Limit": 100, **after}).body)
            last = json.loads(pages[-1]).get("LastEvaluatedKey")
            if last is None:
                return pages
            after = {"ExclusiveStartKey": last}

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _signed(self, target, body):
        now = datetime.datetime.now(datetime.timezone.utc)
        when, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
        scope = f"{day}/{self.region}/dynamodb/aws4_request"
        canonical = (f"POST\n/\n\ncontent-type:application/x-amz-json-1.0\nhost:{self.host}\nx-amz-date:{when}\n"
                     f"x-amz-target:{target}\n\ncontent-type;host;x-amz-date;x-amz-target\n{hashlib.sha256(body).hexdigest()}")
        words = f"AWS4-HMAC-SHA256\n{when}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        if self._signing[0] != day:
            key = b"AWS4" + self._secret.encode()
            for part in (day, self.region, "dynamodb", "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._signing = (day, key)
        signature = hmac.digest(self._signing[1], words.encode(), "sha256").hex()
        return {"Host": self.host, "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": target, "X-Amz-Date": when,
                "Authorization": f"AWS4-HMAC-SHA256 Credential={self._key}/{scope}, "
                                 f"SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={signature}"}
