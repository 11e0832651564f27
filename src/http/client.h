// The HTTP/1.1 client: one origin, a keep-alive pool for each thread.
//
// A request goes out on a pooled connection of the calling io_context. An idle connection is dropped after
// ClientOptions::idle_timeout, which must be shorter than the origin's (Electric: 60 s), since a request sent while the
// other side closes is lost; where that happens all the same (reset or end of stream before the first byte of the answer
// on a reused connection), a GET is sent once more on a new connection. Redirects are never followed. Answers are bounded
// in their headers; bodies stream.
//
// TLS is 1.2 or later; the certificate must be valid for the host under the system's authorities (OpenSSL's default paths,
// SSL_CERT_FILE and SSL_CERT_DIR). Idle connections do not keep their io_context running, and may outlive the Client until
// their timeout or the io_context's end.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace sluice::http {

struct Url {
  bool tls = false;
  std::string host;  // without brackets
  std::uint16_t port = 0;
  std::string path;  // "/" or longer, without a trailing "?…"; a query or fragment or user info is an error

  static std::expected<Url, std::string> parse(std::string_view text);
  std::string authority() const;  // for the Host field
};

struct ClientOptions {
  Url origin;
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds answer_timeout{75'000};  // to the first byte of the answer: a long poll is held for 20 s
  std::chrono::milliseconds read_timeout{75'000};    // between pieces of a body
  std::chrono::milliseconds idle_timeout{45'000};
  std::size_t idle_connections_max = 256;  // for each thread
  std::size_t connections_max = 4'096;     // for each thread; beyond: kTooManyConnections
  std::size_t header_bytes_max = 64 * 1024;
};

enum class ClientError { kResolve, kConnect, kTls, kTimeout, kReset, kBadAnswer, kTooManyConnections, kCancelled };
std::string_view to_string(ClientError error);

struct ClientRequest {
  Method method = Method::kGet;
  std::string target;  // path and query, already encoded
  Fields fields;       // Host, Connection, Content-Length are the client's own
  std::string body;
};

struct ClientResponse {
  int status = 0;
  Fields fields;                            // hop-by-hop fields removed
  std::optional<std::uint64_t> body_bytes;  // where known beforehand
  // Never null. Gives the connection back to the pool when read to its end, else closes it.
  std::unique_ptr<BodyStream> body;
};

class Client {
 public:
  explicit Client(ClientOptions options);
  ~Client();

  // On the calling coroutine's io_context. Any thread. Cancelling the Task closes the connection (A35).
  Task<std::expected<ClientResponse, ClientError>> send(ClientRequest request);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace sluice::http
