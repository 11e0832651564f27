#include "http/client.h"

#include <boost/asio/execution/context.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/this_coro.hpp>
#include <utility>

#include "http/answer_head.h"
#include "http/chunked.h"
#include "http/client_connection.h"
#include "http/head_scan.h"

namespace sluice::http {
namespace {

using Connection = std::unique_ptr<ClientConnection>;

// 100 and 103 may come before the answer; an origin that sends more is not answering.
constexpr int kInterimMax = 8;

// The body of an answer, read from its connection as it is asked for.
class AnswerBody final : public BodyStream {
 public:
  // `rest` came behind the head.
  AnswerBody(Connection connection, const AnswerHead& head, std::string rest, std::chrono::milliseconds read_timeout)
      : connection_(std::move(connection)),
        framing_(head.framing),
        keep_alive_(head.keep_alive),
        left_(head.body_bytes),
        rest_(std::move(rest)),
        read_timeout_(read_timeout) {
    connection_->expect_nothing();
    if (framing_ == AnswerHead::Framing::kNone || (framing_ == AnswerHead::Framing::kLength && left_ == 0)) finish();
  }

  Task<std::expected<Buffer, BodyError>> next() override {
    while (connection_) {
      std::string_view bytes = rest_;
      if (bytes.empty()) {
        connection_->expect_within(read_timeout_);
        const auto read = co_await connection_->read();
        if (!read) co_return fail(read.error());
        connection_->expect_nothing();  // until it is asked again: the reader's pace is not the origin's fault
        if (read->empty()) co_return end_of_stream();
        bytes = *read;
      }
      std::string piece;
      if (!take(bytes, piece)) co_return fail(ClientError::kBadAnswer);
      if (!piece.empty()) co_return Buffer::of(std::move(piece));
    }
    co_return Buffer();
  }

 private:
  // Moves the body's part of `bytes` to `piece`; what is left over stays in rest_ for finish() to see.
  bool take(std::string_view bytes, std::string& piece) {
    if (framing_ == AnswerHead::Framing::kChunked) {
      piece.reserve(bytes.size());
      const auto result = chunks_.decode(bytes, piece, SIZE_MAX);
      rest_.assign(bytes);
      if (result == ChunkedDecoder::Result::kDone) finish();
      return result == ChunkedDecoder::Result::kDone || result == ChunkedDecoder::Result::kMore;
    }
    const bool bounded = framing_ == AnswerHead::Framing::kLength;
    const std::string_view body = bounded ? bytes.substr(0, left_) : bytes;
    piece.assign(body);
    left_ -= bounded ? body.size() : 0;
    rest_ = std::string(bytes.substr(body.size()));
    if (bounded && left_ == 0) finish();
    return true;
  }

  // Bytes behind the answer belong to nothing that was asked: such a connection is not used again.
  void finish() {
    auto connection = std::move(connection_);
    if (keep_alive_ && rest_.empty()) connection->pool().give(std::move(connection));
  }

  std::expected<Buffer, BodyError> end_of_stream() {
    if (framing_ != AnswerHead::Framing::kUntilClose) return fail(ClientError::kReset);
    connection_.reset();
    return Buffer();
  }

  std::expected<Buffer, BodyError> fail(ClientError error) {
    connection_.reset();
    return std::unexpected(error == ClientError::kCancelled ? BodyError::kCancelled : BodyError::kUpstream);
  }

  Connection connection_;  // null once the body has ended
  const AnswerHead::Framing framing_;
  const bool keep_alive_;
  std::uint64_t left_;
  std::string rest_;
  const std::chrono::milliseconds read_timeout_;
  ChunkedDecoder chunks_;
};

bool is_clients_own(std::string_view name) {
  for (const char* own : {"Host", "Connection", "Content-Length", "Transfer-Encoding"}) {
    if (equal_ignoring_case(name, own)) return true;
  }
  return false;
}

std::string request_text(const ClientRequest& request, const Url& origin) {
  std::string text;
  text.reserve(256 + request.target.size() + request.body.size());
  text.append(to_string(request.method)).append(" ").append(request.target).append(" HTTP/1.1\r\nHost: ");
  text.append(origin.authority()).append("\r\n");
  for (std::size_t i = 0; i < request.fields.size(); ++i) {
    const auto [name, value] = request.fields.at(i);
    if (!is_clients_own(name)) text.append(name).append(": ").append(value).append("\r\n");
  }
  const bool has_body = !request.body.empty() || request.method == Method::kPost || request.method == Method::kPut ||
                        request.method == Method::kPatch;
  if (has_body) text.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
  return text.append("\r\n").append(request.body);
}

// One request on one connection, up to the end of the answer's head.
struct Exchange {
  ClientConnection& connection;
  const ClientOptions& options;
  const Method method;
  bool answered = false;  // at least a byte
  AnswerHead head;
  std::string rest;  // of the body, behind the head

