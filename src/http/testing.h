// For the tests of this part: a server on a free port with a handler made of functions, and a client that sends bytes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "http/server.h"

namespace sluice::http::testing {

class FunctionHandler final : public Handler {
 public:
  using Function = std::function<Task<void>(const Request&, Response&)>;

  explicit FunctionHandler(Function function) : function_(std::move(function)) {}
  Task<void> handle(const Request& request, Response& response) override { return function_(request, response); }

 private:
  Function function_;
};

// Answers 200 with the request's parts as seen: "GET path=/a query=b body=c\n", then "name: value\n" for each field.
void fill_echo(const Request& request, Response& response);
Task<void> echo(const Request& request, Response& response);  // at once

class TestServer {
 public:
  explicit TestServer(FunctionHandler::Function function = echo, ServerLimits limits = {}, unsigned threads = 1);

  Server& server() { return server_; }
  std::uint16_t port() const { return port_; }

 private:
  FunctionHandler handler_;
  Server server_;
  std::uint16_t port_;
};

// A blocking socket. Every read ends after 20 s: a hung server fails a test, it does not stop the run.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer_bytes = 0);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void send(std::string_view bytes);
  void shutdown_send();
  void reset();  // closes with RST

  std::size_t read_into(char* bytes, std::size_t max);  // one receive; 0 at the end
  std::string read_some();                              // empty at the end of the stream (or where it was reset)
  std::string read_until(std::string_view mark);        // through the mark, or to the end
  std::string read_response();                          // one answer with Content-Length, or none
  std::string read_to_end();

 private:
  int socket_;
  std::string unread_;
};

// Sends the bytes on a new connection; everything that comes back until the server closes.
std::string exchange(std::uint16_t port, std::string_view bytes);

int status_of(std::string_view response);  // 0 where there is none

// Waits for what another thread does; false after 20 s.
bool eventually(const std::function<bool()>& condition);

}  // namespace sluice::http::testing
