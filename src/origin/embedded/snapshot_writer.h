// Rows of a snapshot into a shape's log: each encoded once, as it arrives. Chunks can be read as soon as they are closed.
//
// On the thread that reads the snapshot. It gives up (and lets the remaining rows pass) where the shape was dropped
// meanwhile, where the table is not the one that the shape was resolved against, or where all logs together outgrow
// their bound.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "origin/embedded/failure.h"
#include "origin/embedded/shape.h"
#include "replication/snapshot.h"

namespace sluice::origin::embedded {

struct SnapshotLimits {
  std::size_t chunk_bytes;  // the store's: whoever waits for a chunk is woken when it is closed
  std::size_t bytes_max;    // of all logs together
};

class SnapshotWriter final : public replication::SnapshotSink {
 public:
  // `begun` is told of the snapshot before its rows are written.
  SnapshotWriter(Shape& shape, const store::LogStore& store, SnapshotLimits limits,
                 std::function<void(const replication::SnapshotInfo&)> begun);

  void begin(const replication::SnapshotInfo& info) override;
  void row(sql::Row values) override;
  // Writes the entry that ends the snapshot and tells clients what it holds.
  void end(const replication::SnapshotInfo& info);

  // The table was altered: the shape must be resolved anew.
  bool table_differs() const { return table_differs_; }
  const std::optional<Failure>& failure() const { return failure_; }

 private:
  bool given_up() const;
  void append(std::string_view entry);

  Shape& shape_;
  const store::LogStore& store_;
  const SnapshotLimits limits_;
  std::function<void(const replication::SnapshotInfo&)> begun_;
  std::vector<std::size_t> columns_;                     // of the table, for each value of a row
  std::vector<std::optional<std::string_view>> values_;  // for each column of the table
  std::string entry_;
  std::size_t open_bytes_ = 0;  // of the chunk that is not closed yet
  bool table_differs_ = false;
  std::optional<Failure> failure_;
};

// The table as shapes compare it: the identity that publishing gives it counted in.
sql::Table as_published(sql::Table table);

// {"headers":{"control":"snapshot-end","xmin":"…","xmax":"…","xip_list":["…"]}} and the members alone.
std::string snapshot_members(const replication::SnapshotPoint& point);

}  // namespace sluice::origin::embedded
