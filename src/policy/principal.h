// The caller: authenticated, or explicitly nobody.
#pragma once

#include <limits>
#include <memory>
#include <string>

#include "base/sha256.h"
#include "token/verifier.h"

namespace sluice::policy {

// Who asks, as a verified identity token says. Made only from token::VerifiedToken (SECURITY J39): no unverified claim has a
// way in. A caller without any credential is `anonymous`, which no rule matches unless it says so (J38). Cheap to copy.
class Principal {
 public:
  // `digest`: of the token's text, for those who keep account of tokens.
  explicit Principal(std::shared_ptr<const token::VerifiedToken> token, const Sha256& digest = {})
      : token_(std::move(token)), digest_(digest) {}
  static Principal anonymous() { return Principal(nullptr); }

  bool is_anonymous() const { return token_ == nullptr; }
  // The configured [[identity]] whose keys verified the token; "" where anonymous, as the next two.
  std::string_view identity() const { return token_ ? std::string_view(token_->verified_by()) : std::string_view(); }
  std::string_view issuer() const { return token_ ? token_->claims().issuer() : std::string_view(); }
  std::string_view subject() const { return token_ ? token_->claims().subject() : std::string_view(); }
  // Null where anonymous.
  const token::Claims* claims() const { return token_ ? &token_->claims() : nullptr; }
  std::int64_t expires_at_s() const {
    return token_ ? token_->claims().expires_at_s() : std::numeric_limits<std::int64_t>::max();
  }
  const std::shared_ptr<const token::VerifiedToken>& token() const { return token_; }
  const Sha256& token_digest() const { return digest_; }

 private:
  std::shared_ptr<const token::VerifiedToken> token_;
  Sha256 digest_;
};

}  // namespace sluice::policy
