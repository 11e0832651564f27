// For tests: the embedded origin against a real Postgres, asked through the bare shape API but without sockets.
#pragma once

#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <simdjson.h>
#include <unistd.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gateway/origin_api.h"
#include "http/message.h"
#include "origin/embedded/embedded_origin.h"
#include "replication/test_cluster.h"

namespace sluice {

namespace asio = boost::asio;
using namespace std::chrono_literals;

// A blocking connection of a test's own.
class Sql {
 public:
  explicit Sql(const std::string& url) : connection_(PQconnectdb(url.c_str())) {
    if (PQstatus(connection_) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection_));
  }
  ~Sql() { PQfinish(connection_); }
  Sql(const Sql&) = delete;
  Sql& operator=(const Sql&) = delete;

  // Rows of text; throws where Postgres refuses.
  std::vector<std::vector<std::string>> run(const std::string& sql) {
    std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection_, sql.c_str()), &PQclear);
    auto status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) throw std::runtime_error(PQerrorMessage(connection_));
    std::vector<std::vector<std::string>> rows(static_cast<std::size_t>(PQntuples(result.get())));
    for (std::size_t r = 0; r < rows.size(); ++r) {
      for (int c = 0; c < PQnfields(result.get()); ++c)
        rows[r].emplace_back(PQgetvalue(result.get(), static_cast<int>(r), c));
    }
    return rows;
  }
  std::string one(const std::string& sql) { return run(sql).at(0).at(0); }

 private:
  PGconn* connection_;
};

// Loops until it holds. The test's own time limit is the bound.
inline void eventually(const std::function<bool()>& holds) {
  while (!holds()) std::this_thread::sleep_for(2ms);
}

// An io_context with its thread, as the server has one a core.
class Worker {
 public:
  Worker() : thread_([this] { context.run(); }) {}
  ~Worker() { stop(); }
  void stop() {
    work_.reset();
    context.stop();
    if (thread_.joinable()) thread_.join();
  }
  asio::io_context context{1};

 private:
  asio::executor_work_guard<Executor> work_{context.get_executor()};
  std::thread thread_;
};

struct Answer {
  int status = 0;
  http::Fields fields;
  std::string body;
  std::vector<const char*> pieces;  // where the body's buffers lie

  std::string field(std::string_view name) const { return std::string(fields.get(name).value_or("")); }
};

// A request and its response, kept alive until answered.
struct Exchange {
  std::string query;
  std::string path = "/v1/shape";
  http::Fields fields;
  http::Request request;
  http::Response response;
};

inline Task<void> ask(http::Handler& handler, std::shared_ptr<Exchange> it) {
  it->request.method = http::Method::kGet;
  it->request.path = it->path;
  it->request.query = it->query;
  it->request.fields = &it->fields;
  Task<void> task = handler.handle(it->request, it->response);
  if (task.valid()) co_await std::move(task);
}

inline Task<void> drain_stream(http::Handler& handler, std::shared_ptr<Exchange> it,
                               const std::function<void(std::string_view)>& each) {
  co_await ask(handler, it);
  while (true) {
    auto piece = co_await it->response.stream->next();
    if (!piece || piece->empty()) co_return;
    each(piece->bytes());
  }
}

inline Answer to_answer(Exchange& it) {
  Answer answer{it.response.status, it.response.fields, {}, {}};
  for (const Buffer& buffer : it.response.buffers) {
    answer.body += buffer.bytes();
    answer.pieces.push_back(buffer.bytes().data());
  }
  if (const auto& file = it.response.file) {
    std::string part(file->bytes.size(), '\0');
    const auto at = static_cast<off_t>(file->bytes.from());
    EXPECT_EQ(::pread(file->bytes.descriptor(), part.data(), part.size(), at), static_cast<ssize_t>(part.size()));
    answer.body += part;
    for (const Buffer& buffer : file->behind) answer.body += buffer.bytes();
  }
  return answer;
}

// The origin is made anew by restart(), in the same process; a real Postgres is the program's.
class EmbeddedOriginTest : public testing::Test {
 protected:
  void SetUp() override { start({}); }

  void start(origin::EmbeddedOptions options) {
    begin_start(std::move(options));
    await_active();
  }
  void begin_start(origin::EmbeddedOptions options) {
    if (options.database_url.empty()) options.database_url = url_;
    options.slot = options.publication = "sluice_test";
    origin_ = std::make_unique<origin::EmbeddedOrigin>(options);
    gateway::OriginApiOptions api_options;
    api_options.insecure = true;
    api_ = std::make_unique<gateway::OriginApi>(api_options, *origin_);
    origin_->start();
  }
  void await_active() {
    eventually([this] { return origin_->health() == origin::Origin::Health::kActive; });
  }
  void stop() {
    if (!origin_) return;
    origin_->stop();
    api_.reset();
    origin_.reset();
  }
  void restart(origin::EmbeddedOptions options) {
    stop();
    start(std::move(options));
  }
  void TearDown() override {
    if (origin_) origin_->drain();
    if (origin_) origin_->stop();
    for (Worker& worker : workers_) worker.stop();
    workers_.clear();
    // A snapshot that stop() broke off is still in its transaction until the origin's connections are closed.
    api_.reset();
    origin_.reset();
    sql_.run("SET client_min_messages = warning; DROP TABLE IF EXISTS t; DROP PUBLICATION IF EXISTS sluice_test");
    drop_slot();
  }

