#include "app/config.h"

#include <gtest/gtest.h>

#include "app/demo.h"
#include "app/toml_reader.h"

namespace sluice::app {
namespace {

const std::string kSecret = "not a published secret, and long enough";

std::optional<std::string> environment(const std::string& name) {
  if (name == "SECRET") return kSecret;
  if (name == "OTHER_SECRET") return "another secret that nobody published";
  if (name == "THIRD_SECRET") return "a third secret that nobody published";
  if (name == "SHORT") return "short";
  if (name == "REDIS") return "redis://u:p%40w@cache:6380/";
  if (name == "DB") return "postgresql://sluice:pw@db/app";
  return std::nullopt;
}

constexpr std::string_view kOrigin = "[origin]\nurl = \"http://127.0.0.1:3000\"\n";

std::expected<Config, ConfigError> parse(std::string_view toml) {
  return parse_config(toml, "t.toml", environment);
}

std::string error_of(const std::string& toml) {
  const auto config = parse(toml);
  return config ? "no error" : config.error().message;
}

TEST(Config, TheSmallestHasDefaults) {
  const auto config = parse(kOrigin);
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->listen, std::vector<std::string>{"127.0.0.1:4000"});
  EXPECT_EQ(config->public_url, "http://127.0.0.1:4000");
  EXPECT_TRUE(config->remote.has_value());
  EXPECT_FALSE(config->gateway.minter.has_value());
}

TEST(Config, ReadsEverySection) {
  const auto config = parse(R"(
listen = ["127.0.0.1:4100"]
public_url = "https://sync.example.com/"
log_level = "warn"
[origin]
database_url_env = "DB"
storage = "/var/lib/sluice"
storage_max_bytes = 1000000000000
manual_publication = true
slot = "s"
[limits]
connections_max = 5
idle_timeout_s = 3
[cors]
origins = ["https://app.example.com"]
[[identity]]
name = "app"
alg = "HS256"
secret_env = "OTHER_SECRET"
issuer = "https://id.example.com"
[[gate.issuer]]
name = "api"
alg = "HS256"
secret_env = "THIRD_SECRET"
[gatekeeper]
secret_env = "SECRET"
ttl_s = 60
[[rule]]
table = "items"
where = "org_id = $1"
params = ["{claims.org_id}"]
when = "role = 'admin'"
[[shape]]
name = "users"
table = "users"
where = "org_id = $1"
params = ["{claims.org_id}"]
)");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->public_url, "https://sync.example.com");
  EXPECT_EQ(config->embedded->database_url, "postgresql://sluice:pw@db/app");
  EXPECT_EQ(config->embedded->storage, "/var/lib/sluice");
  EXPECT_EQ(config->embedded->storage_max, 1'000'000'000'000u);
  EXPECT_TRUE(config->embedded->manual_publication);
  EXPECT_FALSE(config->embedded->drop_slot_on_stop);
  EXPECT_EQ(config->limits.connections_max, 5u);
  EXPECT_EQ(config->gateway.minter->ttl_s, 60);
  EXPECT_EQ(config->gateway.token_lifetime_max_s, 86'400 + 60);
  EXPECT_TRUE(config->gateway.identities != nullptr);
  EXPECT_EQ(config->gateway.grant_issuers.at(0).verifier.options().lifetime_max_s, 86'400);
  EXPECT_TRUE(config->gateway.shapes.contains("users"));
}

TEST(Config, AnUnknownKeyNamesItsLineAndTheNearest) {
  EXPECT_EQ(error_of("lisen = []\n" + std::string(kOrigin)), "t.toml:1: lisen: is no known key; did you mean 'listen'?");
  EXPECT_EQ(error_of("[origin]\nurl = \"http://a\"\nsecrt_env = \"SECRET\"\n"),
            "t.toml:3: origin.secrt_env: is no known key; did you mean 'origin.secret_env'?");
  EXPECT_NE(
      error_of(std::string(kOrigin) + "[[gate.issuer]]\nname=\"a\"\nalg=\"HS256\"\nsecret_env=\"SECRET\"\naudiense=\"x\"\n")
          .find("did you mean 'gate.issuer.audience'?"),
      std::string::npos);
}

TEST(Config, ErrorsSayLineKeyAndValue) {
  EXPECT_EQ(error_of("threads = \"two\"\n" + std::string(kOrigin)), "t.toml:1: threads: must be a whole number");
  EXPECT_EQ(error_of("threads = 5000\n" + std::string(kOrigin)), "t.toml:1: threads: is 5000, but must be 0 to 1024");
  EXPECT_NE(error_of("listen = 7\n" + std::string(kOrigin)).find("t.toml:1: listen"), std::string::npos);
  EXPECT_NE(error_of("listen = [\n").find("t.toml:"), std::string::npos);
}

TEST(Config, J24_A16_SecretsAreNamedNeverWrittenAndStrong) {
  const std::string gatekeeper = std::string(kOrigin) + "[gatekeeper]\n";
  EXPECT_NE(error_of(gatekeeper + "secret = \"x\"\n").find("does not belong in this file"), std::string::npos);
  EXPECT_NE(error_of(gatekeeper + "secret_env = \"NOT_SET\"\n").find("NOT_SET is not set"), std::string::npos);
  EXPECT_NE(error_of(gatekeeper + "secret_env = \"SHORT\"\n").find("t.toml:4: gatekeeper.secret_env"), std::string::npos);
  EXPECT_NE(error_of(gatekeeper + "secret_file = \"/does/not/exist\"\n").find("/does/not/exist"), std::string::npos);
  EXPECT_NE(error_of(gatekeeper), "no error");
  EXPECT_EQ(error_of(gatekeeper + "secret_env = \"SHORT\"\n").find("short\""), std::string::npos);
}

TEST(Config, J37_OneKeyHasOnePurpose) {
  const std::string both =
      std::string(kOrigin) +
      "[gatekeeper]\nsecret_env = \"SECRET\"\n[[identity]]\nname = \"app\"\nalg = \"HS256\"\nsecret_env = \"SECRET\"\n";
  EXPECT_NE(error_of(both).find("'app' has the same key as [gatekeeper]"), std::string::npos) << error_of(both);
  const std::string of_both_issuers = std::string(kOrigin) +
                                      "[[gate.issuer]]\nname = \"api\"\nalg = \"HS256\"\nsecret_env = \"SECRET\"\n"
                                      "[[identity]]\nname = \"app\"\nalg = \"HS256\"\nsecret_env = \"SECRET\"\n";
  EXPECT_NE(error_of(of_both_issuers).find("'app' has the same key as gate.issuer 'api'"), std::string::npos);
}

TEST(Config, J37_OneProvidersLoginsAndGrantsHaveDifferentAudiences) {
  const auto with = [](const std::string& audience) {
    return error_of(std::string(kOrigin) +
                    "[[identity]]\nname = \"idp\"\nissuer = \"https://id.example.com\"\naudience = \"api\"\n"
                    "[[gate.issuer]]\nname = \"grants\"\nissuer = \"https://id.example.com\"\naudience = \"" +
                    audience + "\"\n");
  };
  EXPECT_NE(with("api").find("has the issuer and audience of gate.issuer 'grants'"), std::string::npos) << with("api");
  EXPECT_EQ(with("api/grants"), "no error");
}

TEST(Config, J37_AProvidersTokensNeedAnAudience) {
  const std::string oidc = std::string(kOrigin) + "[[identity]]\nname = \"idp\"\nissuer = \"https://id.example.com\"\n";
  EXPECT_NE(error_of(oidc).find("identity.audience: is missing"), std::string::npos) << error_of(oidc);
  const auto config = parse(oidc + "audience = \"api\"\n");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->remote_keys.size(), 1u);
}

TEST(Config, J28_KeySetsComeOverHttpsOrFromTheLoopback) {
  const auto with = [](const std::string& issuer) {
    return error_of(std::string(kOrigin) + "[[identity]]\nname = \"idp\"\naudience = \"api\"\nissuer = \"" + issuer +
                    "\"\n");
  };
  EXPECT_EQ(with("https://id.example.com/"), "no error");
  EXPECT_EQ(with("http://127.0.0.1:9000"), "no error");
  EXPECT_NE(with("http://id.example.com").find("t.toml:6: identity.issuer: "), std::string::npos)
      << with("http://id.example.com");
  EXPECT_NE(with("not a url"), "no error");
}

TEST(Config, AnIdentityHasOneSourceOfKeys) {
  const std::string two = std::string(kOrigin) +
                          "[[identity]]\nname = \"a\"\nalg = \"HS256\"\nsecret_env = \"SECRET\"\n"
                          "jwks_url = \"https://id.example.com/keys\"\n";
  EXPECT_NE(error_of(two).find("give one of"), std::string::npos) << error_of(two);
}

TEST(Config, KeysRotateWithOverlap) {
  const std::string keys = std::string(kOrigin) +
                           "[gatekeeper]\nttl_s = 60\njitter = 0.25\n"
                           "[[gatekeeper.key]]\nkid = \"new\"\nsecret_env = \"SECRET\"\n"
                           "[[gatekeeper.key]]\nkid = \"old\"\nsecret_env = \"OTHER_SECRET\"\n";
  const auto config = parse(keys);
  ASSERT_TRUE(config.has_value()) << config.error().message;
  ASSERT_EQ(config->gateway.minter->keys.size(), 2u);
  EXPECT_EQ(config->gateway.minter->keys.front().key_id(), "new");
  EXPECT_EQ(config->gateway.minter->jitter, 0.25);
  EXPECT_NE(error_of(keys + "[[gatekeeper.key]]\nkid = \"old\"\nsecret_env = \"SECRET\"\n").find("used twice"),
            std::string::npos);
  EXPECT_NE(error_of(std::string(kOrigin) + "[gatekeeper]\njitter = 0.9\nsecret_env = \"SECRET\"\n").find("jitter: is 0.9"),
            std::string::npos);
}

TEST(Config, AuthorizersAreNamedAndCombined) {
  const std::string two = std::string(kOrigin) + R"(
[authorize]
mode = "all"
use = ["rules", "api"]
[[rule]]
table = "items"
[[authorizer]]
name = "api"
kind = "http"
url = "http://127.0.0.1:9/authorize"
secret_env = "SECRET"
cache_s = 5
[[shape]]
name = "items"
table = "items"
authorize = ["api"]
)";
  const auto config = parse(two);
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->authorizers.size(), 1u);
  EXPECT_TRUE(config->gateway.shapes.at("items").authorizer != nullptr);
  EXPECT_NE(error_of(two + "[[shape]]\nname = \"b\"\ntable = \"b\"\nauthorize = [\"ap\"]\n").find("'ap' is no authorizer"),
            std::string::npos);
  const std::string no_secret =
      std::string(kOrigin) + "[[authorizer]]\nname = \"a\"\nkind = \"http\"\nurl = \"http://a/\"\n";
  EXPECT_NE(error_of(no_secret).find("authorizer.secret_env: is missing"), std::string::npos) << error_of(no_secret);
  EXPECT_NE(
      error_of(std::string(kOrigin) + "[[authorizer]]\nname = \"a\"\nkind = \"opa\"\n").find("none of http, spicedb, sql"),
      std::string::npos);
}

