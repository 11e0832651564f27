#include "policy/authorizer.h"

namespace sluice::policy {

Decision Decision::allow(shape::GrantedShape granted, std::string reason) {
  return {.kind = Kind::kAllow, .reason = std::move(reason), .granted = std::move(granted)};
}
Decision Decision::deny(std::string reason) {
  return {.kind = Kind::kDeny, .reason = std::move(reason)};
}
Decision Decision::abstain(std::string reason) {
  return {.kind = Kind::kAbstain, .reason = std::move(reason)};
}
Decision Decision::failed(std::string reason) {
  return {.kind = Kind::kFailed, .reason = std::move(reason)};
}

}  // namespace sluice::policy
