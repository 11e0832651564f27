#include "policy/claim_value.h"

#include <fmt/format.h>

namespace sluice::policy {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

sql::Type type_of(sql::Oid oid) {
  sql::Column column;
  column.type = oid;
  return sql::type_of(column);
}

// One step of a path, taken off the front of `text`.
std::expected<std::string, std::string> take_step(std::string_view& text) {
  std::string step;
  if (!text.starts_with('"')) {
    const std::size_t end = std::min(text.find_first_of(".\""), text.size());
    step = text.substr(0, end);
    text.remove_prefix(end);
  } else {
    for (text.remove_prefix(1);; text.remove_prefix(1)) {
      if (text.empty()) return std::unexpected("a quote is never closed");
      if (text.starts_with("\"\""))
        text.remove_prefix(1);
      else if (text.front() == '"')
        break;
      step += text.front();
    }
    text.remove_prefix(1);
  }
  if (step.empty()) return std::unexpected("a name is missing");
  return step;
}

// A value of the type in the spelling that the engine takes for a row's.
std::optional<std::string> row_text(element claim, sql::Type type) {
  const bool boolean = type == sql::Type::kBool;
  if (claim.is_bool()) return boolean ? std::optional(claim.get_bool().value_unsafe() ? "t" : "f") : std::nullopt;
  if (!claim.is_string() && !sql::is_number(type)) return std::nullopt;
  const auto text = claim_text(claim, type);
  if (!text) return std::nullopt;
  const auto constant = sql::read_constant(*text, type);
  return constant ? std::optional(sql::text_of(*constant)) : std::nullopt;
}

void append_quoted(std::string& out, std::string_view item) {
  out += '"';
  for (const char c : item) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

std::optional<std::string> array_literal(element claim, sql::Type type) {
  if (!claim.is_array()) return std::nullopt;
  std::string out = "{";
  for (const element item : claim.get_array().value_unsafe()) {
    if (out.size() > 1) out += ',';
    if (item.is_null()) {
      out += "NULL";
      continue;
    }
    const auto text = row_text(item, type);
    if (!text) return std::nullopt;
    append_quoted(out, *text);
  }
  return out + '}';
}

}  // namespace

std::expected<ClaimPath, std::string> parse_claim_path(std::string_view text) {
  ClaimPath path;
  while (true) {
    auto step = take_step(text);
    if (!step) return std::unexpected(std::move(step.error()));
    path.push_back(std::move(*step));
    if (text.empty()) return path;
    if (text.front() != '.') return std::unexpected("only a dot may follow a name");
    text.remove_prefix(1);
  }
}

std::string print_claim_path(const ClaimPath& path) {
  std::string out;
  for (const std::string& step : path) {
    if (!out.empty()) out += '.';
    out += step;
  }
  return out;
}

FoundClaim find_claim(const token::Claims* claims, const ClaimPath& path) {
  if (!claims || path.empty()) return {};
  auto value = claims->find(path.front());
  for (std::size_t i = 1; i < path.size() && value && !value->is_null(); ++i) {
    simdjson::dom::object object;
    if (value->get(object) != simdjson::SUCCESS) return {.value = {}, .blocked = true};
    element member;
    const bool found = object.at_key(path[i]).get(member) == simdjson::SUCCESS;
    value = found ? std::optional(member) : std::nullopt;
  }
  if (value && value->is_null()) value.reset();
  return {.value = value};
}

std::optional<std::string> claim_text(element claim) {
  switch (claim.type()) {
    case element_type::STRING: return std::string(claim.get_string().value_unsafe());
    case element_type::INT64: return std::to_string(claim.get_int64().value_unsafe());
    case element_type::UINT64: return std::to_string(claim.get_uint64().value_unsafe());
    case element_type::BOOL: return claim.get_bool().value_unsafe() ? "true" : "false";
    default: return std::nullopt;
  }
}

std::optional<std::string> claim_text(element claim, sql::Type type) {
  const bool fraction = claim.type() == element_type::DOUBLE && (type == sql::Type::kNumeric || sql::is_float(type));
  // The shortest decimal that is this double: the token's own digits wherever it has at most 15 of them.
  auto text = fraction ? fmt::format("{}", claim.get_double().value_unsafe()) : claim_text(claim);
  if (!text || !sql::read_constant(*text, type)) return std::nullopt;
  return text;
}

std::expected<std::optional<std::string>, std::string> condition_value(const token::Claims* claims,
                                                                       const sql::Condition::Name& name) {
  const FoundClaim found = find_claim(claims, name.path);
  if (!found.value && !found.blocked) return std::nullopt;
  const sql::Type type = type_of(name.type);
  std::optional<std::string> text;
  if (found.value) text = name.list ? array_literal(*found.value, type) : row_text(*found.value, type);
  if (text) return text;
  return std::unexpected("claim '" + print_claim_path(name.path) + "' is not " + (name.list ? "a list of " : "") +
                         std::string(sql::name_of(type)));
}

}  // namespace sluice::policy
