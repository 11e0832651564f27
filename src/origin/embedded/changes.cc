#include "origin/embedded/changes.h"

#include <algorithm>
#include <utility>

namespace sluice::origin::embedded {

using replication::TupleValue;

void Changes::add(std::shared_ptr<Shape> shape) {
  Relations& relations = tables_[shape->spec().table->oid];
  auto same = [&](const auto& group) { return *group->table == *shape->spec().table; };
  auto group = std::find_if(relations.groups.begin(), relations.groups.end(), same);
  if (group == relations.groups.end()) {
    group = relations.groups.insert(group, std::make_unique<Group>());
    (*group)->table = shape->spec().table;
    if (relations.described) (*group)->mapping = match(*relations.described, *shape->spec().table);
  }
  const Shape* key = shape.get();
  auto& feed = feeds_[key] = std::make_unique<Feed>(std::move(shape));
  feed->group = group->get();
  (*group)->router.add(*feed);
}

void Changes::remove(const Shape& shape) {
  auto place = feeds_.find(&shape);
  if (place == feeds_.end()) return;
  Feed& feed = *place->second;
  auto& group = *static_cast<Group*>(feed.group);
  group.router.remove(feed);
  if (feed.touched_place != Feed::kUntouched) {
    touched_[feed.touched_place] = touched_.back();
    touched_.back()->touched_place = feed.touched_place;
    touched_.pop_back();
  }
  feeds_.erase(place);
  if (!group.router.empty()) return;
  auto relations = tables_.find(group.table->oid);
  std::erase_if(relations->second.groups, [&](const auto& other) { return other.get() == &group; });
}

Feed* Changes::find(const Shape& shape) {
  auto place = feeds_.find(&shape);
  return place == feeds_.end() ? nullptr : place->second.get();
}

void Changes::touch(Feed& feed) {
  feed.touched_place = touched_.size();
  touched_.push_back(&feed);
}

void Changes::restart() {
  for (Feed* feed : touched_) {
    feed->abort_transaction();
    feed->touched_place = Feed::kUntouched;
  }
  touched_.clear();
  for (auto& [oid, relations] : tables_) {
    relations.described.reset();
    for (auto& group : relations.groups) group->mapping.reset();
  }
}

void Changes::begin(std::uint64_t commit_lsn, std::uint32_t xid) {
  transaction_ = {commit_lsn, xid, transaction_json(commit_lsn, xid)};
  position_ = 0;
}

// Without the identity of the whole row, an update does not say what the row was.
std::optional<std::vector<Changes::Place>> Changes::match(const Described& described, const sql::Table& table) {
  if (described.schema != table.schema || described.name != table.name) return std::nullopt;
  if (described.replica_identity != 'f') return std::nullopt;
  std::vector<Place> mapping;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const sql::Column& column = table.columns[i];
    if (column.generated) continue;
    if (mapping.size() == described.columns.size()) return std::nullopt;
    const sql::Column& other = described.columns[mapping.size()];
    if (other.name != column.name || other.type != column.type || other.type_mod != column.type_mod) return std::nullopt;
    mapping.push_back({i, column.not_null});
  }
  return mapping.size() == described.columns.size() ? std::optional(std::move(mapping)) : std::nullopt;
}

void Changes::relation(const replication::Relation& relation) {
  Described described{std::string(relation.schema), std::string(relation.name), relation.replica_identity, {}};
  for (const auto& column : relation.columns) {
    sql::Column& added = described.columns.emplace_back();
    added.name = column.name;
    added.type = column.type;
    added.type_mod = column.type_mod;
  }
  Relations& relations = tables_[relation.oid];
  for (auto& group : relations.groups) group->mapping = match(described, *group->table);
  relations.described = std::move(described);
}

// False where the row has a NULL that clients were told cannot be: Postgres says nothing else of a dropped NOT NULL.
bool Changes::place(const Group& group, replication::Tuple tuple, Values& values, const Values* unchanged) {
  bool fits = true;
  values.assign(group.table->columns.size(), std::nullopt);
  for (std::size_t i = 0; i < tuple.size() && i < group.mapping->size(); ++i) {
    const auto [column, not_null] = (*group.mapping)[i];
    if (tuple[i].kind == TupleValue::Kind::kText) values[column] = tuple[i].text;
    if (tuple[i].kind == TupleValue::Kind::kUnchanged && unchanged) values[column] = (*unchanged)[column];
    if (tuple[i].kind == TupleValue::Kind::kNull && not_null) fits = false;
  }
  return fits;
}