  // The server notices a little later that a stopped origin no longer streams from it.
  void await_free_slot() {
    eventually([this] {
      return sql_.one("SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'sluice_test' AND active") == "0";
    });
  }

  // Also one that a process that is gone was not noticed yet to stream from.
  void drop_slot() {
    eventually([this] {
      try {
        sql_.run("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = 'sluice_test'");
        return true;
      } catch (const std::runtime_error&) {
        return false;
      }
    });
  }

  std::future<Answer> begin(const std::string& query, asio::cancellation_slot slot = {}) {
    auto it = std::make_shared<Exchange>();
    it->query = query;
    auto promise = std::make_shared<std::promise<Answer>>();
    auto done = [it, promise](std::exception_ptr error) {
      error ? promise->set_exception(error) : promise->set_value(to_answer(*it));
    };
    Worker& worker = workers_[next_worker_++ % workers_.size()];
    asio::co_spawn(worker.context, ask(*api_, it), asio::bind_cancellation_slot(slot, std::move(done)));
    return promise->get_future();
  }
  Answer get(const std::string& query) { return begin(query).get(); }

  // The rows of a shape, from its log alone: each entry must make sense after those before it.
  struct Materialised {
    std::string handle, offset = "-1";
    std::uint64_t lsn = 0;
    std::map<std::string, std::map<std::string, std::string>> rows;
    int refetched = 0;
  };
  void apply(Materialised& shape, const std::string& body);
  // Reads on until everything before `lsn` was seen.
  void read_until(Materialised& shape, const std::string& definition, std::uint64_t lsn);
  std::uint64_t wal_lsn() { return std::stoull(sql_.one("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")); }

  // The stream of an answer, to its end.
  std::string read_stream(const std::string& query, const std::function<void(std::string_view)>& each);

  std::string url_ = replication::TestCluster::get().url();
  Sql sql_{url_};
  std::unique_ptr<origin::EmbeddedOrigin> origin_;
  std::unique_ptr<gateway::OriginApi> api_;
  std::deque<Worker> workers_{2};
  std::atomic<std::size_t> next_worker_{0};
};

inline std::string EmbeddedOriginTest::read_stream(const std::string& query,
                                                   const std::function<void(std::string_view)>& each) {
  auto it = std::make_shared<Exchange>();
  it->query = query;
  std::string all;
  std::promise<void> done;
  std::function<void(std::string_view)> collect = [&](std::string_view piece) {
    all += piece;
    each(piece);
  };
  asio::co_spawn(workers_[0].context, drain_stream(*api_, it, collect), [&](std::exception_ptr error) {
    it->response.stream.reset();
    error ? done.set_exception(error) : done.set_value();
  });
  done.get_future().get();
  return all;
}

inline void EmbeddedOriginTest::apply(Materialised& shape, const std::string& body) {
  simdjson::dom::parser parser;
  simdjson::dom::array messages;
  ASSERT_EQ(parser.parse(body).get(messages), simdjson::SUCCESS) << body;
  for (auto message : messages) {
    auto headers = message["headers"];
    std::string_view control;
    if (headers["control"].get(control) == simdjson::SUCCESS) {
      std::string_view lsn;
      if (headers["global_last_seen_lsn"].get(lsn) == simdjson::SUCCESS) shape.lsn = std::stoull(std::string(lsn));
      continue;
    }
    std::string key(message["key"].get_string().value());
    std::string_view operation = headers["operation"];
    bool known = shape.rows.contains(key);
    ASSERT_EQ(known, operation != "insert") << operation << " of " << key << " in " << body.substr(0, 2000);
    if (operation == "delete") {
      shape.rows.erase(key);
      continue;
    }
    for (auto [name, value] : message["value"].get_object()) {
      shape.rows[key][std::string(name)] = value.is_null() ? "NULL" : std::string(value.get_string().value());
    }
  }
}

inline void EmbeddedOriginTest::read_until(Materialised& shape, const std::string& definition, std::uint64_t lsn) {
  while (shape.offset == "-1" || shape.lsn + 1 < lsn) {
    Answer answer = get(definition + "&offset=" + shape.offset + (shape.handle.empty() ? "" : "&handle=" + shape.handle));
    if (answer.status == 409) {
      shape = {.handle = {}, .offset = "-1", .lsn = 0, .rows = {}, .refetched = shape.refetched + 1};
      continue;
    }
    ASSERT_EQ(answer.status, 200) << answer.body;
    ASSERT_NO_FATAL_FAILURE(apply(shape, answer.body)) << definition;
    shape.handle = answer.field("electric-handle");
    shape.offset = answer.field("electric-offset");
    if (answer.fields.get("electric-up-to-date")) std::this_thread::sleep_for(2ms);
  }
}

}  // namespace sluice
