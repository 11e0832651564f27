#include "policy/shape_template.h"

#include <algorithm>

#include "sql/parse_tree.h"

namespace sluice::policy {
namespace {

using Place = Template::Place;

shape::DefinitionText text_of(const ShapeTemplateConfig& config) {
  shape::DefinitionText text;
  text.table = config.table;
  text.where = config.where;
  text.replica = config.replica;
  if (config.columns) text.columns = shape::print_columns(*config.columns);
  for (unsigned number = 1; number <= config.params.size(); ++number) text.params[number] = "sample";
  return text;
}

std::expected<std::vector<Template>, std::string> parse_params(const std::vector<std::string>& texts) {
  std::vector<Template> params;
  for (const std::string& text : texts) {
    auto parsed = Template::parse(text);
    if (!parsed) return std::unexpected("params: " + parsed.error());
    if (parsed->param_max() > texts.size()) return std::unexpected("params: '" + text + "' is beyond the shape's params");
    params.push_back(std::move(*parsed));
  }
  return params;
}

}  // namespace

std::expected<ShapeTemplate, std::string> ShapeTemplate::make(const ShapeTemplateConfig& config) {
  auto params = parse_params(config.params);
  if (!params) return std::unexpected(std::move(params.error()));
  auto sample = shape::Definition::make(text_of(config));
  if (!sample) return std::unexpected(sample.error().parameter + ": " + sample.error().message);
  if (sample->where())
    if (auto tree = sql::ParseTree::parse(sql::ClauseKind::kWhere, *sample->where()); !tree)
      return std::unexpected("where: " + tree.error().message);
  if (sample->columns()) sample = sample->with_queryable_columns(*sample->columns());
  return ShapeTemplate(std::move(*sample), std::move(*params));
}

std::expected<shape::Definition, std::string> ShapeTemplate::fill(const Sources& sources) const {
  std::vector<std::string> values;
  values.reserve(params_.size());
  for (const Template& param : params_) {
    auto value = param.fill(sources);
    if (!value) return std::unexpected(std::move(value.error()));
    values.push_back(std::move(*value));
  }
  auto filled = sample_.with_params(std::move(values));
  if (!filled) return std::unexpected(filled.error().parameter + ": " + filled.error().message);
  return std::move(*filled);
}

bool ShapeTemplate::needs_claims() const {
  return uses(Place::kClaim) || uses(Place::kSubject) || uses(Place::kIssuer) || uses(Place::kIdentity);
}

bool ShapeTemplate::uses(Place place) const {
  return std::ranges::any_of(params_, [place](const Template& t) { return t.uses(place); });
}

std::vector<std::string> ShapeTemplate::query_names() const {
  std::vector<std::string> names;
  for (const Template& param : params_)
    for (std::string& name : param.query_names()) names.push_back(std::move(name));
  std::ranges::sort(names);
  const auto repeated = std::ranges::unique(names);
  names.erase(repeated.begin(), repeated.end());
  return names;
}

}  // namespace sluice::policy
