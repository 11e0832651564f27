// A rule of the configuration, a token's claims and a definition asked for, all hostile: nothing crashes, and what is
// allowed is of the rule's table, within its columns, in rows that it names (or that it leaves to the caller), and to nobody
// that it is not for.
//
// The input's lines: flags (a any_where, n anonymous, d deny, f replica=full, u an anonymous caller), table, where, params
// and columns (each separated by tabs), when, claims without braces, the definition as a shape claim.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/json.h"
#include "policy/narrowing.h"
#include "policy/rules.h"
#include "shape/claim_codec.h"

using namespace sluice;

namespace {

constexpr std::int64_t kNow_s = 1'800'000'000;

std::string_view take(std::string_view& text, char until) {
  const std::size_t end = std::min(text.find(until), text.size());
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return taken;
}

std::vector<std::string> list(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) items.emplace_back(take(text, '\t'));
  return items;
}

std::optional<std::string> optional(std::string_view text) {
  return text.empty() ? std::nullopt : std::optional<std::string>(text);
}

std::optional<policy::Principal> verified(std::string_view claims) {
  static const token::Key key = token::Key::hmac_sha256("a key of thirty-two bytes or more, to fuzz with").value();
  static const token::Verifier verifier({.name = "app", .keys = {key}});
  std::string text = R"({"exp":1800003600)";
  if (!claims.empty()) text.append(",").append(claims);
  auto token = verifier.verify(token::sign(key, text + '}'), kNow_s);
  if (!token) return std::nullopt;
  return policy::Principal(std::move(*token));
}

void check(bool holds) {
  if (!holds) std::abort();
}

void check_allowed(const policy::RuleConfig& rule, const shape::Definition& asked, const shape::Definition& granted) {
  check(granted.table() == asked.table() && granted.table() == shape::TableName::parse(rule.shape.table));
  check(policy::lies_within(asked, granted).has_value());
  check(granted.replica() == shape::Replica::kDefault || rule.shape.replica == "full");
  if (rule.any_where && asked.where())
    check(granted.where() == asked.where() && granted.params() == asked.params());
  else
    check(granted.where().has_value() == rule.shape.where.has_value() &&
          (!granted.where() || *granted.where() == shape::canonicalize_where(*rule.shape.where)->text));
  if (!rule.shape.columns) return;
  const auto offered = [&](const std::string& name) { return std::ranges::count(*rule.shape.columns, name) > 0; };
  check(granted.columns() && std::ranges::all_of(*granted.columns(), offered));
  check(granted.queryable_columns() && std::ranges::all_of(*granted.queryable_columns(), offered));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view flags = take(input, '\n');
  const auto flag = [&](char c) { return flags.find(c) != std::string_view::npos; };
  policy::RuleConfig rule;
  rule.name = "fuzzed";
  rule.any_where = flag('a');
  rule.anonymous = flag('n');
  rule.deny = flag('d');
  if (flag('f')) rule.shape.replica = "full";
  rule.shape.table = take(input, '\n');
  rule.shape.where = optional(take(input, '\n'));
  rule.shape.params = list(take(input, '\n'));
  if (auto columns = list(take(input, '\n')); !columns.empty()) rule.shape.columns = std::move(columns);
  rule.when = optional(take(input, '\n'));
  const std::string_view claims = take(input, '\n');
  const auto principal = flag('u') ? policy::Principal::anonymous() : verified(claims);

  const auto rules = policy::Rules::make({rule});
  const auto json = Json::parse(input);
  if (!rules || !principal || !json) return 0;
  const auto asked = shape::read_claim(json->root());
  if (!asked) return 0;

  const policy::Decision decision = rules->decide(*principal, asked->definition);
  check(decision.kind != policy::Decision::Kind::kFailed);
  check((decision.kind == policy::Decision::Kind::kAllow) == decision.granted.has_value());
  if (!decision.granted) return 0;
  check(!rule.deny && (!principal->is_anonymous() || rule.anonymous));
  check_allowed(rule, asked->definition, decision.granted->definition);
  return 0;
}