TEST(Config, ARulesConditionIsReadAtTheStart) {
  const auto when = [](const std::string& condition) {
    return error_of(std::string(kOrigin) + "[[rule]]\ntable = \"a\"\nwhen = \"" + condition + "\"\n");
  };
  EXPECT_EQ(when("role = 'admin' AND org_id = 7"), "no error");
  EXPECT_NE(when("role = 'admin' AND"), "no error");
  EXPECT_NE(when("role IN (SELECT 1)"), "no error");
  EXPECT_NE(error_of(std::string(kOrigin) + "[[rule]]\ntable = \"a\"\nidentity = \"nobody\"\n").find("is no [[identity]]"),
            std::string::npos);
}

TEST(Config, RevocationsGoToAFileOrToRedis) {
  const auto of = [](const std::string& lines) { return parse(std::string(kOrigin) + "[revocation]\n" + lines); };
  EXPECT_EQ(std::get<std::string>(of("file = \"r.log\"\n")->revocation), "r.log");
  const auto redis = of("redis_url_env = \"REDIS\"\nstream = \"s\"\n");
  ASSERT_TRUE(redis.has_value()) << redis.error().message;
  const auto& options = std::get<gatekeeper::RedisOptions>(redis->revocation);
  EXPECT_EQ(options.host, "cache");
  EXPECT_EQ(options.port, 6380);
  EXPECT_EQ(options.username, "u");
  EXPECT_EQ(options.password, "p@w");
  EXPECT_EQ(options.stream, "s");
  EXPECT_FALSE(of("redis_url = \"redis://u:pw@h\"\n").has_value());
  EXPECT_FALSE(of("redis_url = \"rediss://h\"\n").has_value());
  EXPECT_FALSE(of("file = \"r\"\nredis_url = \"redis://h\"\n").has_value());
}

