#include "origin/embedded/feed.h"

#include <utility>

namespace sluice::origin::embedded {

bool Feed::wants(const StreamTransaction& transaction) {
  if (!point_) return true;
  if (point_->holds(transaction.xid)) return false;
  // Transactions come in the order of their commits: none that the snapshot holds can follow.
  if (transaction.lsn > point_lsn_) point_.reset();
  return true;
}

bool Feed::change(const StreamTransaction& transaction, const RowChange& change, bool was_inside, bool is_inside) {
  const ShapeSpec& spec = shape_->spec();
  std::uint64_t op = change.position * 2;  // two operations may come of one change
  ChangeHeader header{transaction.json, op};
  // Scratch of the thread: an entry is then kept at its exact size.
  thread_local std::string text, added;
  text.clear();
  if (!was_inside) {
    spec.encoder.append_insert(text, *change.after, header);
  } else if (!is_inside) {
    spec.encoder.append_delete(text, *change.before, header, spec.full);
  } else if (!spec.encoder.same_key(*change.before, *change.after)) {
    added.clear();
    spec.encoder.append_key_change(text, added, *change.before, *change.after, header, {transaction.json, op + 1},
                                   spec.full);
    add(transaction, op, text);
    add(transaction, op + 1, added);
    return true;
  } else if (!spec.encoder.same_value(*change.before, *change.after)) {
    spec.encoder.append_update(text, *change.before, *change.after, header, spec.full);
  } else {
    return false;
  }
  add(transaction, op, text);
  return true;
}

void Feed::add(const StreamTransaction& transaction, std::uint64_t op, std::string_view text) {
  close_open(kEntryEnd, false);
  open_.emplace(Entry{shape::Offset::at(transaction.lsn, op), transaction.xid, {}, false});
  open_->text.reserve(text.size() + kLastEntryEnd.size());
  open_->text = text;
}

void Feed::close_open(std::string_view end, bool last) {
  if (!open_) return;
  open_->text += end;
  open_->last = last;
  write(std::move(*open_));
  open_.reset();
}

void Feed::write(Entry entry) {
  if (released_) {
    shape_->log().append(entry.at, entry.text);
    return;
  }
  held_bytes_ += entry.text.size() + sizeof(Entry);
  held_.push_back(std::move(entry));
}

void Feed::end_transaction() {
  close_open(kLastEntryEnd, true);
  if (released_) shape_->log().end_transaction();
}

void Feed::abort_transaction() {
  open_.reset();
  if (released_) {
    shape_->log().abort_transaction();
    return;
  }
  while (!held_.empty() && !held_.back().last) {
    held_bytes_ -= held_.back().text.size() + sizeof(Entry);
    held_.pop_back();
  }
}

bool Feed::survives(const StreamTransaction& transaction) {
  if (released_) return !wants(transaction);
  if (not_survived_.empty() || not_survived_.back() != transaction.xid) not_survived_.push_back(transaction.xid);
  return not_survived_.size() <= kNotSurvivedMax;
}

bool Feed::release(SnapshotPoint point, std::uint64_t lsn) {
  if (!holds_all(point, not_survived_)) return false;
  released_ = true;
  for (const Entry& entry : held_) {
    if (point.holds(entry.xid)) continue;
    shape_->log().append(entry.at, entry.text);
    if (entry.last) shape_->log().end_transaction();
  }
  held_ = {};
  held_bytes_ = 0;
  if (open_ && point.holds(open_->xid)) open_.reset();
  point_ = std::move(point);
  point_lsn_ = lsn;
  return true;
}

}  // namespace sluice::origin::embedded
