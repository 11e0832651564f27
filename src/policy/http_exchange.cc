#include "policy/http_exchange.h"

#include "base/bytes.h"
#include "base/json.h"
#include "base/json_write.h"
#include "policy/narrowing.h"
#include "shape/claim_codec.h"

namespace sluice::policy {
namespace {

using simdjson::dom::element;

constexpr std::size_t kAnswerDepthMax = 8;

void append_member(std::string& out, std::string_view name, std::string_view text) {
  out += out.ends_with('{') ? "\"" : ",\"";
  out += name;
  out += "\":";
  if (text.empty())
    out += "null";
  else
    append_json_string(out, text);
}

std::string principal_json(const Principal& principal) {
  if (principal.is_anonymous()) return "null";
  std::string out = "{";
  append_member(out, "identity", principal.identity());
  append_member(out, "issuer", principal.issuer());
  append_member(out, "subject", principal.subject());
  return out + ",\"claims\":" + simdjson::minify(principal.claims()->json()) + '}';
}

// The members of an answer, each of its type or absent; nullopt where there is anything else.
struct Answer {
  std::optional<bool> allow, abstain;
  std::optional<std::string_view> reason;
  std::optional<element> shape;
};

bool read_bool(element value, std::optional<bool>& to) {
  if (value.is_bool()) to = value.get_bool().value_unsafe();
  return to.has_value();
}

bool read_member(std::string_view name, element value, Answer& to) {
  if (name == "allow") return read_bool(value, to.allow);
  if (name == "abstain") return read_bool(value, to.abstain);
  if (name == "reason" && value.is_string()) to.reason = value.get_string().value_unsafe();
  if (name == "shape" && value.is_object()) to.shape = value;
  return (name == "reason" && to.reason) || (name == "shape" && to.shape);
}

std::optional<Answer> read_members(element root) {
  simdjson::dom::object object;
  if (root.get(object) != simdjson::SUCCESS) return std::nullopt;
  Answer answer;
  for (const auto member : object)
    if (!read_member(member.key, member.value, answer)) return std::nullopt;
  // One answer, and of its parts only those that it has.
  const bool allows = answer.allow == true;
  const bool denies = answer.allow == false;
  const bool abstains = answer.abstain == true && !answer.allow;
  if (answer.abstain && !abstains) return std::nullopt;
  if ((answer.shape && !allows) || (answer.reason && !denies)) return std::nullopt;
  if (!allows && !denies && !abstains) return std::nullopt;
  return answer;
}

// Cut between characters, and without what would break a line of a log.
std::string bounded_reason(std::string_view reason) {
  std::size_t end = std::min(reason.size(), kHttpReasonBytesMax);
  while (end < reason.size() && end > 0 && (static_cast<unsigned char>(reason[end]) & 0xC0) == 0x80) --end;
  std::string out(reason.substr(0, end));
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  return out;
}

Decision allow(const std::optional<element>& shape, const shape::Definition& asked) {
  if (!shape) return Decision::allow({.definition = asked.with_log(shape::LogMode::kFull)}, "allowed");
  auto granted = shape::read_claim(*shape);
  if (!granted) return Decision::failed("the answer's shape: " + granted.error().parameter + " is not valid");
  shape::Definition& definition = granted->definition;
  // Columns that are left out are hidden: from filters as well (E9).
  if (definition.columns() && !definition.queryable_columns())
    definition = definition.with_queryable_columns(*definition.columns());
  if (auto within = lies_within(asked, definition); !within)
    return Decision::failed("the answer's shape is wider than what was asked for: " + within.error());
  return Decision::allow(std::move(*granted), "allowed a narrower shape");
}

}  // namespace

std::string write_http_question(const Principal& principal, const shape::Definition& asked) {
  return "{\"principal\":" + principal_json(principal) +
         ",\"shape\":" + shape::write_claim({.definition = asked, .log = asked.log()}) + '}';
}

std::string http_signature(const token::Key& secret, std::int64_t timestamp_s, std::string_view body) {
  return "v1=" + hex_encode(secret.sign(std::to_string(timestamp_s) + '.' + std::string(body)));
}

Decision read_http_answer(std::string_view body, const shape::Definition& asked) {
  const auto json = Json::parse(body, {.bytes_max = kHttpAnswerBytesMax, .depth_max = kAnswerDepthMax});
  if (!json) return Decision::failed("the answer is not JSON: " + std::string(to_string(json.error())));
  const auto answer = read_members(json->root());
  if (!answer) return Decision::failed("the answer is none of allow, deny and abstain");
  if (answer->abstain) return Decision::abstain("it abstained");
  if (*answer->allow) return allow(answer->shape, asked);
  return Decision::deny(answer->reason ? bounded_reason(*answer->reason) : "it denied");
}

}  // namespace sluice::policy
