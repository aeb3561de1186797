# SPDX-License-Identifier: Apache-2.0
"""Who may ask, and what is said to whom may not."""
import base64
import re

import botocore.auth

from subject import REGION, REPLICA, Case, raw, rows, send, signed_headers
from wire.signer import TARGET, ask, sign, stamp

MISMATCH = re.compile("^The request signature we calculated does not match the signature you provided. Check your AWS Secret "
                      "Access Key and signing method. Consult the service documentation for details.")
UNKNOWN_KEY = re.compile("^The security token included in the request is invalid")
MISSING = "Request is missing Authentication Token"
SKEW_MAX_MIN = 15


def changed(headers, **changes):
    """The signed headers, changed after they were signed."""
    return {**headers, **{name.replace("_", "-"): value for name, value in changes.items()}}


class Accepted(Case):
    @rows(
        ("as botocore", {}),
        ("least of headers", {"signed": ["host", "x-amz-date", "x-amz-target"]}),
        ("no blanks in the header", {"separator": ","}),
        ("any case of names", {"headers": {"x-amz-target": TARGET, "X-Amz-Target": None}}),
        ("blanks in values", {"headers": {"X-Amz-Note": "  a   b \t c "}}),
        ("a header more", {"headers": {"X-Amz-User-Agent": "aws-sdk-js/3", "amz-sdk-request": "attempt=1; max=3"}}),
        ("charset", {"headers": {"Content-Type": "application/x-amz-json-1.0; charset=utf-8"}}),
        ("body hash in a header", {"headers": {
            "X-Amz-Content-Sha256": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}}),
        ("nearly too early", {"date": "late", "minutes": SKEW_MAX_MIN - 1}),
        ("nearly too late", {"date": "early", "minutes": -(SKEW_MAX_MIN - 1)}),
    )
    def test_accepted(self, how):
        if "minutes" in how:
            how = {"date": stamp(how["minutes"])}
        answer = ask(**how)
        self.assertEqual(answer.status, 200, answer.body)
        self.assertIn("TableNames", answer.json)

    def test_any_region_of_the_world_will_do(self):
        # A client with one name for its tables signs for one region, whichever of them it is steered to.
        answer = ask(region=REPLICA)
        self.assertEqual(answer.status, 200, answer.body)

    def test_who_answers_is_the_region_that_is_asked(self):
        arn = raw("DescribeTable", {"TableName": self.table}, region=REPLICA).json["Table"]["TableArn"]
        self.assertEqual(arn.split(":")[3], REGION)

    def test_our_signer_agrees_with_that_of_botocore(self):
        theirs = signed_headers(b"{}", TARGET)
        ours = sign(date=theirs["X-Amz-Date"])
        self.assertEqual(ours["Authorization"], theirs["Authorization"])

    @rows(("SigV4Auth", botocore.auth.SigV4Auth), ("S3SigV4Auth", botocore.auth.S3SigV4Auth))
    def test_signers_of_botocore(self, signer):
        answer = send(b"{}", signed_headers(b"{}", TARGET, signer=signer))
        self.assertEqual(answer.status, 200, answer.body)

    @rows(("an empty object", b"{}"), ("text", '{"ExclusiveStartTableName": "zzzz"}'.encode()),
          ("with blanks", b' { "Limit" : 1 } '))
    def test_bodies(self, body):
        answer = ask(body)
        self.assertEqual(answer.status, 200, answer.body)


