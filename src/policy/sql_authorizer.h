// A query on a Postgres of yours as an Authorizer: each rule offers a shape, and its query says whether the caller gets it.
//
//   [[authorizer]]
//   kind = "sql"
//   database_url_env = "MEMBERS_DATABASE_URL"
//   [[authorizer.rule]]
//   table = "issues"
//   where = "org_id = $1"
//   params = ["{params.1::int8}"]
//   query = "SELECT EXISTS (SELECT FROM members WHERE user_id = $1 AND org_id = $2::int8)"
//   query_params = ["{sub}", "{params.1}"]
//
// Values are only ever bound as the query's parameters. `{params.n}` are the params of the shape that would be granted. A
// caller from whom the parameters cannot be filled is denied. What counts as yes, as no and as failed: boolean_queries.h.
// A role that may only SELECT what the queries need is the other half of read-only; see docs/authorizers.md.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "policy/boolean_queries.h"
#include "policy/offer_authorizer.h"

namespace sluice::policy {

struct SqlRule : OfferConfig {
  std::string query;  // one SELECT, with $1…$n for the params
  std::vector<std::string> query_params;
};

struct SqlConfig {
  std::string name = "sql";
  BooleanQueriesOptions database;
  std::vector<SqlRule> rules;
};

class SqlAuthorizer final : public OfferAuthorizer {
 public:
  // The error names the rule and the key at fault. Connects to nothing yet.
  static std::expected<std::unique_ptr<SqlAuthorizer>, std::string> make(SqlConfig config);

  void start() override;
  void stop() override;

 private:
  struct Query {
    std::string text;
    std::vector<Template> params;
  };
  static std::expected<Query, std::string> make_query(const SqlRule& rule);

  SqlAuthorizer(std::string name, std::vector<Offer> offers, std::vector<Query> queries, BooleanQueriesOptions database);
  Task<Answer> ask(std::size_t rule, Sources sources) override;

  std::vector<Query> queries_;  // one an offer
  BooleanQueries database_;
};

}  // namespace sluice::policy
