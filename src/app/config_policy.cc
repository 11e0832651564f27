#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

#include "app/config_sections.h"
#include "policy/combined.h"
#include "policy/http_authorizer.h"
#include "policy/remembered.h"
#include "policy/rules.h"
#include "policy/spicedb/spicedb_authorizer.h"
#include "policy/sql_authorizer.h"

namespace sluice::app {
namespace {

using policy::Authorizer;
using policy::Template;

constexpr std::int64_t kDay_s = 24 * 60 * 60;
constexpr std::int64_t kTimeoutMax_ms = 30'000;
constexpr std::string_view kRules = "rules";

// By their configured names, in the order of the file.
using Authorizers = std::vector<std::pair<std::string, std::shared_ptr<Authorizer>>>;

policy::ShapeTemplateConfig read_shape_template(TomlTable& table) {
  policy::ShapeTemplateConfig shape;
  shape.table = table.required_text("table");
  shape.where = table.text("where");
  shape.params = table.texts("params").value_or(std::vector<std::string>{});
  shape.columns = table.texts("columns");
  shape.replica = table.text("replica");
  return shape;
}

std::optional<shape::LogMode> read_log_mode(TomlTable& table) {
  const auto mode = table.text("log");
  if (!mode) return std::nullopt;
  if (*mode == "full") return shape::LogMode::kFull;
  if (*mode == "changes_only") return shape::LogMode::kChangesOnly;
  table.fail("log", "'" + *mode + "' is neither full nor changes_only");
}

// What every rule has, whichever authorizer it belongs to.
void read_offer(TomlTable& table, const std::set<std::string>& identities, policy::OfferConfig& offer) {
  offer.line = table.line();
  offer.name = table.text("name").value_or(fmt::format("line {}", offer.line));
  offer.shape = read_shape_template(table);
  offer.any_where = table.boolean("any_where").value_or(false);
  offer.anonymous = table.boolean("anonymous").value_or(false);
  offer.identity = table.text("identity");
  if (offer.identity && !identities.contains(*offer.identity))
    table.fail("identity", "'" + *offer.identity + "' is no [[identity]]'s name");
  offer.when = table.text("when");
  offer.log = read_log_mode(table);
  offer.subset.allowed = table.boolean("subset").value_or(true);
  if (auto limit = table.integer("subset_limit_max", 1, 1'000'000'000))
    offer.subset.limit_max = static_cast<std::uint64_t>(*limit);
}

std::chrono::milliseconds read_timeout(TomlTable& table, std::chrono::milliseconds usual) {
  return std::chrono::milliseconds(table.integer("timeout_ms", 1, kTimeoutMax_ms).value_or(usual.count()));
}

std::shared_ptr<Authorizer> read_rules(TomlTable& root, const std::set<std::string>& identities) {
  std::vector<policy::RuleConfig> rules;
  for (TomlTable& table : root.tables("rule")) {
    policy::RuleConfig rule;
    read_offer(table, identities, rule);
    rule.deny = table.boolean("deny").value_or(false);
    table.finish();
    // By itself first: then the error has the rule's line.
    if (auto checked = policy::Rules::make({rule}); !checked) table.fail("table", checked.error());
    rules.push_back(std::move(rule));
  }
  return std::make_shared<policy::Rules>(*policy::Rules::make(std::move(rules), std::string(kRules)));
}

std::unique_ptr<Authorizer> read_http(TomlTable& table, Inputs& inputs, const std::string& name) {
  policy::HttpAuthorizerConfig config;
  config.name = name;
  config.line = table.line();
  config.url = table.required_text("url");
  config.timeout = read_timeout(table, config.timeout);
  config.anonymous = table.boolean("anonymous").value_or(false);
  if (auto tables = table.texts("tables")) config.tables.emplace(tables->begin(), tables->end());
  const auto secret = inputs.secret(table, "secret");
  if (!secret) table.fail("secret_env", "is missing: requests to the API are signed; give secret_env or secret_file");
  config.secret = *secret;
  auto made = policy::HttpAuthorizer::make(config);
  if (!made) table.fail("url", made.error());
  return *std::move(made);
}

std::unique_ptr<Authorizer> read_spicedb(TomlTable& table, Inputs& inputs, const std::set<std::string>& identities,
                                         const std::string& name) {
  policy::spicedb::SpiceDbConfig config;
  config.name = name;
  config.client.endpoint = table.required_text("endpoint");
  config.client.token = inputs.secret(table, "token").value_or("");
  config.client.tls = table.boolean("tls").value_or(true);
  config.client.insecure = table.boolean("insecure").value_or(false);
  config.client.timeout = read_timeout(table, config.client.timeout);
  for (TomlTable& entry : table.tables("rule")) {
    policy::spicedb::SpiceDbRule rule;
    read_offer(entry, identities, rule);
    rule.check = entry.required_text("check");
    rule.consistency = entry.text("consistency").value_or(rule.consistency);
    entry.finish();
    config.rules.push_back(std::move(rule));
  }
  auto made = policy::spicedb::SpiceDbAuthorizer::make(std::move(config));
  if (!made) table.fail("rule", made.error());
  return *std::move(made);
}

std::unique_ptr<Authorizer> read_sql(TomlTable& table, Inputs& inputs, const std::set<std::string>& identities,
                                     const std::string& name) {
  policy::SqlConfig config;
  config.name = name;
  const auto url = read_url(table, inputs, "database_url");
  if (!url) table.fail("database_url", "is missing: give database_url, database_url_env or database_url_file");
  config.database.url = *url;
  if (auto n = table.integer("connections_max", 1, 1'000)) config.database.connections_max = static_cast<std::size_t>(*n);
  config.database.timeout = read_timeout(table, config.database.timeout);
  for (TomlTable& entry : table.tables("rule")) {
    policy::SqlRule rule;
    read_offer(entry, identities, rule);
    rule.query = entry.required_text("query");
    rule.query_params = entry.texts("query_params").value_or(std::vector<std::string>{});
    entry.finish();
    config.rules.push_back(std::move(rule));
  }
  auto made = policy::SqlAuthorizer::make(std::move(config));
  if (!made) table.fail("rule", made.error());
  return *std::move(made);
}

std::shared_ptr<Authorizer> read_authorizer(TomlTable& table, Inputs& inputs, const std::set<std::string>& identities,
                                            const std::string& name, std::int64_t cache_usual_s) {
  const std::string kind = table.required_text("kind");
  std::unique_ptr<Authorizer> made;
  if (kind == "http")
    made = read_http(table, inputs, name);
  else if (kind == "spicedb")
    made = read_spicedb(table, inputs, identities, name);
  else if (kind == "sql")
    made = read_sql(table, inputs, identities, name);
  else
    table.fail("kind", "'" + kind + "' is none of http, spicedb, sql");
  policy::RememberedOptions remembered;
  remembered.ttl = std::chrono::seconds(table.integer("cache_s", 0, kDay_s).value_or(cache_usual_s));
  if (auto n = table.integer("cache_entries_max", 1, 10'000'000)) remembered.entries_max = static_cast<std::size_t>(*n);
  table.finish();
  if (remembered.ttl.count() == 0) return made;
  return std::make_shared<policy::Remembered>(std::move(made), std::move(remembered));
}

// Some authorizers as one, which owns them. Their own checks are the last word: nothing wider than what was asked for.
class Combination {
 public:
  Combination(std::vector<std::shared_ptr<Authorizer>> members, bool all)
      : members_(std::move(members)), combined_(combine(members_, all)), checked_(*combined_) {}

  static std::shared_ptr<Authorizer> make(std::vector<std::shared_ptr<Authorizer>> members, bool all) {
    auto whole = std::make_shared<Combination>(std::move(members), all);
    return {whole, &whole->checked_};
  }

 private:
  static std::unique_ptr<Authorizer> combine(const std::vector<std::shared_ptr<Authorizer>>& members, bool all) {
    std::vector<Authorizer*> order;
    for (const auto& member : members) order.push_back(member.get());
    if (all) return std::make_unique<policy::AllOf>(std::move(order));
    return std::make_unique<policy::FirstThatAnswers>(std::move(order));
  }

  std::vector<std::shared_ptr<Authorizer>> members_;
  std::unique_ptr<Authorizer> combined_;
  policy::Checked checked_;
};

std::vector<std::shared_ptr<Authorizer>> named(TomlTable& table, const std::string& key, const Authorizers& authorizers,
                                               const std::vector<std::string>& names) {
  std::vector<std::shared_ptr<Authorizer>> found;
  for (const std::string& name : names) {
    const auto place = std::ranges::find(authorizers, name, &Authorizers::value_type::first);
    if (place == authorizers.end())
      table.fail(key, "'" + name + "' is no authorizer; `rules` is, and each [[authorizer]] by its name");
    found.push_back(place->second);
  }
  if (found.empty()) table.fail(key, "is empty");
  return found;
}

Authorizers read_authorizers(TomlTable& root, Inputs& inputs, Config& config, std::int64_t cache_usual_s) {
  Authorizers authorizers{{std::string(kRules), read_rules(root, config.identity_names)}};
  for (TomlTable& table : root.tables("authorizer")) {
    const std::string name = table.required_text("name");
    if (std::ranges::find(authorizers, name, &Authorizers::value_type::first) != authorizers.end())
      table.fail("name", "'" + name + "' is used twice, or is the rules' own");
    authorizers.emplace_back(name, read_authorizer(table, inputs, config.identity_names, name, cache_usual_s));
    config.authorizers.push_back(authorizers.back().second);
  }
  return authorizers;
}

// [authorize]: which authorizers are asked, and how they count. Absent: all of them in order, the first that answers.
struct Order {
  bool all = false;
  std::optional<std::vector<std::string>> use;
  std::int64_t cache_s = 0;
};

Order read_order(std::optional<TomlTable>& table) {
  Order order;
  if (!table) return order;
  const std::string mode = table->text("mode").value_or("first");
  if (mode != "first" && mode != "all") table->fail("mode", "'" + mode + "' is neither first nor all");
  order.all = mode == "all";
  order.use = table->texts("use");
  order.cache_s = table->integer("decision_cache_s", 0, kDay_s).value_or(0);
  table->finish();
  return order;
}

std::shared_ptr<Authorizer> chain(std::optional<TomlTable>& table, const Order& order, const Authorizers& authorizers) {
  if (order.use) return Combination::make(named(*table, "use", authorizers, *order.use), order.all);
  std::vector<std::shared_ptr<Authorizer>> everyone;
  for (const auto& [name, authorizer] : authorizers) everyone.push_back(authorizer);
  return Combination::make(std::move(everyone), order.all);
}

// Reachable as a path segment without escapes.
bool is_shape_name(std::string_view name) {
  return !name.empty() && name.size() <= 128 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  }) && name.find_first_not_of('.') != std::string_view::npos;
}

// `authorize`: true for the chain, or a list of authorizers that must all allow.
std::shared_ptr<Authorizer> shape_authorizer(TomlTable& table, const Authorizers& authorizers,
                                             const std::shared_ptr<Authorizer>& whole_chain) {
  if (!table.has("authorize")) return nullptr;
  if (table.is_boolean("authorize")) return *table.boolean("authorize") ? whole_chain : nullptr;
  return Combination::make(named(table, "authorize", authorizers, *table.texts("authorize")), true);
}

void read_shapes(TomlTable& root, const Authorizers& authorizers, Config& config) {
  for (TomlTable& table : root.tables("shape")) {
    const std::string name = table.required_text("name");
    if (!is_shape_name(name)) table.fail("name", "'" + name + "': letters, digits, '-', '_' and '.' make a shape's name");
    auto shape = policy::ShapeTemplate::make(read_shape_template(table));
    if (!shape) table.fail("table", shape.error());
    if (shape->uses(Template::Place::kParam))
      table.fail("params", "{params.n} is what a rule's caller asks for; a named shape has {query.NAME}");
    gateway::NamedShape named{*std::move(shape)};
    named.is_public = table.boolean("public").value_or(false);
    named.authorizer = shape_authorizer(table, authorizers, config.gateway.authorizer);
    if (named.is_public && named.shape.needs_claims())
      table.fail("public", "the shape is filled from claims, so it cannot be public");
    if (named.is_public && named.authorizer) table.fail("public", "the shape has `authorize`, so it cannot be public");
    table.finish();
    if (!config.gateway.shapes.emplace(name, std::move(named)).second) table.fail("name", "'" + name + "' is defined twice");
  }
}

}  // namespace

void read_policy(TomlTable& root, Inputs& inputs, Config& config) {
  auto table = root.table("authorize");
  const Order order = read_order(table);
  const Authorizers authorizers = read_authorizers(root, inputs, config, order.cache_s);
  config.gateway.authorizer = chain(table, order, authorizers);
  read_shapes(root, authorizers, config);
}

}  // namespace sluice::app
