// SPDX-License-Identifier: Apache-2.0
#include "dns/responder.h"

#include <gtest/gtest.h>

#include "dns/fake_lane.h"
#include "dns/test_world.h"
#include "wire/dns/message.h"
#include "wire/dns/rdata.h"
#include "wire/dns/svcb.h"

namespace sealane::dns {
namespace {

using namespace wire::dns;

class Answers : public testing::Test {
 public:
  Answers() { adopt(); }
  void adopt(bool limit_loopback = true) {
    responder = std::make_unique<Responder>(
        ResponderOptions{
            .nsid = "node-1", .cookie_secret = SipKey{1, 2}, .limit_loopback = limit_loopback},
        dice, meter);
    authority = Authority::compile(world.plan);
    responder->adopt(authority, world.plan, world.view);
  }
  std::string ask_raw(std::string_view packet, size_t reply_max = 4096) {
    std::string reply(reply_max, '\0');
    const size_t bytes =
        responder->answer({bytes_of(packet), packet.size()}, asker,
                          {reinterpret_cast<uint8_t*>(reply.data()), reply.size()});
    reply.resize(bytes);
    return reply;
  }
  // The decoded answer; a packet that does not decode fails the test.
  Message ask(std::string_view name, uint16_t type, QueryOptions options = {}) {
    options.id = 4711;
    const std::string reply = ask_raw(make_query(name, type, options).value(), 65535);
    Result<Message> message = decode_message({bytes_of(reply), reply.size()});
    EXPECT_TRUE(message.has_value()) << name << ": " << (message ? "" : message.error().what);
    if (!message) return {};
    EXPECT_EQ(message->id, 4711);
    EXPECT_TRUE(message->is(Flag::qr));
    return *message;
  }
  static std::string text(const std::vector<Record>& records) {
    std::string all;
    for (const Record& r : records) {
      all += r.owner + " " + std::to_string(r.ttl_s) + " " + type_name(r.type) + " " +
             rdata_to_text(r.type, r.rdata) + "\n";
    }
    return all;
  }

