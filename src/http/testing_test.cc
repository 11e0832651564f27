#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <thread>

#include "http/testing.h"

namespace sluice::http::testing {

void fill_echo(const Request& request, Response& response) {
  std::string text(to_string(request.method));
  text.append(" path=").append(request.path).append(" query=").append(request.query);
  text.append(" body=").append(request.body).append("\n");
  for (std::size_t i = 0; i < request.fields->size(); ++i) {
    text.append(request.fields->at(i).name).append(": ").append(request.fields->at(i).value).append("\n");
  }
  response.buffers.push_back(Buffer::of(std::move(text)));
}

Task<void> echo(const Request& request, Response& response) {
  fill_echo(request, response);
  return {};
}

namespace {

ServerOptions options_of(ServerLimits limits, unsigned threads) {
  ServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.threads = threads;
  options.limits = limits;
  return options;
}

}  // namespace

TestServer::TestServer(FunctionHandler::Function function, ServerLimits limits, unsigned threads)
    : handler_(std::move(function)), server_(options_of(limits, threads), handler_) {
  const std::string& address = server_.addresses().front();
  port_ = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  server_.start();
}

RawClient::RawClient(std::uint16_t port, int receive_buffer_bytes) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
  const timeval patience{20, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (receive_buffer_bytes > 0) {
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    ADD_FAILURE() << "cannot connect to port " << port;
  }
}

RawClient::~RawClient() {
  if (socket_ >= 0) ::close(socket_);
}

void RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;  // closed by the server; its answer tells more
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

void RawClient::shutdown_send() {
  ::shutdown(socket_, SHUT_WR);
}

void RawClient::reset() {
  const linger now{1, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  ::close(socket_);
  socket_ = -1;
}

std::size_t RawClient::read_into(char* bytes, std::size_t max) {
  const ssize_t n = ::recv(socket_, bytes, max, 0);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) ADD_FAILURE() << "nothing came for 20 s";
  return n > 0 ? static_cast<std::size_t>(n) : 0;
}

std::string RawClient::read_some() {
  if (!unread_.empty()) return std::exchange(unread_, {});
  char bytes[16384];
  return std::string(bytes, read_into(bytes, sizeof bytes));
}

std::string RawClient::read_until(std::string_view mark) {
  std::string text;
  while (true) {
    const auto at = text.find(mark);
    if (at != std::string::npos) {
      unread_ = text.substr(at + mark.size());
      return text.substr(0, at + mark.size());
    }
    const std::string piece = read_some();
    if (piece.empty()) return text;
    text += piece;
  }
}

std::string RawClient::read_response() {
  std::string text = read_until("\r\n\r\n");
  const auto field = text.find("Content-Length: ");
  if (field == std::string::npos) return text;
  const std::size_t length = text.size() + std::stoul(text.substr(field + 16));
  while (text.size() < length) {
    const std::string piece = read_some();
    if (piece.empty()) return text;
    text += piece;
  }
  unread_ = text.substr(length);
  return text.substr(0, length);
}

std::string RawClient::read_to_end() {
  std::string text;
  while (true) {
    const std::string piece = read_some();
    if (piece.empty()) return text;
    text += piece;
  }
}

std::string exchange(std::uint16_t port, std::string_view bytes) {
  RawClient client(port);
  client.send(bytes);
  return client.read_to_end();
}

int status_of(std::string_view response) {
  int status = 0;
  if (response.starts_with("HTTP/1.1 ") && response.size() > 12) std::from_chars(&response[9], &response[12], status);
  return status;
}

bool eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace sluice::http::testing
