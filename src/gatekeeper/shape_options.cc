#include "gatekeeper/shape_options.h"

#include <fmt/format.h>

#include "base/json_write.h"

namespace sluice::gatekeeper {
namespace {

void member(std::string& json, std::string_view name, const std::string& value) {
  if (json.back() != '{') json += ',';
  json += fmt::format("\"{}\":{}", name, value);
}

// The client quotes every column it sends, so the plain names go here.
std::string columns_json(const std::vector<std::string>& columns) {
  std::string json = "[";
  for (const std::string& column : columns) {
    if (json.size() > 1) json += ',';
    append_json_string(json, column);
  }
  return json + ']';
}

std::string params_json(const std::vector<std::string>& params) {
  std::string json = "{";
  for (std::size_t i = 0; i < params.size(); ++i) member(json, std::to_string(i + 1), json_string(params[i]));
  return json + '}';
}

void definition_members(std::string& json, const shape::Definition& definition) {
  member(json, "table", json_string(definition.table().print()));
  if (definition.where()) member(json, "where", json_string(*definition.where()));
  if (definition.columns()) member(json, "columns", columns_json(*definition.columns()));
}

// "url", "params", "log": what differs from shape to shape.
void stream_members(std::string& json, const std::string& proxy_url, const shape::GrantedShape& granted) {
  const shape::Definition& definition = granted.definition;
  std::string params = "{";
  definition_members(params, definition);
  if (!definition.params().empty()) member(params, "params", params_json(definition.params()));
  if (definition.replica() == shape::Replica::kFull) member(params, "replica", R"("full")");
  member(json, "url", json_string(proxy_url));
  member(json, "params", params + '}');
  if (granted.log == shape::LogMode::kChangesOnly) member(json, "log", R"("changes_only")");
}

void grant_members(std::string& json, const Grant& grant) {
  member(json, "headers", fmt::format(R"({{"Authorization":{}}})", json_string("Bearer " + grant.token)));
  member(json, "expires_at", std::to_string(grant.expires_at_s));
  member(json, "refresh_at", std::to_string(grant.refresh_at_s));
}

}  // namespace

std::string shape_options_json(const std::string& proxy_url, const shape::GrantedShape& granted, const Grant& grant) {
  std::string json = "{";
  stream_members(json, proxy_url, granted);
  grant_members(json, grant);
  definition_members(json, granted.definition);
  return json + '}';
}

std::string shape_options_json(const std::string& proxy_url, std::span<const shape::GrantedShape> granted,
                               const Grant& grant) {
  std::string shapes = "[";
  for (const shape::GrantedShape& one : granted) {
    if (shapes.size() > 1) shapes += ',';
    std::string stream = "{";
    stream_members(stream, proxy_url, one);
    shapes += stream + '}';
  }
  std::string json = "{";
  grant_members(json, grant);
  member(json, "shapes", shapes + ']');
  return json + '}';
}

}  // namespace sluice::gatekeeper
