// The authenticated caller.
#pragma once

#include <memory>
#include <string>

#include "token/verifier.h"

namespace sluice::policy {

// Who asks, as a verified identity token says. Made only from token::VerifiedToken (J39): no unverified claim has a way
// in. Cheap to copy.
class Principal {
 public:
  explicit Principal(std::shared_ptr<const token::VerifiedToken> token) : token_(std::move(token)) {}

  // The configured [[identity]] whose keys verified the token.
  std::string_view identity() const { return token_->verified_by(); }
  std::string_view issuer() const { return token_->claims().issuer(); }
  std::string_view subject() const { return token_->claims().subject(); }
  const token::Claims& claims() const { return token_->claims(); }
  std::int64_t expires_at_s() const { return token_->claims().expires_at_s(); }

 private:
  std::shared_ptr<const token::VerifiedToken> token_;
};

}  // namespace sluice::policy
