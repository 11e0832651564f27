#include "policy/spicedb/spicedb_authorizer.h"

#include <utility>

namespace sluice::policy::spicedb {
namespace {

std::expected<CheckTemplate, std::string> make_check(const SpiceDbRule& rule) {
  auto check = CheckTemplate::parse(rule.check, rule.consistency);
  if (!check) return check;
  for (const auto& part : check->parts()) {
    if (!part) continue;
    if (auto fits = check_question(rule, *part); !fits) return std::unexpected("check: " + fits.error());
  }
  if (check->zed_token()) {
    if (auto fits = check_question(rule, *check->zed_token()); !fits) return std::unexpected("consistency: " + fits.error());
  }
  return check;
}

}  // namespace

SpiceDbAuthorizer::SpiceDbAuthorizer(std::string name, std::vector<Offer> offers, std::vector<CheckTemplate> checks,
                                     std::unique_ptr<Client> client)
    : OfferAuthorizer(std::move(name), std::move(offers)), checks_(std::move(checks)), client_(std::move(client)) {}

std::expected<std::unique_ptr<SpiceDbAuthorizer>, std::string> SpiceDbAuthorizer::make(SpiceDbConfig config) {
  std::vector<Offer> offers;
  std::vector<CheckTemplate> checks;
  for (SpiceDbRule& rule : config.rules) {
    auto check = make_check(rule);
    if (!check) return std::unexpected("rule '" + rule.name + "': " + check.error());
    auto offer = Offer::make(std::move(rule));
    if (!offer) return std::unexpected(std::move(offer.error()));
    checks.push_back(std::move(*check));
    offers.push_back(std::move(*offer));
  }
  auto client = Client::make(std::move(config.client));
  if (!client) return std::unexpected(std::move(client.error()));
  return std::unique_ptr<SpiceDbAuthorizer>(
      new SpiceDbAuthorizer(std::move(config.name), std::move(offers), std::move(checks), std::move(*client)));
}

void SpiceDbAuthorizer::start() {
  client_->start();
}

void SpiceDbAuthorizer::stop() {
  client_->stop();
}

Task<OfferAuthorizer::Answer> SpiceDbAuthorizer::ask(std::size_t rule, Sources sources) {
  using Kind = Answer::Kind;
  auto check = checks_[rule].fill(sources);
  if (!check) co_return Answer{Kind::kNo, std::move(check.error())};
  const auto answer = co_await client_->check(std::move(*check));
  if (!answer) co_return Answer{Kind::kFailed, answer.error()};
  switch (*answer) {
    case Permissionship::kHas: co_return Answer{Kind::kYes, "SpiceDB: has permission"};
    case Permissionship::kConditional: co_return Answer{Kind::kNo, "SpiceDB: permission only under a caveat's condition"};
    case Permissionship::kNone: break;
  }
  co_return Answer{Kind::kNo, "SpiceDB: no permission"};
}

}  // namespace sluice::policy::spicedb
