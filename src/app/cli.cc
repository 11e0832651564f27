#include "app/cli.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <string>

#include "app/dev.h"
#include "app/explain_command.h"
#include "app/inputs.h"
#include "app/serve.h"
#include "app/token_command.h"

namespace sluice::app {
namespace {

constexpr const char* kVersion = "sluice 0.1.0";

struct ServeOptions {
  std::string config;
  bool check_only = false;
};

struct OriginOptions {
  std::string database_url;
  std::vector<std::string> listen{"127.0.0.1:3000"};
  std::string secret;
  bool insecure = false;
  origin::EmbeddedOptions origin;
  std::string storage = "sluice-data";
  bool in_memory = false;
  std::vector<std::string> metrics_listen;
  std::int64_t long_poll_timeout_s = 20;
  std::int64_t subset_timeout_s = 10;
  std::int64_t write_timeout_s = 30;
};

void add_dev(CLI::App& app, DevOptions& options) {
  auto* dev =
      app.add_subcommand("dev", "Run everything on this machine: a private Postgres, an embedded origin, the gateway");
  dev->add_option("--dir", options.directory, "Where it keeps its data, keys and configuration")->capture_default_str();
  dev->add_option("--listen", options.listen, "ADDRESS:PORT of the gateway")->capture_default_str();
}

void add_serve(CLI::App& app, ServeOptions& options) {
  auto* serve = app.add_subcommand("serve", "Run the gateway with a configuration");
  serve->add_option("--config", options.config, "TOML file")->required();
  serve->add_flag("--check", options.check_only, "Only say whether the configuration is good");
}

void add_origin_bounds(CLI::App& origin, OriginOptions& options) {
  constexpr std::size_t kMegabyte = 1 << 20;
  origin.add_option("--shapes-max", options.origin.shapes_max, "Shapes; beyond, the least recently used go")
      ->check(CLI::Range(std::size_t{1}, std::size_t{10'000'000}))
      ->capture_default_str();
  origin
      .add_option("--storage-max-bytes", options.origin.storage_max,
                  "Of all shape logs in the folder; beyond, the least recently used shapes go")
      ->check(CLI::Range(kMegabyte, std::size_t{1} << 50))
      ->capture_default_str();
  origin.add_option("--memory-max-bytes", options.origin.memory_max, "The same with --in-memory")
      ->check(CLI::Range(kMegabyte, std::size_t{1} << 50))
      ->capture_default_str();
  origin.add_option("--snapshots-max", options.origin.snapshots_max, "Snapshots read at one time, each on a connection")
      ->check(CLI::Range(std::size_t{1}, std::size_t{100}))
      ->capture_default_str();
  origin.add_option("--subset-timeout", options.subset_timeout_s, "Seconds that the database may take for a subset")
      ->check(CLI::Range(1, 25))
      ->capture_default_str();
  origin
      .add_option("--write-timeout", options.write_timeout_s,
                  "Seconds after which a client that takes nothing of its answer is cut off")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
}

void add_origin(CLI::App& app, OriginOptions& options) {
  auto* origin = app.add_subcommand("origin", "Serve the bare shape API from a Postgres database");
  origin->add_option("--database-url", options.database_url, "postgresql://… of the database")
      ->required()
      ->envname("DATABASE_URL");
  origin->add_option("--listen", options.listen, "ADDRESS:PORT, may be repeated")->capture_default_str();
  auto* secret =
      origin->add_option("--secret", options.secret, "What callers must send as `secret`")->envname("SLUICE_ORIGIN_SECRET");
  origin->add_flag("--insecure", options.insecure, "Serve whoever can connect, without a secret")->excludes(secret);
  auto* storage = origin->add_option("--storage", options.storage,
                                     "Folder that shapes are kept in, of this origin only; made where it is missing");
  storage->envname("SLUICE_ORIGIN_STORAGE")->capture_default_str();
  origin->add_flag("--in-memory", options.in_memory, "Keep shapes in memory: after a restart clients fetch them again");
  origin->add_option("--slot", options.origin.slot, "Replication slot; one origin at a time uses it, others stand by")
      ->capture_default_str();
  origin->add_option("--publication", options.origin.publication, "Publication")->capture_default_str();
  origin->add_flag("--manual-publication", options.origin.manual_publication,
                   "The publication and the tables' REPLICA IDENTITY FULL are made by hand, and only checked");
  origin->add_flag("--drop-slot-on-stop", options.origin.drop_slot_on_stop,
                   "Drop the slot and the publication at a regular stop: the database keeps its log for them otherwise");
  add_origin_bounds(*origin, options);
  origin->add_option("--chunk-bytes", options.origin.chunk_bytes, "Bytes after which a chunk of a log is closed")
      ->check(CLI::Range(std::size_t{1024}, std::size_t{1} << 30))
      ->capture_default_str();
  origin->add_option("--cache-max-age", options.origin.cache_max_age_s, "Seconds, for Cache-Control")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  origin->add_option("--cache-stale-age", options.origin.cache_stale_age_s, "Seconds, for Cache-Control")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  origin->add_option("--long-poll-timeout", options.long_poll_timeout_s, "Seconds that a live request is held")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  origin->add_flag("--allow-delete", options.origin.allow_delete, "Let callers delete shapes");
  origin->add_option("--metrics-listen", options.metrics_listen,
                     "ADDRESS:PORT for /metrics (Prometheus), without a secret; may be repeated");
}

void add_key(CLI::App& command, TokenKeyOptions& key, bool to_sign) {
  command.add_option("--alg", key.algorithm,
                     "HS, RS, PS with 256, 384, 512, ES256, ES384, ES512, EdDSA; "
                     "absent: HS256 with a secret, EdDSA with a key file");
  command.add_option("--secret-env", key.secret_env, "Environment variable with a secret");
  command.add_option("--secret-file", key.secret_file, "File with a secret");
  if (to_sign)
    command.add_option("--private-key-file", key.private_key_file, "Private key, PEM");
  else
    command.add_option("--public-key-file", key.public_key_file, "Public key, PEM");
  command.add_option("--kid", key.key_id, "The key's name");
}

void add_token(CLI::App& app, TokenSignOptions& sign_options, TokenVerifyOptions& verify_options) {
  auto* token = app.add_subcommand("token", "Sign and verify tokens")->require_subcommand(1);
  auto* sign = token->add_subcommand("sign", "Print a token with these claims");
  add_key(*sign, sign_options.key, true);
  sign->add_option("--type", sign_options.type, "The header's `typ`; shape+jwt for a grant")->capture_default_str();
  sign->add_option("--expires-in", sign_options.expires_in_s, "Seconds: adds iat and exp");
  sign->add_option("claims", sign_options.claims, "A JSON object, or - for standard input")->required();
  auto* verify = token->add_subcommand("verify", "Print a token's claims if it is valid");
  add_key(*verify, verify_options.key, false);
  verify->add_option("--issuer", verify_options.issuer, "Must be the token's iss");
  verify->add_option("--audience", verify_options.audience, "Must be in the token's aud");
  verify->add_option("--type", verify_options.type, "Must be the header's typ");
  verify->add_option("token", verify_options.token, "The token, or - for standard input")->required();
}

void add_explain(CLI::App& app, ExplainOptions& options) {
  auto* explain = app.add_subcommand("explain", "Say why a request would be allowed or denied, and by which line");
  explain->add_option("--config", options.config, "TOML file of the gateway")->required();
  auto* token = explain->add_option("--token", options.token, "A grant or an identity token, or - for standard input");
  explain->add_option("--claims", options.claims, "What an identity token would say: a JSON object")->excludes(token);
  explain->add_option("--identity", options.identity, "With --claims: the [[identity]] they are of; the first by name");
  explain->add_option("--shape", options.shape, "A shape request's query string: 'table=items&where=…'");
  explain->add_option("--named", options.named, "A [[shape]]'s name, as at /v1/shapes/NAME");
  explain->add_flag("--json", options.json, "Print JSON");
}

void add_check(CLI::App& app, CheckOptions& options) {
  auto* check = app.add_subcommand("check", "Hold a configuration against a file of expected decisions");
  check->add_option("--config", options.config, "TOML file of the gateway")->required();
  check->add_option("cases", options.cases, "TOML file of [[case]]s: docs/authorizers.md")->required();
}

int run_explain(const ExplainOptions& options) {
  if (options.shape.empty() && options.named.empty()) throw std::runtime_error("explain: give --shape or --named");
  return explain_request(options);
}

int run_serve(const ServeOptions& options) {
  if (!options.check_only) return serve(options.config, process_environment()), 0;
  load_config_or_throw(options.config, process_environment());
  std::printf("%s: good\n", options.config.c_str());
  return 0;
}

int run_origin(OriginOptions options) {
  if (options.secret.empty() && !options.insecure)
    throw std::runtime_error("origin: give --secret (or SLUICE_ORIGIN_SECRET), or --insecure to serve whoever can connect");
  options.origin.database_url = options.database_url;
  options.origin.long_poll_timeout = std::chrono::seconds(options.long_poll_timeout_s);
  options.origin.subset_timeout = std::chrono::seconds(options.subset_timeout_s);
  if (!options.in_memory) options.origin.storage = options.storage;
  http::ServerLimits limits;
  limits.write_timeout = std::chrono::seconds(options.write_timeout_s);
  serve_origin({options.origin, options.listen, options.insecure ? "" : options.secret, options.metrics_listen, limits});
  return 0;
}

}  // namespace

int run(int argc, const char* const* argv) {
  CLI::App app{"Sluice decides who may sync which part of a Postgres database, and serves it."};
  app.require_subcommand(1);
  app.set_version_flag("--version", kVersion);
  DevOptions dev;
  ServeOptions serve_options;
  OriginOptions origin;
  TokenSignOptions sign;
  TokenVerifyOptions verify;
  ExplainOptions explain;
  CheckOptions check;
  add_dev(app, dev);
  add_serve(app, serve_options);
  add_origin(app, origin);
  add_token(app, sign, verify);
  add_explain(app, explain);
  add_check(app, check);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    if (app.got_subcommand("dev")) return run_dev(dev), 0;
    if (app.got_subcommand("serve")) return run_serve(serve_options);
    if (app.got_subcommand("origin")) return run_origin(std::move(origin));
    if (app.got_subcommand("explain")) return run_explain(explain);
    if (app.got_subcommand("check")) return check_cases(check);
    return app.get_subcommand("token")->got_subcommand("sign") ? sign_token(sign) : verify_token(verify);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sluice: %s\n", error.what());
    return 1;
  }
}

}  // namespace sluice::app
