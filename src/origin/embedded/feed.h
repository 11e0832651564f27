// The stream's side of one shape: which changes are its own, what they mean to it, and when they enter its log.
//
// While the shape's snapshot has no visibility yet, its changes are held; release() drops those that the snapshot holds and
// lets the others into the log. From then on changes go straight to the log, except those of transactions that the snapshot
// holds and that come late.
//
// A feed belongs to the replication thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "origin/embedded/row_encoder.h"
#include "origin/embedded/shape.h"
#include "origin/embedded/visibility.h"

namespace sluice::origin::embedded {

// Held changes of one shape; where there are more the shape is given up. Enough for the seconds until a snapshot begins.
inline constexpr std::size_t kHeldBytesMax = 64 * 1024 * 1024;

// Held transactions that the shape could not follow; where there are more it is given up.
inline constexpr std::size_t kNotSurvivedMax = 64 * 1024;

// The transaction that the stream is in.
struct StreamTransaction {
  std::uint64_t lsn = 0;  // of its commit: the first half of its offsets
  std::uint32_t xid = 0;
  std::string json;  // transaction_json()
};

// One changed row: before is absent for an insert, after for a delete. Rows have every column of the table, whatever was
// left out of the message filled in from the old row.
struct RowChange {
  std::optional<sql::Row> before;
  std::optional<sql::Row> after;
  std::uint64_t position = 0;  // among the changes of its transaction
};

class Feed {
 public:
  explicit Feed(std::shared_ptr<Shape> shape) : shape_(std::move(shape)) {}

  Shape& shape() const { return *shape_; }
  const std::shared_ptr<Shape>& shared_shape() const { return shape_; }

  // False where the snapshot holds the transaction already.
  bool wants(const StreamTransaction& transaction);

  // `was_inside`, `is_inside`: whether the old row and the new one lie in the shape. Returns whether an entry came of it.
  bool change(const StreamTransaction& transaction, const RowChange& change, bool was_inside, bool is_inside);
  void end_transaction();
  void abort_transaction();
  // The transaction did what the shape cannot follow: a truncate, a change in a form that it does not know. While changes
  // are held that is not its end: the snapshot may hold the transaction. False where the shape must be given up now.
  bool survives(const StreamTransaction& transaction);

  // `lsn`: everything that the snapshot holds was written to the log of the database before it. False where the shape must
  // be given up, for what it could not follow and the snapshot does not hold.
  bool release(SnapshotPoint point, std::uint64_t lsn);
  // Instead of release(), for a shape of an earlier process: its log holds all that the snapshot held.
  void resume() { released_ = true; }
  bool released() const { return released_; }
  std::size_t held_bytes() const { return held_bytes_; }

  // Where the router keeps the feed: its own.
  struct Filed {
    void* clause = nullptr;
    Feed* previous = nullptr;
    Feed* next = nullptr;
  } filed;
  // Where Changes keeps it: the shapes of one state of its table; its place among those that the transaction touched.
  static constexpr std::size_t kUntouched = SIZE_MAX;
  void* group = nullptr;
  std::size_t touched_place = kUntouched;

 private:
  struct Entry {
    shape::Offset at;
    std::uint32_t xid;
    std::string text;
    bool last;
  };
  void add(const StreamTransaction& transaction, std::uint64_t op, std::string_view text);
  void close_open(std::string_view end, bool last);
  void write(Entry entry);

  std::shared_ptr<Shape> shape_;
  std::optional<Entry> open_;  // the last entry of the transaction so far, without its end
  std::vector<Entry> held_;
  std::size_t held_bytes_ = 0;
  std::vector<std::uint32_t> not_survived_;  // transactions that end the shape unless the snapshot holds them
  bool released_ = false;
  std::optional<SnapshotPoint> point_;  // until every transaction it may hold has passed
  std::uint64_t point_lsn_ = 0;
};

}  // namespace sluice::origin::embedded
