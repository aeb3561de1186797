# SPDX-License-Identifier: Apache-2.0
"""What an answer carries, and what is said of a body that is not what it should be."""
import json
import zlib

from subject import Case, raw, rows, send
from wire.signer import ask, sign


class Envelopes(Case):
    @rows(("success", "ListTables", {}, 200), ("refusal", "DescribeTable", {"TableName": "sealane_nowhere"}, 400),
          ("unknown operation", "Unknown", {}, 400), ("serialization", "ListTables", {"Limit": "x"}, 400))
    def test_headers(self, operation, parameters, status):
        first, second = raw(operation, parameters), raw(operation, parameters)
        self.assertEqual(first.status, status)
        self.assertEqual(first.headers["x-amz-crc32"], str(zlib.crc32(first.body)))
        self.assertEqual(first.headers["Content-Type"], "application/x-amz-json-1.0")
        self.assertEqual(first.headers["Content-Length"], str(len(first.body)))
        self.assertRegex(first.headers["x-amzn-RequestId"], r"^[0-9A-Z]{52}$")
        self.assertNotEqual(first.headers["x-amzn-RequestId"], second.headers["x-amzn-RequestId"])

    @rows(("operation", "DynamoDB_20120810.MakeTea"), ("api", "DynamoDB_19990101.ListTables"), ("no api", "ListTables"),
          ("case", "DynamoDB_20120810.listTables"), ("empty", ""), ("dots", "DynamoDB_20120810.ListTables.x"))
    def test_unknown_operation(self, target):
        answer = ask(headers={"X-Amz-Target": target})
        self.assertEqual((answer.status, answer.code), (400, "UnknownOperationException"))

    @rows(("validation", "ListTables", {"Limit": 0}, "com.amazon.coral.validate#ValidationException"),
          ("serialization", "ListTables", {"Limit": "x"}, "com.amazon.coral.service#SerializationException"),
          ("no table", "DescribeTable", {"TableName": "sealane_nowhere"},
           "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"),
          ("unknown", "MakeTea", {}, "com.amazon.coral.service#UnknownOperationException"))
    def test_full_type(self, operation, parameters, expected):
        self.assertEqual(raw(operation, parameters).json["__type"], expected)

    def test_unknown_members_are_left_alone(self):
        answer = raw("ListTables", {"Limit": 1, "SomethingOfTomorrow": {"a": [1]}})
        self.assertEqual(answer.status, 200, answer.body)

    def test_null_is_as_if_it_were_not_there(self):
        answer = raw("ListTables", {"Limit": None, "ExclusiveStartTableName": None})
        self.assertEqual(answer.status, 200, answer.body)

    def test_application_json_does_as_well(self):
        answer = ask(headers={"Content-Type": "application/json"})
        self.assertEqual(answer.status, 200)
        self.assertIn(answer.headers["Content-Type"], ("application/json", "application/x-amz-json-1.0"))

    @rows(("text", "text/plain"), ("form", "application/x-www-form-urlencoded"), ("other version", "application/x-amz-json-1.1"))
    def test_other_content_types(self, content_type):
        answer = ask(headers={"Content-Type": content_type})
        self.assertEqual((answer.status, answer.body), (404, b"<UnknownOperationException/>\n"))

    def test_the_keys_of_an_answer_are_as_they_were_sent(self):
        key = {"pk": {"S": "json \u2028 \" \\ / \x01 \U0001f600"}}
        raw("PutItem", {"TableName": self.table, "Item": {**key, "\n\"": {"S": "\t"}}})
        self.assertEqual(raw("GetItem", {"TableName": self.table, "Key": key}).json, {"Item": {**key, "\n\"": {"S": "\t"}}})


PUT = "PutItem"
START_OF_STRUCTURE = "Start of structure or map found where not expected"
UNEXPECTED = "Unexpected field type"


