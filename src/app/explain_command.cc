#include "app/explain_command.h"

#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <vector>

#include "app/questions.h"
#include "app/toml_reader.h"

namespace sluice::app {
namespace {

using gateway::ExplainRequest;
using gateway::Explanation;

std::string standard_input() {
  std::string text((std::istreambuf_iterator<char>(std::cin)), std::istreambuf_iterator<char>());
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

ExplainRequest request_of(const ExplainOptions& options, const std::string& first_identity) {
  ExplainRequest request;
  if (!options.token.empty()) request.token = options.token == "-" ? standard_input() : options.token;
  if (!options.claims.empty()) request.claims = options.claims;
  request.identity = options.identity.empty() ? first_identity : options.identity;
  request.query = options.shape;
  if (!options.named.empty()) request.named = options.named;
  return request;
}

void print_line(std::string_view name, const std::string& value) {
  if (!value.empty()) fmt::print("{:<12}{}\n", name, value);
}

void print(const Explanation& why, const std::string& config) {
  print_line("decision", fmt::format("{} ({}{}{})", why.decision, why.status, why.code.empty() ? "" : " ", why.code));
  print_line("asked at", why.by);
  std::string who = why.subject.empty() ? "" : why.subject;
  if (!why.issuer.empty()) who += (who.empty() ? "of " : " of ") + why.issuer;
  if (!why.identity.empty()) who += " (identity " + why.identity + ")";
  print_line("caller", who.empty() ? "anonymous" : who);
  print_line("authorizer", why.line > 0 ? fmt::format("{}, {}:{}", why.authorizer, config, why.line) : why.authorizer);
  print_line("reason", why.reason);
  if (why.shape) print_line("upstream", *why.shape);
  if (why.nearest)
    print_line("nearest", fmt::format("{}{}: {}", why.nearest->rule,
                                      why.nearest->line > 0 ? fmt::format(" ({}:{})", config, why.nearest->line) : "",
                                      why.nearest->missing));
}

struct Case {
  std::string name;
  int line = 0;
  ExplainRequest request;
  std::string expect;
  std::optional<std::int64_t> status, at_line;
  std::optional<std::string> authorizer, upstream;
};

Case read_case(TomlTable& table, const std::string& first_identity) {
  Case expected;
  expected.line = table.line();
  expected.name = table.required_text("name");
  expected.request.token = table.text("token");
  expected.request.claims = table.text("claims");
  if (expected.request.token && expected.request.claims) table.fail("token", "give a token or claims, not both");
  expected.request.identity = table.text("identity").value_or(first_identity);
  expected.request.query = table.text("shape").value_or("");
  expected.request.named = table.text("named");
  if (expected.request.query.empty() && !expected.request.named) table.fail("shape", "is missing; or give `named`");
  expected.expect = table.required_text("expect");
  if (expected.expect != "allow" && expected.expect != "deny")
    table.fail("expect", "'" + expected.expect + "' is neither allow nor deny");
  expected.status = table.integer("status", 100, 599);
  expected.at_line = table.integer("line", 1, 1'000'000);
  expected.authorizer = table.text("authorizer");
  expected.upstream = table.text("upstream");
  table.finish();
  return expected;
}

// What is not as expected; empty where all is.
std::string difference(const Case& expected, const Explanation& why) {
  std::string found;
  const auto compare = [&](std::string_view what, const std::string& wanted, const std::string& got) {
    if (wanted != got) found += fmt::format("  {}: expected {}, got {}\n", what, wanted, got.empty() ? "nothing" : got);
  };
  compare("decision", expected.expect, why.decision);
  if (expected.status) compare("status", std::to_string(*expected.status), std::to_string(why.status));
  if (expected.at_line) compare("line", std::to_string(*expected.at_line), std::to_string(why.line));
  if (expected.authorizer) compare("authorizer", *expected.authorizer, why.authorizer);
  if (expected.upstream) compare("upstream", *expected.upstream, why.shape.value_or(""));
  if (!found.empty() && !why.reason.empty()) found += "  reason: " + why.reason + "\n";
  return found;
}

std::vector<Case> read_cases(const std::string& path, const std::string& first_identity) {
  TomlTable root = TomlTable::parse(read_small_file(path), path);
  std::vector<Case> cases;
  for (TomlTable& table : root.tables("case")) cases.push_back(read_case(table, first_identity));
  root.finish();
  if (cases.empty()) throw std::runtime_error(path + ": there is no [[case]]");
  return cases;
}

}  // namespace

int explain_request(const ExplainOptions& options) {
  Questions questions(options.config, process_environment());
  const Explanation why = questions.ask(request_of(options, questions.first_identity()));
  if (options.json)
    fmt::print("{}\n", to_json(why));
  else
    print(why, options.config);
  return why.decision == "allow" ? 0 : 1;
}

int check_cases(const CheckOptions& options) {
  Questions questions(options.config, process_environment());
  int failed = 0;
  const std::vector<Case> cases = read_cases(options.cases, questions.first_identity());
  for (const Case& expected : cases) {
    const std::string found = difference(expected, questions.ask(expected.request));
    if (found.empty()) continue;
    ++failed;
    fmt::print("{}:{}: {}\n{}", options.cases, expected.line, expected.name, found);
  }
  fmt::print("{} passed, {} failed\n", cases.size() - static_cast<std::size_t>(failed), failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace sluice::app
