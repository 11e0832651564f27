// The stream of committed changes: START_REPLICATION from a logical slot, decoded by pgoutput.h.
//
//   Stream stream({.url = url, .slot = "sluice", .publication = "sluice", .start = last_stored}, handler);
//   StreamEnd end = co_await stream.run();    // until the connection ends; then wait a little, and make another Stream
//
// The handler is called synchronously on the stream's io_context; it must not block. Transactions arrive whole, in commit
// order, one after the other: on_begin, then the changes (on_relation before the first of a table), then on_commit.
// The server keeps the log from the last confirmed position on and, after a reconnection, sends again every
// transaction whose commit ends after max(confirmed, start): the handler skips those that it has (Commit::end_lsn at or
// below what it stored).
//
// Memory: one message, at most 1 GB (Postgres's limit of a row), usually libpq's 16 kB. What arrives while the
// handler runs waits in the kernel's socket buffer, and then at the server.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/task.h"
#include "replication/connection.h"
#include "replication/pgoutput.h"

namespace sluice::replication {

// Views in the arguments are valid during the call only.
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  virtual void on_begin(const Begin& begin) = 0;
  virtual void on_relation(const Relation& relation) = 0;
  virtual void on_insert(const Insert& insert) = 0;
  virtual void on_update(const Update& update) = 0;
  virtual void on_delete(const Delete& deletion) = 0;
  virtual void on_truncate(const Truncate& truncate) = 0;
  virtual void on_commit(const Commit& commit) = 0;
  // Every transaction that committed up to `server_end` was delivered, and none is open.
  virtual void on_idle(Lsn server_end) = 0;
  // All that one read of the socket brought was delivered; perhaps in the middle of a transaction. The place to wake
  // those who wait, once for many changes.
  virtual void on_batch_end() = 0;
  // The server is about to be told what is confirmed: the last moment to confirm() for it. Also where nothing arrives.
  virtual void on_status() {}
};

struct StreamOptions {
  std::string url;
  std::string slot;
  std::string publication;
  Lsn start = 0;  // 0: from the slot's confirmed position; a lower one than that is raised to it by the server
  std::chrono::milliseconds status_interval{1000};  // between acknowledgements; well below wal_sender_timeout (60 s)
  // No message at all within this: the connection is taken for dead. The server's keepalives come at least every
  // wal_sender_timeout / 2, and at each status of ours that asks for one.
  std::chrono::milliseconds silence_max{60'000};
};

struct StreamEnd {
  enum class Why {
    kStopped,       // stop(), or the Task was cancelled
    kSlotActive,    // another connection streams from the slot: another process, or our last one that the server has not
                    // noticed to be gone
    kSlotMissing,   // start anew: no such slot
    kSlotLost,      // start anew: the server no longer has the log that the slot needs
    kRefused,       // another error before the first message: permissions, no such publication, wal_level
    kDisconnected,  // the connection could not be made, or was lost
    kServerError,   // an error in the stream, as when the publication was dropped
    kMalformed,     // a message that is not pgoutput's
  };
  Why why;
  PgError error;  // a message always; sqlstate where it is the server's
};

std::string_view to_string(StreamEnd::Why why);

class Stream {
 public:
  // The handler outlives the Stream.
  Stream(StreamOptions options, StreamHandler& handler);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Once. The Stream outlives the Task. What the handler throws comes out of it.
  Task<StreamEnd> run();

  // The rest is for the stream's own thread, during and between calls of the handler.

  // Everything that committed up to `lsn` (a Commit::end_lsn, or what on_idle said) is stored for good: the server may
  // forget it. Told at the next status; StreamOptions::start by itself confirms nothing. A lower position than the last one
  // is ignored.
  void confirm(Lsn lsn);
  // Asks the server how far it has read: it answers with on_idle as soon as everything before was delivered. For those
  // who wait for a position that no published change may ever reach.
  void ping();
  // Ends run() when the handler has returned (while connecting: when that is done, 10 s at most); what was confirmed is
  // told to the server first.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::replication
