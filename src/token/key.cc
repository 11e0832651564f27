#include "token/key.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <stdexcept>
#include <variant>

#include "base/bytes.h"
#include "token/published_keys.h"

namespace sluice::token {
namespace {

constexpr std::size_t kSha256Bytes = 32;
constexpr std::size_t kEd25519KeyBytes = 32;
constexpr std::size_t kEd25519SignatureBytes = 64;

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using PKey = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using MdContext = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;
using Mac = std::unique_ptr<EVP_MAC, Freer<EVP_MAC_free>>;
using MacContext = std::unique_ptr<EVP_MAC_CTX, Freer<EVP_MAC_CTX_free>>;
using Bio = std::unique_ptr<BIO, Freer<BIO_free_all>>;

using Digest = std::array<char, kSha256Bytes>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(char* text) {
  return reinterpret_cast<unsigned char*>(text);
}

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

// One context a thread, keyed anew for each use: fetching the algorithm costs more than the computation.
EVP_MAC_CTX* thread_hmac() {
  thread_local const MacContext context = [] {
    const Mac mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
    MacContext made(mac ? EVP_MAC_CTX_new(mac.get()) : nullptr);
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
    if (!made || EVP_MAC_CTX_set_params(made.get(), params) != 1) throw std::runtime_error("OpenSSL has no HMAC-SHA256");
    return made;
  }();
  return context.get();
}

bool hmac(std::string_view secret, std::string_view text, Digest& out) {
  EVP_MAC_CTX* context = thread_hmac();
  std::size_t size = 0;
  return EVP_MAC_init(context, bytes_of(secret), secret.size(), nullptr) == 1 &&
         EVP_MAC_update(context, bytes_of(text), text.size()) == 1 &&
         EVP_MAC_final(context, bytes_of(out.data()), &size, out.size()) == 1 && size == out.size();
}

// Without white space and a UTF-8 byte order mark on either side: what a careless reader would make of a file.
std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  for (;;) {
    const std::size_t before = text.size();
    if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
    text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
    if (text.size() == before) break;
  }
  text.remove_suffix(text.size() - (text.find_last_not_of(kSpace) + 1));
  return text;
}

bool is_der_public_key(std::string_view text) {
  const unsigned char* at = bytes_of(text);
  const PKey key(d2i_PUBKEY(nullptr, &at, static_cast<long>(text.size())));
  ERR_clear_error();
  return key != nullptr;
}

// Something that others hold too, given where a secret belongs (PEM, JWK, OpenSSH, DER).
bool is_key_material(std::string_view secret) {
  const std::string_view text = trimmed(secret);
  if (text.find("-----BEGIN") != std::string_view::npos || text.find("---- BEGIN") != std::string_view::npos) return true;
  if ((text.starts_with('{') || text.starts_with('[')) && text.find("\"kty\"") != std::string_view::npos) return true;
  if (text.starts_with("ssh-") || text.starts_with("ecdsa-sha2-")) return true;
  return is_der_public_key(secret);
}

bool is_key_id(std::string_view id) {
  return id.size() <= kKeyIdBytesMax && std::ranges::all_of(id, [](char c) { return c >= 0x20 && c < 0x7f; });
}

// Never asks a terminal: an encrypted PEM cannot be read.
int no_password(char*, int, int, void*) {
  return -1;
}

using ReadPem = EVP_PKEY* (*)(BIO*, EVP_PKEY**, pem_password_cb*, void*);

std::expected<PKey, KeyError> read_pem(std::string_view text, ReadPem read) {
  const std::string_view pem = trimmed(text);
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  PKey key(bio ? read(bio.get(), nullptr, no_password, nullptr) : nullptr);
  ERR_clear_error();
  if (!key) return std::unexpected(KeyError::kMalformed);
  if (EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519) return std::unexpected(KeyError::kWrongType);
  return key;
}

}  // namespace

struct Key::Impl {
  Impl(Algorithm a, std::string id, std::string_view secret_bytes)
      : algorithm(a), key_id(std::move(id)), secret(secret_bytes) {}
  Impl(std::string id, PKey key, bool is_private)
      : algorithm(Algorithm::kEdDsa), key_id(std::move(id)), secret(""), ed25519(std::move(key)), can_sign(is_private) {}

  Algorithm algorithm;
  std::string key_id;
  Secret secret;
  PKey ed25519;
  bool can_sign = true;
};

std::string_view to_string(Algorithm algorithm) {
  return algorithm == Algorithm::kHs256 ? "HS256" : "EdDSA";
}

