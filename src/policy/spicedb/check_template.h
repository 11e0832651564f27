// A SpiceDB check as a rule's configuration spells it:
//
//   org:{params.1}#member@user:{sub}              type : id # permission @ subject's type : subject's id
//   doc:{params.1}#view@group:{claims.team}#member        … # the subject's relation
//
// Each part is a Template. Separators are those of the configuration's text: what is filled in must be a name or an id as
// SpiceDB's API defines it, so no claim and no parameter can reach out of its place. A subject id of `*` is never sent: it
// would ask about everybody. (Grammar: authzed/api, core.proto and permission_service.proto.)
//
// Ids have no dots and no @ (an e-mail address is none): a caller whose {sub} is no id is denied.
#pragma once

#include <array>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "policy/spicedb/client.h"
#include "policy/template.h"

namespace sluice::policy::spicedb {

class CheckTemplate {
 public:
  // `consistency`: "minimize_latency", "fully_consistent", or "at_least_as_fresh:" and a template for the ZedToken. The
  // error says what is wrong and begins with the key: "check: …", "consistency: …".
  static std::expected<CheckTemplate, std::string> parse(std::string_view check, std::string_view consistency);

  // The error names the part that could not be filled or is no name or id, never its value.
  std::expected<Check, std::string> fill(const Sources& sources) const;

  enum Part { kResourceType, kResourceId, kPermission, kSubjectType, kSubjectId, kSubjectRelation };
  static constexpr std::size_t kParts = 6;

  // Of the check, and of the ZedToken: for looking at the places they use.
  const std::array<std::optional<Template>, kParts>& parts() const { return parts_; }
  const std::optional<Template>& zed_token() const { return zed_token_; }

 private:
  CheckTemplate() = default;
  std::expected<void, std::string> read_consistency(std::string_view text);
  std::expected<std::string, std::string> fill_part(Part part, const Sources& sources) const;

  std::array<std::optional<Template>, kParts> parts_;  // all but the subject's relation are there
  Consistency::Kind consistency_ = Consistency::Kind::kMinimizeLatency;
  std::optional<Template> zed_token_;
};

}  // namespace sluice::policy::spicedb
