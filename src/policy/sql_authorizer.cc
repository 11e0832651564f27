#include "policy/sql_authorizer.h"

#include <utility>

#include "sql/select_statement.h"

namespace sluice::policy {

SqlAuthorizer::SqlAuthorizer(std::string name, std::vector<Offer> offers, std::vector<Query> queries,
                             BooleanQueriesOptions database)
    : OfferAuthorizer(std::move(name), std::move(offers)), queries_(std::move(queries)), database_(std::move(database)) {}

std::expected<std::unique_ptr<SqlAuthorizer>, std::string> SqlAuthorizer::make(SqlConfig config) {
  std::vector<Offer> offers;
  std::vector<Query> queries;
  for (SqlRule& rule : config.rules) {
    auto query = make_query(rule);
    if (!query) return std::unexpected("rule '" + rule.name + "': " + query.error());
    auto offer = Offer::make(std::move(rule));
    if (!offer) return std::unexpected(std::move(offer.error()));
    queries.push_back(std::move(*query));
    offers.push_back(std::move(*offer));
  }
  return std::unique_ptr<SqlAuthorizer>(
      new SqlAuthorizer(std::move(config.name), std::move(offers), std::move(queries), std::move(config.database)));
}

std::expected<SqlAuthorizer::Query, std::string> SqlAuthorizer::make_query(const SqlRule& rule) {
  const auto statement = sql::SelectStatement::parse(rule.query);
  if (!statement) return std::unexpected("query: " + statement.error().message);
  if (statement->param_max() != rule.query_params.size()) {
    return std::unexpected("query_params: the query's parameters are " + std::to_string(statement->param_max()) +
                           ", given are " + std::to_string(rule.query_params.size()));
  }
  Query query{.text = rule.query, .params = {}};
  for (const std::string& text : rule.query_params) {
    auto param = Template::parse(text);
    if (!param) return std::unexpected("query_params: " + param.error());
    if (auto fits = check_question(rule, *param); !fits) return std::unexpected("query_params: " + fits.error());
    query.params.push_back(std::move(*param));
  }
  return query;
}

void SqlAuthorizer::start() {
  database_.start();
}

void SqlAuthorizer::stop() {
  database_.stop();
}

Task<OfferAuthorizer::Answer> SqlAuthorizer::ask(std::size_t rule, Sources sources) {
  using Kind = Answer::Kind;
  const Query& query = queries_[rule];
  std::vector<std::string> params;
  for (const Template& param : query.params) {
    auto text = param.fill(sources);
    if (!text) co_return Answer{Kind::kNo, "the query's params: " + text.error()};
    params.push_back(std::move(*text));
  }
  auto answer = co_await database_.ask(query.text, std::move(params));
  if (!answer) co_return Answer{Kind::kFailed, std::move(answer.error())};
  co_return Answer{answer->yes ? Kind::kYes : Kind::kNo, "database: " + answer->reason};
}

}  // namespace sluice::policy
