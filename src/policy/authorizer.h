// Who may read what.
//
// An Authorizer is asked with a principal and the shape definition wanted, and answers with a Decision. Default deny:
// what nobody allows is denied, what fails is answered 503 and never as an allow, what takes too long has failed.
//
// An authorizer that has nothing to say about the principal or the table abstains: then the next is asked where they are
// combined as "the first that answers", and the answer is no where all of them must allow, or where it is the last
// (combined.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/task.h"
#include "policy/principal.h"
#include "shape/definition.h"
#include "shape/granted_shape.h"

namespace sluice::policy {

// The rule that came nearest to allowing, for explain.
struct Nearest {
  std::string rule;
  int line = 0;
  std::string missing;  // what it would have taken: "claim role is not as the rule's `when` asks"

  bool operator==(const Nearest&) const = default;
};

struct Decision {
  enum class Kind { kAllow, kDeny, kAbstain, kFailed };

  Kind kind = Kind::kDeny;
  // For the audit log and explain, never for the client. No claim's value, no parameter's, nothing secret: names only.
  std::string reason = {};
  std::string authorizer = {};  // its configured name
  int line = 0;                 // of the configuration, of the rule that decided; 0: none
  // With kAllow: what may be read, the definition asked for or a narrower one.
  std::optional<shape::GrantedShape> granted = {};
  std::optional<Nearest> nearest = {};

  static Decision allow(shape::GrantedShape granted, std::string reason);
  static Decision deny(std::string reason);
  static Decision abstain(std::string reason);
  static Decision failed(std::string reason);
};

class Authorizer {
 public:
  virtual ~Authorizer() = default;

  // Any connection's thread, many at once. Arguments outlive the Task.
  virtual Task<Decision> authorize(const Principal& principal, const shape::Definition& asked) = 0;

  // Called once before the first request and once after the last, on main's thread, by who owns it.
  virtual void start() {}
  virtual void stop() {}
};

}  // namespace sluice::policy