// `fill` gives the change in the group's columns, or nothing where it is none of the table that the group knows.
template <typename Fill>
void Changes::route(sql::Oid oid, Fill fill) {
  std::uint64_t position = position_++;
  auto relations = tables_.find(oid);
  if (relations == tables_.end()) return;
  // Dropping a group's last feed removes the group: by index, from the end.
  auto& groups = relations->second.groups;
  for (std::size_t i = groups.size(); i-- > 0;) {
    Group& group = *groups[i];
    std::optional<RowChange> change;
    if (group.mapping) change = fill(group);
    if (!change) {
      drop_ended(group);
      continue;
    }
    change->position = position;
    deliver(group, *change);
  }
}

void Changes::insert(const replication::Insert& insert) {
  route(insert.relation, [&](const Group& group) -> std::optional<RowChange> {
    if (!place(group, insert.row, after_, nullptr)) return std::nullopt;
    return RowChange{.before = std::nullopt, .after = sql::Row(after_)};
  });
}

void Changes::update(const replication::Update& update) {
  route(update.relation, [&](const Group& group) -> std::optional<RowChange> {
    if (update.old_kind != 'O') return std::nullopt;
    if (!place(group, update.old_row, before_, nullptr)) return std::nullopt;
    if (!place(group, update.row, after_, &before_)) return std::nullopt;
    return RowChange{.before = sql::Row(before_), .after = sql::Row(after_)};
  });
}

void Changes::erase(const replication::Delete& deletion) {
  route(deletion.relation, [&](const Group& group) -> std::optional<RowChange> {
    if (deletion.old_kind != 'O') return std::nullopt;
    if (!place(group, deletion.old_row, before_, nullptr)) return std::nullopt;
    return RowChange{.before = sql::Row(before_), .after = std::nullopt};
  });
}

void Changes::deliver(Group& group, const RowChange& change) {
  hits_.clear();
  group.router.find(change, hits_);
  std::vector<Feed*> overflowing;
  std::vector<Feed*> ended;
  for (const auto& [feed, was_inside, is_inside, judged] : hits_) {
    if (!judged) {
      if (!feed->survives(transaction_)) ended.push_back(feed);
      continue;
    }
    if (!feed->wants(transaction_) || !feed->change(transaction_, change, was_inside, is_inside)) continue;
    if (feed->touched_place == Feed::kUntouched) touch(*feed);
    if (feed->held_bytes() > kHeldBytesMax) overflowing.push_back(feed);
  }
  for (Feed* feed : ended) drop(*feed, std::nullopt);
  for (Feed* feed : overflowing) {
    drop(*feed, unavailable("too_many_changes", "The table changes faster than its snapshot begins", 10));
  }
}

// The group goes with its last feed.
void Changes::drop_ended(Group& group) {
  std::vector<Feed*> feeds = group.router.all();
  for (Feed* feed : feeds) {
    if (!feed->survives(transaction_)) drop(*feed, std::nullopt);
  }
}

void Changes::drop(Feed& feed, std::optional<Failure> why) {
  std::shared_ptr<Shape> shape = feed.shared_shape();
  remove(*shape);
  drop_(shape, std::move(why));
}

void Changes::truncate(const replication::Truncate& truncate) {
  for (sql::Oid oid : truncate.relations) {
    auto relations = tables_.find(oid);
    if (relations == tables_.end()) continue;
    auto& groups = relations->second.groups;
    for (std::size_t i = groups.size(); i-- > 0;) drop_ended(*groups[i]);
  }
}

const std::vector<Feed*>& Changes::commit() {
  for (Feed* feed : touched_) {
    feed->end_transaction();
    feed->touched_place = Feed::kUntouched;
  }
  committed_.clear();
  committed_.swap(touched_);
  return committed_;
}

}  // namespace sluice::origin::embedded
