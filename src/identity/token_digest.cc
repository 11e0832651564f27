#include "identity/token_digest.h"

#include <openssl/evp.h>

#include <cstdlib>
#include <memory>

namespace sluice::identity {
namespace {

struct Free {
  void operator()(EVP_MD* digest) const { EVP_MD_free(digest); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// Fetched once: EVP_sha256() would be looked up again for each digest.
const EVP_MD* sha256() {
  static const std::unique_ptr<EVP_MD, Free> digest(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  return digest.get();
}

}  // namespace

TokenDigest digest_of(std::string_view token) {
  thread_local const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  TokenDigest digest;
  // Fails only where OpenSSL has no SHA-256 or no memory: nothing could be verified either.
  if (EVP_DigestInit_ex2(context.get(), sha256(), nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), token.data(), token.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) != 1)
    std::abort();
  return digest;
}

}  // namespace sluice::identity
