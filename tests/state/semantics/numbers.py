# SPDX-License-Identifier: Apache-2.0
"""Numbers: 38 digits, 1E-130 to 9.99E125, one way to write each value."""
import re

from subject import Case, Number, client, item, rows, values

OVERFLOW = "Number overflow. Attempting to store a number with magnitude larger than supported range"
UNDERFLOW = "Number underflow. Attempting to store a number with magnitude smaller than supported range"
TOO_LONG = "Attempting to store more than 38 significant digits in a Number"
NINES = "9" * 38

# sent, as it comes back
CANONICAL = (
    ("0", "0"), ("-0", "0"), ("0.0", "0"), ("0e10", "0"), ("00", "0"), ("-0.00", "0"), ("1", "1"), ("-1", "-1"), ("+1", "1"),
    ("01", "1"), ("1.0", "1"), ("1.10", "1.1"), ("0.5", "0.5"), (".5", "0.5"), ("-.5", "-0.5"), ("5.", "5"), ("1e2", "100"),
    ("1E2", "100"), ("1e+2", "100"), ("1.5e1", "15"), ("1e-2", "0.01"), ("-1.50e-3", "-0.0015"), ("100", "100"),
    ("1200e-2", "12"), ("0.1e1", "1"), (NINES, NINES), ("-" + NINES, "-" + NINES), ("0." + NINES, "0." + NINES),
    (NINES + "00", NINES + "00"), (NINES + ".000", NINES), ("000" + NINES, NINES), ("1" + "0" * 60, "1" + "0" * 60),
    ("1e125", "1" + "0" * 125), ("9.9999e125", "99999" + "0" * 121), ("-1e125", "-1" + "0" * 125),
    ("1e-130", "0." + "0" * 129 + "1"), ("-1e-130", "-0." + "0" * 129 + "1"),
    ("3.1415926535897932384626433832795028841", "3.1415926535897932384626433832795028841"),
)

REFUSED = (
    ("1e126", OVERFLOW), ("-1e126", OVERFLOW), ("10e125", OVERFLOW), ("1e1000", OVERFLOW), ("1e-131", UNDERFLOW),
    ("-1e-131", UNDERFLOW), ("0.1e-130", UNDERFLOW), ("1" * 39, TOO_LONG), ("0." + "1" * 39, TOO_LONG),
    ("1" + "0" * 38 + "1", TOO_LONG), ("1." + "0" * 37 + "1", TOO_LONG),
    ("", "The parameter cannot be converted to a numeric value"),
    *((bad, "The parameter cannot be converted to a numeric value: " + bad) for bad in (
        "x", "NaN", "Infinity", "-Infinity", "1x", " 1", "1 ", "1,5", "0x10", "--1", "1e", "e1", ".", "-", "1e1.5", "\u0661")),
)


