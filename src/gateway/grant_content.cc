#include "gateway/grant_content.h"

#include "shape/claim_codec.h"

namespace sluice::gateway {

std::expected<std::shared_ptr<const identity::Content>, std::string> read_grant_content(const token::Claims& claims) {
  auto shapes = shape::read_shape_claims(claims.find("shape"), claims.find("shapes"));
  if (!shapes) return std::unexpected("shape claim: " + shapes.error().parameter + ": " + shapes.error().message);
  return std::make_shared<const GrantContent>(*std::move(shapes));
}

}  // namespace sluice::gateway
