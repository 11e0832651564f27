// A shape that the configuration defines and the caller's claims fill in: `[[shape]]`, and what a `[[rule]]` grants.
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "policy/principal.h"
#include "policy/template.h"
#include "shape/definition.h"

namespace sluice::policy {

// As configured. Everything but params is fixed text; params are templates.
struct ShapeTemplateConfig {
  std::string table;
  std::optional<std::string> where;
  std::vector<std::string> params;
  std::optional<std::vector<std::string>> columns;  // plain names, not SQL: "Mixed Case" is written without quotes
  std::optional<std::string> replica;
};

class ShapeTemplate {
 public:
  // Checks all that does not depend on a caller: identifiers, the where clause's tokens, that $1…$n have params.
  // The error names the key at fault: "where: …".
  static std::expected<ShapeTemplate, std::string> make(const ShapeTemplateConfig& config);

  // The caller's shape. Where columns are listed, what a subset may refer to is limited to them as well (SECURITY E9).
  // `claims` may be null where needs_claims() is false. The error is for logs: it names the claim that could not be used.
  std::expected<shape::Definition, std::string> fill(const token::Claims* claims) const;

  bool needs_claims() const;
  const shape::TableName& table() const { return table_; }
  bool has_where() const { return text_.where.has_value(); }

 private:
  ShapeTemplate() = default;

  shape::DefinitionText text_;  // without params
  shape::TableName table_;
  std::vector<Template> params_;
  std::optional<std::vector<std::string>> columns_;
};

}  // namespace sluice::policy
