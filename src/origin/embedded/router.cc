#include "origin/embedded/router.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "sql/array.h"

namespace sluice::origin::embedded {
namespace {

constexpr std::size_t kSlotsMin = 8;

std::uint64_t hash_of(std::string_view value) {
  return std::hash<std::string_view>()(value);
}

}  // namespace

Router::~Router() = default;

// Index: a table of chains. A chain holds the first posting of each value, whatever the number of postings behind it.

Router::Posting* Router::Index::find(std::string_view value) const {
  if (values_ == 0) return nullptr;
  const std::uint64_t hash = hash_of(value);
  Posting* at = slots_[hash & (slots_.size() - 1)];
  while (at != nullptr && (at->hash != hash || at->key->value != value)) at = at->next_in_slot;
  return at;
}

void Router::Index::add(Posting& posting) {
  posting.hash = hash_of(posting.key->value);
  if (Posting* first = find(posting.key->value)) {
    ++first->count;
    posting.previous = first;
    posting.next = first->next;
    if (posting.next != nullptr) posting.next->previous = &posting;
    first->next = &posting;
    return;
  }
  if (values_ == slots_.size()) grow();
  posting.count = 1;
  posting.next_in_slot = std::exchange(slot_of(posting.hash), &posting);
  ++values_;
}

void Router::Index::remove(Posting& posting) {
  if (posting.next != nullptr) posting.next->previous = posting.previous;
  if (posting.previous != nullptr) {
    posting.previous->next = posting.next;
    --find(posting.key->value)->count;
    return;
  }
  Posting** link = &slot_of(posting.hash);
  while (*link != &posting) link = &(*link)->next_in_slot;
  if (posting.next == nullptr) {
    *link = posting.next_in_slot;
    --values_;
    return;
  }
  posting.next->count = posting.count - 1;
  posting.next->next_in_slot = posting.next_in_slot;
  *link = posting.next;
}

void Router::Index::grow() {
  std::vector<Posting*> old = std::exchange(slots_, std::vector<Posting*>(std::max(kSlotsMin, slots_.size() * 2)));
  for (Posting* at : old) {
    while (at != nullptr) {
      Posting* next = at->next_in_slot;
      at->next_in_slot = std::exchange(slot_of(at->hash), at);
      at = next;
    }
  }
}

// Router.

std::string_view Router::text_of(const ShapeSpec& spec) {
  return spec.where ? std::string_view(spec.where->sql()) : std::string_view();
}

Router::Index& Router::index_of(const Key& key) {
  auto found = std::ranges::find_if(indexes_, [&](const Index& index) { return index.is_of(key); });
  if (found != indexes_.end()) return *found;
  return indexes_.emplace_back(key.column, key.element);
}

// How many clauses are filed under the route's values already.
std::size_t Router::sharers(const Route& route) const {
  std::size_t sum = 0;
  for (const Key& key : route) {
    auto index = std::ranges::find_if(indexes_, [&](const Index& i) { return i.is_of(key); });
    if (index == indexes_.end()) continue;
    if (const Posting* first = index->find(key.value)) sum += first->count;
  }
  return sum;
}

// The one that the fewest others share: with `done = false AND org = 7` that is soon org. Of equals, the shorter.
const Router::Route* Router::best_route(const ShapeSpec& spec) const {
  if (!spec.where || spec.where->routes().empty()) return nullptr;
  const auto& routes = spec.where->routes();
  if (routes.size() == 1) return &routes.front();
  return &*std::ranges::min_element(routes, {}, [&](const Route& route) { return std::pair(sharers(route), route.size()); });
}

void Router::add(Feed& feed) {
  auto spec = feed.shape().shared_spec();
  auto place = clauses_.find(text_of(*spec));
  if (place == clauses_.end()) {
    auto clause = std::make_unique<Clause>();
    clause->spec = std::move(spec);
    file(*clause);
    const std::string_view text = text_of(*clause->spec);
    place = clauses_.emplace(text, std::move(clause)).first;
  }
  Clause& clause = *place->second;
  feed.filed = {.clause = &clause, .previous = nullptr, .next = clause.first};
  if (clause.first != nullptr) clause.first->filed.previous = &feed;
  clause.first = &feed;
}

void Router::remove(Feed& feed) {
  auto& clause = *static_cast<Clause*>(feed.filed.clause);
  auto [ignored, previous, next] = std::exchange(feed.filed, {});
  (previous != nullptr ? previous->filed.next : clause.first) = next;
  if (next != nullptr) next->filed.previous = previous;
  if (clause.first != nullptr) return;
  unfile(clause);
  clauses_.erase(clauses_.find(text_of(*clause.spec)));
}

void Router::file(Clause& clause) {
  const Route* route = best_route(*clause.spec);
  if (route == nullptr) {
    clause.place = scanned_.size();
    scanned_.push_back(&clause);
    return;
  }
  clause.posting_count = route->size();
  clause.postings = std::make_unique<Posting[]>(route->size());
  for (std::size_t i = 0; i < route->size(); ++i) {
    Posting& posting = clause.postings[i];
    posting.key = &(*route)[i];
    posting.clause = &clause;
    index_of(*posting.key).add(posting);
  }
}

void Router::unfile(Clause& clause) {
  for (std::size_t i = 0; i < clause.posting_count; ++i) {
    Index& index = index_of(*clause.postings[i].key);
    index.remove(clause.postings[i]);
    if (index.empty()) std::erase_if(indexes_, [](const Index& other) { return other.empty(); });
  }
  if (clause.posting_count > 0) return;
  scanned_[clause.place] = scanned_.back();
  scanned_[clause.place]->place = clause.place;
  scanned_.pop_back();
}

void Router::find(const RowChange& change, std::vector<Hit>& out) {
  ++turn_;
  for (Clause* clause : scanned_) look_at(*clause, change, out);
  for (const Index& index : indexes_) {
    std::optional<std::string_view> before, after;
    if (change.before) before = (*change.before)[index.column()];
    if (change.after) after = (*change.after)[index.column()];
    if (before) look_up(index, *before, change, out);
    if (after && after != before) look_up(index, *after, change, out);
  }
}

void Router::look_up(const Index& index, std::string_view value, const RowChange& change, std::vector<Hit>& out) {
  index.element() ? look_up_elements(index, value, change, out) : look_up_value(index, value, change, out);
}

void Router::look_up_elements(const Index& index, std::string_view array, const RowChange& change, std::vector<Hit>& out) {
  sql::ArrayElements elements(array);
  while (elements.next()) {
    if (!elements.null()) look_up_value(index, elements.text(), change, out);
  }
}

void Router::look_up_value(const Index& index, std::string_view value, const RowChange& change, std::vector<Hit>& out) {
  for (const Posting* at = index.find(value); at != nullptr; at = at->next) look_at(*at->clause, change, out);
}

void Router::look_at(Clause& clause, const RowChange& change, std::vector<Hit>& out) {
  if (std::exchange(clause.looked_at, turn_) == turn_) return;
  const auto& where = clause.spec->where;
  const auto inside = [&](const std::optional<sql::Row>& row) -> std::optional<bool> {
    if (!row) return false;
    return where ? where->judge(*row) : true;
  };
  const std::optional<bool> was_inside = inside(change.before);
  const std::optional<bool> is_inside = inside(change.after);
  const bool judged = was_inside && is_inside;
  if (judged && !*was_inside && !*is_inside) return;
  for (Feed* feed = clause.first; feed != nullptr; feed = feed->filed.next) {
    out.push_back({feed, was_inside.value_or(false), is_inside.value_or(false), judged});
  }
}

std::vector<Feed*> Router::all() const {
  std::vector<Feed*> feeds;
  for (const auto& [text, clause] : clauses_) {
    for (Feed* feed = clause->first; feed != nullptr; feed = feed->filed.next) feeds.push_back(feed);
  }
  return feeds;
}

}  // namespace sluice::origin::embedded
