// One connection to Redis, used by one thread at a time. Over hiredis, which blocks: every call ends within its time limit.
//
// Arguments go as counted bytes, never through a format, so none of them can become a command. What comes back is checked
// for its type by who reads it.
#pragma once

#include <hiredis/hiredis.h>

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gatekeeper/revocations.h"

namespace sluice::gatekeeper {

struct FreeReply {
  void operator()(redisReply* reply) const { ::freeReplyObject(reply); }
};
using RedisReply = std::unique_ptr<redisReply, FreeReply>;

// "" where it is no string.
std::string_view text_of(const redisReply& reply);
// Empty where it is no array.
std::vector<const redisReply*> items_of(const redisReply& reply);

class RedisConnection {
 public:
  // Connected and authenticated. A command may take `timeout_ms` to be answered.
  static std::expected<RedisConnection, std::string> open(const RedisOptions& options, int timeout_ms);

  // The error is Redis's own words, or why the connection broke: then broken() is true and nothing more can be asked.
  std::expected<RedisReply, std::string> ask(const std::vector<std::string_view>& arguments);
  bool broken() const { return context_->err != 0; }

  // Makes the command that waits in ask(), and all later ones, fail at once. From another thread, while this one exists.
  void interrupt();

 private:
  struct FreeContext {
    void operator()(redisContext* context) const { ::redisFree(context); }
  };
  explicit RedisConnection(redisContext* context) : context_(context) {}

  std::unique_ptr<redisContext, FreeContext> context_;
};

}  // namespace sluice::gatekeeper
