// SPDX-License-Identifier: Apache-2.0
#include "pages.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/escape.h"
#include "text.h"

namespace sealane::agent {
namespace {

std::string framed(std::string_view title, std::string_view inside) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width\"><title>{}</title>"
      "<style>body{{font:16px/1.6 system-ui;max-width:42rem;margin:3rem auto;padding:0 "
      "1rem}}</style></head>\n"
      "<body>\n<h1>{}</h1>\n{}</body></html>\n",
      html_escaped(title), html_escaped(title), inside);
}

std::string titled(std::string_view page) {
  std::string title(page);
  for (char& c : title) {
    if (c == '-') c = ' ';
  }
  if (!title.empty() && title[0] >= 'a' && title[0] <= 'z') title[0] = char(title[0] - 32);
  return title;
}

}  // namespace

std::string tools_json() {
  using nlohmann::json;
  auto tool = [](const char* name, const char* description, json properties, json required) {
    return json{{"name", name},
                {"description", description},
                {"inputSchema",
                 {{"type", "object"},
                  {"properties", std::move(properties)},
                  {"required", std::move(required)}}},
                {"annotations", {{"readOnlyHint", true}, {"idempotentHint", true}}}};
  };
  const json text = {{"type", "string"}};
  const json number = {{"type", "number"}};
  const json tools = {
      {"tools",
       {tool("calculate", "Works out an arithmetic expression.", {{"expression", text}},
             {"expression"}),
        tool("convert", "Converts a quantity to another unit.",
             {{"value", number}, {"from", text}, {"to", text}}, {"value", "from", "to"}),
        tool("region_distance", "Distance and round-trip time between two regions.",
             {{"from", text}, {"to", text}}, {"from", "to"}),
        tool("look_up", "Looks a question up in the documentation.", {{"question", text}},
             {"question"}),
        tool("recall", "What was said earlier in this session.", {{"sessionId", text}},
             {"sessionId"})}}};
  return tools.dump(2) + "\n";
}

std::vector<std::pair<std::string, std::string>> docs_pages() {
  std::vector<std::pair<std::string, std::string>> inside;  // page name, body
  for (const Paragraph& paragraph : text()) {
    if (inside.empty() || inside.back().first != paragraph.page)
      inside.emplace_back(paragraph.page, "");
    std::string& body = inside.back().second;
    body += fmt::format("<h2>{}</h2>\n<p>", html_escaped(paragraph.title));
    for (const std::string_view sentence : paragraph.sentences)
      body += html_escaped(sentence) + "\n";
    body += "</p>\n";
  }
  std::vector<std::pair<std::string, std::string>> pages;
  std::string list = "<ul>\n";
  for (const auto& [name, body] : inside) {
    list += fmt::format("<li><a href=\"/docs/{}\">{}</a></li>\n", name, titled(name));
    pages.emplace_back("/docs/" + name, framed(titled(name), body));
  }
  pages.emplace_back("/docs/", framed("An agent in many regions", list + "</ul>\n"));
  return pages;
}

}  // namespace sealane::agent
