// What replication needs from Postgres's catalogs: tables as they are, the publication, replica identity, the slot.
//
// Every function runs on the given (not a replication) connection, outlived by it, and quotes the names it is given. Each
// "ensure" may be repeated and run by several processes at once. The role needs: LOGIN, REPLICATION, SELECT on the tables;
// to publish tables also CREATE on the database and their ownership. Without the latter the publication and the
// tables' REPLICA IDENTITY can be made by hand, and the functions here find everything done already.
#pragma once

#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <vector>

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

// Whether the publication is there and publishes all that has to be followed. The error says what to do about it.
Task<std::expected<void, PgError>> check_publication(Connection& connection, std::string publication);

// Whether every change of the table is published whole, with its old row, as publish_table() leaves it and as somebody may
// have done by hand. The error names each thing that is missing, with the statement that does it: not_published().
Task<std::expected<void, PgError>> check_published(Connection& connection, std::string publication, sql::Table table);

// The tables whose changes are published as their own. One query.
Task<std::expected<std::vector<sql::Oid>, PgError>> published_tables(Connection& connection, std::string publication);

// From where on the server keeps its log for the slot; nothing where it keeps none, or there is no such slot.
Task<std::expected<std::optional<Lsn>, PgError>> slot_restart(Connection& connection, std::string slot);

// Takes out of the publication what is not among `used`. Tables that it has by way of its schemas, or as all tables, stay.
// Needs the publication's ownership. Returns how many went.
Task<std::expected<int, PgError>> unpublish_others(Connection& connection, std::string publication,
                                                   std::vector<sql::Oid> used);

// Whether row-level security hides rows of the table from the role.
Task<std::expected<bool, PgError>> hides_rows(Connection& connection, sql::Oid table);

// Whether the role may SELECT from the table, and no row-level security hides rows of it.
Task<std::expected<bool, PgError>> reads_whole(Connection& connection, sql::Oid table);

struct Slot {
  bool created = false;  // by this call
  Lsn confirmed = 0;     // confirmed_flush_lsn: what START_REPLICATION goes on from
  bool active = false;   // another connection streams from it
  bool lost = false;     // the server removed WAL that it needs (max_slot_wal_keep_size): drop it and begin anew
};

// Makes the logical slot (pgoutput) in the connection's database where it is missing. Waits for transactions that run
// at that moment. Error: a slot of that name that is physical, of another plugin or of another database.
Task<std::expected<Slot, PgError>> ensure_slot(Connection& connection, std::string slot);

// The slot as it is, or nothing where there is none; errors as ensure_slot's.
Task<std::expected<std::optional<Slot>, PgError>> find_slot(Connection& connection, std::string slot);

// Which database it is, of which server, and how far that has written its log. A server that was restored from a backup has
// the identifier of the one that the backup was made of.
struct Server {
  std::string system_identifier;
  sql::Oid database = 0;
  Lsn end = 0;
};
Task<std::expected<Server, PgError>> identify_server(Connection& connection);

// Drops it where it exists. Error: object_in_use() while it is active.
Task<std::expected<void, PgError>> drop_slot(Connection& connection, std::string slot);

}  // namespace sluice::replication
