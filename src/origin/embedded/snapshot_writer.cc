#include "origin/embedded/snapshot_writer.h"

#include <fmt/format.h>

namespace sluice::origin::embedded {

sql::Table as_published(sql::Table table) {
  table.replica_identity = 'f';
  return table;
}

std::string snapshot_members(const replication::SnapshotPoint& point) {
  std::string out = fmt::format(R"("xmin":"{}","xmax":"{}","xip_list":[)", point.xmin, point.xmax);
  for (std::size_t i = 0; i < point.xip.size(); ++i) {
    fmt::format_to(std::back_inserter(out), R"({}"{}")", i == 0 ? "" : ",", point.xip[i]);
  }
  return out += ']';
}

SnapshotWriter::SnapshotWriter(Shape& shape, const store::LogStore& store, SnapshotLimits limits,
                               std::function<void(const replication::SnapshotInfo&)> begun)
    : shape_(shape), store_(store), limits_(limits), begun_(std::move(begun)) {}

void SnapshotWriter::begin(const replication::SnapshotInfo& info) {
  table_differs_ = as_published(*info.table) != *shape_.spec().table;
  if (table_differs_) return;
  columns_ = info.columns;
  values_.assign(info.table->columns.size(), std::nullopt);
  begun_(info);
}

bool SnapshotWriter::given_up() const {
  return table_differs_ || failure_ || shape_.phase() == Phase::kDropped;
}

void SnapshotWriter::row(sql::Row values) {
  if (given_up()) return;
  if (store_.bytes() > limits_.bytes_max) {
    failure_ = unavailable("shape_too_large", "The shape does not fit into the space for shapes", 60);
    return;
  }
  if (!store_.writable() || shape_.log().failed()) {
    failure_ = storage_full();
    return;
  }
  for (std::size_t i = 0; i < columns_.size(); ++i) values_[columns_[i]] = values[i];
  entry_.clear();
  shape_.spec().encoder.append_snapshot_row(entry_, values_);
  append(entry_);
}

// The store closes a chunk by the same rule (store/shape_log.h).
void SnapshotWriter::append(std::string_view entry) {
  shape_.log().append_snapshot(entry);
  open_bytes_ += entry.size();
  if (open_bytes_ < limits_.chunk_bytes) return;
  open_bytes_ = 0;
  shape_.chunk_closed();
}

void SnapshotWriter::end(const replication::SnapshotInfo& info) {
  if (given_up()) return;
  append(fmt::format(R"({{"headers":{{"control":"snapshot-end",{}}}}},)"
                     "\n",
                     snapshot_members(info.point)));
}

}  // namespace sluice::origin::embedded
