// What replication needs from Postgres's catalogs: tables as they are, the publication, replica identity, the slot.
//
// Every function runs on the given (not a replication) connection, outlived by it, and quotes the names it is given. Each
// "ensure" may be repeated and run by several processes at once. The role needs: LOGIN, REPLICATION, SELECT on the tables;
// to publish tables also CREATE on the database and their ownership. Without the latter the publication and the
// tables' REPLICA IDENTITY can be made by hand, and the functions here find everything done already.
#pragma once

#include <chrono>
#include <expected>
#include <string>

#include "base/task.h"
#include "replication/connection.h"
#include "replication/pgoutput.h"
#include "sql/types.h"

namespace sluice::replication {

// The table of that name, exactly as spelled. Not found (or neither a table, a partitioned one nor a view of some kind):
// an error with undefined_table(). One query.
Task<std::expected<sql::Table, PgError>> load_table(Connection& connection, std::string schema, std::string name);

// Makes the publication where it is missing: inserts, updates, deletes, truncates; changes of partitions are published as
// changes of the partitioned table that was added.
Task<std::expected<void, PgError>> ensure_publication(Connection& connection, std::string publication);

// Adds the table to the publication and sets REPLICA IDENTITY FULL on it (and its partitions), as far as that is not done,
// in one transaction that no transaction writing to the table overlaps. So every change that commits after a snapshot
// taken later is replicated whole, with its old row; and no write ever meets a table that is published without identity,
// which Postgres refuses.
// The lock is tried for a second at a time until `lock_wait` is over: then an error with lock_not_available().
// insufficient_privilege() where the role is not the owner and something was left to do.
Task<std::expected<void, PgError>> publish_table(Connection& connection, std::string publication, sql::Table table,
                                                 std::chrono::milliseconds lock_wait = std::chrono::seconds(60));

struct Slot {
  bool created = false;  // by this call
  Lsn confirmed = 0;     // confirmed_flush_lsn: what START_REPLICATION goes on from
  bool active = false;   // another connection streams from it
  bool lost = false;     // the server removed WAL that it needs (max_slot_wal_keep_size): drop it and begin anew
};

// Makes the logical slot (pgoutput) in the connection's database where it is missing. Waits for transactions that run
// at that moment. Error: a slot of that name that is physical, of another plugin or of another database.
Task<std::expected<Slot, PgError>> ensure_slot(Connection& connection, std::string slot);

// Drops it where it exists. Error: object_in_use() while it is active.
Task<std::expected<void, PgError>> drop_slot(Connection& connection, std::string slot);

}  // namespace sluice::replication