class WrongTypes(Case):
    @rows(
        ("number for a string", "GetItem", {"TableName": 1}, "NUMBER_VALUE cannot be converted to String"),
        ("fraction for a string", "GetItem", {"TableName": 1.5}, "DECIMAL_VALUE cannot be converted to String"),
        ("true for a string", "GetItem", {"TableName": True}, "TRUE_VALUE cannot be converted to String"),
        ("false for a string", "GetItem", {"TableName": False}, "FALSE_VALUE cannot be converted to String"),
        ("object for a string", "GetItem", {"TableName": {}}, START_OF_STRUCTURE),
        ("list for a string", "GetItem", {"TableName": []}, "Unrecognized collection type class java.lang.String"),
        ("string for an integer", "ListTables", {"Limit": "1"}, "STRING_VALUE cannot be converted to Integer"),
        ("true for an integer", "ListTables", {"Limit": True}, "TRUE_VALUE cannot be converted to Integer"),
        ("list for an integer", "ListTables", {"Limit": []}, "Unrecognized collection type class java.lang.Integer"),
        ("number for a truth", "GetItem", {"ConsistentRead": 1}, "NUMBER_VALUE cannot be converted to Boolean"),
        ("word for a truth", "GetItem", {"ConsistentRead": "perhaps"}, "Unexpected token received from parser"),
        ("string for a map", "GetItem", {"ExpressionAttributeNames": "x"}, None),
        ("list for a map", "GetItem", {"Key": []}, None),
        ("number in a value", PUT, {"Item": {"pk": {"S": 1}}}, "NUMBER_VALUE cannot be converted to String"),
        ("number for a number", PUT, {"Item": {"pk": {"N": 1}}}, "NUMBER_VALUE cannot be converted to String"),
        ("string for a value", PUT, {"Item": {"pk": "x"}}, "Unexpected value type in payload"),
        ("list for a value", PUT, {"Item": {"pk": []}},
         "Unrecognized collection type class com.amazonaws.dynamodb.v20120810.AttributeValue"),
        ("string for a list value", PUT, {"Item": {"pk": {"L": "x"}}}, UNEXPECTED),
        ("object for a list value", PUT, {"Item": {"pk": {"L": {}}}}, START_OF_STRUCTURE),
        ("string for a map value", PUT, {"Item": {"pk": {"M": "x"}}}, UNEXPECTED),
        ("string for a set", PUT, {"Item": {"pk": {"SS": "x"}}}, UNEXPECTED),
        ("number in a set", PUT, {"Item": {"pk": {"SS": [1]}}}, "NUMBER_VALUE cannot be converted to String"),
        ("not base64", PUT, {"Item": {"pk": {"B": "@@@@"}}}, None),
        ("base64 without padding", PUT, {"Item": {"pk": {"B": "YQ"}}},
         "Base64 encoded length is expected a multiple of 4 bytes but found: 2"),
        ("number for base64", PUT, {"Item": {"pk": {"B": 1}}}, "only base-64-encoded strings are convertible to bytes"),
        ("deep in a list", PUT, {"Item": {"pk": {"L": [{"M": {"a": {"S": 1}}}]}}}, "NUMBER_VALUE cannot be converted to String"),
    )
    def test_refused(self, operation, parameters, message):
        self.check_raw_error(raw(operation, {"TableName": "sealane_nowhere", **parameters}), "SerializationException", message)


class BrokenBodies(Case):
    @rows(
        ("no body", b""), ("half", b'{"Limit": '), ("text", b"hello"), ("trailing comma", b'{"Limit": 1,}'), ("single quotes", b"{'Limit': 1}"),
        ("two objects", b"{}{}"), ("something after", b"{} x"), ("list never closed", b"[" * 50_000), ("object never closed", b'{"a":' * 50_000),
        ("unquoted", b"{Limit: 1}"), ("nan", b'{"Limit": NaN}'),
        ("string never closed", b'{"a": "'), ("control character", b'{"a": "\x01"}'), ("bad escape", b'{"a": "\\x"}'),
        ("hex number", b'{"Limit": 0x1}'), ("zero first", b'{"Limit": 01}'), ("only blanks", b"   "), ("nul", b"\x00"),
    )
    def test_refused(self, body):
        answer = raw("ListTables", body)
        self.assertEqual((answer.status, answer.code), (400, "SerializationException"), answer.body[:200])
        self.assertEqual(raw("ListTables", {}).status, 200)

    @rows(("invalid utf-8", b'{"ExclusiveStartTableName": "\xff\xfe\xfd"}'), ("half a pair", b'{"ExclusiveStartTableName": "\\ud800aaa"}'),
          ("deep where nobody looks", b'{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}"), ("list", b"[]"), ("string", b'"x"'), ("number", b"1"), ("true", b"true"), ("byte order mark", b"\xef\xbb\xbf{}"))
    def test_answered(self, body):
        answer = raw("ListTables", body)
        self.assertIn(answer.status, (200, 400), answer.body[:200])
        if answer.status == 400:
            self.assertIn(answer.code, ("SerializationException", "ValidationException"))
        self.assertEqual(raw("ListTables", {}).status, 200)

    @rows(("exponent", b'{"Limit": 1e400}'), ("many digits", b'{"Limit": ' + b"9" * 5000 + b"}"), ("negative", b'{"Limit": -99999999999999999999}'),
          ("past 32 bits", b'{"Limit": 4294967297}'))
    def test_giant_integers(self, body):
        answer = raw("ListTables", body)
        self.assertEqual(answer.status, 400, answer.body[:200])
        self.assertIn(answer.code, ("SerializationException", "ValidationException"))

    def test_giant_numbers_of_items(self):
        for number in ("9" * 100_000, "1e99999999999999999999", "0." + "0" * 100_000 + "1", "1" + "0" * 100_000):
            answer = raw("PutItem", {"TableName": self.table, "Item": {"pk": {"S": self.pk}, "n": {"N": number}}})
            self.check_raw_error(answer, "ValidationException")

    @rows(("lists", '{"L":[', "]}"), ("maps", '{"M":{"a":', "}}"))
    def test_deep_values(self, opening, closing):
        for depth in (1000, 30_000):
            body = ('{"TableName": "%s", "Item": {"pk": {"S": "x"}, "deep": ' % self.table + opening * depth + '{"S":"x"}' +
                    closing * depth + "}}").encode()
            answer = raw("PutItem", body)
            self.assertEqual(answer.status, 400)
            self.assertIn(answer.code, ("ValidationException", "SerializationException"))

    def test_a_key_twice(self):
        answer = send(*(lambda body: (body, sign(body)))(b'{"Limit": 1, "Limit": 2}'))
        self.assertIn(answer.status, (200, 400))
        json.loads(answer.body)
