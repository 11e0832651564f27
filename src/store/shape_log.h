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
// it together with the position in the database's log that has been reached. A store on disk makes both durable at once, a
// little later: durable_lsn() says how far. After a crash it holds exactly the transactions up to some commit(), of every
// log that had finished its snapshot, and the origin has the database send again what came after. That is the same bytes at
// the same offsets, so readers may be shown what is not durable yet.
//
// Threads: a log's snapshot side and its changes side each have one writer at a time (not necessarily the same); any
// number of threads read. Reading locks for as long as a search takes; a store on disk may read a chunk from its file.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/file_bytes.h"
#include "shape/request.h"

namespace sluice::store {

using Lsn = std::uint64_t;

// Entries handed out, in order.
struct Page {
  std::optional<FileBytes> file = std::nullopt;     // what comes first; only where it was asked for
  std::vector<Buffer> buffers = {};                 // all together: whole entries, each with its ",\n"; empty: nothing there
  shape::Offset end = shape::Offset::before_all();  // the place behind them: where to read on
  bool at_head = false;                             // nothing further was published when this was read

  bool empty() const { return !file && buffers.empty(); }
};

enum class ReadError {
  kNoSnapshot,   // that part of the snapshot has not been written yet
  kBeyondHead,   // no such offset has been published yet
  kUnavailable,  // the storage cannot be read
};

class ShapeLog {
 public:
  virtual ~ShapeLog() = default;

  // Entries of the snapshot, one or more, each with its ",\n". Chunks close behind the same entries however many come at
  // once.
  virtual void append_snapshot(std::string_view entries) = 0;
  // The snapshot is whole; the log can be read from now on. Exactly once. It outlives the process only once a commit has
  // reached `known_from`: whoever finds it then goes on behind everything that the snapshot holds already.
  virtual void finish_snapshot(Lsn known_from) = 0;

  // One change, with its ",\n". Offsets rise strictly and are above 0_inf. May be called before finish_snapshot().
  virtual void append(shape::Offset offset, std::string_view entry) = 0;
  // What was appended since the last call is whole (a transaction, or several).
  virtual void end_transaction() = 0;
  // Takes back what was appended since end_transaction().
  virtual void abort_transaction() = 0;

  // What follows `after`, up to the end of the chunk it lies in. Not with `now`: ask head() first. Closed chunks of the
  // snapshot can be read before it is finished.
  virtual std::expected<Page, ReadError> read(shape::Offset after) const = 0;
  // The same for who sends it on: what lies in a file, and is long enough for that to pay, may be left there.
  virtual std::expected<Page, ReadError> read_to_send(shape::Offset after) const { return read(after); }
  // Where the published log ends; 0_inf where there is no change yet.
  virtual shape::Offset head() const = 0;
  // Memory or disk it occupies.
  virtual std::size_t bytes() const = 0;
  // Something of it could not be written, for want of room or a fault of the disk: what can be read stays so, but it is
  // not whole (a snapshot), or will not be there after a restart. Its owner drops it. Any thread.
  virtual bool failed() const { return false; }
};

// How many bytes of `meta` a log may have, and of notes a store keeps.
inline constexpr std::size_t kMetaBytesMax = 4 * 1024 * 1024;
inline constexpr std::size_t kNotesBytesMax = 256 * 1024;

class LogStore {
 public:
  virtual ~LogStore() = default;

  // `handle` is new. `meta` is what its owner needs to know the log again after a restart; opaque here. The log lives as
  // long as somebody holds it, also after drop().
  virtual std::shared_ptr<ShapeLog> create(std::string_view handle, std::string_view meta) = 0;
  // Forgets the log: it is not there after a restart, and its bytes count no longer once its last reader is gone.
  virtual void drop(std::string_view handle) = 0;

  // Publishes every ended transaction of every log, and `lsn` with them. Called by the changes' writer only, as is the next.
  // `note`: opaque bytes that belong to this commit; after a restart the last kNotesBytesMax of them are there, in order.
  virtual void commit(Lsn lsn, std::string_view note) = 0;
  // What is true of the store as a whole; durable with the next commit(), in place of the former. Small.
  virtual void set_state(std::string state) = 0;
  virtual Lsn committed_lsn() const = 0;
  // Up to here everything outlives a crash of the machine. Any thread.
  virtual Lsn durable_lsn() const = 0;
  // False once something could not be written (the disk is full): nothing more becomes durable until it is true again. Any
  // thread.
  virtual bool writable() const = 0;
  // The process is about to stop: a writer that waits for room on the disk no longer does. What does not fit then is lost,
  // and nothing more becomes durable. Any thread.
  virtual void stop_waiting() {}

  // What an earlier process left: logs with a finished snapshot, in the order of their creation. Once.
  struct Recovered {
    struct Log {
      std::string handle;
      std::string meta;
      std::shared_ptr<ShapeLog> log;
    };
    Lsn lsn = 0;  // of the last commit()
    std::string state;
    std::string notes;
    std::vector<Log> logs;
  };
  virtual Recovered take_recovered() = 0;

  // Of all logs that are alive. Any thread.
  virtual std::size_t bytes() const = 0;
};

}  // namespace sluice::store
