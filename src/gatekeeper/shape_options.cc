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

}  // namespace

std::string shape_options_json(const std::string& proxy_url, const shape::Definition& definition, const Grant& grant) {
  std::string params = "{";
  definition_members(params, definition);
  if (!definition.params().empty()) member(params, "params", params_json(definition.params()));
  if (definition.replica() == shape::Replica::kFull) member(params, "replica", R"("full")");
  params += '}';

  std::string json = "{";
  member(json, "url", json_string(proxy_url));
  member(json, "headers", fmt::format(R"({{"Authorization":{}}})", json_string("Bearer " + grant.token)));
  member(json, "params", params);
  member(json, "expires_at", std::to_string(grant.expires_at_s));
  definition_members(json, definition);
  return json + '}';
}

}  // namespace sluice::gatekeeper
