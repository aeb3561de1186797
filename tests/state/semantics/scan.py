# SPDX-License-Identifier: Apache-2.0
"""Scan: filters, pages, segments. Each case has a table of its own, since a scan sees all."""
import re

from subject import Case, client, create, definitions, drop, fresh_name, item, key_schema, rows, values


class Scans(Case):
    count = 40
    name = None

    def setUp(self):
        super().setUp()
        if Scans.name is None:
            Scans.name = create(fresh_name(), AttributeDefinitions=definitions(pk="S"), KeySchema=key_schema("pk"))
            self.addClassCleanup(drop, Scans.name)
            for number in range(self.count):
                client.put_item(TableName=Scans.name, Item=item(pk=f"{number:02}", number=number, even=number % 2 == 0))

    def scan(self, **more):
        return client.scan(TableName=self.name, **more)

    def everything(self, **more):
        found, start = [], {}
        while True:
            page = self.scan(**more, **start)
            found.append([int(one["pk"]["S"]) for one in page["Items"]])
            if "LastEvaluatedKey" not in page:
                return found
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def test_all(self):
        (found,) = self.everything()
        self.assertCountEqual(found, range(self.count))

    @rows(("1", 1), ("7", 7), ("40", 40), ("41", 41))
    def test_pages(self, limit):
        pages = self.everything(Limit=limit)
        self.assertTrue(all(len(page) == limit for page in pages[:-1]))
        self.assertCountEqual([one for page in pages for one in page], range(self.count))

    def test_order_is_the_same_each_time(self):
        self.assertEqual(self.everything()[0], [one for page in self.everything(Limit=3) for one in page])

    def test_filter(self):
        page = self.scan(FilterExpression="even = :t AND #n < :ten", ExpressionAttributeNames={"#n": "number"},
                         ExpressionAttributeValues=values(t=True, ten=10))
        self.assertEqual((page["Count"], page["ScannedCount"]), (5, self.count))

    def test_a_filter_may_be_on_a_key(self):
        page = self.scan(FilterExpression="pk = :pk", ExpressionAttributeValues=values(pk="07"))
        self.assertEqual((page["Count"], page["ScannedCount"]), (1, self.count))

    def test_the_limit_counts_before_the_filter(self):
        page = self.scan(FilterExpression="even = :x", ExpressionAttributeValues=values(x="none"), Limit=6)
        self.assertEqual((page["Count"], page["ScannedCount"]), (0, 6))
        self.assertIn("LastEvaluatedKey", page)

    def test_count_only(self):
        page = self.scan(Select="COUNT")
        self.assertEqual((page["Count"], "Items" in page), (self.count, False))

    @rows(*((f"{total} of {limit or 'all'}", total, limit) for total in (1, 2, 3, 7, 64) for limit in (None, 2)))
    def test_segments_are_a_partition(self, total, limit):
        more = {"Limit": limit} if limit else {}
        found = [one for segment in range(total)
                 for page in self.everything(Segment=segment, TotalSegments=total, **more) for one in page]
        self.assertCountEqual(found, range(self.count))

    @rows(
        ("segment too many", {"Segment": 2, "TotalSegments": 2}, "The Segment parameter is zero-based and must be less than parameter "
         "TotalSegments: Segment: 2 is not less than TotalSegments: 2"),
        ("segment alone", {"Segment": 1}, "The TotalSegments parameter is required but was not present in the request when Segment "
         "parameter is present"),
        ("segments alone", {"TotalSegments": 2}, "The Segment parameter is required but was not present in the request when parameter "
         "TotalSegments is present"),
        ("no segments", {"Segment": 0, "TotalSegments": 0}, "1 validation error detected: Value '0' at 'totalSegments' failed to "
         "satisfy constraint: Member must have value greater than or equal to 1"),
        ("a million and one", {"Segment": 0, "TotalSegments": 1000001}, "1 validation error detected: Value '1000001' at "
         "'totalSegments' failed to satisfy constraint: Member must have value less than or equal to 1000000"),
        ("segment below zero", {"Segment": -1, "TotalSegments": 2}, "1 validation error detected: Value '-1' at 'segment' failed to "
         "satisfy constraint: Member must have value greater than or equal to 0"),
        ("limit zero", {"Limit": 0}, "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: "
         "Member must have value greater than or equal to 1"),
        ("start of another name", {"ExclusiveStartKey": item(x="1")}, re.compile("^The provided starting key is invalid")),
        ("start of another type", {"ExclusiveStartKey": item(pk=1)}, re.compile("^The provided starting key is invalid")),
    )
    def test_refused(self, more, message):
        with self.invalid(message):
            self.scan(**more)

    def test_no_table(self):
        with self.refused("ResourceNotFoundException", "Requested resource not found"):
            client.scan(TableName="sealane_nowhere")

    def test_a_page_ends_at_one_mebibyte(self):
        name = create(fresh_name(), AttributeDefinitions=definitions(pk="S"), KeySchema=key_schema("pk"))
        self.addCleanup(drop, name)
        for number in range(6):
            client.put_item(TableName=name, Item=item(pk=str(number), body="x" * 300_000))
        page = client.scan(TableName=name)
        self.assertEqual(page["Count"], 4)
        page = client.scan(TableName=name, ExclusiveStartKey=page["LastEvaluatedKey"])
        self.assertEqual((page["Count"], "LastEvaluatedKey" in page), (2, False))

    def test_the_paginator_of_the_client(self):
        pages = client.get_paginator("scan").paginate(TableName=self.name, PaginationConfig={"PageSize": 15})
        self.assertEqual([len(page["Items"]) for page in pages], [15, 15, 10])
