#include "identity/key_fetcher.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>
#include <utility>

#include "http/client.h"

namespace sluice::identity {
namespace {

using Fetched = std::expected<FetchedText, std::string>;

http::ClientOptions client_options(const http::Url& origin, std::chrono::milliseconds timeout) {
  http::ClientOptions options;
  options.origin = origin;
  options.connect_timeout = timeout;
  options.answer_timeout = timeout;
  options.read_timeout = timeout;
  return options;
}

Task<Fetched> read_body(http::ClientResponse answer, std::size_t bytes_max) {
  FetchedText fetched{{}, std::move(answer.fields)};
  if (answer.body_bytes.value_or(0) > bytes_max) co_return std::unexpected("the answer is too long");
  for (;;) {
    const auto piece = co_await answer.body->next();
    if (!piece) co_return std::unexpected("the answer broke off");
    if (piece->empty()) co_return fetched;
    if (piece->bytes().size() > bytes_max - fetched.text.size()) co_return std::unexpected("the answer is too long");
    fetched.text += piece->bytes();
  }
}

Task<Fetched> get(KeysUrl url, FetchOptions options) {
  http::Client client(client_options(url.url, options.timeout));
  http::ClientRequest request;
  request.target = url.target;
  request.fields.add("Accept", "application/json");
  request.fields.add("User-Agent", "sluice");
  auto answer = co_await client.send(std::move(request));
  if (!answer) co_return std::unexpected("no answer: " + std::string(to_string(answer.error())));
  if (answer->status != 200) co_return std::unexpected("the answer's status is " + std::to_string(answer->status));
  co_return co_await read_body(std::move(*answer), options.bytes_max);
}

Task<Fetched> get_keys(FetchOptions options) {
  if (options.discovers.empty()) co_return co_await get(options.url, options);
  const auto configuration = co_await get(options.url, options);
  if (!configuration) co_return std::unexpected("discovery: " + configuration.error());
  const auto url = keys_url_of(configuration->text, options.discovers);
  if (!url) co_return std::unexpected("discovery: " + url.error());
  co_return co_await get(*url, options);
}

}  // namespace

// An io_context for each fetch: its end is the end of everything that a fetch may have left behind, connections included.
std::expected<FetchedText, std::string> KeyFetcher::fetch() {
  boost::asio::io_context context(1);
  {
    std::lock_guard lock(mutex_);
    if (stopped_) return std::unexpected("stopped");
    running_ = &context;
  }
  std::optional<Fetched> fetched;
  boost::asio::co_spawn(context, get_keys(options_), [&](const std::exception_ptr& error, Fetched result) {
    fetched = error ? Fetched(std::unexpected("out of memory")) : std::move(result);
  });
  context.run_for(options_.timeout);
  std::lock_guard lock(mutex_);
  running_ = nullptr;
  if (!fetched) return std::unexpected(stopped_ ? "stopped" : "not finished in time");
  return *std::move(fetched);
}

void KeyFetcher::stop() {
  std::lock_guard lock(mutex_);
  stopped_ = true;
  if (running_) running_->stop();
}

}  // namespace sluice::identity
