// SPDX-License-Identifier: Apache-2.0
#include "wire/aws_credentials.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace sealane::wire {
namespace {

std::string error_of(std::string_view text) {
  const auto keys = AwsKeyring::parse(text);
  return keys ? "" : keys.error().what;
}

TEST(AwsCredentials, a_file_as_the_aws_cli_writes_it) {
  const auto keys = AwsKeyring::parse(
      "\xef\xbb\xbf# comment\r\n"
      "[default]\r\n"
      "aws_access_key_id = AKIDEXAMPLE\r\n"
      "aws_secret_access_key=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\r\n"
      "region = eu-west-1\r\n"
      "\r\n"
      "; another\n"
      "[ reader ]\n"
      "  aws_session_token = an indented line is another program's\n"
      "aws_access_key_id =\tAKIAREADER\n"
      "aws_secret_access_key = s=e=c\n"
      "sealane_services = dynamodb , route53\n"
      "sealane_access = read\n"
      "[no keys here]\n"
      "credential_process = /usr/bin/other");
  ASSERT_TRUE(keys) << keys.error().what;
  ASSERT_EQ(keys->keys().size(), 2u);
  const AwsKey* const first = keys->find("AKIDEXAMPLE");
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->profile, "default");
  EXPECT_EQ(first->secret, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
  EXPECT_TRUE(first->may("dynamodb", Access::write));
  EXPECT_TRUE(first->may("anything", Access::read));
  const AwsKey* const reader = keys->find("AKIAREADER");
  ASSERT_NE(reader, nullptr);
  EXPECT_EQ(reader->profile, "reader");
  EXPECT_EQ(reader->secret, "s=e=c");
  EXPECT_TRUE(reader->may("dynamodb", Access::read));
  EXPECT_TRUE(reader->may("route53", Access::read));
  EXPECT_FALSE(reader->may("route53", Access::write));
  EXPECT_FALSE(reader->may("cloudfront", Access::read));
  EXPECT_EQ(keys->find("AKIA"), nullptr);
  EXPECT_EQ(keys->find(""), nullptr);
}

TEST(AwsCredentials, no_key_is_no_error) {
  for (const char* text : {"", "\n\n", "# only this", "[default]", "[default]\nregion = x"}) {
    const auto keys = AwsKeyring::parse(text);
    ASSERT_TRUE(keys) << text;
    EXPECT_TRUE(keys->keys().empty());
  }
}

TEST(AwsCredentials, mistakes_are_told_with_their_line) {
  const std::string head = "[default]\naws_access_key_id = AKID\naws_secret_access_key = SECRET\n";
  EXPECT_EQ(error_of("aws_access_key_id = x"),
            "line 1: settings must follow a profile, as [default]");
  EXPECT_EQ(error_of("\n[default"), "line 2: a profile is written [name]");
  EXPECT_EQ(error_of("[]"), "line 1: a profile is written [name]");
  EXPECT_EQ(error_of("[a]\nwhat"), "line 2: expected name = value");
  EXPECT_EQ(error_of(head + "aws_access_key_id = B"),
            "line 4: aws_access_key_id stands twice in this profile");
  EXPECT_EQ(error_of(head + "aws_secret_access_key = B"),
            "line 4: aws_secret_access_key stands twice in this profile");
  EXPECT_EQ(error_of("[a]\naws_access_key_id = a/b"), "line 2: not a usable aws_access_key_id");
  EXPECT_EQ(error_of("[a]\naws_secret_access_key ="), "line 2: not a usable aws_secret_access_key");
  EXPECT_EQ(error_of(head + "aws_session_token = t"),
            "line 4: aws_session_token: temporary credentials cannot be used here");
  EXPECT_EQ(error_of(head + "sealane_access = all"), "line 4: sealane_access is read or write");
  EXPECT_EQ(error_of(head + "sealane_services ="),
            "line 4: sealane_services is a list as: dynamodb, route53");
  EXPECT_EQ(error_of(head + "sealane_acess = read"),
            "line 4: unknown setting sealane_acess: there are sealane_services and sealane_access");
  EXPECT_EQ(error_of("\n[a]\naws_access_key_id = A\n[b]\n"),
            "line 2: profile [a] lacks aws_secret_access_key");
  EXPECT_EQ(error_of("[a]\naws_secret_access_key = A"),
            "line 1: profile [a] lacks aws_access_key_id");
  EXPECT_EQ(error_of(head + "[b]\naws_access_key_id = AKID\naws_secret_access_key = OTHER\n"),
            "profiles [default] and [b] have the same aws_access_key_id");
}

TEST(AwsCredentials, temporary_credentials_may_sign_but_not_be_checked) {
  const std::string head = "[a]\naws_access_key_id = ASIA\naws_secret_access_key = SECRET\n";
  const std::string text = head + "aws_session_token = IQoJb3//8=\n" + "[b]" + head.substr(3);
  const auto keys = AwsKeyring::parse(text, AwsKeyring::Use::sign);
  ASSERT_TRUE(keys) << keys.error().what;
  ASSERT_NE(keys->find_profile("a"), nullptr);
  EXPECT_EQ(keys->find_profile("a")->session_token, "IQoJb3//8=");
  ASSERT_NE(keys->find_profile("b"), nullptr) << "the same key may stand in two profiles";
  EXPECT_EQ(keys->find_profile("b")->session_token, "");
  EXPECT_EQ(keys->find_profile("c"), nullptr);
  const auto error = [&](const std::string& more) {
    return AwsKeyring::parse(head + more, AwsKeyring::Use::sign).error().what;
  };
  EXPECT_EQ(error("aws_session_token = a\naws_session_token = b"),
            "line 5: aws_session_token stands twice in this profile");
  EXPECT_EQ(error("aws_session_token = a b"), "line 4: not a usable aws_session_token");
  EXPECT_TRUE(AwsKeyring::parse(head + "aws_session_token = " + std::string(8192, 't'),
                                AwsKeyring::Use::sign));
  EXPECT_EQ(error("aws_session_token = " + std::string(8193, 't')),
            "line 4: not a usable aws_session_token");
}

TEST(AwsCredentials, no_mistake_tells_a_secret) {
  for (const char* text :
       {"[a]\naws_secret_access_key = TOPSECRET x", "[a]\naws_secret_access_key TOPSECRET",
        "[a]\naws_secret_access_key = TOPSECRET\naws_secret_access_key = TOPSECRET",
        "aws_secret_access_key = TOPSECRET", "[a]\naws_secret_access_key = TOPSECRET"}) {
    const std::string error = error_of(text);
    EXPECT_FALSE(error.empty());
    EXPECT_EQ(error.find("TOPSECRET"), error.npos) << error;
  }
}

TEST(AwsCredentials, limits) {
  std::string text;
  for (size_t i = 0; i < AwsKeyring::kKeysMax; ++i) {
    const std::string n = std::to_string(i);
    text += "[" + n + "]\naws_access_key_id=A" + n + "\naws_secret_access_key=S\n";
  }
  const auto full = AwsKeyring::parse(text);
  ASSERT_TRUE(full);
  EXPECT_EQ(full->keys().size(), AwsKeyring::kKeysMax);
  EXPECT_NE(full->find("A9999"), nullptr);
  EXPECT_EQ(
      AwsKeyring::parse(text + "[x]\naws_access_key_id=B\naws_secret_access_key=S\n").error().code,
      Code::limit);
  EXPECT_TRUE(AwsKeyring::parse(std::string(AwsKeyring::kTextBytesMax, '\n')));
  EXPECT_EQ(AwsKeyring::parse(std::string(AwsKeyring::kTextBytesMax + 1, '\n')).error().code,
            Code::limit);
  EXPECT_TRUE(AwsKeyring::parse("[a]\naws_access_key_id=A\naws_secret_access_key=" +
                                std::string(256, 's')));
  EXPECT_FALSE(AwsKeyring::parse("[a]\naws_access_key_id=A\naws_secret_access_key=" +
                                 std::string(257, 's')));
}

TEST(AwsCredentials, a_fresh_file_reads_back_and_every_bit_of_chance_is_in_it) {
  std::set<std::string> seen;
  std::array<uint8_t, 40> random{};
  for (size_t bit = 0; bit <= 320; ++bit) {
    random.fill(0x5a);
    if (bit < 320) random[bit / 8] ^= uint8_t(1u << bit % 8);
    const std::string text = fresh_aws_credentials(random);
    EXPECT_TRUE(seen.insert(text).second) << bit;
    const auto keys = AwsKeyring::parse(text);
    ASSERT_TRUE(keys) << keys.error().what;
    ASSERT_EQ(keys->keys().size(), 1u);
    EXPECT_EQ(keys->keys()[0].profile, "default");
    EXPECT_EQ(keys->keys()[0].access_key.size(), 20u);
    EXPECT_TRUE(keys->keys()[0].access_key.starts_with("AKIA"));
    EXPECT_EQ(keys->keys()[0].secret.size(), 40u);
  }
}

}  // namespace
}  // namespace sealane::wire
