// The changes of the tables that shapes are made of: from the stream's messages to the feeds of the shapes concerned.
//
// A table is known by its oid. Shapes that were made from different states of one table (before and after an ALTER) are kept
// apart: those whose table is no longer what the stream describes get nothing more and are dropped, as soon as a change
// comes that they would have to understand. So are the shapes of a table that is truncated or no longer has REPLICA IDENTITY
// FULL, or brings a NULL where there was a NOT NULL. So is a shape that asks for the order of an enum, when a row comes with
// a label that the enum was given since.
//
// Belongs to the replication thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "origin/embedded/feed.h"
#include "origin/embedded/router.h"
#include "replication/pgoutput.h"

namespace sluice::origin::embedded {

class Changes {
 public:
  using Drop = std::function<void(const std::shared_ptr<Shape>&, std::optional<Failure>)>;
  // `drop` is told of each shape that was removed here; it must not call back.
  explicit Changes(Drop drop) : drop_(std::move(drop)) {}

  void add(std::shared_ptr<Shape> shape);
  void remove(const Shape& shape);
  // Null where the shape is not, or no longer, here.
  Feed* find(const Shape& shape);

  // The stream begins anew and will describe its tables again. Takes back what its last transaction brought.
  void restart();
  void begin(std::uint64_t commit_lsn, std::uint32_t xid);
  void relation(const replication::Relation& relation);
  void insert(const replication::Insert& insert);
  void update(const replication::Update& update);
  void erase(const replication::Delete& deletion);
  void truncate(const replication::Truncate& truncate);
  // The feeds that got something in the transaction. Valid until the next call of anything here.
  const std::vector<Feed*>& commit();

 private:
  struct Described {  // a table as the stream describes it
    std::string schema;
    std::string name;
    char replica_identity;
    std::vector<sql::Column> columns;  // name, type and type_mod only
  };
  struct Place {  // of a column of the stream's rows in the table's
    std::size_t column;
    bool not_null;
  };
  struct Group {  // shapes of one state of a table
    std::shared_ptr<const sql::Table> table;
    Router router;
    std::optional<std::vector<Place>> mapping;  // empty where the stream describes another table
  };
  struct Relations {
    std::optional<Described> described;
    std::vector<std::unique_ptr<Group>> groups;
  };
  using Values = std::vector<std::optional<std::string_view>>;

  static std::optional<std::vector<Place>> match(const Described& described, const sql::Table& table);
  [[nodiscard]] static bool place(const Group& group, replication::Tuple tuple, Values& values, const Values* unchanged);
  template <typename Fill>
  void route(sql::Oid oid, Fill fill);
  void deliver(Group& group, const RowChange& change);
  void touch(Feed& feed);
  void drop_ended(Group& group);
  void drop(Feed& feed, std::optional<Failure> why);

  Drop drop_;
  std::unordered_map<sql::Oid, Relations> tables_;
  std::unordered_map<const Shape*, std::unique_ptr<Feed>> feeds_;

  StreamTransaction transaction_;
  std::uint64_t position_ = 0;
  std::vector<Feed*> touched_;  // in this transaction
  std::vector<Feed*> committed_;
  std::vector<Router::Hit> hits_;
  Values before_;
  Values after_;
};

}  // namespace sluice::origin::embedded