TEST(Config, J43_TheAdminsTokenIsLong) {
  EXPECT_NE(error_of("[admin]\nlisten = [\"127.0.0.1:1\"]\ntoken_env = \"SHORT\"\n" + std::string(kOrigin))
                .find("admin.token_env: is shorter than 32 bytes"),
            std::string::npos);
  EXPECT_NE(error_of("[admin]\ntoken_env = \"SECRET\"\n" + std::string(kOrigin)).find("admin.listen"), std::string::npos);
}

TEST(Config, H70_WhatNeedsARestartIsKnownByItsText) {
  const auto before = parse(kOrigin);
  const auto other_rule = parse(std::string(kOrigin) + "[[rule]]\ntable = \"a\"\n");
  const auto other_threads = parse("threads = 3\n" + std::string(kOrigin));
  EXPECT_EQ(before->fixed, other_rule->fixed);
  EXPECT_NE(before->fixed, other_threads->fixed);
}

TEST(Config, AnOriginIsOneThing) {
  EXPECT_NE(error_of("listen = [\"127.0.0.1:1\"]").find("origin"), std::string::npos);
  EXPECT_NE(error_of("[origin]\n").find("either `url` or `database_url`"), std::string::npos);
  EXPECT_NE(error_of("[origin]\nurl = \"http://a\"\ndatabase_url = \"postgresql:///x\"\n").find("either"),
            std::string::npos);
  EXPECT_NE(error_of("[origin]\nurl = \"ftp://a\"\n").find("ftp://a"), std::string::npos);
  EXPECT_NE(error_of("[origin]\ndatabase_url = \"postgresql://u:pw@h/d\"\n").find("holds a password"), std::string::npos);
}

