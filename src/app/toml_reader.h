// Reading TOML so that nothing is overlooked: every key is asked for by name and type, and finish() finds those nobody
// asked for. Throws TomlError (start-up only), which says file, line, key and what is wrong.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::app {

class TomlError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class TomlTable {
 public:
  static TomlTable parse(std::string_view text, const std::string& name);
  ~TomlTable();
  TomlTable(TomlTable&&) noexcept;

  std::optional<std::string> text(const std::string& key);
  std::string required_text(const std::string& key);
  std::optional<std::int64_t> integer(const std::string& key, std::int64_t min, std::int64_t max);
  std::optional<bool> boolean(const std::string& key);
  std::optional<std::vector<std::string>> texts(const std::string& key);
  // Also a whole number.
  std::optional<double> number(const std::string& key, double min, double max);
  std::optional<TomlTable> table(const std::string& key);
  // [[key]], none where absent.
  std::vector<TomlTable> tables(const std::string& key);

  bool has(const std::string& key);
  // Whether it is there and true or false; a list: for keys that take either.
  bool is_boolean(const std::string& key);
  // What stands under the key, in one spelling; "" where it is absent. To tell whether it has changed.
  std::string printed(const std::string& key) const;
  // The whole table as JSON.
  std::string json() const;
  int line() const;

  [[noreturn]] void fail(const std::string& key, const std::string& message) const;
  // An error for each key that nobody asked for, with the nearest one that somebody did.
  void finish() const;

 private:
  struct Node;
  explicit TomlTable(std::unique_ptr<Node> node);
  std::unique_ptr<Node> node_;
};

// Levenshtein distance; for suggestions only.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace sluice::app
