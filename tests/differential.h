// What the tests that hold the where engine against Postgres itself share: a connection, and the comparison of one clause
// over the rows of one table.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "replication/test_cluster.h"
#include "sql/array.h"
#include "sql/binder.h"
#include "sql/reference.h"
#include "sql/types.h"
#include "sql/where.h"

namespace sluice::test {

// A number from the environment.
inline std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

class Connection {
 public:
  explicit Connection(const std::string& url) : conn_(PQconnectdb(url.c_str()), PQfinish) {
    if (PQstatus(conn_.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(conn_.get()));
    for (const char* set :
         {"SET TimeZone='UTC'", "SET DateStyle='ISO'", "SET IntervalStyle='iso_8601'", "SET client_min_messages='error'"})
      must(set);
  }
  Result ask(const std::string& query) { return {PQexec(conn_.get(), query.c_str()), PQclear}; }
  Result must(const std::string& query) {
    Result result = ask(query);
    auto status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
      throw std::runtime_error(query + ": " + PQerrorMessage(conn_.get()));
    return result;
  }

 private:
  std::unique_ptr<PGconn, decltype(&PQfinish)> conn_;
};

// A clause, and the same with each $n replaced by its value as an untyped literal.
struct Clause {
  std::string where;
  std::string bound;
  std::vector<std::string> params;

  Clause& add(std::string_view text) {
    where += text;
    bound += text;
    return *this;
  }
  Clause& add(const Clause& other) {
    where += other.where;
    bound += other.bound;
    return *this;
  }
};

// A table `items` whose first column is an int4 `id`, which a test fills.
class Differential : public testing::Test {
 protected:
  explicit Differential(sql::Table table) : table_(std::move(table)), pg_(replication::TestCluster::get().url()) {}

  // Whether the database orders text by its bytes.
  bool orders_bytes() {
    Result locale = pg_.must("SELECT datcollate IN ('C', 'POSIX') FROM pg_database WHERE datname = current_database()");
    return std::string_view(PQgetvalue(locale.get(), 0, 0)) == "t";
  }

  void read_rows() { rows_ = Result(pg_.must("SELECT * FROM items ORDER BY id")); }

  using RowValues = std::vector<std::optional<std::string_view>>;

  RowValues row_at(int r) const {
    RowValues row;
    for (int c = 0, width = PQnfields(rows_.get()); c < width; ++c) {
      if (PQgetisnull(rows_.get(), r, c))
        row.emplace_back();
      else
        row.emplace_back(PQgetvalue(rows_.get(), r, c));
    }
    return row;
  }

  // The reference evaluator says of every row what the other one says.
  void refer(const Clause& clause) {
    std::vector<std::size_t> columns(table_.columns.size());
    std::iota(columns.begin(), columns.end(), std::size_t{0});
    auto tree = sql::ParseTree::parse(sql::ClauseKind::kWhere, clause.where);
    auto expression = sql::bind_where(*tree, {table_, columns, clause.params});
    for (int r = 0; r < PQntuples(rows_.get()); ++r) {
      RowValues row = row_at(r);
      EXPECT_EQ(sql::reference::disagreement(*expression, row, table_), "") << "row " << *row[0] << ": " << clause.bound;
    }
  }

  // The rows that match, each of which every route of the clause must lead to.
  std::set<std::string> ours(const sql::WhereClause& where) {
    std::set<std::string> out;
    for (int r = 0; r < PQntuples(rows_.get()); ++r) {
      RowValues row = row_at(r);
      if (!where.matches(row)) continue;
      out.insert(std::string(*row[0]));
      for (const auto& route : where.routes()) {
        bool leads = std::any_of(route.begin(), route.end(), [&](const auto& key) { return has(row, key); });
        EXPECT_TRUE(leads) << "row " << *row[0] << " matches and is on no route: " << where.sql();
      }
    }
    return out;
  }

  static bool has(const RowValues& row, const sql::WhereClause::Key& key) {
    const auto& value = row[key.column];
    if (!value || !key.element) return value == key.value;
    sql::ArrayElements elements(*value);
    while (elements.next()) {
      if (!elements.null() && elements.text() == key.value) return true;
    }
    return false;
  }

  struct Answer {
    std::set<std::string> rows;
    std::string error;
  };
  Answer theirs(const std::string& where) {
    Result result = pg_.ask("SELECT id FROM items WHERE " + where);
    Answer out;
    if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) out.error = PQresultErrorMessage(result.get());
    for (int i = 0; i < PQntuples(result.get()); ++i) out.rows.insert(PQgetvalue(result.get(), i, 0));
    return out;
  }

  static std::string list(const std::set<std::string>& ids) {
    std::string out;
    for (const auto& id : ids) out += id + " ";
    return out;
  }

  // The clause as written, row by row, where some raise an error: the rows that do not are as they are here.
  void check_each(const Clause& clause, const std::set<std::string>& expected) {
    for (int r = 0; r < PQntuples(rows_.get()); ++r) {
      std::string id = PQgetvalue(rows_.get(), r, 0);
      std::string one =
          fmt::format("SELECT 1 FROM (SELECT * FROM items WHERE id = {} OFFSET 0) items WHERE {}", id, clause.bound);
      Result result = pg_.ask(one);
      if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) continue;
      EXPECT_EQ(PQntuples(result.get()) == 1, expected.contains(id)) << "row " << id << ": " << clause.bound;
    }
  }

  // What the clause as written is to Postgres: it selects the same rows, or raises an error for some of them, or some count
  // as NULL here that it answers.
  enum class Written { kSelects, kMayFail, kNotCompared };

  // True where the clause was compiled here.
  bool check(const Clause& clause, Written written = Written::kSelects) {
    auto where = sql::WhereClause::compile(clause.where, clause.params, table_);
    if (!where) {
      note_refusal(clause, where.error().message);
      return false;
    }
    std::set<std::string> expected = ours(*where);
    refer(clause);
    Answer original = theirs(clause.bound);
    if (written == Written::kMayFail && !original.error.empty()) {
      check_each(clause, expected);
    } else if (written != Written::kNotCompared) {
      EXPECT_EQ(original.error, "") << "accepted here: " << clause.bound;
      EXPECT_EQ(list(original.rows), list(expected)) << clause.bound;
    }
    Answer printed = theirs(where->sql());
    EXPECT_EQ(printed.error, "") << clause.bound << "\nprinted: " << where->sql();
    EXPECT_EQ(list(printed.rows), list(expected)) << clause.bound << "\nprinted: " << where->sql();

    auto again = sql::WhereClause::compile(where->canonical(), {}, table_);
    EXPECT_TRUE(again) << where->canonical() << ": " << again.error().message;
    if (again) EXPECT_EQ(again->canonical(), where->canonical()) << clause.bound;
    return true;
  }

  // SLUICE_WHERE_REFUSALS=1 prints what Postgres answers and this does not.
  void note_refusal(const Clause& clause, const std::string& message) {
    if (setting("SLUICE_WHERE_REFUSALS", 0) == 0 || !theirs(clause.bound).error.empty()) return;
    fmt::print("refused: {}\n   {}\n", clause.bound, message);
  }

  sql::Table table_;
  Connection pg_;
  Result rows_{nullptr, PQclear};
};

}  // namespace sluice::test
