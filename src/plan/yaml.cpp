// SPDX-License-Identifier: Apache-2.0
#include "plan/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <unordered_set>

namespace sealane::plan {
namespace {

Mark mark_of(const YAML::Mark& mark) {
  if (mark.line < 0 || mark.column < 0) return {};
  return {uint32_t(mark.line) + 1, uint32_t(mark.column) + 1};
}

Mark end_of(std::string_view text) {
  const auto lines = std::count(text.begin(), text.end(), '\n');
  return {uint32_t(lines) + 1, uint32_t(text.size() - (text.rfind('\n') + 1)) + 1};
}

struct Refused {  // thrown through the parser to stop it, caught in read_yaml()
  Mark at;
  std::string what;
};

class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(Mistakes& mistakes) : mistakes_(mistakes) {}
  Node take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) throw Refused{mark_of(mark), "a second document; a world file holds one"};
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    value(make(mark, Node::Kind::null, "?"));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    mistakes_.add(mark_of(mark),
                  "an alias (*name); aliases are not supported, write the value out");
    value(make(mark, Node::Kind::null, "?"));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& text) override {
    Node node = make(mark, Node::Kind::scalar, tag);
    node.text = text;
    node.quoted = tag == "!";
    value(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(make(mark, Node::Kind::list, tag));
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open(make(mark, Node::Kind::map, tag));
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Node node;
    std::optional<Node::Entry> pending;    // map: a key that waits for its value
    bool skip = false;                     // the pending key is given twice; its value is dropped
    std::unordered_set<std::string> keys;  // map
  };

  Node make(const YAML::Mark& mark, Node::Kind kind, const std::string& tag) {
    const Mark at = mark_of(mark);
    if (++nodes_ > kYamlNodesMax) {
      throw Refused{at, fmt::format("more than {} values in one file", kYamlNodesMax)};
    }
    if (!tag.empty() && tag != "?" && tag != "!") {
      mistakes_.add(at, fmt::format("the tag {}; tags are not supported", quoted(tag)));
    }
    Node node;
    node.kind = kind;
    node.at = at;
    return node;
  }

  void open(Node node) {
    if (open_.size() >= kYamlDepthMax) {
      throw Refused{node.at, fmt::format("nested more than {} deep", kYamlDepthMax)};
    }
    open_.push_back({std::move(node), std::nullopt, false, {}});
  }

  void close() {
    Node done = std::move(open_.back().node);
    open_.pop_back();
    value(std::move(done));
  }

  void value(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& top = open_.back();
    if (top.node.kind == Node::Kind::list) {
      top.node.items.push_back(std::move(node));
    } else if (!top.pending) {
      key(top, std::move(node));
    } else {
      top.pending->value = std::move(node);
      if (!top.skip) top.node.entries.push_back(std::move(*top.pending));
      top.pending.reset();
    }
  }

  void key(Open& top, Node node) {
    top.skip = true;
    if (node.kind != Node::Kind::scalar || node.text.empty()) {
      mistakes_.add(node.at, "a key that is not a word");
    } else if (!top.keys.insert(node.text).second) {
      mistakes_.add(node.at, fmt::format("the key {} is given twice", quoted(node.text)));
    } else {
      top.skip = false;
    }
    top.pending = Node::Entry{std::move(node.text), node.at, {}};
  }

  Mistakes& mistakes_;
  Node root_;
  std::vector<Open> open_;
  size_t nodes_ = 0, documents_ = 0;
};

}  // namespace

const Node* Node::find(std::string_view key) const {
  const auto found = std::ranges::find(entries, key, &Entry::key);
  return found == entries.end() || found->value.kind == Kind::null ? nullptr : &found->value;
}

Node read_yaml(std::string_view text, Mistakes& mistakes) {
  if (text.size() > kWorldBytesMax) {
    mistakes.add({},
                 fmt::format("{} bytes; a world file has at most {}", text.size(), kWorldBytesMax));
    return {};
  }
  if (const size_t nul = text.find('\0'); nul != text.npos) {
    mistakes.add(end_of(text.substr(0, nul)), "a zero byte; a world file is UTF-8 text");
    return {};
  }
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    TreeBuilder builder(mistakes);
    while (parser.HandleNextDocument(builder)) {
    }
    return builder.take();
  } catch (const Refused& refused) {
    mistakes.add(refused.at, refused.what);
  } catch (const YAML::Exception& error) {
    // At the end of the text yaml-cpp tells the position but line and column 0.
    const bool ended = error.mark.pos > 0 && error.mark.line == 0 && error.mark.column == 0;
    mistakes.add(ended ? end_of(text) : mark_of(error.mark),
                 fmt::format("not YAML: {}", error.msg));
  } catch (const std::exception& error) {
    mistakes.add({}, fmt::format("not YAML: {}", error.what()));
  }
  return {};
}

}  // namespace sealane::plan
