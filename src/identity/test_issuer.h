// For the tests of this part: an issuer on this machine whose answers a test decides, and who waits for its keys.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/promise.h"
#include "http/testing.h"
#include "token/key.h"

namespace sluice::identity {

// Two Ed25519 keys, made for these tests.
struct TestKey {
  std::string_view seed, x;
  std::string jwk(std::string_view key_id) const {
    return R"({"kty":"OKP","crv":"Ed25519","kid":")" + std::string(key_id) + R"(","x":")" + std::string(x) + "\"}";
  }
  token::Key signer(std::string key_id) const {
    return token::Key::ed25519_private(base64url_decode(seed).value(), std::move(key_id)).value();
  }
};
inline constexpr TestKey kKey1{"Xvd0QWNlvtqi_uw1neONd7JLeFLfcamjlknyWPbr4y8", "1tpmL5yQCOPo1L0LDK_55sfmAoi-9Q61Pe-Ep63A-zQ"};
inline constexpr TestKey kKey2{"DYMgCDRuCOYA8_yCiOycACWK-Gl088AUy-GqOoPOygg", "Qht_GzpCzqqTo2ot0aOhqHloMEKRtnfb2dzeUmcrZ5w"};

inline std::string key_set(std::initializer_list<std::string> jwks) {
  std::string text;
  for (const std::string& jwk : jwks) text += (text.empty() ? "" : ",") + jwk;
  return "{\"keys\":[" + text + "]}";
}

struct TestAnswer {
  int status = 200;
  std::string body;
  std::vector<std::pair<std::string, std::string>> fields;
  bool never_ends = false;  // a body that begins with `body`
  bool chunked = false;
};

class TestIssuer {
 public:
  TestIssuer()
      : server_([this](const http::Request& request, http::Response& response) { return answer(request, response); }) {}
  ~TestIssuer() { release(); }

  std::string url(std::string_view path = "", std::string_view host = "127.0.0.1") const {
    return "http://" + std::string(host) + ":" + std::to_string(server_.port()) + std::string(path);
  }
  void set(std::string path, TestAnswer answer) {
    std::lock_guard lock(mutex_);
    answers_[std::move(path)] = std::move(answer);
  }
  int requests(const std::string& path) const {
    std::lock_guard lock(mutex_);
    const auto found = requests_.find(path);
    return found == requests_.end() ? 0 : found->second;
  }
  // From now on, requests are not answered before release().
  void hold() {
    std::lock_guard lock(mutex_);
    held_ = std::make_shared<Promise<bool>>();
  }
  void release() {
    std::unique_lock lock(mutex_);
    const auto held = std::exchange(held_, nullptr);
    lock.unlock();
    if (held) held->set(true);
  }

 private:
  class Body final : public http::BodyStream {
   public:
    Body(std::string text, bool never_ends) : text_(std::move(text)), never_ends_(never_ends) {}
    Task<std::expected<Buffer, http::BodyError>> next() override {
      if (!text_.empty()) co_return Buffer::of(std::exchange(text_, {}));
      if (never_ends_) co_await WaitList().wait(WaitList::Deadline::max(), [] { return false; });
      co_return Buffer();
    }

   private:
    std::string text_;
    const bool never_ends_;
  };

  Task<void> answer(const http::Request& request, http::Response& response) {
    std::lock_guard lock(mutex_);
    ++requests_[std::string(request.path)];
    const auto found =
        answers_.find(std::string(request.path) + (request.query.empty() ? "" : "?") + std::string(request.query));
    fill(found == answers_.end() ? TestAnswer{404, "", {}} : found->second, response);
    if (!held_) return {};
    return wait(held_);
  }
  static void fill(const TestAnswer& answer, http::Response& response) {
    response.status = answer.status;
    for (const auto& [name, value] : answer.fields) response.fields.add(name, value);
    if (answer.never_ends || answer.chunked)
      response.stream = std::make_unique<Body>(answer.body, answer.never_ends);
    else
      response.buffers.push_back(Buffer::of(answer.body));
  }
  static Task<void> wait(std::shared_ptr<Promise<bool>> held) { co_await held->get(WaitList::Deadline::max()); }

  mutable std::mutex mutex_;
  std::map<std::string, TestAnswer> answers_;
  std::map<std::string, int> requests_;
  std::shared_ptr<Promise<bool>> held_;
  http::testing::TestServer server_;
};

// Runs a Task to its end, on this thread.
inline void run(Task<void> task) {
  boost::asio::io_context context(1);
  boost::asio::co_spawn(context, std::move(task), [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  });
  context.run();
}

}  // namespace sluice::identity
