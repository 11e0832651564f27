// A configuration that answers questions without serving: `sluice explain`, `sluice check`. One thread.
#pragma once

#include <memory>
#include <string>

#include "app/config.h"
#include "app/reload.h"
#include "gatekeeper/revocations.h"
#include "gateway/explain.h"

namespace sluice::app {

class Questions {
 public:
  // Fetches the keys of its issuers. Throws std::runtime_error where the configuration is not good or a key set is not to
  // be had.
  Questions(const std::string& path, const Environment& environment);
  ~Questions();

  // As a gateway with this configuration would decide. What has been revoked is not known here: a running gateway's
  // /admin/explain knows.
  gateway::Explanation ask(gateway::ExplainRequest request);

  // Of the first [[identity]] by name; "" where there is none.
  const std::string& first_identity() const { return first_identity_; }

 private:
  std::string first_identity_;
  std::unique_ptr<Workers> workers_;
  const gatekeeper::Revocations revocations_;
  std::shared_ptr<const gateway::State> state_;
};

}  // namespace sluice::app
