// Keys for JWS. A key knows its one algorithm: the algorithm that a token names must be the key's, never the other way
// round (RFC 8725 section 3.1; SECURITY J20, J21).
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::token {

enum class Algorithm : std::uint8_t {
  kHs256,
  kHs384,
  kHs512,  // RFC 7518 section 3.2
  kRs256,
  kRs384,
  kRs512,  // section 3.3: RSASSA-PKCS1-v1_5
  kEs256,
  kEs384,
  kEs512,  // section 3.4: P-256, P-384, P-521
  kPs256,
  kPs384,
  kPs512,  // section 3.5: RSASSA-PSS
  kEdDsa,  // RFC 8037: Ed25519
};

std::string_view to_string(Algorithm algorithm);  // "HS256", "EdDSA"
std::optional<Algorithm> parse_algorithm(std::string_view name);

enum class KeyError { kTooShort, kPublished, kNotSymmetric, kMalformed, kWrongType, kWeak };
std::string_view to_string(KeyError error);

inline constexpr std::size_t kHmacKeyBytesMin = 32;  // for HS256; 48 and 64 for the others (RFC 7518 section 3.2)
inline constexpr std::size_t kKeyIdBytesMax = 128;

// Immutable; any thread may verify with it at once.
class Key {
 public:
  // HS256, HS384, HS512. Refuses keys shorter than the hash (RFC 7518 section 3.2), the keys printed in public examples
  // (A16), and public or private keys in any form (PEM, its base64 alone, DER, JWK, OpenSSH), whatever white space or byte
  // order mark stands before them (J21).
  static std::expected<Key, KeyError> hmac(Algorithm algorithm, std::string_view secret, std::string key_id = "");
  static std::expected<Key, KeyError> hmac_sha256(std::string_view secret, std::string key_id = "");
  // The other algorithms, from PEM: SubjectPublicKeyInfo, PKCS #1 or an X.509 certificate (whose dates and issuer mean
  // nothing here); PKCS #8, PKCS #1 or SEC 1, not encrypted. White space, a byte order mark and CRLF make no difference.
  // kWrongType where the key is not of the algorithm's kind or curve; kWeak for RSA under 2048 or over 8192 bits, with an
  // exponent that is even, below 3 or over 64 bits, or with a modulus of CVE-2017-15361; kMalformed for what cannot be read,
  // a point off its curve, or halves that are no pair.
  static std::expected<Key, KeyError> public_key(Algorithm algorithm, std::string_view pem, std::string key_id = "");
  static std::expected<Key, KeyError> private_key(Algorithm algorithm, std::string_view pem, std::string key_id = "");
  // RFC 8032 Ed25519: 32 raw bytes, or PEM (SubjectPublicKeyInfo, PKCS #8).
  static std::expected<Key, KeyError> ed25519_public(std::string_view raw_or_pem, std::string key_id = "");
  static std::expected<Key, KeyError> ed25519_private(std::string_view raw_seed_or_pem, std::string key_id = "");

  Algorithm algorithm() const;
  const std::string& key_id() const;
  bool can_sign() const;

  // Over the JWS signing input. Constant time in the signature for HMAC. A signature has one length and one form for each
  // key: for ECDSA r and s one after the other (never DER), both above 0 and below the curve's order (J23); for RSA as long
  // as the modulus; PSS with a salt as long as the hash.
  bool verify(std::string_view signing_input, std::string_view signature) const;
  // Precondition: can_sign(). Throws std::runtime_error where OpenSSL fails.
  std::string sign(std::string_view signing_input) const;

  Key(Key&&) noexcept;
  Key& operator=(Key&&) noexcept;
  Key(const Key&);
  Key& operator=(const Key&);
  ~Key();

  // For the sources of this part.
  struct Impl;
  explicit Key(std::shared_ptr<const Impl> impl);

 private:
  std::shared_ptr<const Impl> impl_;
};

}  // namespace sluice::token
