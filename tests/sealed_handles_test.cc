// A remote origin before a real one: the handles that clients hold, and what the server behind is asked (SECURITY E12).
//
//   client → OriginApi (stands for the gate) → RemoteOrigin → http → OriginApi with a secret → EmbeddedOrigin → Postgres
#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <boost/asio/co_spawn.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "gateway/origin_api.h"
#include "http/client.h"
#include "http/server.h"
#include "origin/embedded/embedded_origin.h"
#include "origin/remote/remote_origin.h"
#include "replication/test_cluster.h"

namespace sluice {
namespace {

constexpr std::string_view kSecret = "the secret of the server behind, 32+";

void run_sql(const std::string& url, const std::string& sql) {
  PGconn* connection = PQconnectdb(url.c_str());
  PGresult* result = PQexec(connection, sql.c_str());
  const bool done = PQresultStatus(result) == PGRES_COMMAND_OK;
  const std::string error = PQerrorMessage(connection);
  PQclear(result);
  PQfinish(connection);
  if (!done) throw std::runtime_error(error);
}

struct Answered {
  int status = 0;
  http::Fields fields;
  std::string body;

  std::string field(std::string_view name) const { return std::string(fields.get(name).value_or("")); }
};

Task<void> send(http::Client& client, http::ClientRequest request, Answered& answered) {
  auto response = co_await client.send(std::move(request));
  if (!response) co_return;
  answered.status = response->status;
  answered.fields = std::move(response->fields);
  while (true) {
    auto piece = co_await response->body->next();
    if (!piece || piece->empty()) co_return;
    answered.body += piece->bytes();
  }
}

// Passes on, and keeps the last query and If-None-Match that came.
class Witness final : public http::Handler {
 public:
  explicit Witness(http::Handler& next) : next_(next) {}

  Task<void> handle(const http::Request& request, http::Response& response) override {
    const std::lock_guard lock(mutex_);
    query_ = std::string(request.query);
    return next_.handle(request, response);
  }
  std::string query() const {
    const std::lock_guard lock(mutex_);
    return query_;
  }

 private:
  http::Handler& next_;
  mutable std::mutex mutex_;
  std::string query_;
};

// One gateway's way to the server.
class Front {
 public:
  explicit Front(const std::string& upstream, std::optional<std::string> handle_key = {})
      : remote_(options(upstream, std::move(handle_key))), api_({.secret = {}, .insecure = true}, remote_) {
    server_.start();
  }

  Answered get(const std::string& query, std::string if_none_match = {}) {
    boost::asio::io_context context;
    http::ClientOptions options;
    options.origin = *http::Url::parse("http://" + server_.addresses().front());
    http::Client client(options);
    http::ClientRequest request;
    request.target = "/v1/shape?" + query;
    if (!if_none_match.empty()) request.fields.add("if-none-match", if_none_match);
    Answered answered;
    boost::asio::co_spawn(context, send(client, std::move(request), answered), [](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
    });
    context.run();
    return answered;
  }

 private:
  static origin::RemoteOptions options(const std::string& upstream, std::optional<std::string> handle_key) {
    origin::RemoteOptions options;
    options.client.origin = *http::Url::parse("http://" + upstream);
    options.secret = kSecret;
    options.handle_key = std::move(handle_key);
    return options;
  }

  origin::RemoteOrigin remote_;
  gateway::OriginApi api_;
  http::Server server_{{{"127.0.0.1:0"}, 1, {}}, api_};
};

class SealedHandlesTest : public testing::Test {
 protected:
  SealedHandlesTest() {
    run_sql(url_, "CREATE TABLE t (id int PRIMARY KEY, org text); INSERT INTO t VALUES (1, 'mine'), (2, 'theirs')");
    origin::EmbeddedOptions options;
    options.database_url = url_;
    options.slot = options.publication = "sluice_sealed";
    options.long_poll_timeout = std::chrono::milliseconds(50);
    embedded_ = std::make_unique<origin::EmbeddedOrigin>(options);
    embedded_->start();
    api_ = std::make_unique<gateway::OriginApi>(gateway::OriginApiOptions{.secret = std::string(kSecret)}, *embedded_);
    witness_ = std::make_unique<Witness>(*api_);
    server_ = std::make_unique<http::Server>(http::ServerOptions{{"127.0.0.1:0"}, 1, {}}, *witness_);
    server_->start();
    while (embedded_->health() != origin::Origin::Health::kActive) std::this_thread::yield();
    front_.emplace(upstream());
  }
  ~SealedHandlesTest() override {
    front_.reset();
    embedded_->drain();
    embedded_->stop();
    server_.reset();
    api_.reset();
    embedded_.reset();
    run_sql(url_, "DROP TABLE t; DROP PUBLICATION IF EXISTS sluice_sealed");
  }

