// One fetch of an issuer's key set, discovery included: bounded in time and bytes, no redirect followed.
#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <mutex>
#include <string>

#include "http/message.h"
#include "identity/discovery.h"

namespace boost::asio {
class io_context;
}

namespace sluice::identity {

struct FetchOptions {
  KeysUrl url;            // of the keys, or of the configuration
  std::string discovers;  // the issuer whose configuration `url` is; empty: `url` is of the keys
  std::chrono::milliseconds timeout;
  std::size_t bytes_max;
};

struct FetchedText {
  std::string text;
  http::Fields fields;
};

class KeyFetcher {
 public:
  explicit KeyFetcher(FetchOptions options) : options_(std::move(options)) {}

  // Blocks the calling thread until there is an answer, for `timeout` at most (and until a look-up of the host's name under
  // way has ended). The error is for logs and holds nothing that came from outside. One thread at a time.
  std::expected<FetchedText, std::string> fetch();

  // The fetch under way fails at once, and so does every later one. Any thread.
  void stop();

 private:
  const FetchOptions options_;
  std::mutex mutex_;
  boost::asio::io_context* running_ = nullptr;
  bool stopped_ = false;
};

}  // namespace sluice::identity