class Numbers(Case):
    @rows(*((f"{number} {sent[:12]}", sent, back) for number, (sent, back) in enumerate(CANONICAL)))
    def test_canonical(self, sent, back):
        client.put_item(TableName=self.table, Item={**self.key(), "n": {"N": sent}, "ns": {"NS": [sent]},
                                                    "l": {"L": [{"N": sent}]}})
        found = client.get_item(TableName=self.table, Key=self.key())["Item"]
        self.assertEqual((found["n"], found["ns"], found["l"]), ({"N": back}, {"NS": [back]}, {"L": [{"N": back}]}))

    @rows(*((f"{number} {sent[:12]}", sent, message) for number, (sent, message) in enumerate(REFUSED)))
    def test_refused(self, sent, message):
        for value in ({"N": sent}, {"NS": [sent]}, {"M": {"a": {"N": sent}}}):
            with self.invalid(message):
                client.put_item(TableName=self.table, Item={**self.key(), "n": value})
        with self.invalid("ExpressionAttributeValues contains invalid value: " + message + " for key :v"):
            client.update_item(TableName=self.table, Key=self.key(), UpdateExpression="SET n = :v",
                               ExpressionAttributeValues={":v": {"N": sent}})

    @rows(
        ("carry through 38 digits", NINES[:-1] + "8", "+", "1", NINES),
        ("carry into the 39th", NINES, "+", "1", "1" + "0" * 38),
        ("exact tenth", "0.1", "+", "0.2", "0.3"),
        ("below zero", "1", "-", "3", "-2"),
        ("to zero", "1.50", "-", "1.5", "0"),
        ("far exponents that fit", "1e20", "+", "1e-10", "100000000000000000000.0000000001"),
        ("large integers", "10000000000000000000000", "+", "1", "10000000000000000000001"),
        ("cancellation", "1e37", "-", NINES[:-1], "1"),
        ("both negative", "-1.5", "+", "-2.5", "-4"),
        ("largest", "5e125", "+", "4e125", "9" + "0" * 125),
        ("smallest", "3e-130", "-", "2e-130", "0." + "0" * 129 + "1"),
    )
    def test_arithmetic(self, left, operator, right, expected):
        for expression, given in ((f"SET n = :a {operator} :b", {"a": Number(left), "b": Number(right)}),
                                  (f"SET m = if_not_exists(q, :a) {operator} :b", {"a": Number(left), "b": Number(right)})):
            client.update_item(TableName=self.table, Key=self.key(), UpdateExpression=expression,
                               ExpressionAttributeValues=values(**given))
        found = client.get_item(TableName=self.table, Key=self.key())["Item"]
        self.assertEqual((found["n"]["N"], found["m"]["N"]), (expected, expected))

    @rows(("plus", "SET n = :a + :b"), ("minus", "SET n = :a - :b"))
    def test_a_sum_of_more_than_38_digits_is_refused(self, expression):
        with self.invalid(re.compile("number|Number")):
            client.update_item(TableName=self.table, Key=self.key(), UpdateExpression=expression,
                               ExpressionAttributeValues=values(a=Number("1e50"), b=1))

    def test_add_makes_the_canonical_form_too(self):
        client.update_item(TableName=self.table, Key=self.key(), UpdateExpression="ADD n :v",
                           ExpressionAttributeValues=values(v=Number("1.50")))
        client.update_item(TableName=self.table, Key=self.key(), UpdateExpression="ADD n :v",
                           ExpressionAttributeValues=values(v=Number("0.5e0")))
        self.assertEqual(client.get_item(TableName=self.table, Key=self.key())["Item"]["n"], {"N": "2"})


class NumberKeys(Case):
    schema = "sn"

    @rows(("trailing zeros", "1.50", "1.5"), ("exponent", "15e-1", "1.50"), ("zero", "-0", "0.00"), ("large", "1e125", "10e124"),
          ("small", "1e-130", "0.1e-129"), ("38 digits", "-" + NINES, "-0" + NINES + ".0"))
    def test_one_value_is_one_key(self, one, other):
        table, mark = self.table, self.pk
        client.put_item(TableName=table, Item=item(pk=mark, sk=Number(one)))
        client.put_item(TableName=table, Item=item(pk=mark, sk=Number(other), v=1))
        found = client.query(TableName=table, KeyConditionExpression="pk = :pk", ExpressionAttributeValues=values(pk=mark))
        self.assertEqual(found["Count"], 1)
        self.assertIn("v", found["Items"][0])
        self.assertIn("Item", client.get_item(TableName=table, Key=item(pk=mark, sk=Number(one))))

    @rows(("overflow", "1e126", OVERFLOW), ("underflow", "1e-131", UNDERFLOW), ("digits", "1" * 39, TOO_LONG),
          ("word", "x", "The parameter cannot be converted to a numeric value: x"))
    def test_refused(self, sent, message):
        key = item(pk=self.pk, sk=Number(sent))
        for operation, parameter in ((client.put_item, "Item"), (client.get_item, "Key"), (client.update_item, "Key"),
                                     (client.delete_item, "Key")):
            with self.invalid(message):
                operation(**{"TableName": self.table, parameter: key})
