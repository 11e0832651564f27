// Which shapes of one table a change concerns.
//
// A where clause that says by which values it is found (sql::WhereClause::routes()) is filed under them in hash tables, one
// a column: `org = 7` under 7, `status IN ('a', 'b')` under both, `tags @> '{x}'` among the elements of tags; of a
// conjunction under the part that the fewest others share. So a write costs the same however many such shapes there are.
// What has no such values is looked at for every change. Clauses that are found are then evaluated whole, once for all
// shapes that have the same one.
//
// Cost: a look-up a column that is filed by, for the old row and the new; about 250 bytes a clause. Adding and removing
// cost a hash of the clause's text and one of each of its values, whatever the number of shapes.
//
// Belongs to the replication thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "origin/embedded/feed.h"

namespace sluice::origin::embedded {

class Router {
 public:
  struct Hit {
    Feed* feed;
    bool was_inside;  // the row as it was lies in the shape
    bool is_inside;   // the row as it is does
    bool judged;      // false: neither is known (sql::WhereClause::judge())
  };

  Router() = default;
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  // The feed stays in place until removed.
  void add(Feed& feed);
  void remove(Feed& feed);

  // Appends each feed that the old row or the new one belongs to, or of which that cannot be said, once.
  void find(const RowChange& change, std::vector<Hit>& out);

  bool empty() const { return clauses_.empty(); }
  std::vector<Feed*> all() const;

 private:
  using Key = sql::WhereClause::Key;
  using Route = sql::WhereClause::Route;
  struct Clause;

  // A clause in the place of one of its values. The first of a value's postings stands for all of them in its table.
  struct Posting {
    std::uint64_t hash = 0;
    const Key* key = nullptr;
    Clause* clause = nullptr;
    Posting* next_in_slot = nullptr;  // of the first only, as is the next
    std::size_t count = 0;            // of this value
    Posting* previous = nullptr;      // of this value; the first's is null
    Posting* next = nullptr;
  };

  // Shapes with the same where clause, or those without any.
  struct Clause {
    std::shared_ptr<const ShapeSpec> spec;  // of one of them: keeps the clause and its values
    Feed* first = nullptr;
    std::unique_ptr<Posting[]> postings;  // one for each key of the route that was chosen; none: scanned
    std::size_t posting_count = 0;
    std::size_t place = 0;        // in scanned_
    std::uint64_t looked_at = 0;  // the last turn it was
  };

  // By the values of a column, or by the elements of its arrays.
  class Index {
   public:
    Index(std::size_t column, bool element) : column_(column), element_(element) {}
    bool is_of(const Key& key) const { return key.column == column_ && key.element == element_; }
    std::size_t column() const { return column_; }
    bool element() const { return element_; }
    bool empty() const { return values_ == 0; }
    Posting* find(std::string_view value) const;
    void add(Posting& posting);
    void remove(Posting& posting);

   private:
    void grow();
    Posting*& slot_of(std::uint64_t hash) { return slots_[hash & (slots_.size() - 1)]; }

    std::size_t column_;
    bool element_;
    std::vector<Posting*> slots_;  // a power of two of them
    std::size_t values_ = 0;
  };

  static std::string_view text_of(const ShapeSpec& spec);
  Index& index_of(const Key& key);
  std::size_t sharers(const Route& route) const;
  const Route* best_route(const ShapeSpec& spec) const;
  void file(Clause& clause);
  void unfile(Clause& clause);
  void look_up(const Index& index, std::string_view value, const RowChange& change, std::vector<Hit>& out);
  void look_up_elements(const Index& index, std::string_view array, const RowChange& change, std::vector<Hit>& out);
  void look_up_value(const Index& index, std::string_view value, const RowChange& change, std::vector<Hit>& out);
  void look_at(Clause& clause, const RowChange& change, std::vector<Hit>& out);

  std::unordered_map<std::string_view, std::unique_ptr<Clause>> clauses_;  // by their text
  std::vector<Index> indexes_;
  std::vector<Clause*> scanned_;
  std::uint64_t turn_ = 0;
};

}  // namespace sluice::origin::embedded
