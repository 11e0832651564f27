// Questions to a Postgres that are answered with true or false: one query, one row, one boolean.
//
//   BooleanQueries database({.url = url});
//   database.start();
//   auto answer = co_await database.ask("SELECT EXISTS (SELECT FROM members WHERE user_id = $1)", {"alice"});
//
// A few connections on a thread of their own, made when they are needed; who asks may be on any io_context. Sessions are
// read-only by default and have a statement timeout. Parameters are bound, never part of the text; their types are those
// that Postgres infers, and what it cannot read as such is an answer: false.
//
// True only where the query says so: NULL and no row are false. Everything else (two rows, two columns, another type, an
// error, no answer in time) is an error. A query whose connection is lost is put once more, on a new connection: it only
// reads. Whoever stops waiting leaves the query to its end or the server's timeout, so that a caller cannot make
// connections be thrown away.
#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "base/task.h"

namespace sluice::policy {

struct BooleanQueriesOptions {
  std::string url = {};  // postgresql://…
  std::size_t connections_max = 4;
  std::chrono::milliseconds timeout{1000};  // of an answer, with connecting and waiting for a turn; of a statement as well
  // Waiting and being answered. More at a time fail at once: behind so many a turn would hardly come in time.
  std::size_t questions_max = 1024;
};

class BooleanQueries {
 public:
  explicit BooleanQueries(BooleanQueriesOptions options);
  ~BooleanQueries();
  BooleanQueries(const BooleanQueries&) = delete;
  BooleanQueries& operator=(const BooleanQueries&) = delete;

  // Once, before the first question; and after the last (one under way fails). Main's thread.
  void start();
  void stop();

  struct Answer {
    bool yes = false;
    std::string reason;  // why not, or why it counts as no; no value of any parameter
  };
  // Any io_context, many at once. The error says why there is no answer, without any value of a parameter. This outlives
  // the Task.
  Task<std::expected<Answer, std::string>> ask(std::string query, std::vector<std::string> params);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::policy
