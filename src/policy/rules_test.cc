#include "policy/rules.h"

#include <gtest/gtest.h>

#include "policy/test_authorizer.h"
#include "policy/test_principal.h"

namespace sluice::policy {
namespace {

using shape::Definition;
using Kind = Decision::Kind;

RuleConfig own_items() {
  RuleConfig rule;
  rule.name = "own";
  rule.line = 12;
  rule.shape.table = "items";
  rule.shape.where = "org_id = $1";
  rule.shape.params = {"{claims.org_id}"};
  return rule;
}

RuleConfig any_items() {
  RuleConfig rule;
  rule.name = "any";
  rule.shape.table = "items";
  return rule;
}

RuleConfig deny_items(std::optional<std::string> when) {
  RuleConfig rule = any_items();
  rule.name = "not these";
  rule.line = 30;
  rule.when = std::move(when);
  rule.deny = true;
  return rule;
}

Rules make(std::vector<RuleConfig> configs) {
  auto made = Rules::make(std::move(configs));
  if (!made) throw std::runtime_error(made.error());
  return std::move(*made);
}

Decision decide(const RuleConfig& rule, const Definition& definition, const std::string& claims = R"("org_id":7)") {
  return make({rule}).decide(test_principal(claims), definition);
}

bool allows(const Decision& decision) {
  return decision.kind == Kind::kAllow;
}

// Whether a rule with this condition lets somebody with these claims in.
bool holds(const std::string& when, const std::string& claims) {
  RuleConfig rule = any_items();
  rule.when = when;
  return allows(decide(rule, test_definition("items"), claims));
}

TEST(Rules, WhereNoneAllowsTheyAbstain) {
  EXPECT_EQ(make({}).decide(test_principal(""), test_definition("items")).kind, Kind::kAbstain);
  EXPECT_EQ(decide(own_items(), test_definition("secrets")).kind, Kind::kAbstain);
  EXPECT_EQ(decide(own_items(), test_definition("other.items")).kind, Kind::kAbstain);
  EXPECT_EQ(decide(own_items(), test_definition("items", "true")).kind, Kind::kAbstain);
}

TEST(Rules, FillTheShapeFromClaims) {
  const Decision decision = decide(own_items(), test_definition("items"));
  ASSERT_TRUE(allows(decision));
  EXPECT_EQ(decision.granted->definition, test_definition("items", "org_id = $1", {{1, "7"}}));
  EXPECT_EQ(decision.authorizer, "rules");
  EXPECT_EQ(decision.line, 12);
  EXPECT_EQ(decision.reason, "rule 'own': allowed");
}

TEST(Rules, TheirOwnShapeMayBeSpelledOut) {
  EXPECT_TRUE(allows(decide(own_items(), test_definition("public.items", "ORG_ID=$1", {{1, "7"}}))));
}

TEST(Rules, AnotherWhereOrOtherParamsAreNotAllowed) {
  EXPECT_FALSE(allows(decide(own_items(), test_definition("items", "org_id = $1", {{1, "8"}}))));
  EXPECT_FALSE(allows(decide(own_items(), test_definition("items", "true"))));
  EXPECT_FALSE(allows(decide(own_items(), test_definition("items", "org_id = $1 OR true", {{1, "7"}}))));
  EXPECT_FALSE(allows(decide(any_items(), test_definition("items", "true"))));
}

TEST(Rules, AMissingClaimAllowsNothing) {
  EXPECT_FALSE(allows(decide(own_items(), test_definition("items"), "")));
}

TEST(Rules, ConditionsAreSqlOverClaims) {
  EXPECT_TRUE(holds("role = 'admin' AND org.plan = 'pro'", R"("role":"admin","org":{"plan":"pro"})"));
  EXPECT_FALSE(holds("role = 'admin' AND org.plan = 'pro'", R"("role":"admin")"));
  EXPECT_TRUE(holds("'admin' = ANY(roles)", R"("roles":["user","admin"])"));
  EXPECT_FALSE(holds("'admin' = ANY(roles)", R"("roles":["administrator"])"));
  EXPECT_FALSE(holds("'admin' = ANY(roles)", R"("roles":["a\",\"admin"])"));
  EXPECT_TRUE(holds("7 = ANY(org_ids)", R"("org_ids":[1,7])"));
  EXPECT_TRUE(holds("level >= 3", R"("level":3)"));
  EXPECT_FALSE(holds("level >= 3", R"("level":2)"));
  EXPECT_TRUE(holds("email_verified", R"("email_verified":true)"));
  EXPECT_FALSE(holds("email_verified", R"("email_verified":false)"));
  EXPECT_FALSE(holds("email_verified", ""));
  EXPECT_TRUE(holds(R"("https://a.com/role" = 'x')", R"("https://a.com/role":"x")"));
}

TEST(Rules, AClaimOfAnotherTypeIsNotNull) {
  const std::string not_guest = "role IS DISTINCT FROM 'guest'";
  EXPECT_FALSE(holds(not_guest, R"("role":"guest")"));
  EXPECT_TRUE(holds(not_guest, R"("role":"admin")"));
  EXPECT_TRUE(holds(not_guest, ""));
  EXPECT_TRUE(holds(not_guest, R"("role":null)"));
  for (const char* claims : {R"("role":["guest"])", R"("role":{"guest":true})", R"("role":1)", R"("role":true)"})
    EXPECT_FALSE(holds(not_guest, claims)) << claims;

  RuleConfig rule = any_items();
  rule.when = not_guest;
  const Decision decision = decide(rule, test_definition("items"), R"("role":["guest"])");
  EXPECT_EQ(decision.nearest->missing, "claim 'role' is not text");
}

TEST(Rules, AreForTheIdentityTheyName) {
  RuleConfig rule = own_items();
  rule.identity = "staff";
  const Rules rules = make({rule});
  EXPECT_FALSE(allows(rules.decide(test_principal(R"("org_id":7)", "app"), test_definition("items"))));
  EXPECT_TRUE(allows(rules.decide(test_principal(R"("org_id":7)", "staff"), test_definition("items"))));
}

TEST(Rules, J38_AnonymousCallersAreForRulesThatSaySo) {
  RuleConfig rule = any_items();
  EXPECT_FALSE(allows(make({rule}).decide(Principal::anonymous(), test_definition("items"))));
  rule.anonymous = true;
  EXPECT_TRUE(allows(make({rule}).decide(Principal::anonymous(), test_definition("items"))));
  rule.when = "role = 'admin'";
  EXPECT_FALSE(allows(make({rule}).decide(Principal::anonymous(), test_definition("items"))));
  rule.when.reset();
  rule.identity = "app";
  EXPECT_FALSE(allows(make({rule}).decide(Principal::anonymous(), test_definition("items"))));
}

// There is no way to make a Principal but from a token that a Verifier verified, or from nothing.
static_assert(!std::is_default_constructible_v<Principal>);
static_assert(!std::is_constructible_v<Principal, std::string>);
static_assert(!std::is_constructible_v<token::VerifiedToken, token::Claims, std::string>);

TEST(Rules, J39_OnlyVerifiedClaimsReachThem) {
  const auto key = token::Key::hmac_sha256("a key of thirty-two bytes or more, for tests");
  const auto other = token::Key::hmac_sha256("another key of thirty-two bytes or more, too");
  token::VerifierOptions options;
  options.keys = {*key};
  const auto verified = token::Verifier(options).verify(token::sign(*other, R"({"exp":1800003600,"org_id":7})"), kTestNow_s);
  EXPECT_FALSE(verified.has_value());
}

TEST(Rules, ColumnsLieWithinTheRules) {
  RuleConfig rule = own_items();
  rule.shape.columns = {"id", "title", "done"};
  const Decision all = decide(rule, test_definition("items"));
  ASSERT_TRUE(allows(all));
  EXPECT_EQ(all.granted->definition.columns(), (std::vector<std::string>{"done", "id", "title"}));
  EXPECT_FALSE(allows(decide(rule, test_definition("items", {}, {}, "id,secret"))));
}

TEST(Rules, E9_HiddenColumnsAreHiddenFromQueriesToo) {
  RuleConfig rule = own_items();
  rule.shape.columns = {"id", "title", "done"};
  const Decision fewer = decide(rule, test_definition("items", {}, {}, "id,title"));
  ASSERT_TRUE(allows(fewer));
  EXPECT_EQ(fewer.granted->definition.columns(), (std::vector<std::string>{"id", "title"}));
  EXPECT_EQ(fewer.granted->definition.queryable_columns(), fewer.granted->definition.columns());
  const Decision queryable = decide(rule, test_definition("items", {}, {}, "id").with_queryable_columns({"title"}));
  ASSERT_TRUE(allows(queryable));
  EXPECT_EQ(queryable.granted->definition.queryable_columns(), (std::vector<std::string>{"title"}));
  EXPECT_FALSE(allows(decide(rule, test_definition("items", {}, {}, "id").with_queryable_columns({"id", "secret"}))));
}

TEST(Rules, FullReplicaMustBeOffered) {
  EXPECT_FALSE(allows(decide(own_items(), test_definition("items", {}, {}, {}, "full"))));
  RuleConfig rule = own_items();
  rule.shape.replica = "full";
  EXPECT_EQ(decide(rule, test_definition("items", {}, {}, {}, "full")).granted->definition.replica(), shape::Replica::kFull);
  EXPECT_EQ(decide(rule, test_definition("items")).granted->definition.replica(), shape::Replica::kDefault);
}

TEST(Rules, OpenParamsAreTheClients) {
  RuleConfig rule = own_items();
  rule.shape.where = "org_id = $1 AND project_id = $2";
  rule.shape.params = {"{claims.org_id}", "{params.2}"};
  const std::string where = *rule.shape.where;
  const Decision open = decide(rule, test_definition("items", where, {{1, "7"}, {2, "x"}}));
  ASSERT_TRUE(allows(open)) << open.reason;
  EXPECT_EQ(open.granted->definition.params(), (std::vector<std::string>{"7", "x"}));
  EXPECT_FALSE(allows(decide(rule, test_definition("items", where, {{1, "8"}, {2, "x"}}))));
  EXPECT_FALSE(allows(decide(rule, test_definition("items"))));

  rule.shape.params = {"{claims.org_id}", "{params.2::int8}"};
  EXPECT_FALSE(allows(decide(rule, test_definition("items", where, {{1, "7"}, {2, "x"}}))));
  EXPECT_TRUE(allows(decide(rule, test_definition("items", where, {{1, "7"}, {2, "3"}}))));
}

TEST(Rules, AnyWhereIsTheCallersChoice) {
  RuleConfig rule = any_items();
  rule.any_where = true;
  const Decision decision = decide(rule, test_definition("items", "done = $1", {{1, "t"}}));
  ASSERT_TRUE(allows(decision)) << decision.reason;
  EXPECT_EQ(decision.granted->definition, test_definition("items", "done = $1", {{1, "t"}}));
  EXPECT_TRUE(allows(decide(rule, test_definition("items"))));
}

TEST(Rules, E9_AnyWhereReachesForNoOtherTable) {
  RuleConfig rule = any_items();
  rule.any_where = true;
  for (const char* where : {"id IN (SELECT id FROM users WHERE secret LIKE 'a%')", "EXISTS (SELECT FROM users)",
                            "pg_sleep(10) IS NULL", "items IS NOT NULL", "current_user = 'x'"})
    EXPECT_FALSE(allows(decide(rule, test_definition("items", where)))) << where;
}

TEST(Rules, LimitsGoWithTheGrant) {
  RuleConfig rule = own_items();
  rule.log = shape::LogMode::kChangesOnly;
  rule.subset.limit_max = 100;
  const Decision decision = decide(rule, test_definition("items"));
  EXPECT_EQ(decision.granted->log, shape::LogMode::kChangesOnly);
  EXPECT_EQ(decision.granted->subset.limit_max, 100u);
}

TEST(Rules, TheFirstThatAllowsDecides) {
  RuleConfig admins = any_items();
  admins.when = "role = 'admin'";
  const Rules rules = make({admins, own_items()});
  const Definition items = test_definition("items");
  EXPECT_FALSE(rules.decide(test_principal(R"("org_id":7,"role":"admin")"), items).granted->definition.where());
  EXPECT_TRUE(rules.decide(test_principal(R"("org_id":7)"), items).granted->definition.where());
}

TEST(Rules, ADenyingRuleDeniesWhereverItStands) {
  const Rules rules = make({any_items(), deny_items("suspended")});
  const Definition items = test_definition("items");
  EXPECT_TRUE(allows(rules.decide(test_principal(""), items)));
  EXPECT_TRUE(allows(rules.decide(test_principal(R"("suspended":false)"), items)));
  const Decision denied = rules.decide(test_principal(R"("suspended":true)"), items);
  EXPECT_EQ(denied.kind, Kind::kDeny);
  EXPECT_EQ(denied.line, 30);
  EXPECT_EQ(denied.reason, "rule 'not these': denied");
  EXPECT_EQ(rules.decide(test_principal(R"("suspended":true)"), test_definition("other")).kind, Kind::kAbstain);
}

TEST(Rules, ADenyingRulesDoubtIsAgainstTheCaller) {
  const Rules rules = make({any_items(), deny_items("suspended")});
  const Decision denied = rules.decide(test_principal(R"("suspended":"canary")"), test_definition("items"));
  EXPECT_EQ(denied.kind, Kind::kDeny);
  EXPECT_EQ(denied.reason, "rule 'not these': claim 'suspended' is not bool");
}

TEST(Rules, ADenyingRuleIsForAnonymousCallersToo) {
  RuleConfig open = any_items();
  open.anonymous = true;
  const Definition items = test_definition("items");
  EXPECT_EQ(make({open, deny_items({})}).decide(Principal::anonymous(), items).kind, Kind::kDeny);
  EXPECT_EQ(make({open, deny_items("role = 'x'")}).decide(Principal::anonymous(), items).kind, Kind::kAllow);
  RuleConfig staff = deny_items({});
  staff.identity = "staff";
  EXPECT_EQ(make({open, staff}).decide(Principal::anonymous(), items).kind, Kind::kAllow);
}

TEST(Rules, TellWhichCameNearest) {
  RuleConfig staff = own_items();
  staff.name = "staff";
  staff.identity = "staff";
  RuleConfig admins = own_items();
  admins.name = "admins";
  admins.line = 20;
  admins.when = "role = 'admin'";
  RuleConfig other = own_items();
  other.name = "other table";
  other.shape.table = "secrets";
  const Definition items = test_definition("items");
  const Rules rules = make({staff, admins, other});
  EXPECT_EQ(rules.decide(test_principal(R"("org_id":7)"), items).nearest,
            (Nearest{"admins", 20, "the claims are not as its `when` asks"}));
  const Decision decision = make({staff, admins, own_items()}).decide(test_principal(""), items);
  EXPECT_EQ(decision.nearest, (Nearest{"own", 12, "claim 'org_id' is missing"}));
  EXPECT_EQ(decision.reason, "rule 'own': claim 'org_id' is missing");
  EXPECT_EQ(make({other}).decide(test_principal(""), items).nearest, std::nullopt);
}

TEST(Rules, H67_ReasonsNeverHoldValues) {
  RuleConfig rule = own_items();
  rule.when = "role = 'admin'";
  rule.shape.params = {"{claims.org_id::int8}"};
  for (const char* claims : {R"("role":"canary")", R"("role":["canary"])", R"("role":"admin","org_id":"canary")",
                             R"("role":"admin","org_id":1)"}) {
    const Decision decision = decide(rule, test_definition("items", "org_id = $1", {{1, "canary"}}), claims);
    EXPECT_EQ(decision.kind, Kind::kAbstain);
    EXPECT_EQ((decision.reason + decision.nearest->missing).find("canary"), std::string::npos) << decision.reason;
  }
}

TEST(Rules, BadConfigurationNamesRuleAndKey) {
  const auto error = [](RuleConfig rule) { return Rules::make({std::move(rule)}).error(); };
  RuleConfig rule = own_items();
  rule.shape.params = {};
  EXPECT_TRUE(error(rule).starts_with("rule 'own': where: ")) << error(rule);
  rule = own_items();
  rule.when = "role = ";
  EXPECT_TRUE(error(rule).starts_with("rule 'own': when: ")) << error(rule);
  rule = own_items();
  rule.shape.params = {"{query.x}"};
  EXPECT_TRUE(error(rule).starts_with("rule 'own': params: ")) << error(rule);
  rule = own_items();
  rule.any_where = true;
  EXPECT_TRUE(error(rule).starts_with("rule 'own': any_where: ")) << error(rule);
  rule = any_items();
  rule.any_where = true;
  rule.shape.columns = {"id"};
  EXPECT_TRUE(error(rule).starts_with("rule 'any': any_where: ")) << error(rule);
  rule = own_items();
  rule.deny = true;
  EXPECT_TRUE(error(rule).starts_with("rule 'own': where: ")) << error(rule);
}

}  // namespace
}  // namespace sluice::policy
