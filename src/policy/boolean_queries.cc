#include "policy/boolean_queries.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <string_view>
#include <thread>
#include <utility>

#include "base/promise.h"
#include "replication/pool.h"

namespace sluice::policy {
namespace {

namespace asio = boost::asio;
using Answered = std::expected<BooleanQueries::Answer, std::string>;
using Clock = std::chrono::steady_clock;
using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;

constexpr unsigned kBoolOid = 16;  // pg_type.dat

// A server that is there ends a statement at its timeout; one that says nothing for this much longer is gone.
constexpr std::chrono::milliseconds kServerGrace{1000};

std::unexpected<std::string> failed(std::string why) {
  return std::unexpected("database: " + std::move(why));
}

// What Postgres could not read as the parameter's type: in the value's text, range, date, encoding.
bool is_unreadable_value(std::string_view sqlstate) {
  constexpr std::array<std::string_view, 6> kStates = {"22P02", "22003", "22007", "22008", "22021", "22P05"};
  return std::ranges::find(kStates, sqlstate) != kStates.end();
}

Answered answer_of(const std::expected<replication::Result, replication::PgError>& result) {
  if (!result) {
    if (is_unreadable_value(result.error().sqlstate)) {
      return BooleanQueries::Answer{false, "a value is none of its parameter's type (" + result.error().sqlstate + ")"};
    }
    if (result.error().query_canceled()) return failed("no answer in time");
    return failed(result.error().without_values());
  }
  if (result->columns() != 1 || PQftype(result->raw(), 0) != kBoolOid) return failed("the query gives no boolean");
  if (result->rows() > 1) return failed("the query gives more than one row");
  if (result->rows() == 0) return BooleanQueries::Answer{false, "the query gives no row"};
  const auto value = result->value(0, 0);
  if (!value) return BooleanQueries::Answer{false, "the query gives NULL"};
  if (*value == "t") return BooleanQueries::Answer{true, "the query gives true"};
  return BooleanQueries::Answer{false, "the query gives false"};
}

struct Question {
  Question(std::string text, std::vector<std::string> values, Clock::time_point until, Executor executor)
      : query(std::move(text)), params(values.begin(), values.end()), deadline(until), watchdog(executor) {}

  std::string query;
  replication::Params params;
  Clock::time_point deadline;
  Promise<Answered> answer;
  std::atomic<bool> left = false;  // nobody waits for the answer any more

  // On the database's thread: ends the work on this question when it is due.
  Timer watchdog;
  asio::cancellation_signal give_up;
};

class Leaving {
 public:
  explicit Leaving(Question& question) : question_(question) {}
  ~Leaving() { question_.left = true; }
  Leaving(const Leaving&) = delete;
  Leaving& operator=(const Leaving&) = delete;

 private:
  Question& question_;
};

void watch(const std::shared_ptr<Question>& question, Clock::time_point until) {
  question->watchdog.expires_at(until);
  question->watchdog.async_wait([question](const boost::system::error_code& error) {
    if (!error) question->give_up.emit(asio::cancellation_type::terminal);
  });
}

}  // namespace

struct BooleanQueries::Impl {
  explicit Impl(BooleanQueriesOptions wanted)
      : options(std::move(wanted)),
        pool({.url = options.url,
              .timeout = options.timeout,
              .statement_timeout = options.timeout,
              .read_only = true,
              .application_name = "sluice authorizer"},
             options.connections_max) {}

  void begin(const std::shared_ptr<Question>& question);
  Task<Answered> work(std::shared_ptr<Question> question);
  Task<std::expected<replication::Result, replication::PgError>> put(std::shared_ptr<Question> question);

  const BooleanQueriesOptions options;
  std::atomic<std::size_t> questions = 0;
  std::atomic<bool> running = false;
  std::thread thread;

  // The rest belongs to the thread.
  replication::Pool pool;
  asio::io_context context{1};  // last: what it holds refers to the others
  std::optional<asio::executor_work_guard<Executor>> guard;
};

BooleanQueries::BooleanQueries(BooleanQueriesOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

BooleanQueries::~BooleanQueries() {
  stop();
}

void BooleanQueries::start() {
  impl_->guard.emplace(impl_->context.get_executor());
  impl_->running = true;
  impl_->thread = std::thread([impl = impl_.get()] { impl->context.run(); });
}

void BooleanQueries::stop() {
  if (!impl_->running.exchange(false)) return;
  impl_->context.stop();
  impl_->thread.join();
  impl_->pool.close();
}

Task<Answered> BooleanQueries::ask(std::string query, std::vector<std::string> params) {
  // libpq takes parameters as C strings: a NUL would cut one short, and another value than the caller's be asked about.
  const auto has_nul = [](const std::string& value) { return value.contains('\0'); };
  if (std::ranges::any_of(params, has_nul)) co_return Answer{false, "a value has a NUL character"};
  if (!impl_->running) co_return failed("is not asked any more");
  if (impl_->questions.fetch_add(1) >= impl_->options.questions_max) {
    --impl_->questions;
    co_return failed("too many questions at a time");
  }
  const auto deadline = Clock::now() + impl_->options.timeout;
  const auto executor = impl_->context.get_executor();
  const auto question = std::make_shared<Question>(std::move(query), std::move(params), deadline, executor);
  asio::post(executor, [impl = impl_.get(), question] { impl->begin(question); });
  const Leaving leaving(*question);
  auto answer = co_await question->answer.get(deadline);
  if (!answer) co_return failed("no answer in time");
  co_return std::move(*answer);
}

void BooleanQueries::Impl::begin(const std::shared_ptr<Question>& question) {
  watch(question, question->deadline);
  auto done = [this, question](std::exception_ptr failure, Answered answer) {
    question->watchdog.cancel();
    --questions;
    question->answer.set(failure ? failed("no answer in time") : std::move(answer));
  };
  asio::co_spawn(context, work(question), asio::bind_cancellation_slot(question->give_up.slot(), std::move(done)));
}

Task<Answered> BooleanQueries::Impl::work(std::shared_ptr<Question> question) {
  auto result = co_await put(question);
  co_return answer_of(result);
}

Task<std::expected<replication::Result, replication::PgError>> BooleanQueries::Impl::put(
    std::shared_ptr<Question> question) {
  for (int attempt = 1;; ++attempt) {
    auto lease = co_await pool.acquire();
    if (!lease) co_return std::unexpected(std::move(lease.error()));
    if (question->left) co_return std::unexpected(replication::PgError{.sqlstate = {}, .message = "nobody waits"});
    watch(question, Clock::now() + options.timeout + kServerGrace);
    auto result = co_await (**lease).query(question->query, question->params);
    if (result || !result.error().connection_lost() || attempt == 2) co_return result;
    pool.close_idle();
  }
}

}  // namespace sluice::policy
