// Shape logs: the ordered operations of each shape, as the finished JSON that clients are sent.
//
// A log has two areas. The snapshot holds the rows as they were when the shape was made; its chunks end at the offsets 0_0,
// 0_1, … The changes hold one entry an operation, each at the offset <tx>_<op> of its own, in rising order. An entry is one
// line: a JSON object without a newline in it, followed by ",\n". So any run of entries is the inside of a JSON array but
// for its last comma, and can be cut into server-sent events without parsing.
//
// A chunk closes behind the entry that makes it chunk_bytes long or more. A closed chunk never changes: reading from one
// offset gives the same bytes for ever, which is what lets them be cached by their URL.
//
// Changes become visible in two steps: end_transaction() says that what was appended is whole, LogStore::commit() publishes
// it together with the position in the database's log that has been reached. A store on disk makes both durable at once;
// after a crash it holds exactly the transactions up to committed_lsn(), of every log.
//
// Threads: a log's snapshot side and its changes side each have one writer at a time (not necessarily the same); any
// number of threads read. Reading locks for as long as a search takes, and copies no entry.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "shape/request.h"

namespace sluice::store {

using Lsn = std::uint64_t;

// Entries handed out, in order.
struct Page {
  std::vector<Buffer> buffers;                      // together: whole entries, each with its ",\n"; empty: nothing there
  shape::Offset end = shape::Offset::before_all();  // the place behind them: where to read on
  bool at_head = false;                             // nothing further was published when this was read
};

enum class ReadError {
  kNoSnapshot,  // the snapshot has not been finished
  kBeyondHead,  // no such offset has been published yet
};

class ShapeLog {
 public:
  virtual ~ShapeLog() = default;

  // One entry of the snapshot, with its ",\n".
  virtual void append_snapshot(std::string_view entry) = 0;
  // The snapshot is whole; the log can be read from now on. Exactly once.
  virtual void finish_snapshot() = 0;

  // One change, with its ",\n". Offsets rise strictly and are above 0_inf. May be called before finish_snapshot().
  virtual void append(shape::Offset offset, std::string_view entry) = 0;
  // What was appended since the last call is whole (a transaction, or several).
  virtual void end_transaction() = 0;
  // Takes back what was appended since end_transaction().
  virtual void abort_transaction() = 0;

  // What follows `after`, up to the end of the chunk it lies in. Not with `now`: ask head() first.
  virtual std::expected<Page, ReadError> read(shape::Offset after) const = 0;
  // Where the published log ends; 0_inf where there is no change yet.
  virtual shape::Offset head() const = 0;
  // Memory or disk it occupies.
  virtual std::size_t bytes() const = 0;
};

class LogStore {
 public:
  virtual ~LogStore() = default;

  // `handle` is new. The log lives as long as somebody holds it, also after drop().
  virtual std::shared_ptr<ShapeLog> create(std::string_view handle) = 0;
  // Forgets the log: it is not there after a restart, and its bytes count no longer once its last reader is gone.
  virtual void drop(std::string_view handle) = 0;

  // Publishes every ended transaction of every log, and `lsn` with them. Called by the changes' writer only.
  virtual void commit(Lsn lsn) = 0;
  virtual Lsn committed_lsn() const = 0;

  // Of all logs that are alive. Any thread.
  virtual std::size_t bytes() const = 0;
};

}  // namespace sluice::store
