// HS256, HS384, HS512 (RFC 7518 section 3.2).
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <stdexcept>

#include "base/bytes.h"
#include "token/algorithm.h"
#include "token/key_impl.h"
#include "token/key_material.h"
#include "token/published_keys.h"

namespace sluice::token {
namespace {

using Mac = std::unique_ptr<EVP_MAC, Freer<EVP_MAC_free>>;
using MacContext = std::unique_ptr<EVP_MAC_CTX, Freer<EVP_MAC_CTX_free>>;

// Erased when it goes.
class Secret {
 public:
  explicit Secret(std::string_view bytes) : bytes_(bytes) {}
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }
  std::string_view bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

MacContext make_hmac(std::string digest) {
  const Mac mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  MacContext made(mac ? EVP_MAC_CTX_new(mac.get()) : nullptr);
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
                               OSSL_PARAM_construct_end()};
  if (!made || EVP_MAC_CTX_set_params(made.get(), params) != 1) throw std::runtime_error("OpenSSL has no HMAC");
  return made;
}

// One context a thread and hash, left keyed after each use: fetching the algorithm costs more than the computation, and
// scheduling a key nearly as much as a token.
struct ThreadHmac {
  MacContext context;
  std::uint64_t keyed_with = 0;  // HmacKey::serial_; 0: with none
};

ThreadHmac& thread_hmac(Algorithm algorithm) {
  thread_local std::array<ThreadHmac, 3> all;
  ThreadHmac& hmac = all[static_cast<std::size_t>(algorithm) - static_cast<std::size_t>(Algorithm::kHs256)];
  if (!hmac.context) hmac.context = make_hmac(traits_of(algorithm).digest);
  return hmac;
}

// Never reused, as an address would be. Begins at 1.
std::uint64_t next_serial() {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

class HmacKey final : public Key::Impl {
 public:
  HmacKey(Algorithm a, std::string id, std::string_view secret) : Impl(a, std::move(id)), secret_(secret) {}

  bool can_sign() const override { return true; }

  bool verify(std::string_view signing_input, std::string_view signature) const override {
    Digest digest;
    const std::size_t size = compute(signing_input, digest);
    return size != 0 && constant_time_equal({digest.data(), size}, signature);
  }

  std::string sign(std::string_view signing_input) const override {
    Digest digest;
    const std::size_t size = compute(signing_input, digest);
    if (size == 0) throw std::runtime_error("HMAC failed");
    return {digest.data(), size};
  }

 private:
  using Digest = std::array<char, EVP_MAX_MD_SIZE>;

  bool begin(ThreadHmac& hmac) const {
    if (hmac.keyed_with == serial_) return EVP_MAC_init(hmac.context.get(), nullptr, 0, nullptr) == 1;
    hmac.keyed_with = 0;
    if (EVP_MAC_init(hmac.context.get(), bytes_of(secret_.bytes()), secret_.bytes().size(), nullptr) != 1) return false;
    hmac.keyed_with = serial_;
    return true;
  }

  // The size of the digest; 0 where OpenSSL failed.
  std::size_t compute(std::string_view text, Digest& out) const {
    ThreadHmac& hmac = thread_hmac(algorithm);
    EVP_MAC_CTX* const context = hmac.context.get();
    std::size_t size = 0;
    const bool done = begin(hmac) && EVP_MAC_update(context, bytes_of(text), text.size()) == 1 &&
                      EVP_MAC_final(context, bytes_of(out.data()), &size, out.size()) == 1;
    if (!done) ERR_clear_error();
    return done ? size : 0;
  }

  const std::uint64_t serial_ = next_serial();
  Secret secret_;
};

}  // namespace

std::expected<Key, KeyError> Key::hmac(Algorithm algorithm, std::string_view secret, std::string key_id) {
  const AlgorithmTraits& traits = traits_of(algorithm);
  if (traits.family != Family::kHmac) return std::unexpected(KeyError::kWrongType);
  if (!is_key_id(key_id)) return std::unexpected(KeyError::kMalformed);
  if (is_key_material(secret)) return std::unexpected(KeyError::kNotSymmetric);
  if (secret.size() < traits.digest_bytes) return std::unexpected(KeyError::kTooShort);
  if (is_published(secret) || is_published(trimmed(secret))) return std::unexpected(KeyError::kPublished);
  return Key(std::make_shared<const HmacKey>(algorithm, std::move(key_id), secret));
}

std::expected<Key, KeyError> Key::hmac_sha256(std::string_view secret, std::string key_id) {
  return hmac(Algorithm::kHs256, secret, std::move(key_id));
}

}  // namespace sluice::token
