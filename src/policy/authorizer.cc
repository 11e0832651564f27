#include "policy/authorizer.h"

namespace sluice::policy {

Decision Decision::allow(shape::Definition definition, std::string reason) {
  return {Kind::kAllow, std::move(reason), std::move(definition)};
}
Decision Decision::deny(std::string reason) {
  return {Kind::kDeny, std::move(reason), std::nullopt};
}
Decision Decision::failed(std::string reason) {
  return {Kind::kFailed, std::move(reason), std::nullopt};
}

}  // namespace sluice::policy
