#include "gatekeeper/revocation_text.h"

#include <fmt/format.h>

#include <array>
#include <chrono>

#include "base/json.h"
#include "base/json_write.h"

namespace sluice::gatekeeper {
namespace {

using Kind = Revocation::Kind;
using simdjson::dom::element;
using Checked = std::expected<void, std::string>;

// Integers that every JSON reader holds exactly.
constexpr std::int64_t kTimeMax_s = std::int64_t{1} << 53;
constexpr std::array<std::string_view, 4> kKinds = {"token", "subject", "issuer", "all"};  // by Kind

bool may_have_issuer(Kind kind) {
  return kind == Kind::kTokenId || kind == Kind::kSubject;
}

Checked check_value(std::string_view name, std::string_view value) {
  if (value.size() > kRevocationValueBytesMax) return std::unexpected(fmt::format("{} is too long", name));
  if (value.find('\0') != std::string_view::npos || !simdjson::validate_utf8(value.data(), value.size()))
    return std::unexpected(fmt::format("{} is no text", name));
  return {};
}

bool in_range(std::int64_t time_s) {
  return time_s >= 0 && time_s <= kTimeMax_s;
}

Checked read_kind(Revocation& to, std::string_view text) {
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    if (text != kKinds[i]) continue;
    to.kind = static_cast<Kind>(i);
    return {};
  }
  return std::unexpected("kind is unknown");
}

Checked read_member(Revocation& to, std::string_view name, element value) {
  std::string_view text;
  if (name == "kind" || name == "value" || name == "issuer") {
    if (value.get(text) != simdjson::SUCCESS) return std::unexpected(fmt::format("{} is no text", name));
    if (name == "kind") return read_kind(to, text);
    (name == "value" ? to.value : to.issuer) = text;
    return {};
  }
  if (name != "before" && name != "forget_at") return std::unexpected("it has an unknown member");
  if (value.type() != simdjson::dom::element_type::INT64) return std::unexpected(fmt::format("{} is no integer", name));
  (name == "before" ? to.before_s : to.forget_at_s) = value.get_int64().value_unsafe();
  return {};
}

Checked need(simdjson::dom::object object, const Revocation& revocation) {
  const auto has = [&](const char* name) { return object.at_key(name).error() == simdjson::SUCCESS; };
  for (const char* name : {"kind", "forget_at"})
    if (!has(name)) return std::unexpected(fmt::format("{} is missing", name));
  if (has("before") != (revocation.kind != Kind::kTokenId))
    return std::unexpected("before is missing, or stands in one of a token");
  return {};
}

}  // namespace

Checked check(const Revocation& revocation) {
  if (revocation.value.empty() != (revocation.kind == Kind::kAll))
    return std::unexpected("value is missing, or stands in one of all tokens");
  if (!revocation.issuer.empty() && !may_have_issuer(revocation.kind))
    return std::unexpected("issuer stands in one of an issuer or of all tokens");
  if (auto checked = check_value("value", revocation.value); !checked) return checked;
  if (auto checked = check_value("issuer", revocation.issuer); !checked) return checked;
  if (!in_range(revocation.before_s) || !in_range(revocation.forget_at_s)) return std::unexpected("a time is out of range");
  return {};
}

std::int64_t system_now_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::expected<void, std::string> put_in_force(const Revocation& revocation, Revocations& revocations) {
  if (auto checked = check(revocation); !checked) return checked;
  if (revocations.add(revocation, system_now_s()) == Revocations::Added::kFull)
    return std::unexpected(fmt::format("{} revocations are known, and no more can be", revocations.size()));
  return {};
}

std::string print_revocation(const Revocation& revocation) {
  std::string json = fmt::format(R"({{"kind":"{}")", kKinds[static_cast<std::size_t>(revocation.kind)]);
  if (revocation.kind != Kind::kAll) json += R"(,"value":)" + json_string(revocation.value);
  if (!revocation.issuer.empty()) json += R"(,"issuer":)" + json_string(revocation.issuer);
  if (revocation.kind != Kind::kTokenId) json += fmt::format(R"(,"before":{})", revocation.before_s);
  return json + fmt::format(R"(,"forget_at":{}}})", revocation.forget_at_s);
}

std::expected<Revocation, std::string> parse_revocation(std::string_view text) {
  const auto json = Json::parse(text, {.bytes_max = kRevocationTextBytesMax, .depth_max = 2});
  if (!json) return std::unexpected(std::string(to_string(json.error())));
  simdjson::dom::object object;
  if (json->root().get(object) != simdjson::SUCCESS) return std::unexpected("it is no object");
  Revocation revocation;
  for (const auto member : object)
    if (auto read = read_member(revocation, member.key, member.value); !read) return std::unexpected(read.error());
  if (auto complete = need(object, revocation); !complete) return std::unexpected(complete.error());
  if (auto checked = check(revocation); !checked) return std::unexpected(checked.error());
  return revocation;
}

}  // namespace sluice::gatekeeper
