#include "policy/shape_template.h"

#include <algorithm>

namespace sluice::policy {
namespace {

std::expected<shape::Definition, std::string> define(const shape::DefinitionText& text) {
  auto made = shape::Definition::make(text);
  if (!made) return std::unexpected(made.error().parameter + ": " + made.error().message);
  return *made;
}

}  // namespace

std::expected<ShapeTemplate, std::string> ShapeTemplate::make(const ShapeTemplateConfig& config) {
  ShapeTemplate made;
  made.text_.table = config.table;
  made.text_.where = config.where;
  made.text_.replica = config.replica;
  if (config.columns) made.text_.columns = shape::print_columns(*config.columns);

  shape::DefinitionText sample = made.text_;
  for (const std::string& param : config.params) {
    auto parsed = Template::parse(param);
    if (!parsed) return std::unexpected("params: " + parsed.error());
    made.params_.push_back(std::move(*parsed));
    sample.params[static_cast<unsigned>(made.params_.size())] = "sample";
  }
  auto checked = define(sample);
  if (!checked) return std::unexpected(checked.error());
  made.table_ = checked->table();
  made.columns_ = checked->columns();
  return made;
}

std::expected<shape::Definition, std::string> ShapeTemplate::fill(const token::Claims* claims) const {
  shape::DefinitionText text = text_;
  for (std::size_t i = 0; i < params_.size(); ++i) {
    auto value = params_[i].fill(claims);
    if (!value) return std::unexpected(value.error());
    text.params[static_cast<unsigned>(i + 1)] = std::move(*value);
  }
  auto made = define(text);
  if (made && columns_) return made->with_queryable_columns(*columns_);
  return made;
}

bool ShapeTemplate::needs_claims() const {
  return std::any_of(params_.begin(), params_.end(), [](const Template& t) { return !t.constant(); });
}

}  // namespace sluice::policy
