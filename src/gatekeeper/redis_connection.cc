#include "gatekeeper/redis_connection.h"

#include <signal.h>
#include <sys/socket.h>

#include <cerrno>

namespace sluice::gatekeeper {
namespace {

constexpr timeval kConnectTimeout = {.tv_sec = 2, .tv_usec = 0};

// hiredis writes without MSG_NOSIGNAL: a server that has gone would end this process.
class PipeSignalBlocked {
 public:
  PipeSignalBlocked() {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~PipeSignalBlocked() {
    if (::sigismember(&before_, SIGPIPE) == 1) return;
    const timespec at_once = {};
    while (::sigtimedwait(&pipe_, nullptr, &at_once) > 0) {}
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  PipeSignalBlocked(const PipeSignalBlocked&) = delete;
  PipeSignalBlocked& operator=(const PipeSignalBlocked&) = delete;

 private:
  sigset_t pipe_, before_;
};

redisContext* connect(const RedisOptions& options) {
  if (options.host.starts_with('/')) return ::redisConnectUnixWithTimeout(options.host.c_str(), kConnectTimeout);
  return ::redisConnectWithTimeout(options.host.c_str(), options.port, kConnectTimeout);
}

std::string breakage_of(const redisContext& context, int error) {
  if (context.err == REDIS_ERR_IO && error == EAGAIN) return "Redis does not answer in time";
  return std::string("the connection to Redis broke: ") + context.errstr;
}

// Without the arguments that Redis repeats where it does not know a command.
std::string error_of(const redisReply& reply) {
  const std::string_view text(reply.str, reply.len);
  return std::string(text.substr(0, text.find(", with args")));
}

}  // namespace

std::string_view text_of(const redisReply& reply) {
  const bool is_text = reply.type == REDIS_REPLY_STRING || reply.type == REDIS_REPLY_STATUS;
  return is_text ? std::string_view(reply.str, reply.len) : std::string_view();
}

std::vector<const redisReply*> items_of(const redisReply& reply) {
  if (reply.type != REDIS_REPLY_ARRAY) return {};
  return {reply.element, reply.element + reply.elements};
}

std::expected<RedisConnection, std::string> RedisConnection::open(const RedisOptions& options, int timeout_ms) {
  redisContext* context = connect(options);
  if (context == nullptr) return std::unexpected("no memory for a connection to Redis");
  RedisConnection connection(context);
  if (connection.broken()) return std::unexpected(std::string("cannot connect to Redis: ") + context->errstr);
  const timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
  if (::redisSetTimeout(context, timeout) != REDIS_OK) return std::unexpected("cannot set a time limit");
  if (!options.host.starts_with('/')) ::redisEnableKeepAlive(context);
  if (options.password.empty()) return connection;
  const auto answer = options.username.empty() ? connection.ask({"AUTH", options.password})
                                               : connection.ask({"AUTH", options.username, options.password});
  if (!answer) return std::unexpected("Redis refuses the credentials: " + answer.error());
  return connection;
}

std::expected<RedisReply, std::string> RedisConnection::ask(const std::vector<std::string_view>& arguments) {
  std::vector<const char*> texts;
  std::vector<std::size_t> lengths;
  for (const std::string_view argument : arguments) {
    texts.push_back(argument.data());
    lengths.push_back(argument.size());
  }
  const PipeSignalBlocked blocked;
  RedisReply reply(static_cast<redisReply*>(
      ::redisCommandArgv(context_.get(), static_cast<int>(texts.size()), texts.data(), lengths.data())));
  if (!reply) return std::unexpected(breakage_of(*context_, errno));
  if (reply->type == REDIS_REPLY_ERROR) return std::unexpected(error_of(*reply));
  return reply;
}

void RedisConnection::interrupt() {
  ::shutdown(context_->fd, SHUT_RDWR);
}

}  // namespace sluice::gatekeeper