  std::string upstream() const { return server_->addresses().front(); }
  static std::string shape_of(const std::string& org) { return "table=t&where=org%3D%241&params%5B1%5D=" + org; }
  static std::string at(const Answered& initial, const std::string& handle) {
    return "&offset=" + initial.field("electric-offset") + "&handle=" + handle;
  }
  bool was_asked_with(const std::string& pair) const {
    return ("&" + witness_->query() + "&").find("&" + pair + "&") != std::string::npos;
  }

  std::string url_ = replication::TestCluster::get().url();
  std::unique_ptr<origin::EmbeddedOrigin> embedded_;
  std::unique_ptr<gateway::OriginApi> api_;
  std::unique_ptr<Witness> witness_;
  std::unique_ptr<http::Server> server_;
  std::optional<Front> front_;
};

TEST_F(SealedHandlesTest, E12_AClientGoesOnWithTheHandleItWasGiven) {
  const Answered initial = front_->get(shape_of("mine") + "&offset=-1");
  ASSERT_EQ(initial.status, 200);
  const std::string handle = initial.field("electric-handle");
  const Answered next = front_->get(shape_of("mine") + at(initial, handle));
  EXPECT_EQ(next.status, 200) << next.body;
  EXPECT_EQ(next.field("electric-handle"), handle);
  EXPECT_TRUE(was_asked_with("handle=" + handle.substr(0, handle.size() - origin::kSealBytes))) << witness_->query();

  const Answered live = front_->get(shape_of("mine") + at(next, handle) + "&live=true");
  EXPECT_EQ(live.status, 200) << live.body;
  EXPECT_EQ(live.field("electric-handle"), handle);
}

TEST_F(SealedHandlesTest, E12_AHandleOfAnotherShapeIs409WithOnesOwn) {
  const Answered mine = front_->get(shape_of("mine") + "&offset=-1");
  const Answered theirs = front_->get(shape_of("theirs") + "&offset=-1");
  ASSERT_NE(mine.field("electric-handle"), theirs.field("electric-handle"));

  for (const std::string& live : {"", "&live=true"}) {
    const Answered answer = front_->get(shape_of("mine") + at(theirs, theirs.field("electric-handle")) + live);
    EXPECT_EQ(answer.status, 409);
    EXPECT_EQ(answer.field("electric-handle"), mine.field("electric-handle"));
    EXPECT_EQ(answer.body.find("theirs"), std::string::npos);
    EXPECT_TRUE(was_asked_with("handle=" + std::string(origin::kUnknownHandle))) << witness_->query();
  }
}

TEST_F(SealedHandlesTest, E12_AHandleWithoutItsSealIs409) {
  const Answered mine = front_->get(shape_of("mine") + "&offset=-1");
  const std::string handle = mine.field("electric-handle");
  const std::string bare = handle.substr(0, handle.size() - origin::kSealBytes);
  std::string forged = handle;
  forged.back() = forged.back() == 'A' ? 'Q' : 'A';
  for (const std::string& wrong : {bare, forged, std::string("guess"), handle + "A"}) {
    const Answered answer = front_->get(shape_of("mine") + at(mine, wrong));
    EXPECT_EQ(answer.status, 409) << wrong;
    EXPECT_EQ(answer.field("electric-handle"), handle);
  }
}

TEST_F(SealedHandlesTest, E12_TheSameRowsWithAnotherDisclosureAreAnotherShape) {
  const Answered all = front_->get(shape_of("mine") + "&offset=-1");
  const std::string narrow = shape_of("mine") + "&columns=id,org&queryable_columns=id";
  EXPECT_EQ(front_->get(narrow + at(all, all.field("electric-handle"))).status, 409);
  const std::string changes_only = shape_of("mine") + "&log=changes_only";
  EXPECT_EQ(front_->get(changes_only + at(all, all.field("electric-handle"))).status, 409);
}

TEST_F(SealedHandlesTest, ARefetchAfter409Works) {
  const Answered refused = front_->get(shape_of("mine") + "&offset=0_0&handle=stale");
  ASSERT_EQ(refused.status, 409);
  const Answered again = front_->get(
      shape_of("mine") + "&offset=-1&expired_handle=stale&cache-buster=1-a&handle=" + refused.field("electric-handle"));
  ASSERT_EQ(again.status, 200);
  EXPECT_EQ(again.field("electric-handle"), refused.field("electric-handle"));
  EXPECT_NE(again.body.find("\"mine\""), std::string::npos);
}

TEST_F(SealedHandlesTest, ExpiredHandlesReachTheCacheKeyWithoutTheirSeal) {
  const Answered mine = front_->get(shape_of("mine") + "&offset=-1");
  const std::string handle = mine.field("electric-handle");
  front_->get(shape_of("mine") + "&offset=-1&expired_handle=" + handle);
  EXPECT_TRUE(was_asked_with("expired_handle=" + handle.substr(0, handle.size() - origin::kSealBytes)));
  front_->get(shape_of("mine") + "&offset=-1&expired_handle=other");
  EXPECT_NE(witness_->query().find("expired_handle=0-"), std::string::npos) << witness_->query();
  EXPECT_EQ(witness_->query().find("other"), std::string::npos) << witness_->query();
}

TEST_F(SealedHandlesTest, IfNoneMatchIsAnswered304WithTheSealedHandle) {
  const Answered mine = front_->get(shape_of("mine") + "&offset=-1");
  const Answered unchanged = front_->get(shape_of("mine") + "&offset=-1", mine.field("etag"));
  EXPECT_EQ(unchanged.status, 304);
  EXPECT_EQ(unchanged.field("electric-handle"), mine.field("electric-handle"));
}

TEST_F(SealedHandlesTest, GatewaysWithOneKeyGiveOneHandle) {
  Front second(upstream());
  const Answered initial = front_->get(shape_of("mine") + "&offset=-1");
  EXPECT_EQ(second.get(shape_of("mine") + at(initial, initial.field("electric-handle"))).status, 200);
  Front third(upstream(), std::string(origin::kHandleKeyBytes, 'k'));
  EXPECT_EQ(third.get(shape_of("mine") + at(initial, initial.field("electric-handle"))).status, 409);
}

// A server whose handle cannot be held.
class BadHandles final : public http::Handler {
 public:
  Task<void> handle(const http::Request&, http::Response& response) override {
    for (const std::string& handle : handles) response.fields.add("electric-handle", handle);
    response.fields.add("electric-offset", "0_0");
    response.buffers.push_back(Buffer::of_static("[]"));
    return {};
  }
  std::vector<std::string> handles;
};

TEST(SealedHandles, AServersHandleThatCannotBeOneIsABadAnswer) {
  BadHandles handler;
  http::Server server({{"127.0.0.1:0"}, 1, {}}, handler);
  server.start();
  Front front(server.addresses().front());
  const std::string longest(origin::kUpstreamHandleBytesMax, 'h');
  handler.handles = {longest};
  EXPECT_EQ(front.get("table=t&offset=-1").status, 200);
  for (const auto& handles : std::vector<std::vector<std::string>>{{longest + 'h'}, {"a b"}, {"a", "b"}}) {
    handler.handles = handles;
    const Answered answer = front.get("table=t&offset=-1");
    EXPECT_EQ(answer.status, 502) << handles.front();
    EXPECT_EQ(answer.field("electric-handle"), "");
  }
}

}  // namespace
}  // namespace sluice
