// SPDX-License-Identifier: Apache-2.0
#include "edge/request.h"

#include <algorithm>
#include <charconv>
#include <system_error>

#include "cache/revalidate.h"
#include "edge/number.h"
#include "wire/http/hop_by_hop.h"

namespace sealane::edge {
namespace {

using wire::http::equal_fold;
using wire::http::Field;
using wire::http::Framing;

constexpr std::string_view kMaxForwards = "Max-Forwards";

void line(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

// Fields that we write ourselves.
bool is_ours(std::string_view name) {
  switch (name.size()) {
    case 4: return equal_fold(name, "host");
    case 6: return equal_fold(name, "expect");
    case 9: return equal_fold(name, "forwarded");
    case 11: return equal_fold(name, kHopField);
    case 13: return equal_fold(name, kProbeField);
    case 14: return equal_fold(name, "content-length");
    case 15: return equal_fold(name, "x-forwarded-for");
    case 16: return equal_fold(name, "x-forwarded-host");
    case 17: return equal_fold(name, "x-forwarded-proto");
    default: return false;
  }
}

// RFC 7239 and its older kin. A node's word stands and gets our peer appended; anybody else's is
// dropped.
void forwarding_lines(std::string& out, const Request& request, std::string_view host) {
  const Caller& caller = request.caller;
  const auto sent = [&](std::string_view name) {
    return caller.from_node ? wire::http::find(request.fields, name) : std::nullopt;
  };
  const std::string_view proto = caller.tls ? "https" : "http";
  // "name: " with what a node said before us, to be continued.
  const auto continued = [&](std::string_view name, std::string_view lower_name) {
    out.append(name).append(": ");
    const auto before = sent(lower_name);
    if (before && !before->empty()) out.append(*before).append(", ");
  };
  continued("X-Forwarded-For", "x-forwarded-for");
  caller.peer.ip.append_to(out);
  out.append("\r\n");
  line(out, "X-Forwarded-Proto", sent("x-forwarded-proto").value_or(proto));
  line(out, "X-Forwarded-Host", sent("x-forwarded-host").value_or(host));
  continued("Forwarded", "forwarded");
  const bool quoted = !caller.peer.ip.is_v4();  // RFC 7239 6
  out.append(quoted ? "for=\"[" : "for=");
  caller.peer.ip.append_to(out);
  out.append(quoted ? "]\";proto=" : ";proto=").append(proto);
  if (!host.empty()) out.append(";host=\"").append(host).append("\"");
  out.append("\r\n");
}

bool asks_for(const wire::http::RequestHead& head, std::string_view path) {
  using wire::http::Method;
  return (head.method_id == Method::get || head.method_id == Method::head) &&
         head.framing == Framing::none && head.target == path;
}

}  // namespace

std::shared_ptr<const Request> Request::copy(const wire::http::RequestHead& head,
                                             const Caller& caller) {
  auto request = std::make_shared<Request>();
  // The head is one piece of memory from the method to the end of the last field.
  const char* begin = head.method.data();
  const char* end = begin;
  const auto reach = [&](std::string_view view) {
    if (!view.empty()) end = std::max(end, view.data() + view.size());
  };
  reach(head.method);
  reach(head.target);
  reach(head.host);
  for (const Field& field : head.fields) reach(field.name), reach(field.value);
  request->bytes.assign(begin, end);
  const auto moved = [&](std::string_view view) {
    const char* at = view.data();
    if (view.empty() || at < begin || at > end) return view.empty() ? std::string_view() : view;
    return std::string_view(request->bytes).substr(size_t(at - begin), view.size());
  };
  request->fields.reserve(head.fields.size());
  for (const Field& field : head.fields) {
    request->fields.push_back({moved(field.name), moved(field.value)});
  }
  request->head = head;
  request->head.method = moved(head.method);
  request->head.target = head.target == "/" ? "/" : moved(head.target);  // "/" may be a literal
  request->head.host = moved(head.host);
  request->head.fields = request->fields;
  request->caller = caller;
  return request;
}

bool Request::repeatable() const {
  return wire::http::is_safe(head.method_id) ||
         wire::http::find(fields, "idempotency-key").has_value();
}

Caller identify(const wire::http::RequestHead& head, const SocketAddress& peer, bool tls,
                bool from_node, std::string_view health_path) {
  Caller caller{.peer = peer, .client = peer.ip, .tls = tls, .from_node = from_node};
  for (const Field& field : head.fields) {
    if (field.name.size() == kProbeField.size() && equal_fold(field.name, kProbeField)) {
      caller.probe = field.value == "1" && (from_node || asks_for(head, health_path));
    } else if (!from_node) {
      continue;
    } else if (equal_fold(field.name, kHopField)) {
      caller.hop = true;
    } else if (equal_fold(field.name, "x-forwarded-for")) {
      const auto first =
          IpAddress::parse(wire::http::trim(field.value.substr(0, field.value.find(','))));
      if (first) caller.client = *first;
    }
  }
  return caller;
}

std::optional<uint32_t> max_forwards(const wire::http::RequestHead& head) {
  if (head.method_id != wire::http::Method::options && head.method != "TRACE") return std::nullopt;
  const auto text = wire::http::find(head.fields, kMaxForwards);
  if (!text) return std::nullopt;
  uint32_t count = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), count);
  if (text->empty() || end != text->data() + text->size()) return std::nullopt;
  return error == std::errc() ? count : UINT32_MAX;
}

void compose_request(std::string& out, const Request& request, const ForOrigin& to) {
  const auto& head = request.head;
  const bool to_node = to.endpoint.kind == plan::EndpointKind::node;
  const wire::http::HopByHop hops(request.fields);
  out.append(head.method).append(" ");
  if (head.target != "*") out.append(to.endpoint.base_path);
  out.append(head.target).append(" HTTP/1.1\r\n");
  line(out, "Host", to_node && !to.host.empty() ? to.host : std::string_view(to.endpoint.host));
  const auto forwards = max_forwards(head);
  for (const Field& field : request.fields) {
    if (is_ours(field.name) || hops.drops(field.name)) continue;
    if (forwards && equal_fold(field.name, kMaxForwards)) continue;
    if (to.for_fill && cache::is_dropped_for_fill(field.name)) continue;
    line(out, field.name, field.value);
  }
  forwarding_lines(out, request, to.host);
  if (forwards) {
    out.append(kMaxForwards).append(": ");
    append_number(out, *forwards - std::min(*forwards, 1u));
    out.append("\r\n");
  }
  out.append("Via: 1.1 sealane\r\n");
  if (to_node) line(out, kHopField, to.here);
  if (request.caller.probe) line(out, kProbeField, "1");
  if (head.upgrade) {
    out.append("Connection: Upgrade\r\nUpgrade: websocket\r\n");
  }
  out.append(to.extra_lines);
  if (head.framing == Framing::chunked) {
    out.append("Transfer-Encoding: chunked\r\n");
  } else if (head.framing == Framing::length) {
    out.append("Content-Length: ");
    append_number(out, head.content_length);
    out.append("\r\n");
  } else if (wire::http::find(request.fields, "content-length")) {
    out.append("Content-Length: 0\r\n");  // RFC 9110 8.6: a POST says so
  }
  out.append("\r\n");
}

}  // namespace sealane::edge