std::optional<Algorithm> parse_algorithm(std::string_view name) {
  if (name == "HS256") return Algorithm::kHs256;
  if (name == "EdDSA") return Algorithm::kEdDsa;
  return std::nullopt;
}

std::string_view to_string(KeyError error) {
  switch (error) {
    case KeyError::kTooShort: return "shorter than 32 bytes";
    case KeyError::kPublished: return "a published example or one character repeated";
    case KeyError::kNotSymmetric: return "a public or private key where a secret is wanted";
    case KeyError::kMalformed: return "not readable";
    case KeyError::kWrongType: return "not an Ed25519 key";
  }
  return "invalid";
}

Key::Key(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Key::Key(Key&&) noexcept = default;
Key& Key::operator=(Key&&) noexcept = default;
Key::Key(const Key&) = default;
Key& Key::operator=(const Key&) = default;
Key::~Key() = default;

std::expected<Key, KeyError> Key::hmac_sha256(std::string_view secret, std::string key_id) {
  if (!is_key_id(key_id)) return std::unexpected(KeyError::kMalformed);
  if (is_key_material(secret)) return std::unexpected(KeyError::kNotSymmetric);
  if (secret.size() < kHmacKeyBytesMin) return std::unexpected(KeyError::kTooShort);
  if (is_published(secret) || is_published(trimmed(secret))) return std::unexpected(KeyError::kPublished);
  return Key(std::make_shared<const Impl>(Algorithm::kHs256, std::move(key_id), secret));
}

std::expected<Key, KeyError> Key::ed25519_public(std::string_view raw_or_pem, std::string key_id) {
  if (!is_key_id(key_id)) return std::unexpected(KeyError::kMalformed);
  if (raw_or_pem.size() == kEd25519KeyBytes) {
    PKey key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(raw_or_pem), raw_or_pem.size()));
    if (!key) return std::unexpected(KeyError::kMalformed);
    return Key(std::make_shared<const Impl>(std::move(key_id), std::move(key), false));
  }
  auto key = read_pem(raw_or_pem, PEM_read_bio_PUBKEY);
  if (!key) return std::unexpected(key.error());
  return Key(std::make_shared<const Impl>(std::move(key_id), std::move(*key), false));
}

std::expected<Key, KeyError> Key::ed25519_private(std::string_view raw_seed_or_pem, std::string key_id) {
  if (!is_key_id(key_id)) return std::unexpected(KeyError::kMalformed);
  if (raw_seed_or_pem.size() == kEd25519KeyBytes) {
    PKey key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes_of(raw_seed_or_pem), raw_seed_or_pem.size()));
    if (!key) return std::unexpected(KeyError::kMalformed);
    return Key(std::make_shared<const Impl>(std::move(key_id), std::move(key), true));
  }
  auto key = read_pem(raw_seed_or_pem, PEM_read_bio_PrivateKey);
  if (!key) return std::unexpected(key.error());
  return Key(std::make_shared<const Impl>(std::move(key_id), std::move(*key), true));
}

Algorithm Key::algorithm() const {
  return impl_->algorithm;
}
const std::string& Key::key_id() const {
  return impl_->key_id;
}
bool Key::can_sign() const {
  return impl_->can_sign;
}

bool Key::verify(std::string_view signing_input, std::string_view signature) const {
  if (impl_->algorithm == Algorithm::kHs256) {
    Digest digest;
    return hmac(impl_->secret.bytes(), signing_input, digest) &&
           constant_time_equal({digest.data(), digest.size()}, signature);
  }
  if (signature.size() != kEd25519SignatureBytes) return false;
  const MdContext context(EVP_MD_CTX_new());
  if (!context || EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, impl_->ed25519.get()) != 1) return false;
  const bool good = EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(signing_input),
                                     signing_input.size()) == 1;
  if (!good) ERR_clear_error();  // the queue is the thread's, and TLS reads it
  return good;
}

std::string Key::sign(std::string_view signing_input) const {
  assert(can_sign());
  if (impl_->algorithm == Algorithm::kHs256) {
    Digest digest;
    if (!hmac(impl_->secret.bytes(), signing_input, digest)) throw std::runtime_error("HMAC failed");
    return {digest.data(), digest.size()};
  }
  std::string signature(kEd25519SignatureBytes, '\0');
  std::size_t size = signature.size();
  const MdContext context(EVP_MD_CTX_new());
  if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, impl_->ed25519.get()) != 1 ||
      EVP_DigestSign(context.get(), bytes_of(signature.data()), &size, bytes_of(signing_input), signing_input.size()) != 1)
    throw std::runtime_error("Ed25519 signing failed");
  return signature;
}

}  // namespace sluice::token