  Task<ClientConnection::Result<>> run(std::string_view request) {
    connection.expect_within(options.answer_timeout);
    const auto written = co_await connection.write(request);
    if (!written) co_return written;
    for (int interim = 0; interim <= kInterimMax; ++interim) {
      const auto read = co_await read_head();
      if (!read) co_return read;
      if (head.status >= 200) co_return read;
      if (head.status == 101) break;  // nothing was asked to be switched
    }
    co_return std::unexpected(ClientError::kBadAnswer);
  }

  Task<ClientConnection::Result<>> read_head() {
    HeadScan scan;
    std::string text = std::exchange(rest, {});
    while (true) {
      const auto found = scan.scan(text);
      if (found == HeadScan::Result::kBad || text.size() > options.header_bytes_max + 64 * 1024) break;
      if (found == HeadScan::Result::kComplete) {
        if (scan.head_bytes() > options.header_bytes_max) break;
        auto parsed = parse_answer_head(std::string_view(text).substr(0, scan.head_bytes()), method);
        if (!parsed) break;
        head = std::move(*parsed);
        rest = text.erase(0, scan.head_bytes());
        co_return ClientConnection::Result<>();
      }
      if (text.size() > options.header_bytes_max) break;
      const auto read = co_await connection.read(!answered);
      if (!read) co_return std::unexpected(read.error());
      if (read->empty()) co_return std::unexpected(ClientError::kReset);
      if (!answered) connection.expect_within(options.read_timeout);
      answered = true;
      text.append(*read);
    }
    co_return std::unexpected(ClientError::kBadAnswer);
  }
};

using Answer = std::expected<ClientResponse, ClientError>;

ClientResponse response_of(Connection connection, Exchange& exchange) {
  ClientResponse response;
  response.status = exchange.head.status;
  response.fields = std::move(exchange.head.fields);
  using Framing = AnswerHead::Framing;
  if (exchange.head.framing == Framing::kNone) response.body_bytes = 0;
  if (exchange.head.framing == Framing::kLength) response.body_bytes = exchange.head.body_bytes;
  response.body = std::make_unique<AnswerBody>(std::move(connection), exchange.head, std::move(exchange.rest),
                                               exchange.options.read_timeout);
  return response;
}

Task<Answer> send_on(std::shared_ptr<const ClientShared> client, ClientRequest request) {
  boost::asio::io_context& context =
      boost::asio::query(co_await boost::asio::this_coro::executor, boost::asio::execution::context);
  ClientPool& pool = ClientPools::pool(context, *client);
  const std::string text = request_text(request, client->options.origin);
  const bool repeatable = request.method == Method::kGet || request.method == Method::kHead;

  Connection connection = pool.take();
  while (true) {
    const bool reused = connection != nullptr;
    if (!reused) {
      if (pool.open() >= client->options.connections_max) co_return std::unexpected(ClientError::kTooManyConnections);
      connection = std::make_unique<ClientConnection>(context, pool, client);
      if (const auto connected = co_await connection->connect(); !connected) co_return std::unexpected(connected.error());
    }
    Exchange exchange{*connection, client->options, request.method, false, {}, {}};
    const auto result = co_await exchange.run(text);
    if (result) co_return response_of(std::move(connection), exchange);
    // The origin most likely closed its idle connection just as it was used; asking twice does no harm.
    if (!reused || !repeatable || exchange.answered || result.error() != ClientError::kReset) {
      co_return std::unexpected(result.error());
    }
    connection.reset();
  }
}

}  // namespace

std::string_view to_string(ClientError error) {
  switch (error) {
    case ClientError::kResolve: return "resolve";
    case ClientError::kConnect: return "connect";
    case ClientError::kTls: return "tls";
    case ClientError::kTimeout: return "timeout";
    case ClientError::kReset: return "reset";
    case ClientError::kBadAnswer: return "bad_answer";
    case ClientError::kTooManyConnections: return "too_many_connections";
    case ClientError::kCancelled: return "cancelled";
  }
  return "unknown";
}

struct Client::Impl {
  std::shared_ptr<const ClientShared> shared;
};

Client::Client(ClientOptions options)
    : impl_(std::make_shared<Impl>(Impl{std::make_shared<const ClientShared>(std::move(options))})) {}

Client::~Client() = default;

Task<std::expected<ClientResponse, ClientError>> Client::send(ClientRequest request) {
  return send_on(impl_->shared, std::move(request));
}

}  // namespace sluice::http
