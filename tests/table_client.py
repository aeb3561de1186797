# SPDX-License-Identifier: Apache-2.0
"""The tables of a LiveWorld's region, for tests: signed requests from an address inside it."""
import configparser
import http.client
import json
import os

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.credentials
from botocore.config import Config


class Refused(Exception):
    pass


class Tables:
    """DynamoDB's API of one region, from an address inside it: so that a region that is cut off is still reached."""

    def __init__(self, world, region):
        self.world, self.region = world, region
        keys = configparser.ConfigParser()
        keys.read(os.path.join(world.data, "sealane-keys"))
        self.key, self.secret = (keys["default"][k] for k in ("aws_access_key_id", "aws_secret_access_key"))
        self._signer = botocore.auth.SigV4Auth(botocore.credentials.Credentials(self.key, self.secret), "dynamodb", region)
        self._connection = None

    def call(self, operation, **body):
        body = json.dumps(body).encode()
        host = f"{self.world.ips[self.region]}:{self.world.ports['state']}"
        request = botocore.awsrequest.AWSRequest("POST", f"http://{host}/", data=body, headers={
            "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"DynamoDB_20120810.{operation}", "Host": host})
        self._signer.add_auth(request)
        if self._connection is None:
            self._connection = http.client.HTTPConnection(host, timeout=3,
                                                          source_address=(self.world.user_of(self.region), 0))
        try:
            self._connection.request("POST", "/", body, dict(request.headers))
            answer = self._connection.getresponse()
            status, text = answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            self._connection = None
            raise
        if status != 200:
            raise Refused(f"{status} {text.decode(errors='replace')}")
        return json.loads(text)

    def boto3(self):
        """A client that knows nothing of Sealane; it cannot choose the address that it asks from."""
        return boto3.client("dynamodb", endpoint_url=f"http://{self.world.ips[self.region]}:{self.world.ports['state']}",
                            region_name=self.region, aws_access_key_id=self.key, aws_secret_access_key=self.secret,
                            config=Config(connect_timeout=2, read_timeout=5, retries={"max_attempts": 0}))

    def scan(self, table):
        client = self.boto3()
        try:
            pages = client.get_paginator("scan").paginate(TableName=table)
            return {item["id"]["S"]: item for page in pages for item in page["Items"]}
        finally:
            client.close()

    def has(self, note):
        try:
            return "Item" in self.call("GetItem", TableName="notes", Key={"id": {"S": note}})
        except Refused:
            return False

    def close(self):
        if self._connection is not None:
            self._connection.close()
