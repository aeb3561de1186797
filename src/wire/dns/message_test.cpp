// SPDX-License-Identifier: Apache-2.0
#include "wire/dns/message.h"

#include <gtest/gtest.h>

#include "base/dice.h"
#include "wire/dns/rdata.h"

namespace sealane::wire::dns {
namespace {

Result<Message> decode(std::string_view bytes) {
  return decode_message({bytes_of(bytes), bytes.size()});
}

Message sample() {
  Message m;
  m.id = 9;
  m.flags = Flag::qr | Flag::aa;
  m.rcode = Rcode::badvers;
  m.questions = {{"Www.example.test", Type::a, Class::in}};
  m.answers = {{"www.example.test", Type::a, 5, std::string("\1\2\3\4", 4)}};
  m.authorities = {{"example.test", Type::ns, 6, std::string("\2ns\0", 4)}};
  m.additionals = {{"ns", 731, 7, "opaque"}};
  m.edns = Edns{.udp_bytes_max = 1400,
                .dnssec_ok = true,
                .options = {{OptionCode::nsid, "me"}, {OptionCode::ecs, ""}}};
  return m;
}

TEST(Messages, are_written_and_read_back) {
  const Message m = sample();
  const Result<Message> back = decode(encode_message(m).value());
  ASSERT_TRUE(back.has_value()) << back.error().what;
  EXPECT_EQ(back->id, 9);
  EXPECT_EQ(back->rcode, Rcode::badvers) << "in two parts";
  EXPECT_TRUE(back->is(Flag::aa) && !back->is(Flag::tc));
  EXPECT_EQ(back->questions, m.questions);
  EXPECT_EQ(back->answers, m.answers);
  EXPECT_EQ(back->authorities, m.authorities);
  EXPECT_EQ(back->additionals, m.additionals);
  ASSERT_TRUE(back->edns.has_value());
  EXPECT_EQ(back->edns->udp_bytes_max, 1400);
  EXPECT_TRUE(back->edns->dnssec_ok);
  EXPECT_EQ(back->edns->find(OptionCode::nsid)->value, "me");
  EXPECT_EQ(back->edns->find(OptionCode::cookie), nullptr);
}

TEST(Messages, cut_anywhere_or_with_bytes_behind_are_errors) {
  const std::string whole = encode_message(sample()).value();
  for (size_t bytes = 0; bytes < whole.size(); ++bytes)
    EXPECT_FALSE(decode(whole.substr(0, bytes)).has_value()) << bytes;
  EXPECT_FALSE(decode(whole + "x").has_value());
}

TEST(Messages, with_any_bit_changed_are_read_or_refused_and_what_is_read_can_be_written) {
  const std::string whole = encode_message(sample()).value();
  Dice dice(5);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = whole;
    for (uint64_t n = 1 + dice.below(4); n > 0; --n)
      bytes[dice.below(bytes.size())] ^= char(1 << dice.below(8));
    const Result<Message> m = decode(bytes);
    if (m) EXPECT_TRUE(encode_message(*m).has_value());
  }
}

TEST(Messages, name_the_scope_of_their_subnet) {
  Message m;
  EXPECT_EQ(m.ecs_scope_bits(), std::nullopt);
  m.edns = Edns{.options = {{OptionCode::ecs, ecs_value(Prefix::parse("10.0.0.0/9").value(), 17)}}};
  EXPECT_EQ(m.ecs_scope_bits(), 17);
  EXPECT_EQ(m.edns->options[0].value, std::string("\0\1\x09\x11\x0a\0", 6));
}

TEST(Messages, of_more_than_65535_bytes_are_not_written) {
  Message m;
  m.answers = {{"a", 731, 1, std::string(65'000, 'x')}, {"a", 731, 1, std::string(497, 'x')}};
  EXPECT_TRUE(encode_message(m).has_value());
  m.answers[1].rdata += 'x';
  EXPECT_FALSE(encode_message(m).has_value());
}

TEST(Types, have_names_and_numbers) {
  EXPECT_EQ(type_name(Type::https), "HTTPS");
  EXPECT_EQ(type_by_name("https"), Type::https);
  EXPECT_EQ(type_name(731), "TYPE731");
  EXPECT_EQ(type_by_name("Type731"), 731);
  for (const char* bad : {"TYPE", "TYPE65536", "TYPE1x", "HTTP", ""})
    EXPECT_FALSE(type_by_name(bad).has_value()) << bad;
}

}  // namespace
}  // namespace sealane::wire::dns
