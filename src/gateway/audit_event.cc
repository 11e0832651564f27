#include "gateway/audit_event.h"

namespace sluice::gateway {

void name_who(AuditEvent& event, const token::VerifiedToken* token) {
  if (!token) return;
  const token::Claims& claims = token->claims();
  event.subject = claims.subject();
  event.identity = token->verified_by();
  event.issuer = claims.issuer();
  // A grant says whose identity token it was made for.
  const auto owner = claims.find("sub_iss");
  std::string_view issuer;
  if (owner && owner->get(issuer) == simdjson::SUCCESS) event.issuer = issuer;
}

}  // namespace sluice::gateway
