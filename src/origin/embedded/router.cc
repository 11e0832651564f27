#include "origin/embedded/router.h"

#include <algorithm>

namespace sluice::origin::embedded {

Router::ColumnIndex& Router::index_of(std::size_t column) {
  auto found = std::find_if(indexes_.begin(), indexes_.end(), [&](const ColumnIndex& i) { return i.column == column; });
  if (found != indexes_.end()) return *found;
  return indexes_.emplace_back(ColumnIndex{column, {}});
}

std::size_t Router::bucket_size(const sql::WhereClause::Key& key) const {
  for (const ColumnIndex& index : indexes_) {
    if (index.column != key.column) continue;
    auto bucket = index.buckets.find(key.value);
    return bucket == index.buckets.end() ? 0 : bucket->second.size();
  }
  return 0;
}

// The one that the fewest others share: with `done = false AND org = 7` that is soon org. Of the routes that are one value
// of a column.
const sql::WhereClause::Key* Router::best_key(const ShapeSpec& spec) const {
  if (!spec.where) return nullptr;
  const sql::WhereClause::Key* best = nullptr;
  for (const auto& route : spec.where->routes()) {
    if (route.size() != 1 || route[0].element) continue;
    if (best == nullptr || bucket_size(route[0]) < bucket_size(*best)) best = &route[0];
  }
  return best;
}

void Router::add(Feed& feed) {
  all_.push_back(&feed);
  const auto* key = best_key(feed.shape().spec());
  if (key == nullptr) {
    scanned_.push_back(&feed);
    return;
  }
  index_of(key->column).buckets[key->value].push_back(&feed);
  place_.emplace(&feed, std::pair(key->column, key->value));
}

void Router::remove(Feed& feed) {
  std::erase(all_, &feed);
  auto place = place_.find(&feed);
  if (place == place_.end()) {
    std::erase(scanned_, &feed);
    return;
  }
  Buckets& buckets = index_of(place->second.first).buckets;
  auto bucket = buckets.find(place->second.second);
  std::erase(bucket->second, &feed);
  if (bucket->second.empty()) buckets.erase(bucket);
  place_.erase(place);
}

void Router::append(const Buckets& buckets, std::string_view value, std::vector<Feed*>& out) {
  auto bucket = buckets.find(value);
  if (bucket != buckets.end()) out.insert(out.end(), bucket->second.begin(), bucket->second.end());
}

void Router::find(const RowChange& change, std::vector<Feed*>& out) const {
  out.insert(out.end(), scanned_.begin(), scanned_.end());
  for (const ColumnIndex& index : indexes_) {
    std::optional<std::string_view> before, after;
    if (change.before) before = (*change.before)[index.column];
    if (change.after) after = (*change.after)[index.column];
    if (before) append(index.buckets, *before, out);
    if (after && after != before) append(index.buckets, *after, out);
  }
}

}  // namespace sluice::origin::embedded
