// SPDX-License-Identifier: Apache-2.0
#include "main/admin.h"

#include <fmt/format.h>

#include <charconv>

#include "wire/http/reader.h"

namespace sealane::main {
namespace {

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr ==
            text.data() + i + 3) {
      out += char(value);
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

Admin::Query query_of(std::string_view text) {
  Admin::Query out;
  while (!text.empty()) {
    const size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    const size_t equals = std::min(pair.find('='), pair.size());
    out[percent_decoded(pair.substr(0, equals))] =
        equals < pair.size() ? percent_decoded(pair.substr(equals + 1)) : "";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace

class Admin::Connection final : public port::StreamHandler {
 public:
  Connection(Admin& admin, std::unique_ptr<port::Stream> stream)
      : admin_(admin),
        stream_(std::move(stream)),
        idle_(admin.lane_.timers.make([this] { close(); })) {
    stream_->set_handler(*this);
    stay();
  }

  void on_data(std::span<const char> bytes) override {
    stay();
    std::string_view in(bytes.data(), bytes.size());
    while (true) {
      switch (reader_.next(in, limits_, fields_)) {
        case wire::http::Event::more: return;
        case wire::http::Event::head: keep_alive_ = reader_.head().keep_alive; answer(); break;
        case wire::http::Event::body: break;
        case wire::http::Event::end:
          if (!keep_alive_) return close();
          break;
        case wire::http::Event::refused:
          send({reader_.refusal().status, "text/plain", std::string(reader_.refusal().what) + "\n"},
               false);
          return close();
      }
      // A client that asks without reading is not worth memory.
      if (stream_->pending_bytes() > kPendingMax) return close();
    }
  }
  void on_end() override { close(); }
  void on_error(const Error&) override {
    stream_.reset();
    close();
  }

 private:
  static constexpr size_t kPendingMax = 4u << 20;

  void stay() { idle_->arm_at(admin_.lane_.clock.now() + kIdle); }
  void answer() {
    const auto& head = reader_.head();
    const bool is_head = head.method_id == wire::http::Method::head;
    if (head.method_id != wire::http::Method::get && !is_head) {
      return send({405, "text/plain", "only GET and HEAD\n"}, false);
    }
    const size_t mark = std::min(head.target.find('?'), head.target.size());
    const auto query = head.target.substr(std::min(mark + 1, head.target.size()));
    send(admin_.handler_(head.target.substr(0, mark), query_of(query)), is_head);
  }
  void send(const Page& page, bool head_only) {
    const std::string head = fmt::format(
        "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: "
        "no-store\r\n{}\r\n",
        page.status, page.status < 400 ? "OK" : "Error", page.type, page.body.size(),
        keep_alive_ ? "" : "Connection: close\r\n");
    const std::string_view parts[] = {head,
                                      head_only ? std::string_view{} : std::string_view(page.body)};
    stream_->write(parts);
  }
  void close() {
    if (stream_ != nullptr) port::Stream::close_after_flush(std::move(stream_));
    idle_->disarm();
    // Not from inside our own callback: the owner lets go of us in its next turn.
    if (closing_) return;
    closing_ = true;
    if (!admin_.lane_.inbox.post(
            [&admin = admin_, self = this] { admin.connections_.erase(self); })) {
      closing_ = false;  // the idle timer tries again
      stay();
    }
  }

  Admin& admin_;
  std::unique_ptr<port::Stream> stream_;
  std::unique_ptr<port::Timer> idle_;
  wire::http::RequestReader reader_;
  wire::http::Limits limits_;
  std::vector<wire::http::Field> fields_;
  bool keep_alive_ = true;
  bool closing_ = false;
};

Admin::Admin(port::Lane& lane, Handler handler) : lane_(lane), handler_(std::move(handler)) {}
Admin::~Admin() = default;

// Alone: the data ports are shared between lanes by SO_REUSEPORT, so this is where a second node on
// the same address finds out.
Status Admin::listen(const SocketAddress& at) {
  SL_TRY(listener_,
         lane_.net.listen(at, {.alone = true}, [this](std::unique_ptr<port::Stream> stream) {
           if (connections_.size() >= kConnectionsMax) return;  // dropped: closed
           auto connection = std::make_unique<Connection>(*this, std::move(stream));
           connections_.emplace(connection.get(), std::move(connection));
         }));
  return {};
}

}  // namespace sealane::main
