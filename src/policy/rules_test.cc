#include "policy/rules.h"

#include <gtest/gtest.h>

#include "policy/test_principal.h"

namespace sluice::policy {
namespace {

using shape::Definition;
using shape::DefinitionText;

RuleConfig own_items() {
  RuleConfig rule;
  rule.name = "own";
  rule.shape.table = "items";
  rule.shape.where = "org_id = $1";
  rule.shape.params = {"{claims.org_id}"};
  return rule;
}

Definition asked(const std::string& table, std::optional<std::string> where = {},
                 std::map<unsigned, std::string> params = {}, std::optional<std::string> columns = {},
                 std::optional<std::string> replica = {}) {
  DefinitionText text;
  text.table = table;
  text.where = std::move(where);
  text.params = std::move(params);
  text.columns = std::move(columns);
  text.replica = std::move(replica);
  return *Definition::make(text);
}

Decision decide(const RuleConfig& rule, const Definition& definition, const std::string& claims = R"("org_id":7)") {
  return Rules::make({rule})->decide(test_principal(claims), definition);
}

bool allows(const Decision& decision) {
  return decision.kind == Decision::Kind::kAllow;
}

TEST(Rules, NoRuleDenies) {
  EXPECT_FALSE(allows(Rules::make({})->decide(test_principal(""), asked("items"))));
  EXPECT_FALSE(allows(decide(own_items(), asked("secrets"))));
  EXPECT_FALSE(allows(decide(own_items(), asked("other.items"))));
}

TEST(Rules, FillsTheShapeFromClaims) {
  const Decision decision = decide(own_items(), asked("items"));
  ASSERT_TRUE(allows(decision));
  EXPECT_EQ(*decision.definition, asked("items", "org_id = $1", {{1, "7"}}));
}

TEST(Rules, TheRulesOwnShapeMayBeSpelledOut) {
  EXPECT_TRUE(allows(decide(own_items(), asked("public.items", "ORG_ID=$1", {{1, "7"}}))));
}

TEST(Rules, AnotherWhereOrOtherParamsAreDenied) {
  EXPECT_FALSE(allows(decide(own_items(), asked("items", "org_id = $1", {{1, "8"}}))));
  EXPECT_FALSE(allows(decide(own_items(), asked("items", "true"))));
  EXPECT_FALSE(allows(decide(own_items(), asked("items", "org_id = $1 OR true", {{1, "7"}}))));
}

TEST(Rules, AMissingClaimDenies) {
  EXPECT_FALSE(allows(decide(own_items(), asked("items"), "")));
}

TEST(Rules, ConditionsOnClaims) {
  RuleConfig rule = own_items();
  rule.when = {{"role", "admin"}, {"org.plan", "pro"}};
  EXPECT_TRUE(allows(decide(rule, asked("items"), R"("org_id":7,"role":"admin","org":{"plan":"pro"})")));
  EXPECT_TRUE(allows(decide(rule, asked("items"), R"("org_id":7,"role":["user","admin"],"org":{"plan":"pro"})")));
  EXPECT_FALSE(allows(decide(rule, asked("items"), R"("org_id":7,"role":"admin")")));
  EXPECT_FALSE(allows(decide(rule, asked("items"), R"("org_id":7,"role":"administrator","org":{"plan":"pro"})")));
  EXPECT_FALSE(allows(decide(rule, asked("items"), R"("org_id":7,"role":[["admin"]],"org":{"plan":"pro"})")));
}

TEST(Rules, AreForTheIdentityTheyName) {
  RuleConfig rule = own_items();
  rule.identity = "staff";
  const auto rules = Rules::make({rule});
  EXPECT_FALSE(allows(rules->decide(test_principal(R"("org_id":7)", "app"), asked("items"))));
  EXPECT_TRUE(allows(rules->decide(test_principal(R"("org_id":7)", "staff"), asked("items"))));
}

TEST(Rules, ColumnsLieWithinTheRules) {
  RuleConfig rule = own_items();
  rule.shape.columns = {"id", "title", "done"};
  const Decision all = decide(rule, asked("items"));
  ASSERT_TRUE(allows(all));
  EXPECT_EQ(all.definition->columns(), (std::vector<std::string>{"done", "id", "title"}));
  const Decision fewer = decide(rule, asked("items", {}, {}, "id,title"));
  ASSERT_TRUE(allows(fewer));
  EXPECT_EQ(fewer.definition->columns(), (std::vector<std::string>{"id", "title"}));
  EXPECT_EQ(fewer.definition->queryable_columns(), fewer.definition->columns());
  EXPECT_FALSE(allows(decide(rule, asked("items", {}, {}, "id,secret"))));
}

TEST(Rules, FullReplicaMustBeAllowed) {
  EXPECT_FALSE(allows(decide(own_items(), asked("items", {}, {}, {}, "full"))));
  RuleConfig rule = own_items();
  rule.shape.replica = "full";
  EXPECT_EQ(decide(rule, asked("items", {}, {}, {}, "full")).definition->replica(), shape::Replica::kFull);
  EXPECT_EQ(decide(rule, asked("items")).definition->replica(), shape::Replica::kDefault);
}

TEST(Rules, AnyWhereIsTheCallersChoice) {
  RuleConfig rule;
  rule.name = "any";
  rule.shape.table = "items";
  rule.any_where = true;
  const Decision decision = decide(rule, asked("items", "done = $1", {{1, "t"}}));
  ASSERT_TRUE(allows(decision));
  EXPECT_EQ(*decision.definition, asked("items", "done = $1", {{1, "t"}}));
}

TEST(Rules, AnyWhereNeverMeetsHiddenColumns) {
  RuleConfig rule;
  rule.name = "any";
  rule.shape.table = "items";
  rule.any_where = true;
  rule.shape.columns = {"id"};
  EXPECT_FALSE(Rules::make({rule}).has_value());
}

TEST(Rules, TheFirstThatAllowsDecides) {
  RuleConfig admins;
  admins.name = "admins";
  admins.shape.table = "items";
  admins.when = {{"role", "admin"}};
  const auto rules = Rules::make({admins, own_items()});
  EXPECT_FALSE(rules->decide(test_principal(R"("org_id":7,"role":"admin")"), asked("items")).definition->where());
  EXPECT_TRUE(rules->decide(test_principal(R"("org_id":7)"), asked("items")).definition->where());
}

TEST(Rules, BadConfigurationNamesRuleAndKey) {
  RuleConfig rule = own_items();
  rule.shape.params = {};
  const auto made = Rules::make({rule});
  ASSERT_FALSE(made.has_value());
  EXPECT_NE(made.error().find("own"), std::string::npos);
}

TEST(Rules, ADenialsReasonNamesTheRule) {
  EXPECT_NE(decide(own_items(), asked("items"), "").reason.find("rule 'own': claim 'org_id'"), std::string::npos);
}

}  // namespace
}  // namespace sluice::policy
