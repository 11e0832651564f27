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
  if (name == "SHORT") return "short";
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
secret_env = "OTHER_SECRET"
[gatekeeper]
secret_env = "SECRET"
ttl_s = 60
[[rule]]
table = "items"
where = "org_id = $1"
params = ["{claims.org_id}"]
when = { role = "admin" }
[[shape]]
name = "users"
table = "users"
where = "org_id = $1"
params = ["{claims.org_id}"]
)");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->public_url, "https://sync.example.com");
  EXPECT_EQ(config->embedded->database_url, "postgresql://sluice:pw@db/app");
  EXPECT_EQ(config->limits.connections_max, 5u);
  EXPECT_EQ(config->gateway.minter->ttl_s, 60);
  EXPECT_EQ(config->gateway.identities.at(0).options().issuer, "https://id.example.com");
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
  EXPECT_NE(error_of(both).find("same key as identity 'app'"), std::string::npos);
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
