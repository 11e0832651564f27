#include "app/toml_reader.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <numeric>
#include <sstream>

namespace sluice::app {

struct TomlTable::Node {
  std::shared_ptr<const toml::table> root;  // keeps `table` alive
  const toml::table* table;
  std::string file;
  std::string path;  // "gate.issuer", empty for the root
  std::set<std::string> asked;

  const toml::node* find(const std::string& key) {
    asked.insert(key);
    return table->get(key);
  }
  std::string name_of(const std::string& key) const { return path.empty() ? key : path + "." + key; }
};

namespace {

constexpr std::size_t kSuggestionDistanceMax = 3;

unsigned line_of(const toml::node& node) {
  return static_cast<unsigned>(node.source().begin.line);
}

}  // namespace

TomlTable::TomlTable(std::unique_ptr<Node> node) : node_(std::move(node)) {}
TomlTable::~TomlTable() = default;
TomlTable::TomlTable(TomlTable&&) noexcept = default;

TomlTable TomlTable::parse(std::string_view text, const std::string& name) {
  try {
    auto root = std::make_shared<const toml::table>(toml::parse(text, name));
    const toml::table* table = root.get();
    return TomlTable(std::make_unique<Node>(Node{std::move(root), table, name, {}, {}}));
  } catch (const toml::parse_error& error) {
    throw TomlError(fmt::format("{}:{}: {}", name, error.source().begin.line, error.description()));
  }
}

void TomlTable::fail(const std::string& key, const std::string& message) const {
  const toml::node* node = node_->table->get(key);
  throw TomlError(
      fmt::format("{}:{}: {}: {}", node_->file, line_of(node ? *node : *node_->table), node_->name_of(key), message));
}

int TomlTable::line() const {
  return static_cast<int>(line_of(*node_->table));
}

bool TomlTable::has(const std::string& key) {
  return node_->find(key) != nullptr;
}

std::optional<std::string> TomlTable::text(const std::string& key) {
  const toml::node* node = node_->find(key);
  if (!node) return std::nullopt;
  if (!node->is_string()) fail(key, "must be a text in quotes");
  return node->as_string()->get();
}

std::string TomlTable::required_text(const std::string& key) {
  auto value = text(key);
  if (!value) fail(key, "is missing");
  if (value->empty()) fail(key, "is empty");
  return *std::move(value);
}

std::optional<std::int64_t> TomlTable::integer(const std::string& key, std::int64_t min, std::int64_t max) {
  const toml::node* node = node_->find(key);
  if (!node) return std::nullopt;
  if (!node->is_integer()) fail(key, "must be a whole number");
  const std::int64_t value = node->as_integer()->get();
  if (value < min || value > max) fail(key, fmt::format("is {}, but must be {} to {}", value, min, max));
  return value;
}

std::optional<bool> TomlTable::boolean(const std::string& key) {
  const toml::node* node = node_->find(key);
  if (!node) return std::nullopt;
  if (!node->is_boolean()) fail(key, "must be true or false");
  return node->as_boolean()->get();
}

std::optional<std::vector<std::string>> TomlTable::texts(const std::string& key) {
  const toml::node* node = node_->find(key);
  if (!node) return std::nullopt;
  if (!node->is_array()) fail(key, "must be a list of texts");
  std::vector<std::string> values;
  for (const toml::node& item : *node->as_array()) {
    if (!item.is_string()) fail(key, "must be a list of texts");
    values.push_back(item.as_string()->get());
  }
  return values;
}

std::optional<double> TomlTable::number(const std::string& key, double min, double max) {
  const toml::node* node = node_->find(key);
  if (!node) return std::nullopt;
  if (!node->is_number()) fail(key, "must be a number");
  const double value = *node->value<double>();
  if (!(value >= min && value <= max)) fail(key, fmt::format("is {}, but must be {} to {}", value, min, max));
  return value;
}

bool TomlTable::is_boolean(const std::string& key) {
  const toml::node* node = node_->find(key);
  return node && node->is_boolean();
}

std::string TomlTable::printed(const std::string& key) const {
  const toml::node* node = node_->table->get(key);
  if (!node) return {};
  std::ostringstream text;
  node->visit([&](const auto& value) { text << toml::json_formatter{toml::table{{"value", value}}}; });
  return text.str();
}

std::string TomlTable::json() const {
  std::ostringstream text;
  text << toml::json_formatter{*node_->table};
  return text.str();
}

std::optional<TomlTable> TomlTable::table(const std::string& key) {
  const toml::node* node = node_->find(key);
  if (!node) return std::nullopt;
  if (!node->is_table()) fail(key, "must be a table: [" + node_->name_of(key) + "]");
  return TomlTable(std::make_unique<Node>(Node{node_->root, node->as_table(), node_->file, node_->name_of(key), {}}));
}

std::vector<TomlTable> TomlTable::tables(const std::string& key) {
  std::vector<TomlTable> found;
  const toml::node* node = node_->find(key);
  if (!node) return found;
  if (!node->is_array_of_tables()) fail(key, "must be a list of tables: [[" + node_->name_of(key) + "]]");
  for (const toml::node& item : *node->as_array())
    found.push_back(
        TomlTable(std::make_unique<Node>(Node{node_->root, item.as_table(), node_->file, node_->name_of(key), {}})));
  return found;
}

void TomlTable::finish() const {
  for (const auto& [name, item] : *node_->table) {
    const std::string key(name.str());
    if (node_->asked.contains(key)) continue;
    std::string nearest;
    std::size_t distance = kSuggestionDistanceMax + 1;
    for (const std::string& known : node_->asked)
      if (const std::size_t d = edit_distance(key, known); d < distance) nearest = known, distance = d;
    if (!nearest.empty()) fail(key, "is no known key; did you mean '" + node_->name_of(nearest) + "'?");
    fail(key, fmt::format("is no known key; known here: {}", fmt::join(node_->asked, ", ")));
  }
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace sluice::app
