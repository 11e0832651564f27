// Who an audit record is about.
#pragma once

#include "gateway/audit.h"
#include "token/verifier.h"

namespace sluice::gateway {

// The views are the token's; `token` may be null: nobody in particular.
void name_who(AuditEvent& event, const token::VerifiedToken* token);

inline AuditEvent event_of(const token::VerifiedToken* token) {
  AuditEvent event;
  name_who(event, token);
  return event;
}

}  // namespace sluice::gateway
