// EVP makes a new context for each digest, in OpenSSL 3: an allocation, and a tenth of the time. These functions are the
// same code without it, and are not going away within 3.x.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "identity/token_digest.h"

#include <openssl/sha.h>

namespace sluice::identity {

static_assert(sizeof(TokenDigest) == SHA256_DIGEST_LENGTH);

TokenDigest digest_of(std::string_view text) {
  SHA256_CTX context;
  TokenDigest digest;
  SHA256_Init(&context);
  SHA256_Update(&context, text.data(), text.size());
  SHA256_Final(digest.data(), &context);
  return digest;
}

}  // namespace sluice::identity
