// Keys from PEM (RFC 7468), and Ed25519 keys from their raw bytes.
//
// The label decides how the bytes are read, so that a private key is never taken where a public one is asked for.
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <optional>

#include "token/algorithm.h"
#include "token/key_impl.h"
#include "token/key_material.h"

namespace sluice::token {
namespace {

constexpr std::size_t kEd25519KeyBytes = 32;
// A chain of certificates has a few kilobytes; nothing larger is a key.
constexpr std::size_t kPemBytesMax = std::size_t{256} * 1024;

using Bio = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Pkcs8 = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Freer<PKCS8_PRIV_KEY_INFO_free>>;

struct Block {
  std::string label;
  std::string der;
};

std::optional<Block> read_block(BIO* from) {
  char *label = nullptr, *header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  if (PEM_read_bio(from, &label, &header, &data, &size) != 1) return std::nullopt;
  Block block{label, std::string(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size))};
  OPENSSL_free(label);
  OPENSSL_free(header);
  OPENSSL_clear_free(data, static_cast<std::size_t>(size));
  return block;
}

PKey read_certificate(const unsigned char** at, long size) {
  const Certificate certificate(d2i_X509(nullptr, at, size));
  return PKey(certificate ? X509_get_pubkey(certificate.get()) : nullptr);
}

PKey read_pkcs8(const unsigned char** at, long size) {
  const Pkcs8 info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, at, size));
  return PKey(info ? EVP_PKCS82PKEY(info.get()) : nullptr);
}

PKey decode_public(std::string_view label, const unsigned char** at, long size) {
  if (label == "PUBLIC KEY") return PKey(d2i_PUBKEY(nullptr, at, size));
  if (label == "RSA PUBLIC KEY") return PKey(d2i_PublicKey(EVP_PKEY_RSA, nullptr, at, size));
  if (label == "CERTIFICATE") return read_certificate(at, size);
  return nullptr;
}

PKey decode_private(std::string_view label, const unsigned char** at, long size) {
  if (label == "PRIVATE KEY") return read_pkcs8(at, size);
  if (label == "RSA PRIVATE KEY") return PKey(d2i_PrivateKey(EVP_PKEY_RSA, nullptr, at, size));
  if (label == "EC PRIVATE KEY") return PKey(d2i_PrivateKey(EVP_PKEY_EC, nullptr, at, size));
  return nullptr;
}

// The first key in the text. nullptr where there is none, or bytes follow it within its block; so too where it is encrypted:
// there is nobody to ask for a password.
PKey read_pem(std::string_view text, bool is_private) {
  const ErrorsCleared errors;
  const std::string_view pem = trimmed(text);
  if (pem.size() > kPemBytesMax) return nullptr;
  const Bio from(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!from) return nullptr;
  auto block = read_block(from.get());
  if (block && block->label == "EC PARAMETERS") block = read_block(from.get());  // `openssl ecparam -genkey` puts it first
  if (!block) return nullptr;
  const unsigned char* at = bytes_of(block->der);
  const unsigned char* const end = at + block->der.size();
  const auto size = static_cast<long>(block->der.size());
  PKey key = is_private ? decode_private(block->label, &at, size) : decode_public(block->label, &at, size);
  OPENSSL_cleanse(block->der.data(), block->der.size());
  return at == end ? std::move(key) : nullptr;
}

std::expected<Key, KeyError> key_from_pem(Algorithm algorithm, std::string_view pem, std::string key_id, bool is_private) {
  if (traits_of(algorithm).family == Family::kHmac) return std::unexpected(KeyError::kWrongType);
  PKey key = read_pem(pem, is_private);
  if (!key) return std::unexpected(KeyError::kMalformed);
  return signature_key(algorithm, std::move(key), std::move(key_id), is_private);
}

}  // namespace

std::expected<Key, KeyError> Key::public_key(Algorithm algorithm, std::string_view pem, std::string key_id) {
  return key_from_pem(algorithm, pem, std::move(key_id), false);
}

std::expected<Key, KeyError> Key::private_key(Algorithm algorithm, std::string_view pem, std::string key_id) {
  return key_from_pem(algorithm, pem, std::move(key_id), true);
}

std::expected<Key, KeyError> Key::ed25519_public(std::string_view raw_or_pem, std::string key_id) {
  if (raw_or_pem.size() != kEd25519KeyBytes) return public_key(Algorithm::kEdDsa, raw_or_pem, std::move(key_id));
  PKey key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(raw_or_pem), raw_or_pem.size()));
  if (!key) return std::unexpected(KeyError::kMalformed);
  return signature_key(Algorithm::kEdDsa, std::move(key), std::move(key_id), false);
}

std::expected<Key, KeyError> Key::ed25519_private(std::string_view raw_seed_or_pem, std::string key_id) {
  if (raw_seed_or_pem.size() != kEd25519KeyBytes) return private_key(Algorithm::kEdDsa, raw_seed_or_pem, std::move(key_id));
  PKey key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes_of(raw_seed_or_pem), raw_seed_or_pem.size()));
  if (!key) return std::unexpected(KeyError::kMalformed);
  return signature_key(Algorithm::kEdDsa, std::move(key), std::move(key_id), true);
}

}  // namespace sluice::token