TEST(Config, H62_ServingWithoutAuthenticationIsSaidInSoManyWords) {
  const std::string shape = std::string(kOrigin) + "[[shape]]\nname = \"a\"\ntable = \"a\"\n";
  EXPECT_FALSE(parse(shape)->gateway.shapes.at("a").is_public);
  EXPECT_TRUE(parse(shape + "public = true\n")->gateway.shapes.at("a").is_public);
  EXPECT_NE(error_of(shape + "where = \"o = $1\"\nparams = [\"{claims.o}\"]\npublic = true\n").find("cannot be public"),
            std::string::npos);
}

TEST(Config, BadShapesAndRulesAreErrors) {
  const auto shape = [](const std::string& rest) {
    return error_of(std::string(kOrigin) + "[[shape]]\nname = \"a\"\n" + rest);
  };
  EXPECT_NE(shape(""), "no error");
  EXPECT_NE(shape("table = \"a\"\nwhere = \"o = $1\"\n"), "no error");
  EXPECT_NE(shape("table = \"a\"\nwhere = \"o = $1\"\nparams = [\"{claims.o\"]\n"), "no error");
  EXPECT_NE(shape("table = \"a\"\nwhere = \"(o\"\n"), "no error");
  EXPECT_NE(shape("table = \"a\"\nwhere = \"o = \"\n").find("where: "), std::string::npos);
  EXPECT_NE(shape("table = \"a\"\n[[shape]]\nname = \"a\"\ntable = \"b\"\n").find("defined twice"), std::string::npos);
  EXPECT_NE(error_of(std::string(kOrigin) + "[[shape]]\nname = \"a/b\"\ntable = \"a\"\n"), "no error");
  EXPECT_NE(
      error_of(std::string(kOrigin) + "[[rule]]\ntable = \"a\"\nany_where = true\ncolumns = [\"id\"]\n").find("any_where"),
      std::string::npos);
}

TEST(Config, TheDemosOwnIsGoodButForItsFiles) {
  EXPECT_NE(error_of(demo_config("/nowhere", "127.0.0.1:4000")).find("/nowhere/"), std::string::npos);
}

TEST(EditDistance, CountsEdits) {
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("listen", "lisen"), 1u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

}  // namespace
}  // namespace sluice::app