class Refused(Case):
    @rows(
        ("wrong secret", {"secret_key": "wrong"}, "InvalidSignatureException", MISMATCH),
        ("unknown key", {"access_key": "AKIDNOBODY"}, "UnrecognizedClientException", UNKNOWN_KEY),
        ("too late", {"minutes": -(SKEW_MAX_MIN + 1)}, "InvalidSignatureException",
         re.compile(r"^Signature expired: \d{8}T\d{6}Z is now earlier than \d{8}T\d{6}Z \(\d{8}T\d{6}Z - 15 min\.\)$")),
        ("too early", {"minutes": SKEW_MAX_MIN + 1}, "InvalidSignatureException",
         re.compile(r"^Signature not yet current: \d{8}T\d{6}Z is still later than \d{8}T\d{6}Z \(\d{8}T\d{6}Z \+ 15 min\.\)$")),
        ("host not signed", {"signed": ["x-amz-date", "x-amz-target"]}, "InvalidSignatureException",
         re.compile("must be a 'SignedHeader' in the AWS Authorization")),
        # AWS says that every x-amz-* header must be signed; whoever may change the target may do anything.
        ("target not signed", {"signed": ["host", "x-amz-date"]}, "InvalidSignatureException", None),
        ("other service", {"service": "s3"}, "InvalidSignatureException",
         re.compile("Credential should be scoped to correct service: 'dynamodb'")),
        ("region of no world", {"region": "mars-north-1"}, "InvalidSignatureException",
         re.compile(r"^Credential should be scoped to a valid region, not 'mars-north-1'\. $")),
        ("other terminator", {"terminator": "aws5_request"}, "InvalidSignatureException",
         re.compile("Credential should be scoped with a valid terminator: 'aws4_request'")),
        ("scope of another day", {"scope": "20200101/us-east-1/dynamodb/aws4_request"}, "InvalidSignatureException",
         re.compile("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: ")),
        ("scope too short", {"scope": "20200101/us-east-1/dynamodb"}, "IncompleteSignatureException",
         re.compile("Credential must have exactly 5 slash-delimited elements")),
        ("other algorithm", {"algorithm": "AWS4-HMAC-SHA25"}, "IncompleteSignatureException",
         re.compile("Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA25'")),
        ("hash of another body", {"headers": {"X-Amz-Content-Sha256": "0" * 64}, "payload_hash": "0" * 64},
         "InvalidSignatureException", None),
        ("body not signed, without TLS", {"headers": {"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}, "payload_hash": "UNSIGNED-PAYLOAD"},
         "InvalidSignatureException", None),
        ("session token of nobody", {"headers": {"X-Amz-Security-Token": "IQoJb3JpZ2luX2VjEXAMPLE"}}, "UnrecognizedClientException",
         UNKNOWN_KEY),
        ("date that is none", {"headers": {"X-Amz-Date": "yesterday"}}, "IncompleteSignatureException",
         re.compile("Date must be in ISO-8601 'basic format'")),
    )
    def test_signed_wrong(self, how, code, message):
        if "minutes" in how:
            how = {"date": stamp(how["minutes"])}
        self.check_raw_error(ask(**how), code, message)

    @rows(
        ("target", {"X_Amz_Target": "DynamoDB_20120810.DescribeLimits"}),
        ("content type", {"Content_Type": "application/json"}),
        ("date", {"X_Amz_Date": stamp(1)}),
    )
    def test_a_header_changed_after_it_was_signed(self, change):
        self.check_raw_error(send(b"{}", changed(sign(), **change)), "InvalidSignatureException", MISMATCH)

    @rows(("body", b'{"Limit": 1}', b'{"Limit": 2}'), ("blank added", b"{}", b"{} "), ("emptied", b'{"Limit": 1}', b"{}"))
    def test_a_body_changed_after_it_was_signed(self, before, later):
        self.check_raw_error(send(later, sign(before)), "InvalidSignatureException", MISMATCH)

    def test_another_path_than_was_signed(self):
        answer = send(b"{}", sign(), path="/?a=b")
        self.assertEqual((answer.status, answer.code), (400, "InvalidSignatureException"))

    def test_every_digit_of_the_signature_counts(self):
        headers = sign()
        start, _, signature = headers["Authorization"].rpartition("=")
        for place in (0, 31, 63):
            digit = "0" if signature[place] != "0" else "1"
            broken = signature[:place] + digit + signature[place + 1:]
            self.check_raw_error(send(b"{}", changed(headers, Authorization=f"{start}={broken}")), "InvalidSignatureException", MISMATCH)
        for broken in (signature[:-1], signature + "0", signature.upper(), "x" * 64):
            answer = send(b"{}", changed(headers, Authorization=f"{start}={broken}"))
            self.assertEqual(answer.status, 400, broken)
            self.assertIn(answer.code, ("InvalidSignatureException", "IncompleteSignatureException"), broken)

    @rows(
        ("nothing", None), ("basic", "Basic " + base64.b64encode(b"a:b").decode()), ("bearer", "Bearer x"),
        ("version 1", "AWS AKIDEXAMPLE:frJIUN8DYpKDtOLCwo//yllqDzg="),
    )
    def test_without_our_kind_of_signature(self, value):
        headers = {name: one for name, one in changed(sign(), Authorization=value).items() if one is not None}
        self.check_raw_error(send(b"{}", headers), "MissingAuthenticationTokenException", MISSING)

    @rows(("signature", "Signature"), ("credential", "Credential"), ("signed headers", "SignedHeaders"))
    def test_a_part_of_the_header_is_missing(self, part):
        headers = sign()
        kind, _, rest = headers["Authorization"].partition(" ")
        rest = ", ".join(one for one in rest.split(", ") if not one.startswith(part + "="))
        self.check_raw_error(send(b"{}", changed(headers, Authorization=f"{kind} {rest}")), "IncompleteSignatureException",
                             re.compile(f"^Authorization header requires '{part}' parameter\\."))

    def test_no_date(self):
        headers = sign(headers={"X-Amz-Date": None})
        self.check_raw_error(send(b"{}", headers), "IncompleteSignatureException", re.compile(
            "^Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header\\."))

    def test_signed_twice(self):
        self.check_raw_error(
            send(b"{}", sign(), path="/?X-Amz-Algorithm=AWS4-HMAC-SHA256"), "InvalidSignatureException",
            "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")

    @rows(("HmacV1Auth", "HmacV1Auth"), ("SigV3Auth", "SigV3Auth"))
    def test_older_signers_of_botocore(self, name):
        import botocore.awsrequest
        import botocore.credentials
        credentials = botocore.credentials.Credentials("AKIDEXAMPLE", "secret")
        request = botocore.awsrequest.AWSRequest(method="POST", url="http://example.com/", data=b"{}", headers={"X-Amz-Target": TARGET})
        if name == "HmacV1Auth":
            botocore.auth.HmacV1Auth(credentials).add_auth(request)
        else:
            botocore.auth.SigV3Auth(credentials).add_auth(request)
        headers = {**dict(request.headers), "Content-Type": "application/x-amz-json-1.0", "Host": sign()["Host"]}
        self.check_raw_error(send(b"{}", headers), "MissingAuthenticationTokenException", MISSING)

    def test_a_hostile_header_is_only_refused(self):
        for value in ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256 ,,,===", "AWS4-HMAC-SHA256 Credential=, SignedHeaders=, "
                      "Signature=", "AWS4-HMAC-SHA256 " + "Credential=a," * 500, "AWS4-HMAC-SHA256 Credential=////, SignedHeaders=;;;;, "
                      "Signature=" + "f" * 64):
            answer = send(b"{}", changed(sign(), Authorization=value))
            self.assertEqual(answer.status, 400, value[:60])
            self.assertIn(answer.code, ("IncompleteSignatureException", "InvalidSignatureException", "UnrecognizedClientException"), value[:60])