  TestWorld world;
  Dice dice{1};
  FakeMeter meter;
  std::shared_ptr<const Authority> authority;
  std::unique_ptr<Responder> responder;
  Responder::Asker asker{
      .ip = IpAddress::v4(198, 51, 100, 1), .now = Instant(1h), .unix_s = 1'700'000'000};
};

constexpr const char* kSoa =
    "example.test 120 SOA ns1.example.test. hostmaster.example.test. 7 3600 600 86400 120\n";

TEST_F(Answers, a_record_set_is_answered_with_authority) {
  const Message m = ask("host.example.test", Type::a);
  EXPECT_EQ(text(m.answers), "host.example.test 300 A 192.0.2.80\n");
  EXPECT_TRUE(m.is(Flag::aa));
  EXPECT_FALSE(m.is(Flag::ra));
  EXPECT_FALSE(m.edns.has_value());
}

TEST_F(Answers, the_case_of_the_question_is_kept_and_does_not_matter) {
  const Message m = ask("HoSt.ExAmPlE.tEsT", Type::a);
  ASSERT_EQ(m.questions.size(), 1u);
  EXPECT_EQ(m.questions[0].name, "HoSt.ExAmPlE.tEsT");
  EXPECT_EQ(text(m.answers), "host.example.test 300 A 192.0.2.80\n");
}

TEST_F(Answers, a_missing_type_is_nodata_with_the_soa) {
  const Message m = ask("host.example.test", Type::aaaa);
  EXPECT_EQ(m.rcode, Rcode::noerror);
  EXPECT_TRUE(m.answers.empty());
  EXPECT_EQ(text(m.authorities), kSoa);
}

TEST_F(Answers, a_missing_name_is_nxdomain_with_the_soa) {
  for (const char* name :
       {"nobody.example.test", "x.host.example.test", "a.very.long.name.under.example.test"}) {
    const Message m = ask(name, Type::a);
    EXPECT_EQ(m.rcode, Rcode::nxdomain) << name;
    EXPECT_EQ(text(m.authorities), kSoa) << name;
    EXPECT_TRUE(m.is(Flag::aa)) << name;
  }
}

TEST_F(Answers, an_empty_non_terminal_is_nodata) {
  for (const char* name : {"deep.example.test", "b.deep.example.test", "wild.example.test"}) {
    const Message m = ask(name, Type::a);
    EXPECT_EQ(m.rcode, Rcode::noerror) << name;
    EXPECT_EQ(text(m.authorities), kSoa) << name;
  }
}

TEST_F(Answers, a_wildcard_stands_in_for_names_that_do_not_exist) {
  EXPECT_EQ(text(ask("x.wild.example.test", Type::a).answers),
            "x.wild.example.test 300 A 192.0.2.99\n");
  EXPECT_EQ(text(ask("x.y.wild.example.test", Type::a).answers),
            "x.y.wild.example.test 300 A 192.0.2.99\n");
  EXPECT_EQ(text(ask("*.wild.example.test", Type::a).answers),
            "*.wild.example.test 300 A 192.0.2.99\n");
  const Message mx = ask("some-longer-label.wild.example.test", Type::mx);
  EXPECT_EQ(text(mx.answers), "some-longer-label.wild.example.test 300 MX 5 mail.example.test.\n");
  EXPECT_EQ(text(mx.additionals),
            "mail.example.test 300 A 192.0.2.25\nmail.example.test 300 AAAA 2001:db8::25\n");
  const Message none = ask("x.wild.example.test", Type::txt);
  EXPECT_EQ(none.rcode, Rcode::noerror);
  EXPECT_EQ(text(none.authorities), kSoa);
}

TEST_F(Answers, a_name_that_exists_below_a_wildcard_hides_it) {
  EXPECT_EQ(
      text(ask("alias.wild.example.test", Type::a).answers),
      "alias.wild.example.test 300 CNAME host.example.test.\nhost.example.test 300 A 192.0.2.80\n");
  // RFC 4592 2.2.1: alias.wild is the closest encloser and has no wildcard of its own.
  EXPECT_EQ(ask("x.alias.wild.example.test", Type::a).rcode, Rcode::nxdomain);
}

TEST_F(Answers, a_wildcard_may_be_an_alias) {
  EXPECT_EQ(
      text(ask("some.cwild.example.test", Type::a).answers),
      "some.cwild.example.test 300 CNAME host.example.test.\nhost.example.test 300 A 192.0.2.80\n");
}

TEST_F(Answers, a_cname_is_followed_inside_the_zone) {
  EXPECT_EQ(text(ask("www.example.test", Type::a).answers),
            "www.example.test 300 CNAME host.example.test.\nhost.example.test 300 A 192.0.2.80\n");
  EXPECT_EQ(text(ask("www.example.test", Type::cname).answers),
            "www.example.test 300 CNAME host.example.test.\n");
  const Message none = ask("www.example.test", Type::mx);
  EXPECT_EQ(text(none.answers), "www.example.test 300 CNAME host.example.test.\n");
  EXPECT_EQ(text(none.authorities), kSoa);
}

TEST_F(Answers, a_cname_that_leaves_the_zone_stands_alone) {
  const Message m = ask("out.example.test", Type::a);
  EXPECT_EQ(text(m.answers), "out.example.test 300 CNAME www.elsewhere.test.\n");
  EXPECT_TRUE(m.authorities.empty());
  EXPECT_EQ(m.rcode, Rcode::noerror);
}

TEST_F(Answers, a_cname_to_a_missing_name_is_nxdomain) {
  const Message m = ask("gone.example.test", Type::a);
  EXPECT_EQ(m.rcode, Rcode::nxdomain);
  EXPECT_EQ(text(m.answers), "gone.example.test 300 CNAME nobody.example.test.\n");
  EXPECT_EQ(text(m.authorities), kSoa);
}

TEST_F(Answers, a_loop_of_cnames_ends) {
  const Message m = ask("loop1.example.test", Type::a);
  EXPECT_EQ(m.rcode, Rcode::noerror);
  EXPECT_GE(m.answers.size(), 2u);
  EXPECT_LE(m.answers.size(), kChainMax);
}

TEST_F(Answers, a_cname_leads_through_a_wildcard_and_into_a_delegation) {
  EXPECT_EQ(text(ask("to-wild.example.test", Type::a).answers),
            "to-wild.example.test 300 CNAME x.wild.example.test.\nx.wild.example.test 300 A "
            "192.0.2.99\n");
  const Message m = ask("to-sub.example.test", Type::a);
  EXPECT_EQ(text(m.answers), "to-sub.example.test 300 CNAME www.sub.example.test.\n");
  EXPECT_EQ(
      text(m.authorities),
      "sub.example.test 300 NS ns.sub.example.test.\nsub.example.test 300 NS ns1.example.test.\n");
}

TEST_F(Answers, a_delegation_is_a_referral_with_glue_and_without_authority) {
  for (const char* name : {"sub.example.test", "www.sub.example.test", "x.y.sub.example.test"}) {
    const Message m = ask(name, Type::a);
    EXPECT_FALSE(m.is(Flag::aa)) << name;
    EXPECT_TRUE(m.answers.empty()) << name;
    EXPECT_EQ(
        text(m.authorities),
        "sub.example.test 300 NS ns.sub.example.test.\nsub.example.test 300 NS ns1.example.test.\n")
        << name;
    EXPECT_EQ(text(m.additionals),
              "ns.sub.example.test 300 A 192.0.2.54\nns1.example.test 300 A 192.0.2.53\n")
        << name;
  }
}

TEST_F(Answers, ds_is_answered_above_the_cut) {
  const Message m = ask("sub.example.test", Type::ds);
  EXPECT_TRUE(m.is(Flag::aa));
  ASSERT_EQ(m.answers.size(), 1u);
  EXPECT_EQ(m.answers[0].type, Type::ds);
}

TEST_F(Answers, any_is_answered_with_hinfo) {
  EXPECT_EQ(text(ask("host.example.test", Type::any).answers),
            "host.example.test 3600 HINFO \"RFC8482\" \"\"\n");
  EXPECT_EQ(text(ask("www.example.test", Type::any).answers),
            "www.example.test 300 CNAME host.example.test.\n");
  EXPECT_TRUE(ask("deep.example.test", Type::any).answers.empty());
}

TEST_F(Answers, the_nearest_region_is_answered_by_the_client_subnet_with_its_scope) {
  Message m = ask("agent.example.test", Type::a, {.subnet = Prefix::parse("10.2.3.0/24").value()});
  EXPECT_EQ(text(m.answers), "agent.example.test 5 A 127.2.0.1\n");
  EXPECT_EQ(m.ecs_scope_bits(), 16);
  m = ask("agent.example.test", Type::a, {.subnet = Prefix::parse("10.1.3.0/24").value()});
  EXPECT_EQ(text(m.answers), "agent.example.test 5 A 127.1.0.1\n");
  m = ask("agent.example.test", Type::a, {.subnet = Prefix::parse("2001:db8:2:300::/56").value()});
  EXPECT_EQ(text(m.answers), "agent.example.test 5 A 127.2.0.1\n");
  EXPECT_EQ(m.ecs_scope_bits(), 48);
  // What came in goes back: family, length and address.
  EXPECT_EQ(m.edns->find(OptionCode::ecs)->value,
            ecs_value(Prefix::parse("2001:db8:2:300::/56").value(), 48));
}

TEST_F(Answers, without_a_subnet_the_resolver_is_the_client) {
  asker.ip = IpAddress::v4(10, 2, 0, 9);
  EXPECT_EQ(text(ask("agent.example.test", Type::a).answers), "agent.example.test 5 A 127.2.0.1\n");
  // RFC 7871 7.1.2: source length 0 asks not to be told apart by it, and gets scope 0.
  const Message m =
      ask("agent.example.test", Type::a, {.subnet = Prefix::parse("0.0.0.0/0").value()});
  EXPECT_EQ(text(m.answers), "agent.example.test 5 A 127.2.0.1\n");
  EXPECT_EQ(m.ecs_scope_bits(), 0);
}

TEST_F(Answers, what_does_not_depend_on_the_client_has_scope_zero) {
  const auto subnet = Prefix::parse("10.2.3.0/24").value();
  EXPECT_EQ(ask("host.example.test", Type::a, {.subnet = subnet}).ecs_scope_bits(), 0);
  EXPECT_EQ(ask("all.example.test", Type::a, {.subnet = subnet}).ecs_scope_bits(), 0);
}

TEST_F(Answers, a_dead_region_is_not_answered_once_the_view_says_so) {
  asker.ip = IpAddress::v4(10, 1, 0, 9);
  EXPECT_EQ(text(ask("agent.example.test", Type::a).answers), "agent.example.test 5 A 127.1.0.1\n");
  world.view.endpoints[0].healthy = false;
  responder->adopt(authority, world.plan, world.view);
  EXPECT_EQ(text(ask("agent.example.test", Type::a).answers), "agent.example.test 5 A 127.2.0.1\n");
}

TEST_F(Answers, all_down_and_closed_is_servfail_with_a_reason) {
  for (auto& endpoint : world.view.endpoints) endpoint.healthy = false;
  responder->adopt(authority, world.plan, world.view);
  const Message m = ask("agent.example.test", Type::a, {.edns = true});
  EXPECT_EQ(m.rcode, Rcode::servfail);
  EXPECT_TRUE(m.answers.empty());
  ASSERT_NE(m.edns->find(OptionCode::ede), nullptr);
  EXPECT_EQ(load16(bytes_of(m.edns->find(OptionCode::ede)->value)), Ede::no_reachable_authority);
  EXPECT_EQ(ask("to-agent.example.test", Type::a).rcode, Rcode::servfail);
}

TEST_F(Answers, multivalue_answers_all_healthy_addresses_by_family) {
  EXPECT_EQ(ask("all.example.test", Type::a).answers.size(), 2u);
  EXPECT_EQ(text(ask("all.example.test", Type::aaaa).answers),
            "all.example.test 5 AAAA 2001:db8::3\n");
  std::set<std::string> first;
  for (int i = 0; i < 64; ++i)
    first.insert(rdata_to_text(Type::a, ask("all.example.test", Type::a).answers.at(0).rdata));
  EXPECT_EQ(first.size(), 2u) << "the order is thrown anew for each answer";
}

TEST_F(Answers, a_family_that_no_endpoint_has_is_nodata_for_no_longer_than_a_choice) {
  const Message m = ask("six.example.test", Type::a);
  EXPECT_EQ(m.rcode, Rcode::noerror);
  EXPECT_TRUE(m.answers.empty());
  ASSERT_EQ(m.authorities.size(), 1u);
  EXPECT_EQ(m.authorities[0].ttl_s, 5u);
  EXPECT_EQ(text(ask("six.example.test", Type::aaaa).answers),
            "six.example.test 5 AAAA 2001:db8::3\n");
}

TEST_F(Answers, a_steered_name_keeps_the_other_types_of_its_zone) {
  EXPECT_EQ(text(ask("agent.example.test", Type::txt).answers),
            "agent.example.test 300 TXT \"steered, but not this\"\n");
  EXPECT_EQ(ask("agent.example.test", Type::mx).authorities.size(), 1u);
}

TEST_F(Answers, a_cname_may_lead_to_a_steered_name) {
  asker.ip = IpAddress::v4(10, 2, 0, 9);
  EXPECT_EQ(
      text(ask("to-agent.example.test", Type::a).answers),
      "to-agent.example.test 300 CNAME agent.example.test.\nagent.example.test 5 A 127.2.0.1\n");
  const Message none = ask("to-agent.example.test", Type::aaaa);
  EXPECT_EQ(text(none.answers), "to-agent.example.test 300 CNAME agent.example.test.\n");
  EXPECT_EQ(none.authorities.size(), 1u);
}

// `check` refuses such zones; a server that is handed one all the same goes on steering.
TEST_F(Answers, a_delegation_hides_no_steered_name) {
  auto& records = world.plan.zones[0].records;
  const auto add_ns = [&records](const char* owner) {
    records.push_back({owner, Type::ns, 300, std::string("\2ns\5other\4test\0", 15)});
  };
  add_ns("agent.example.test");
  add_ns("*.wild.example.test");
  adopt();
  const Message m = ask("agent.example.test", Type::a);
  EXPECT_TRUE(m.is(Flag::aa));
  EXPECT_EQ(m.answers.size(), 1u);
  EXPECT_EQ(text(ask("foo.wild.example.test", Type::a).answers),
            "foo.wild.example.test 300 A 192.0.2.99\n");
  EXPECT_EQ(authority->problems(),
            (std::vector<std::string>{
                "'*.wild.example.test' NS is not served: a wildcard",
                "the delegation of 'agent.example.test' is not served: 'agent.example.test' is "
                "steered here"}));
}

// RFC 4592 2.2.2 and RFC 8020: the name between two zones exists.
TEST_F(Answers, a_name_above_a_zone_that_is_served_too_is_nodata) {
  world.plan.zones.push_back(
      {"x.y.example.test",
       load_zone("@ 60 SOA ns a 1 2 3 4 5\n@ 60 NS ns\nh 60 A 192.0.2.8\n", "z",
                 "x.y.example.test")
           .value()});
  adopt();
  EXPECT_EQ(ask("y.example.test", Type::a).rcode, Rcode::noerror);
  EXPECT_EQ(text(ask("y.example.test", Type::a).authorities), kSoa);
  EXPECT_EQ(ask("z.y.example.test", Type::a).rcode, Rcode::nxdomain);
  EXPECT_EQ(text(ask("h.x.y.example.test", Type::a).answers),
            "h.x.y.example.test 60 A 192.0.2.8\n");
}

TEST_F(Answers, a_steered_name_without_a_zone_gets_one_of_its_own) {
  EXPECT_EQ(ask("agent.lone.test", Type::a).answers.size(), 1u);
  const Message soa = ask("agent.lone.test", Type::soa);
  ASSERT_EQ(soa.answers.size(), 1u);
  EXPECT_EQ(rdata_to_text(Type::soa, soa.answers[0].rdata),
            "ns-us-east-1.agent.lone.test. hostmaster.agent.lone.test. 1 3600 600 86400 60");
  const Message ns = ask("agent.lone.test", Type::ns);
  EXPECT_EQ(ns.answers.size(), 3u);
  EXPECT_EQ(ns.additionals.size(), 3u);
  EXPECT_EQ(text(ask("ns-eu-west-1.agent.lone.test", Type::a).answers),
            "ns-eu-west-1.agent.lone.test 300 A 127.2.0.1\n");
  EXPECT_EQ(text(ask("ns-ap-south-1.agent.lone.test", Type::aaaa).answers),
            "ns-ap-south-1.agent.lone.test 300 AAAA 2001:db8::3\n");
  EXPECT_EQ(ask("x.agent.lone.test", Type::a).rcode, Rcode::nxdomain);
  EXPECT_EQ(ask("lone.test", Type::a).rcode, Rcode::refused);
}

TEST_F(Answers, https_is_only_said_where_http_leads_to_https) {
  EXPECT_TRUE(ask("agent.example.test", Type::https).answers.empty());
  world.plan.edge.viewer_protocol = plan::ViewerProtocol::redirect_to_https;
  adopt();
  asker.ip = IpAddress::v4(10, 2, 0, 9);
  EXPECT_EQ(text(ask("agent.example.test", Type::https).answers),
            "agent.example.test 5 HTTPS 1 . alpn=\"http/1.1\" port=8443 ipv4hint=127.2.0.1\n");
  EXPECT_EQ(text(ask("six.example.test", Type::https).answers),
            "six.example.test 5 HTTPS 1 . alpn=\"http/1.1\" port=8443 ipv6hint=2001:db8::3\n");
  world.plan.ports.https = 443;
  adopt();
  EXPECT_EQ(text(ask("agent.example.test", Type::https).answers),
            "agent.example.test 5 HTTPS 1 . alpn=\"http/1.1\" ipv4hint=127.2.0.1\n");
  EXPECT_EQ(ask("to-agent.example.test", Type::https).answers.size(), 2u);
}

TEST_F(Answers, what_is_not_ours_is_refused) {
  const Message m = ask("www.elsewhere.test", Type::a, {.edns = true});
  EXPECT_EQ(m.rcode, Rcode::refused);
  EXPECT_FALSE(m.is(Flag::aa));
  EXPECT_EQ(load16(bytes_of(m.edns->find(OptionCode::ede)->value)), Ede::not_authoritative);
  EXPECT_EQ(ask("test", Type::a).rcode, Rcode::refused);
  EXPECT_EQ(ask("", Type::ns).rcode, Rcode::refused);
  EXPECT_EQ(ask("example.test", Type::axfr).rcode, Rcode::refused);
  EXPECT_EQ(ask("example.test", Type::ixfr).rcode, Rcode::refused);
}

TEST_F(Answers, other_classes_are_refused_and_id_server_names_the_node) {
  Message query;
  query.questions = {{"example.test", Type::a, 4}};
  EXPECT_EQ(load16(bytes_of(ask_raw(encode_message(query).value())) + 2) & 15,
            uint16_t(Rcode::refused));
  query.questions = {{"ID.server", Type::txt, Class::chaos}};
  const std::string reply = ask_raw(encode_message(query).value());
  const Message m = decode_message({bytes_of(reply), reply.size()}).value();
  ASSERT_EQ(m.answers.size(), 1u);
  EXPECT_EQ(rdata_to_text(Type::txt, m.answers[0].rdata), "\"node-1\"");
  query.questions = {{"version.bind", Type::txt, Class::chaos}};
  EXPECT_EQ(load16(bytes_of(ask_raw(encode_message(query).value())) + 2) & 15,
            uint16_t(Rcode::refused));
}

TEST_F(Answers, other_opcodes_are_notimp_and_answers_are_dropped) {
  std::string packet = make_query("host.example.test", Type::a, {}).value();
  packet[2] = char(uint8_t(Opcode::notify) << 3);
  const std::string reply = ask_raw(packet);
  ASSERT_EQ(reply.size(), 12u);
  EXPECT_EQ(load16(bytes_of(reply) + 2),
            Flag::qr | uint16_t(Opcode::notify) << 11 | uint16_t(Rcode::notimp));
  packet[2] = char(0x80);
  EXPECT_TRUE(ask_raw(packet).empty());
  EXPECT_EQ(meter.get("sealane_dns_dropped_total{}"), 1u);
}

TEST_F(Answers, an_unknown_edns_version_is_badvers) {
  Message query;
  query.questions = {{"host.example.test", Type::a, Class::in}};
  query.edns = Edns{.version = 1};
  const std::string reply = ask_raw(encode_message(query).value());
  const Message m = decode_message({bytes_of(reply), reply.size()}).value();
  EXPECT_EQ(m.rcode, Rcode::badvers);
  EXPECT_EQ(m.edns->version, 0);
  EXPECT_TRUE(m.answers.empty());
}

TEST_F(Answers, nsid_and_the_do_bit_come_back) {
  const Message m = ask("host.example.test", Type::a, {.nsid = true});
  ASSERT_NE(m.edns->find(OptionCode::nsid), nullptr);
  EXPECT_EQ(m.edns->find(OptionCode::nsid)->value, "node-1");
  EXPECT_EQ(m.edns->udp_bytes_max, kUdpEdnsBytesMax);
  Message query;
  query.flags = Flag::rd | Flag::cd;
  query.questions = {{"host.example.test", Type::a, Class::in}};
  query.edns = Edns{.dnssec_ok = true};
  const std::string reply = ask_raw(encode_message(query).value());
  const Message answer = decode_message({bytes_of(reply), reply.size()}).value();
  EXPECT_TRUE(answer.edns->dnssec_ok);
  EXPECT_TRUE(answer.is(Flag::rd));
  EXPECT_TRUE(answer.is(Flag::cd));
}

TEST_F(Answers, what_does_not_fit_is_truncated_over_udp_and_whole_over_tcp) {
  for (const bool edns : {false, true}) {
    const Message m = ask("big.example.test", Type::txt, {.edns = edns});
    EXPECT_TRUE(m.is(Flag::tc));
    EXPECT_TRUE(m.answers.empty());
    EXPECT_EQ(m.edns.has_value(), edns);
  }
  asker.transport = Transport::tcp;
  const Message m = ask("big.example.test", Type::txt);
  EXPECT_FALSE(m.is(Flag::tc));
  EXPECT_EQ(m.answers.size(), 40u);
}

TEST_F(Answers, an_answer_of_exactly_the_limit_is_not_truncated) {
  const size_t header_and_question = 12 + 18 + 4,
               record = 2 + 10 + 1;  // fit.example.test, one string
  for (const bool one_more : {false, true}) {
    plan::Zone& zone = world.plan.zones[0];
    std::erase_if(zone.records, [](const Record& r) { return r.owner == "fit.example.test"; });
    const size_t free = 512 - header_and_question - 2 * record - 255 + (one_more ? 1 : 0);
    for (const size_t bytes : {size_t{255}, free}) {
      zone.records.push_back(
          {"fit.example.test", Type::txt, 1, char(bytes) + std::string(bytes, 'y')});
    }
    adopt();
    EXPECT_EQ(ask("fit.example.test", Type::txt).is(Flag::tc), one_more);
  }
}

TEST_F(Answers, a_cookie_is_answered_with_ours_and_ours_is_known_again) {
  Message m = ask("host.example.test", Type::a, {.cookie = "12345678"});
  ASSERT_NE(m.edns->find(OptionCode::cookie), nullptr);
  const std::string cookie = m.edns->find(OptionCode::cookie)->value;
  ASSERT_EQ(cookie.size(), 24u);
  EXPECT_EQ(cookie.substr(0, 8), "12345678");
  m = ask("host.example.test", Type::a, {.cookie = cookie});
  EXPECT_EQ(m.edns->find(OptionCode::cookie)->value, cookie);
  asker.ip = IpAddress::v4(198, 51, 100, 2);
  EXPECT_NE(
      ask("host.example.test", Type::a, {.cookie = cookie}).edns->find(OptionCode::cookie)->value,
      cookie);
}

// RFC 7873 5.4.
TEST_F(Answers, a_cookie_is_given_and_confirmed_without_a_question) {
  const auto ask_for_cookie = [this](std::string cookie) {
    Message query;
    query.id = 9;
    query.edns = Edns{.options = {{OptionCode::cookie, std::move(cookie)}}};
    const std::string reply = ask_raw(encode_message(query).value());
    return decode_message({bytes_of(reply), reply.size()}).value();
  };
  const Message given = ask_for_cookie("12345678");
  EXPECT_EQ(given.rcode, Rcode::noerror);
  EXPECT_EQ(given.id, 9);
  EXPECT_TRUE(given.questions.empty() && given.answers.empty());
  ASSERT_NE(given.edns->find(OptionCode::cookie), nullptr);
  const std::string cookie = given.edns->find(OptionCode::cookie)->value;
  ASSERT_EQ(cookie.size(), 24u);
  EXPECT_EQ(ask_for_cookie(cookie).rcode, Rcode::noerror);
  asker.ip = IpAddress::v4(198, 51, 100, 2);
  const Message refused = ask_for_cookie(cookie);
  EXPECT_EQ(refused.rcode, Rcode::badcookie);
  EXPECT_NE(refused.edns->find(OptionCode::cookie)->value, cookie) << "a good one comes along";
}

TEST_F(Answers, too_many_of_one_kind_slip_or_are_dropped_and_a_cookie_is_exempt) {
  world.plan.dns.responses_per_second_max = 10;
  adopt();
  const std::string query = make_query("host.example.test", Type::a, {}).value();
  int full = 0, slipped = 0, dropped = 0;
  for (int i = 0; i < 30; ++i) {
    const std::string reply = ask_raw(query);
    if (reply.empty()) {
      ++dropped;
    } else {
      (load16(bytes_of(reply) + 2) & Flag::tc ? slipped : full)++;
    }
  }
  EXPECT_EQ(full, 10);
  EXPECT_EQ(slipped, 10);
  EXPECT_EQ(dropped, 10);
  EXPECT_FALSE(ask("nobody.example.test", Type::a).is(Flag::tc)) << "another kind is counted apart";
  asker.ip = IpAddress::v4(198, 51, 101, 1);
  EXPECT_FALSE(ask("host.example.test", Type::a).is(Flag::tc))
      << "another network is counted apart";
  const std::string cookie = ask("host.example.test", Type::a, {.cookie = "12345678"})
                                 .edns->find(OptionCode::cookie)
                                 ->value;
  for (int i = 0; i < 50; ++i)
    EXPECT_FALSE(ask("host.example.test", Type::a, {.cookie = cookie}).is(Flag::tc));
}

TEST_F(Answers, loopback_is_not_limited_unless_asked_for) {
  world.plan.dns.responses_per_second_max = 10;
  adopt(false);
  asker.ip = IpAddress::v4(127, 0, 0, 1);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(ask("host.example.test", Type::a).answers.size(), 1u);
}

TEST_F(Answers, the_memo_equals_the_function) {
  Dice users(7);
  // Places that divide /24s and /56s, so that their neighbours may not be taken for each other.
  PrefixTable::Builder table;
  for (const char* one :
       {"10.1.0.0/16", "10.1.7.64/26", "10.3.3.3/32", "2001:db8:1::/48", "2001:db8:3:10::/60"}) {
    table.add(Prefix::parse(one).value(), 1);
  }
  for (const char* two : {"10.2.0.0/16", "10.2.0.0/25", "2001:db8:2::/48", "2001:db8:3:11::/64"}) {
    table.add(Prefix::parse(two).value(), 2);
  }
  world.plan.geography.table = table.build(0);
  world.view.endpoints[0].may_flip_in = 3s;
  adopt();
  for (int i = 0; i < 20'000; ++i) {
    IpAddress client =
        IpAddress::v4(10, uint8_t(users.below(4)), uint8_t(users.below(9)), uint8_t(users.roll()));
    if (users.chance(0.3)) {
      std::array<uint8_t, 16> bytes = {
          0x20, 1, 0xd, 0xb8, 0, uint8_t(users.below(4)), 0, uint8_t(users.below(40))};
      client = IpAddress::v6(bytes);
    }
    const unsigned bits = client.is_v4() ? 32 : 64;
    const Message m = ask("agent.example.test", Type::a, {.subnet = Prefix::of(client, bits)});
    const steer::Choice choice =
        steer::steer(world.plan, world.view, {plan::GroupId{0}, client}, 0);
    ASSERT_EQ(m.answers.size(), choice.head_count) << client.to_string();
    ASSERT_EQ(m.answers[0].rdata, address_rdata(world.plan.endpoint(choice.order[0]).address.ip))
        << client.to_string();
    ASSERT_EQ(m.answers[0].ttl_s, choice.ttl_s);
    ASSERT_EQ(m.ecs_scope_bits(), choice.scope_bits) << client.to_string();
  }
}

TEST_F(Answers, a_question_of_very_many_labels_is_answered) {
  std::string name;
  for (int i = 0; i < 110; ++i) name += "a.";
  EXPECT_EQ(ask(name + "example.test", Type::a).rcode, Rcode::nxdomain);
  EXPECT_EQ(text(ask(name + "wild.example.test", Type::a).answers).size() > 0, true);
}

}  // namespace
}  // namespace sealane::dns
