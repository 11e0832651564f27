// Part of a shape's rows, asked for once (PROTOCOL section 10).
//
// What the client wrote is parsed and printed anew, as `(the shape's where) AND (the subset's)`: nothing of it can reach
// beyond the shape. It may refer to the columns that may be queried, where the definition names them.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <mutex>
#include <optional>
#include <string>

#include "origin/embedded/failure.h"
#include "origin/embedded/shape.h"
#include "replication/snapshot.h"
#include "shape/request.h"

namespace sluice::origin::embedded {

// Of one answer, which is made in memory. Whoever needs more rows asks with limit and offset.
inline constexpr std::size_t kSubsetBytesMax = 64 * 1024 * 1024;

struct SubsetQuery {
  replication::SnapshotQuery rows;
  // What is wrong with the subset where the database finds a constant in it that is no value of its type: a label that is
  // not known here may have been added to its enum since.
  std::optional<Failure> if_invalid = {};
};

// The query for the rows, which the database gives up after `timeout`; or what is wrong with the subset.
std::expected<SubsetQuery, Failure> subset_query(const ShapeSpec& spec, const shape::Definition& definition,
                                                 const shape::Subset& subset, std::chrono::milliseconds timeout);

// Collects the rows as `{"data":[…],"metadata":{…}}`. Filled on one thread, then read on another.
class SubsetWriter final : public replication::SnapshotSink {
 public:
  explicit SubsetWriter(std::shared_ptr<Shape> shape);

  void begin(const replication::SnapshotInfo& info) override;
  void row(sql::Row values) override;
  // After the rows. Fails where the table is no longer the shape's, or the answer grew too large.
  std::expected<std::string, Failure> finish(const replication::SnapshotInfo& info);

 private:
  const std::shared_ptr<Shape> shape_;
  const std::uint64_t mark_;
  std::vector<std::size_t> columns_;
  std::vector<std::optional<std::string_view>> values_;
  std::string text_;
  std::optional<Failure> failure_;
};

}  // namespace sluice::origin::embedded
