#include "policy/shape_template.h"

#include <gtest/gtest.h>

#include "policy/test_authorizer.h"
#include "policy/test_principal.h"

namespace sluice::policy {
namespace {

ShapeTemplateConfig project_issues() {
  return {.table = "issues",
          .where = "org_id = $1 and project_id = $2",
          .params = {"{claims.org_id::int8}", "{query.project::int8}"},
          .columns = {},
          .replica = {}};
}

TEST(ShapeTemplate, FillsFromClaimsAndQuery) {
  const auto made = ShapeTemplate::make(project_issues());
  ASSERT_TRUE(made.has_value()) << made.error();
  const Principal principal = test_principal(R"("org_id":7)");
  const std::map<std::string, std::string, std::less<>> query = {{"project", "3"}};
  EXPECT_EQ(made->fill({.principal = principal, .query = &query}),
            test_definition("issues", "org_id = $1 and project_id = $2", {{1, "7"}, {2, "3"}}));
  EXPECT_EQ(made->fill({.principal = principal}).error(), "query parameter 'project' is missing");
}

TEST(ShapeTemplate, TellsWhatItNeeds) {
  const auto made = ShapeTemplate::make(project_issues());
  EXPECT_TRUE(made->needs_claims());
  EXPECT_TRUE(made->uses(Template::Place::kQuery));
  EXPECT_FALSE(made->uses(Template::Place::kParam));
  EXPECT_EQ(made->query_names(), (std::vector<std::string>{"project"}));
  ShapeTemplateConfig subject = project_issues();
  subject.params = {"{sub}", "{query.b}-{query.a}-{query.b}"};
  EXPECT_TRUE(ShapeTemplate::make(subject)->needs_claims());
  EXPECT_EQ(ShapeTemplate::make(subject)->query_names(), (std::vector<std::string>{"a", "b"}));
  subject.params = {"1", "{query.a}"};
  EXPECT_FALSE(ShapeTemplate::make(subject)->needs_claims());
}

TEST(ShapeTemplate, E9_ListedColumnsAreTheOnlyOnesThatASubsetMayReferTo) {
  const auto made =
      ShapeTemplate::make({.table = "items", .where = {}, .params = {}, .columns = {{"id", "Title"}}, .replica = {}});
  const Principal anonymous = Principal::anonymous();
  const auto filled = made->fill({.principal = anonymous});
  EXPECT_EQ(filled->columns(), (std::vector<std::string>{"Title", "id"}));
  EXPECT_EQ(filled->queryable_columns(), filled->columns());
}

TEST(ShapeTemplate, AParamThatNoDefinitionTakesFillsNothing) {
  const auto made =
      ShapeTemplate::make({.table = "items", .where = "a = $1", .params = {"{params.1}"}, .columns = {}, .replica = {}});
  const Principal principal = test_principal("");
  const std::vector<std::string> longest = {std::string(shape::kParamBytesMax, 'x')};
  EXPECT_TRUE(made->fill({.principal = principal, .params = &longest}).has_value());
  for (const std::string& param : {std::string(shape::kParamBytesMax + 1, 'x'), std::string(1, '\0'), std::string("\xFF")}) {
    const std::vector<std::string> params = {param};
    EXPECT_FALSE(made->fill({.principal = principal, .params = &params}).has_value());
  }
}

TEST(ShapeTemplate, RefusesWhatNoCallerCouldFill) {
  const auto error = [](ShapeTemplateConfig config) { return ShapeTemplate::make(config).error(); };
  ShapeTemplateConfig config = project_issues();
  config.params = {"{claims.org_id}"};
  EXPECT_TRUE(error(config).starts_with("where: "));
  config.params = {"{claims.org_id}", "{params.3}"};
  EXPECT_TRUE(error(config).starts_with("params: "));
  config.params = {"{claims.org_id}", "{nothing}"};
  EXPECT_TRUE(error(config).starts_with("params: "));
  config = project_issues();
  config.where = "org_id = $1 and (project_id = $2";
  EXPECT_TRUE(error(config).starts_with("where: "));
  config = project_issues();
  config.replica = "half";
  EXPECT_TRUE(error(config).starts_with("replica: "));
}

}  // namespace
}  // namespace sluice::policy
