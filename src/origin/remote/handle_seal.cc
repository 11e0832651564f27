#include "origin/remote/handle_seal.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "base/bytes.h"

namespace sluice::origin {
namespace {

constexpr std::size_t kMacBytes = 16;  // of the seal: 128 bits
constexpr std::string_view kKeyLabel = "sluice handle seal, version 1";
constexpr std::string_view kExpiredLabel = "expired_handle";

std::string hmac_sha256(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out;
  unsigned int length = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
           text.size(), out.data(), &length) == nullptr)
    throw std::runtime_error("HMAC-SHA256 failed");
  return {reinterpret_cast<const char*>(out.data()), length};
}

bool is_handle_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

}  // namespace

HandleSeal::HandleSeal(std::string key) : key_(std::move(key)) {
  if (key_.size() != kHandleKeyBytes) throw std::invalid_argument("the key of handles must have 32 bytes");
}

std::string HandleSeal::derive_key(std::string_view upstream_secret) {
  if (!upstream_secret.empty()) return hmac_sha256(upstream_secret, kKeyLabel);
  std::array<std::uint8_t, kHandleKeyBytes> random;
  fill_random(random);
  return {reinterpret_cast<const char*>(random.data()), random.size()};
}

std::string HandleSeal::seal_of(std::string_view definition_text, std::string_view upstream_handle) const {
  std::string text(definition_text);
  text += '\0';
  text += upstream_handle;
  return base64url_encode(std::string_view(hmac_sha256(key_, text)).substr(0, kMacBytes));
}

std::optional<std::string> HandleSeal::seal(std::string_view definition_text, std::string_view upstream_handle) const {
  if (upstream_handle.empty() || upstream_handle.size() > kUpstreamHandleBytesMax ||
      !std::ranges::all_of(upstream_handle, is_handle_character))
    return std::nullopt;
  return std::string(upstream_handle) + '.' + seal_of(definition_text, upstream_handle);
}

std::optional<std::string> HandleSeal::open(std::string_view definition_text, std::string_view handle) const {
  if (handle.size() <= kSealBytes || handle[handle.size() - kSealBytes] != '.') return std::nullopt;
  const std::string_view upstream = handle.substr(0, handle.size() - kSealBytes);
  const std::string_view given = handle.substr(upstream.size() + 1);
  if (!constant_time_equal(seal_of(definition_text, upstream), given)) return std::nullopt;
  return std::string(upstream);
}

shape::Position HandleSeal::open_position(std::string_view definition_text, shape::Position position) const {
  if (position.handle) position.handle = open(definition_text, *position.handle).value_or(std::string(kUnknownHandle));
  if (position.expired_handle) {
    auto upstream = open(definition_text, *position.expired_handle);
    position.expired_handle = upstream ? *std::move(upstream) : "0-" + seal_of(kExpiredLabel, *position.expired_handle);
  }
  return position;
}

}  // namespace sluice::origin
