// SPDX-License-Identifier: Apache-2.0
#include "state/handoff/endpoint.h"

#include <gtest/gtest.h>

namespace sealane::state {
namespace {

TEST(Endpoints, an_address_is_signed_for_the_region_of_the_node) {
  const auto at = endpoint_of("http://192.0.2.1:8000", "", "us-east-1");
  ASSERT_TRUE(at);
  EXPECT_EQ(at->tables.authority, "192.0.2.1:8000");
  EXPECT_EQ(at->tables.ip, IpAddress::v4(192, 0, 2, 1));
  EXPECT_EQ(at->tables.port, 8000);
  EXPECT_FALSE(at->tables.tls);
  EXPECT_EQ(at->streams, at->tables);
  EXPECT_EQ(at->target, "/");
  EXPECT_EQ(at->region, "us-east-1");
}

TEST(Endpoints, those_of_aws_tell_their_region_and_have_another_host_for_streams) {
  const auto at = endpoint_of("https://dynamodb.eu-west-1.amazonaws.com", "", "dublin");
  ASSERT_TRUE(at);
  EXPECT_EQ(at->tables.authority, "dynamodb.eu-west-1.amazonaws.com");
  EXPECT_FALSE(at->tables.ip);
  EXPECT_EQ(at->tables.port, 443);
  EXPECT_TRUE(at->tables.tls);
  EXPECT_EQ(at->streams.host, "streams.dynamodb.eu-west-1.amazonaws.com");
  EXPECT_EQ(at->streams.authority, "streams.dynamodb.eu-west-1.amazonaws.com");
  EXPECT_EQ(at->region, "eu-west-1");
  const auto other_port =
      endpoint_of("https://dynamodb.eu-west-1.amazonaws.com:8443/x/", "us-west-2", "dublin");
  ASSERT_TRUE(other_port);
  EXPECT_EQ(other_port->streams.authority, "streams.dynamodb.eu-west-1.amazonaws.com:8443");
  EXPECT_EQ(other_port->target, "/x/");
  EXPECT_EQ(other_port->region, "us-west-2") << "what the operator says goes first";
}

TEST(Endpoints, regions_of_aws_are_told_by_their_form) {
  for (const auto& [host, region] : std::initializer_list<std::pair<const char*, const char*>>{
           {"dynamodb.us-east-1.amazonaws.com", "us-east-1"},
           {"dynamodb-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"},
           {"dynamodb.cn-north-1.amazonaws.com.cn", "cn-north-1"},
           {"dynamodb.us-east-1.api.aws", "us-east-1"},
           {"123456789012.ddb.ap-southeast-2.amazonaws.com", "ap-southeast-2"},
           {"vpce-0ab1-cdef.dynamodb.eu-central-1.vpce.amazonaws.com", "eu-central-1"},
           {"dynamodb.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"},
           {"dynamodb.amazonaws.com", ""},
           {"dynamodb.us-east-1.example.test", ""},
           {"us-east-1", ""},
           {"", ""}}) {
    EXPECT_EQ(aws_region_of(host), region) << host;
  }
  EXPECT_EQ(endpoint_of("https://dynamodb-fips.us-east-1.amazonaws.com", "", "a")->streams.host,
            "dynamodb-fips.us-east-1.amazonaws.com");
}

TEST(Endpoints, what_is_no_url_is_refused) {
  for (const char* url : {"", "192.0.2.1:8000", "ftp://a.test", "http://", "http://a b",
                          "http://a.test/?x", "http://u@a.test"}) {
    EXPECT_FALSE(endpoint_of(url, "", "us-east-1")) << url;
  }
}

}  // namespace
}  // namespace sealane::state
