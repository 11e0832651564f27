#include "token/key_material.h"

#include <openssl/x509.h>

#include <algorithm>
#include <string>

#include "token/openssl.h"

namespace sluice::token {
namespace {

using Certificate = std::unique_ptr<X509, Freer<X509_free>>;

bool is_der_key(std::string_view text) {
  const ErrorsCleared errors;
  const auto length = static_cast<long>(text.size());
  const unsigned char* at = bytes_of(text);
  if (PKey(d2i_PUBKEY(nullptr, &at, length))) return true;
  at = bytes_of(text);
  if (Certificate(d2i_X509(nullptr, &at, length))) return true;
  at = bytes_of(text);
  return PKey(d2i_AutoPrivateKey(nullptr, &at, length)) != nullptr;
}

// PEM without its first and last line, as consoles of identity providers show public keys.
bool is_base64_key(std::string_view text) {
  std::string joined(text);
  std::erase_if(joined, [](char c) { return c == '\r' || c == '\n' || c == ' ' || c == '\t'; });
  // A key's DER is a SEQUENCE, whose base64 begins with M: most secrets end here.
  if (!joined.starts_with('M') || joined.size() % 4 != 0) return false;
  std::string der(joined.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(bytes_of(der.data()), bytes_of(joined), static_cast<int>(joined.size()));
  if (size < 0) return false;
  return is_der_key(der);
}

}  // namespace

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

bool is_key_material(std::string_view secret) {
  const std::string_view text = trimmed(secret);
  if (text.find("-----BEGIN") != std::string_view::npos || text.find("---- BEGIN") != std::string_view::npos) return true;
  if ((text.starts_with('{') || text.starts_with('[')) && text.find("\"kty\"") != std::string_view::npos) return true;
  if (text.starts_with("ssh-") || text.starts_with("ecdsa-sha2-")) return true;
  return is_der_key(secret) || is_base64_key(text);
}

}  // namespace sluice::token
