// Who may read what.
//
// An Authorizer is asked with a principal and the shape definition wanted, and answers with a Decision. Default deny:
// whatever has no opinion denies, whatever fails denies (and says so), whatever times out denies.
#pragma once

#include <optional>
#include <string>

#include "base/task.h"
#include "policy/principal.h"
#include "shape/definition.h"

namespace sluice::policy {

struct Decision {
  enum class Kind { kAllow, kDeny, kFailed };

  Kind kind = Kind::kDeny;
  // For the audit log and explain, never for the client: which authorizer, which line of the configuration, why.
  std::string reason;
  // With kAllow: what may be read, the definition asked for or a narrower one.
  std::optional<shape::Definition> definition;

  static Decision allow(shape::Definition definition, std::string reason);
  static Decision deny(std::string reason);
  static Decision failed(std::string reason);
};

class Authorizer {
 public:
  virtual ~Authorizer() = default;
  // Any connection's thread, many at once. Arguments outlive the Task. kFailed is answered 503, never as an allow.
  virtual Task<Decision> authorize(const Principal& principal, const shape::Definition& asked) = 0;
};

}  // namespace sluice::policy
