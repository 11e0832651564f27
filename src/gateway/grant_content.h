// What a grant's token says, read once and remembered beside it. Any thread.
#pragma once

#include <atomic>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "identity/authenticator.h"
#include "shape/granted_shape.h"

namespace sluice::gateway {

class GrantContent final : public identity::Content {
 public:
  explicit GrantContent(std::vector<shape::GrantedShape> shapes) : shapes_(std::move(shapes)), used_(shapes_.size()) {}
  const std::vector<shape::GrantedShape>& shapes() const { return shapes_; }

  // True the first time that it is said of this shape: then its use is worth a line in the audit log.
  bool is_first_use(std::size_t index) const {
    std::atomic<bool>& used = used_[index];
    return !used.load(std::memory_order_relaxed) && !used.exchange(true, std::memory_order_relaxed);
  }

 private:
  std::vector<shape::GrantedShape> shapes_;
  mutable std::vector<std::atomic<bool>> used_;  // one a shape
};

// For AuthenticatorOptions::read_content. A token whose shape claims are not whole grants nothing (SECURITY E7).
std::expected<std::shared_ptr<const identity::Content>, std::string> read_grant_content(const token::Claims& claims);

}  // namespace sluice::gateway
