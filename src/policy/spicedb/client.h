// SpiceDB's CheckPermission over gRPC (https://github.com/authzed/api, authzed.api.v1.PermissionsService).
//
//   auto client = Client::make({.endpoint = "spicedb.internal:50051", .token = token});
//   (*client)->start();
//   auto answer = co_await (*client)->check(check);   // HAS_PERMISSION, NO_PERMISSION, CONDITIONAL; or why there is none
//
// One channel, made at the first check and kept: HTTP/2, so all checks share one connection, which is made again when it is
// lost. A check that finds no connection fails at once and is not queued. gRPC runs threads of its own; ours is one that
// takes finished calls from the completion queue and wakes the Task that waits, on that Task's io_context.
//
// TLS with the machine's certificate authorities (the file in SSL_CERT_FILE, where set), unless `tls` is false: then the
// endpoint must be on the loopback, or `insecure` must say that the network is trusted with the token. Proxies from the
// environment are not used.
//
// No gRPC header is included here: whoever includes this compiles without them.
#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <memory>
#include <string>

#include "base/task.h"

namespace sluice::policy::spicedb {

// How old the relationships may be that a check is answered from.
struct Consistency {
  enum class Kind {
    kMinimizeLatency,  // SpiceDB's own choice: as a rule some seconds
    kAtLeastAsFresh,   // as what this ZedToken was given out for, or younger
    kFullyConsistent,  // as of now; slower
  };
  Kind kind = Kind::kMinimizeLatency;
  std::string zed_token = {};

  bool operator==(const Consistency&) const = default;
};

// Has `subject` (an object, or with a relation a set of them) this permission on `resource`?
struct Check {
  std::string resource_type;
  std::string resource_id;
  std::string permission;
  std::string subject_type;
  std::string subject_id;
  std::string subject_relation = {};  // "": none
  Consistency consistency = {};

  bool operator==(const Check&) const = default;
};

enum class Permissionship {
  kNone,
  kHas,
  kConditional,  // a caveat would have to be told more
};

struct ClientOptions {
  std::string endpoint = {};  // host:port; an IPv6 address in brackets
  std::string token = {};     // the preshared key; "": none is sent
  bool tls = true;
  bool insecure = false;  // without TLS, also to other machines
  std::chrono::milliseconds timeout{2000};
  // More at a time fail at once: what waits longer than `timeout` would fail anyway, and each costs some kilobytes.
  std::size_t calls_max = 1024;
};

class Client {
 public:
  // The error says which option is wrong. Connects to nothing yet.
  static std::expected<std::unique_ptr<Client>, std::string> make(ClientOptions options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Once, before the first check; and after the last (a check under way fails). Main's thread.
  void start();
  void stop();

  // Any io_context, many at once. The error says why there is no answer, in words without any value of the check. Never
  // later than the timeout. A Task that is cancelled, or destroyed, cancels its call. The Client outlives the Task.
  Task<std::expected<Permissionship, std::string>> check(Check check);

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::policy::spicedb
