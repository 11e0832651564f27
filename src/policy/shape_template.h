// A shape that the configuration defines and the caller's claims fill in: `[[shape]]`, and what a `[[rule]]` grants.
//
// Params are templates (template.h). A rule's may be filled from the params that the client asks for, `{params.n}`; a named
// shape's from its request's query string, `{query.x}`. Which of the two a template uses is for its owner to check, with
// uses(): filled without that source, such a place has no value and the request is denied.
#pragma once

#include <expected>
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
  // Checks all that does not depend on a caller: identifiers, the where clause's tokens, that $1…$n have params, that no
  // `{params.n}` is beyond them. The error names the key at fault: "where: …".
  static std::expected<ShapeTemplate, std::string> make(const ShapeTemplateConfig& config);

  // The caller's shape. Where columns are listed, what a subset may refer to is limited to them as well (SECURITY E9).
  // The error is for logs and explain: it names the place that could not be filled.
  std::expected<shape::Definition, std::string> fill(const Sources& sources) const;

  // True where a place is filled from who the caller is: nothing is there for an anonymous one.
  bool needs_claims() const;
  bool uses(Template::Place place) const;
  // The query parameters that fill() takes, sorted, each once.
  std::vector<std::string> query_names() const;

  const shape::TableName& table() const { return sample_.table(); }
  // In canonical form.
  const std::optional<std::string>& where() const { return sample_.where(); }
  bool has_where() const { return where().has_value(); }

 private:
  ShapeTemplate(shape::Definition sample, std::vector<Template> params)
      : sample_(std::move(sample)), params_(std::move(params)) {}

  shape::Definition sample_;  // with sample params
  std::vector<Template> params_;
};

}  // namespace sluice::policy
