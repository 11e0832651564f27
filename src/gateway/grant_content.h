// What a grant's token says, read once and remembered beside it.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "identity/authenticator.h"
#include "shape/granted_shape.h"

namespace sluice::gateway {

class GrantContent final : public identity::Content {
 public:
  explicit GrantContent(std::vector<shape::GrantedShape> shapes) : shapes_(std::move(shapes)) {}
  const std::vector<shape::GrantedShape>& shapes() const { return shapes_; }

 private:
  std::vector<shape::GrantedShape> shapes_;
};

// For AuthenticatorOptions::read_content. A token whose shape claims are not whole grants nothing (SECURITY E7).
std::expected<std::shared_ptr<const identity::Content>, std::string> read_grant_content(const token::Claims& claims);

}  // namespace sluice::gateway
