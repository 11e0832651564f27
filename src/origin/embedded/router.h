// Which shapes of one table a change may concern, without asking each.
//
// A shape whose where clause holds `column = constant` at its top is found by hashing that column's value, so a write costs
// the same however many such shapes there are; the others are looked at for every change. What is found is a candidate: the
// feed decides with the whole clause.
//
// Belongs to the replication thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "origin/embedded/feed.h"

namespace sluice::origin::embedded {

class Router {
 public:
  // The feed stays in place until removed.
  void add(Feed& feed);
  void remove(Feed& feed);

  // Appends each feed that the change may concern, once.
  void find(const RowChange& change, std::vector<Feed*>& out) const;

  const std::vector<Feed*>& all() const { return all_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using Buckets = std::unordered_map<std::string, std::vector<Feed*>, Hash, std::equal_to<>>;
  struct ColumnIndex {
    std::size_t column;
    Buckets buckets;
  };
  ColumnIndex& index_of(std::size_t column);
  std::size_t bucket_size(const sql::WhereClause::Key& key) const;
  const sql::WhereClause::Key* best_key(const ShapeSpec& spec) const;
  static void append(const Buckets& buckets, std::string_view value, std::vector<Feed*>& out);

  std::vector<ColumnIndex> indexes_;
  std::vector<Feed*> scanned_;
  std::vector<Feed*> all_;
  std::unordered_map<const Feed*, std::pair<std::size_t, std::string>> place_;  // column and value of the indexed ones
};

}  // namespace sluice::origin::embedded
